//! The session with its types erased: what can be kept in a field.

use alloc::boxed::Box;

use super::{Context, Session, Step, Want};
use crate::channel::{Channel, FirstUse, Interim, Odca, Pinned, Plain, Proven, Provisional, Unconnected};
use crate::edges::Place;
use crate::fault::Fault;
use crate::stage::{
    Acm, Activated, Arrives, CertReplaced, CertStaged, Configured, Failed, Probe, Quarantined, Stage, TcpOpen,
    Tunneling, Unprovisioned,
};

/// What a session does when something ends it from outside. A stage that is an end stays what it is.
trait Ends: Sized + Into<AnySession> {
    fn lose_channel(self) -> AnySession {
        self.into()
    }
    fn lose_line(self) -> AnySession {
        self.into()
    }
    fn unprovisioned(self) -> AnySession {
        self.into()
    }
    fn give_up(self, _fault: Fault) -> AnySession {
        self.into()
    }
}

macro_rules! sessions {
    ($($name:ident: $stage:ty, $channel:ty;)+) => {
        /// Every session that there is. [`Provisioner::session`](crate::provisioner::Provisioner::session)
        /// shows the one of a run, with its evidence.
        #[derive(Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "sim", derive(Clone))]
        pub enum AnySession {
            $(#[doc = concat!("`", stringify!($stage), "` over `", stringify!($channel), "`.")]
            $name(Session<$stage, $channel>),)+
        }

        $(impl From<Session<$stage, $channel>> for AnySession {
            fn from(session: Session<$stage, $channel>) -> Self {
                Self::$name(session)
            }
        })+

        impl AnySession {
            /// How far this session is, and over what.
            pub fn place(&self) -> Place {
                match self {
                    $(Self::$name(_) => Place { stage: <$stage as Stage>::NAME, channel: <$channel as Channel>::NAME },)+
                }
            }

            pub(crate) fn context(&self) -> &Context {
                match self {
                    $(Self::$name(session) => &session.context,)+
                }
            }

            pub(crate) fn context_mut(&mut self) -> &mut Context {
                match self {
                    $(Self::$name(session) => &mut session.context,)+
                }
            }

            /// The channel was closed, by either side.
            pub(crate) fn lose_channel(self) -> Self {
                match self {
                    $(Self::$name(session) => Ends::lose_channel(session),)+
                }
            }

            /// The line to the relay was lost.
            pub(crate) fn lose_line(self) -> Self {
                match self {
                    $(Self::$name(session) => Ends::lose_line(session),)+
                }
            }

            /// The device was seen in pre-provisioning, and the run ends there.
            pub(crate) fn unprovisioned(self) -> Self {
                match self {
                    $(Self::$name(session) => Ends::unprovisioned(session),)+
                }
            }

            /// A fault ends the run.
            pub(crate) fn give_up(self, fault: Fault) -> Self {
                match self {
                    $(Self::$name(session) => Ends::give_up(session, fault),)+
                }
            }
        }
    };
}

sessions! {
    Probe: Probe, Unconnected;
    TcpOpen: TcpOpen, Unconnected;
    TunnelingPlain: Tunneling, Plain;
    TunnelingOdca: Tunneling, Odca;
    TunnelingInterim: Tunneling, Interim;
    TunnelingProvisional: Tunneling, Provisional;
    TunnelingProven: Tunneling, Pinned<Proven>;
    TunnelingFirstUse: Tunneling, Pinned<FirstUse>;
    ActivatedPlain: Activated, Plain;
    ActivatedOdca: Activated, Odca;
    ActivatedInterim: Activated, Interim;
    ActivatedProvisional: Activated, Provisional;
    CertStagedPlain: CertStaged, Plain;
    CertStagedOdca: CertStaged, Odca;
    CertStagedInterim: CertStaged, Interim;
    CertStagedProvisional: CertStaged, Provisional;
    CertStagedProven: CertStaged, Pinned<Proven>;
    CertStagedFirstUse: CertStaged, Pinned<FirstUse>;
    CertReplacedProven: CertReplaced, Pinned<Proven>;
    CertReplacedFirstUse: CertReplaced, Pinned<FirstUse>;
    AcmProven: Acm, Pinned<Proven>;
    AcmFirstUse: Acm, Pinned<FirstUse>;
    ConfiguredProven: Configured, Pinned<Proven>;
    ConfiguredFirstUse: Configured, Pinned<FirstUse>;
    Unprovisioned: Unprovisioned, Unconnected;
    Quarantined: Quarantined, Unconnected;
    Failed: Failed, Unconnected;
}

