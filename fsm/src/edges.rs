//! The protocol's edges: one list, from which come the compile-time gate ([`Next`]), the table
//! ([`edges`]), the diagram ([`mermaid`]) and the coverage check of the world.
//!
//! `Stage.c` is a stage over channel `c`; the brackets say for which channels a block holds. An edge that
//! is not here cannot be taken: `Session::advance` asks for [`Next`], and nothing else changes a stage.

use alloc::string::String;
use core::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::channel::{Channel, ChannelName, FirstUse, Interim, Odca, Pinned, Plain, Proven, Provisional, Unconnected};
use crate::session::Session;
use crate::stage::{
    Acm, Activated, CertReplaced, CertStaged, Configured, Failed, Probe, Quarantined, Stage, StageName, TcpOpen,
    Tunneling, Unprovisioned,
};

/// There is an edge from this session to stage `T` over channel `D`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no edge to `{T}` over `{D}`",
    label = "the protocol has no such edge",
    note = "`fsm/src/edges.rs` lists every edge there is"
)]
pub trait Next<T: Stage, D: Channel> {
    /// What has to have happened.
    const ON: Cause;
}

/// What makes a session take an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The relay's report leaves a way open.
    ReportAccepted,
    /// The relay opened 16992.
    PlainOpened,
    /// A TLS handshake showed a key that may be shown.
    KeyShown,
    /// CCM was read back; or, on a device that is adopted, whichever mode it was found in.
    ModeSeen,
    /// CCM was read back.
    CcmSeen,
    /// ACM was read back.
    AcmSeen,
    /// The hash of the key that the device is to show is durable.
    PinIntended,
    /// A commit, a port switch, a fresh look or a loss closed the channel.
    ChannelClosed,
    /// The profile is applied and read back.
    ProfileApplied,
    /// The device was seen in pre-provisioning.
    PreProvisioningSeen,
    /// The line to the relay was lost.
    LineLost,
    /// A fault.
    Fault,
}

/// A stage over a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// How far.
    pub stage: StageName,
    /// Over what.
    pub channel: ChannelName,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.channel {
            ChannelName::Unconnected => self.stage.fmt(f),
            channel => write!(f, "{}<{channel}>", self.stage),
        }
    }
}

/// One edge of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Where from.
    pub from: Place,
    /// What has to have happened.
    pub on: Cause,
    /// Where to.
    pub to: Place,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} on {:?}", self.from, self.to, self.on)
    }
}

macro_rules! protocol {
    (@gates [$($c:ty),+] $rows:tt) => { $(protocol!(@gate $c, $rows);)+ };
    (@gate $c:ty, { $($from:ident $(. $fc:ident)? => $to:ident $(. $tc:ident)?, $on:ident;)+ }) => {
        $(impl Next<$to, protocol!(@over $c $(, $tc)?)> for Session<$from, protocol!(@over $c $(, $fc)?)> {
            const ON: Cause = Cause::$on;
        })+
    };
    (@table [$($c:ty),+] $rows:tt) => { &[$(protocol!(@rows $c, $rows)),+] };
    (@rows $c:ty, { $($from:ident $(. $fc:ident)? => $to:ident $(. $tc:ident)?, $on:ident;)+ }) => {
        &[$(Edge {
            from: protocol!(@place $from, protocol!(@over $c $(, $fc)?)),
            on: Cause::$on,
            to: protocol!(@place $to, protocol!(@over $c $(, $tc)?)),
        }),+]
    };
    (@place $stage:ty, $channel:ty) => {
        Place { stage: <$stage as Stage>::NAME, channel: <$channel as Channel>::NAME }
    };
    (@over $c:ty) => { Unconnected };
    (@over $c:ty, c) => { $c };
    ($($channels:tt $rows:tt)+) => {
        $(protocol!(@gates $channels $rows);)+
        const TABLE: &[&[&[Edge]]] = &[$(protocol!(@table $channels $rows)),+];
    };
}

