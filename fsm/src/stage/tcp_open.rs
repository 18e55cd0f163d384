//! TcpOpen: the relay is to open a port, and on 16993 a handshake has to show a key that may be shown.
//!
//! A port that restarts is tried at short, growing intervals until it answers or the deadline has
//! passed; nothing sleeps for a fixed time (G8).

use serde::{Deserialize, Serialize};

use super::{Probe, Tunneling};
use crate::channel::{Plain, Recognised, Unconnected, classify};
use crate::deadline;
use crate::fault::{Fault, Link as LinkFault, Operator, Peer};
use crate::firmware::{ControlMode, Port};
use crate::identity::{RomCaHash, SpkiHash};
use crate::peer::{Expectation, Peer as TlsPeer};
use crate::policy::Adopt;
use crate::provisioner::ChannelId;
use crate::session::{AnySession, Facts, Link, Session, Step, Want};
use crate::time::{Instant, Millis};

/// A port of the device is being opened.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct TcpOpen {
    pub(crate) tries: Tries,
    pub(crate) dialling: Dialling,
}

/// The tries at a port, from the first one on until the device has said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tries {
    attempt: u32,
    /// When the first one failed.
    pub(crate) since: Option<Instant>,
    /// Before the next one.
    pub(crate) pause: Millis,
}

impl Tries {
    const NONE: Self = Self { attempt: 0, since: None, pause: deadline::RETRY_FIRST };
}

/// How far the opening is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialling {
    /// The next try can start.
    Ready,
    /// The relay was asked to open the port.
    Asked(ChannelId, Port),
    /// The port is open, and a handshake is under way.
    Handshaking(ChannelId, Expectation),
    /// Until the next try.
    Pausing,
}

/// Why a port did not open. None of them is a verdict: a port that restarts shows all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OpenFault {
    /// Nobody listens: LMS is down, or the port is not there yet.
    Refused,
    /// Accepted and closed at once: LMS is up, and the ME restarts (odca.md §3).
    ClosedAtOnce,
    /// The relay did not get an answer in its time.
    TimedOut,
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsFault {
    /// The peer showed a key that was not expected: its hash, where it could be read.
    Stranger(Option<SpkiHash>),
    /// The peer proved another device's ROM-CA than the enrolled one.
    StrangeRomCa(RomCaHash),
    /// The peer is genuine, and a certificate of its chain is revoked, or not known not to be where that is required.
    Revoked,
    /// The handshake broke off: cut, garbage, or an alert.
    Broken,
}

impl TcpOpen {
    pub(crate) const fn new() -> Self {
        Self { tries: Tries::NONE, dialling: Dialling::Ready }
    }

    /// The channel that is being opened.
    pub(crate) const fn channel(&self) -> Option<ChannelId> {
        match self.dialling {
            Dialling::Asked(id, _) | Dialling::Handshaking(id, _) => Some(id),
            Dialling::Ready | Dialling::Pausing => None,
        }
    }
}

impl Session<TcpOpen, Unconnected> {
    pub(crate) fn step(self) -> Step {
        let want = match self.stage.dialling {
            Dialling::Ready => Want::Open(self.context.port(self.stage.tries.attempt)),
            Dialling::Asked(..) | Dialling::Handshaking(..) | Dialling::Pausing => Want::Input,
        };
        self.wants(want)
    }

    /// The try failed at `now`, while `wake` was awaited: pause, unless the port has been gone for too long.
    pub(crate) fn retry(mut self, now: Instant, wake: deadline::Wake) -> Result<Self, AnySession> {
        let since = *self.stage.tries.since.get_or_insert(now);
        // Of two ports each has its turn, however long the relay waits at the other one.
        let long = self.context.restarting || self.context.route.has_two_ports();
        let patience = if long { deadline::PORT_BACK } else { deadline::OPEN };
        if now.since(since) >= patience {
            let fault = LinkFault::Deadline { wake, after: patience };
            return Err(self.fail_or_quarantine(fault.into()));
        }
        let tries = &mut self.stage.tries;
        tries.attempt = tries.attempt.saturating_add(1);
        self.stage.dialling = Dialling::Pausing;
        Ok(self)
    }

    /// 16992 is open: nothing is known of the peer.
    pub(crate) fn plain(mut self, id: ChannelId) -> Session<Tunneling, Plain> {
        self.open(id, true);
        self.advance(|_, _| (Tunneling::new(), Plain(())))
    }

    fn open(&mut self, id: ChannelId, exposes: bool) {
        self.context.link = Some(Link { id, exposes, facts: Facts::NOTHING });
        self.context.unheard = Some(self.stage.tries);
    }

    /// A handshake has ended: the channel's type follows from what it showed (G4).
    pub(crate) fn shown(mut self, id: ChannelId, peer: &TlsPeer, expected: &Expectation) -> AnySession {
        let recognised = classify(peer, expected, self.record());
        self.open(id, matches!(recognised, Ok(Recognised::Provisional(_))));
        match recognised {
            Ok(Recognised::Odca(channel)) => self.advance(|_, _| (Tunneling::new(), channel)).into(),
            Ok(Recognised::Interim(channel)) => self.advance(|_, _| (Tunneling::new(), channel)).into(),
            Ok(Recognised::Provisional(channel)) => self.advance(|_, _| (Tunneling::new(), channel)).into(),
            Ok(Recognised::Proven(channel)) => self.advance(|_, _| (Tunneling::new(), channel)).into(),
            Ok(Recognised::FirstUse(channel)) => self.advance(|_, _| (Tunneling::new(), channel)).into(),
            Err(_) => self.fail_or_quarantine(Peer::StrangeKey(Some(peer.spki)).into()),
        }
    }

    /// A handshake was refused by us, and that is a verdict.
    pub(crate) fn strange(self, fault: TlsFault) -> AnySession {
        let fault: Fault = match (fault, self.record().rom_ca) {
            (TlsFault::StrangeRomCa(shown), Some(enrolled)) => Peer::StrangeRomCa { enrolled, shown }.into(),
            (TlsFault::Revoked, _) => Peer::Revoked.into(),
            // Nobody here has seen the device, and it is said to be in service: the key is its owner's.
            (TlsFault::Stranger(_), _) if self.is_foreign() => Operator::ForeignDevice(self.context.report.mode).into(),
            (TlsFault::Stranger(spki), _) => Peer::StrangeKey(spki).into(),
            (TlsFault::StrangeRomCa(_) | TlsFault::Broken, _) => Peer::StrangeKey(None).into(),
        };
        self.fail_or_quarantine(fault)
    }

    fn is_foreign(&self) -> bool {
        let in_service = self.context.report.mode != ControlMode::PreProvisioning;
        in_service && !self.ledger().is_stored() && self.profile().adopt == Adopt::Refused
    }

    /// The line to the relay is gone, and the try with it.
    pub(crate) fn lose_line(self) -> Session<Probe, Unconnected> {
        self.disconnect(|_| Probe { report: None })
    }
}