impl AnySession {
    /// A run that has not heard of its device yet.
    pub(crate) fn new(context: Context) -> Self {
        Session { stage: Probe { report: None }, channel: Unconnected, context: Box::new(context) }.into()
    }

    /// Goes on as far as one step, or says what is wanted first.
    pub(crate) fn step(self) -> Step {
        match self {
            Self::Probe(session) => session.step(),
            Self::TcpOpen(session) => session.step(),
            Self::TunnelingPlain(session) => Arrives::step(session),
            Self::TunnelingOdca(session) => Arrives::step(session),
            Self::TunnelingInterim(session) => Arrives::step(session),
            Self::TunnelingProvisional(session) => Arrives::step(session),
            Self::TunnelingProven(session) => Arrives::step(session),
            Self::TunnelingFirstUse(session) => Arrives::step(session),
            Self::ActivatedPlain(session) => session.step(),
            Self::ActivatedOdca(session) => session.step(),
            Self::ActivatedInterim(session) => session.step(),
            Self::ActivatedProvisional(session) => session.step(),
            Self::CertStagedPlain(session) => session.step(),
            Self::CertStagedOdca(session) => session.step(),
            Self::CertStagedInterim(session) => session.step(),
            Self::CertStagedProvisional(session) => session.step(),
            Self::CertStagedProven(session) => session.step(),
            Self::CertStagedFirstUse(session) => session.step(),
            Self::CertReplacedProven(session) => session.step(),
            Self::CertReplacedFirstUse(session) => session.step(),
            Self::AcmProven(session) => session.step(),
            Self::AcmFirstUse(session) => session.step(),
            end @ (Self::ConfiguredProven(_)
            | Self::ConfiguredFirstUse(_)
            | Self::Unprovisioned(_)
            | Self::Quarantined(_)
            | Self::Failed(_)) => Step::Wants(end, Want::Input),
        }
    }
}

macro_rules! ends {
    ($($give_up:ident { $($stage:ty, $channel:ty;)+ })+) => {
        $($(impl Ends for Session<$stage, $channel> {
            fn lose_channel(self) -> AnySession {
                self.disconnect(|_| TcpOpen::new()).into()
            }
            fn lose_line(self) -> AnySession {
                self.disconnect(|_| Probe { report: None }).into()
            }
            fn unprovisioned(self) -> AnySession {
                self.disconnect(|_| Unprovisioned { _seen: () }).into()
            }
            fn give_up(self, fault: Fault) -> AnySession {
                self.$give_up(fault)
            }
        })+)+
    };
}

ends! {
    fail_or_quarantine {
        Tunneling, Plain;
        Tunneling, Odca;
        Tunneling, Interim;
        Tunneling, Provisional;
        Tunneling, Pinned<Proven>;
        Tunneling, Pinned<FirstUse>;
    }
    fail {
        Activated, Plain;
        Activated, Odca;
        Activated, Interim;
        Activated, Provisional;
        CertStaged, Plain;
        CertStaged, Odca;
        CertStaged, Interim;
        CertStaged, Provisional;
        CertStaged, Pinned<Proven>;
        CertStaged, Pinned<FirstUse>;
        CertReplaced, Pinned<Proven>;
        CertReplaced, Pinned<FirstUse>;
        Acm, Pinned<Proven>;
        Acm, Pinned<FirstUse>;
    }
}

impl Ends for Session<Probe, Unconnected> {
    fn give_up(self, fault: Fault) -> AnySession {
        self.fail_or_quarantine(fault)
    }
}

impl Ends for Session<TcpOpen, Unconnected> {
    fn lose_line(self) -> AnySession {
        Session::lose_line(self).into()
    }
    fn give_up(self, fault: Fault) -> AnySession {
        self.fail_or_quarantine(fault)
    }
}

impl Ends for Session<Configured, Pinned<Proven>> {}
impl Ends for Session<Configured, Pinned<FirstUse>> {}
impl Ends for Session<Unprovisioned, Unconnected> {}
impl Ends for Session<Quarantined, Unconnected> {}
impl Ends for Session<Failed, Unconnected> {}