protocol! {
    [Unconnected] {
        Probe          => TcpOpen,        ReportAccepted;
        Probe          => Quarantined,    Fault;
        Probe          => Failed,         Fault;
        TcpOpen        => Probe,          LineLost;
        TcpOpen        => Quarantined,    Fault;
        TcpOpen        => Failed,         Fault;
    }
    [Plain] {
        TcpOpen        => Tunneling.c,    PlainOpened;
    }
    [Odca, Interim, Provisional, Pinned<Proven>, Pinned<FirstUse>] {
        TcpOpen        => Tunneling.c,    KeyShown;
    }
    [Plain, Odca, Interim, Provisional] {
        Tunneling.c    => Activated.c,    ModeSeen;
        Activated.c    => CertStaged.c,   PinIntended;
        Activated.c    => TcpOpen,        ChannelClosed;
        Activated.c    => Probe,          LineLost;
        Activated.c    => Unprovisioned,  PreProvisioningSeen;
        Activated.c    => Failed,         Fault;
    }
    [Plain, Odca, Interim, Provisional, Pinned<Proven>, Pinned<FirstUse>] {
        Tunneling.c    => TcpOpen,        ChannelClosed;
        Tunneling.c    => Probe,          LineLost;
        Tunneling.c    => Unprovisioned,  PreProvisioningSeen;
        Tunneling.c    => Quarantined,    Fault;
        Tunneling.c    => Failed,         Fault;
        CertStaged.c   => TcpOpen,        ChannelClosed;
        CertStaged.c   => Probe,          LineLost;
        CertStaged.c   => Unprovisioned,  PreProvisioningSeen;
        CertStaged.c   => Failed,         Fault;
    }
    [Pinned<Proven>, Pinned<FirstUse>] {
        Tunneling.c    => CertReplaced.c, CcmSeen;
        Tunneling.c    => Acm.c,          AcmSeen;
        CertReplaced.c => Acm.c,          AcmSeen;
        CertReplaced.c => Configured.c,   ProfileApplied;
        CertReplaced.c => CertStaged.c,   PinIntended;
        CertReplaced.c => TcpOpen,        ChannelClosed;
        CertReplaced.c => Probe,          LineLost;
        CertReplaced.c => Unprovisioned,  PreProvisioningSeen;
        CertReplaced.c => Failed,         Fault;
        Acm.c          => Configured.c,   ProfileApplied;
        Acm.c          => CertStaged.c,   PinIntended;
        Acm.c          => TcpOpen,        ChannelClosed;
        Acm.c          => Probe,          LineLost;
        Acm.c          => Unprovisioned,  PreProvisioningSeen;
        Acm.c          => Failed,         Fault;
    }
}

/// Every edge of the protocol, each for each channel.
pub fn edges() -> impl Iterator<Item = Edge> {
    TABLE.iter().flat_map(|block| block.iter()).flat_map(|rows| rows.iter()).copied()
}

/// The edges between stages as a Mermaid state diagram; channels are named on the edges, and the ways
/// out that nearly every stage has (a lost line, a fault) are left to the table.
pub fn mermaid() -> String {
    let mut drawn: alloc::vec::Vec<(StageName, StageName, Cause, alloc::vec::Vec<ChannelName>)> =
        alloc::vec::Vec::new();
    for edge in edges().filter(|edge| !matches!(edge.on, Cause::LineLost | Cause::Fault)) {
        let channel = if edge.to.channel == ChannelName::Unconnected { edge.from.channel } else { edge.to.channel };
        match drawn.iter_mut().find(|(from, to, on, _)| (*from, *to, *on) == (edge.from.stage, edge.to.stage, edge.on))
        {
            Some((.., channels)) => channels.push(channel),
            None => drawn.push((edge.from.stage, edge.to.stage, edge.on, alloc::vec![channel])),
        }
    }
    let mut text = String::from("stateDiagram-v2\n    [*] --> Probe\n");
    for (from, to, on, channels) in drawn {
        let over = match channels[..] {
            [ChannelName::Unconnected] => String::new(),
            _ if channels.len() == 6 => String::from(" · any channel"),
            _ => channels.iter().fold(String::from(" ·"), |mut list, channel| {
                // Mermaid reads `<` as the start of a tag.
                let name = match channel {
                    ChannelName::PinnedProven => "PinnedProven",
                    ChannelName::PinnedFirstUse => "PinnedFirstUse",
                    ChannelName::Plain => "Plain",
                    ChannelName::Odca => "Odca",
                    ChannelName::Interim => "Interim",
                    ChannelName::Provisional => "Provisional",
                    ChannelName::Unconnected => "Unconnected",
                };
                let _ = write!(list, " {name}");
                list
            }),
        };
        let _ = writeln!(text, "    {from} --> {to}: {on:?}{over}");
    }
    text.push_str("    Configured --> [*]\n    Unprovisioned --> [*]\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    #[test]
    fn no_edge_is_declared_twice() {
        let all: Vec<Edge> = edges().collect();
        let pairs: BTreeSet<(Place, Place)> = all.iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(pairs.len(), all.len());
    }

    #[test]
    fn every_place_but_the_first_can_be_reached_and_every_end_is_an_end() {
        let from: BTreeSet<Place> = edges().map(|edge| edge.from).collect();
        let to: BTreeSet<Place> = edges().map(|edge| edge.to).collect();
        let start = Place { stage: StageName::Probe, channel: ChannelName::Unconnected };
        assert!(from.iter().all(|place| *place == start || to.contains(place)));
        for place in from.union(&to) {
            assert_eq!(place.stage.is_end(), !from.contains(place), "{place} is an end, or has a way on");
        }
    }

    #[test]
    fn acm_is_reached_over_pinned_channels_only() {
        for edge in edges().filter(|edge| matches!(edge.to.stage, StageName::Acm | StageName::Configured)) {
            assert!(matches!(edge.to.channel, ChannelName::PinnedProven | ChannelName::PinnedFirstUse), "{edge}");
        }
    }

    #[test]
    fn no_edge_leads_from_a_pinned_channel_to_an_unpinned_one_without_a_new_handshake() {
        let pinned = |place: Place| matches!(place.channel, ChannelName::PinnedProven | ChannelName::PinnedFirstUse);
        for edge in edges().filter(|edge| pinned(edge.from)) {
            assert!(pinned(edge.to) || edge.to.channel == ChannelName::Unconnected, "{edge}");
        }
    }
}
