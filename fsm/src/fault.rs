//! What can go wrong, by who is to blame, and what is to be done about it (G11).

use core::fmt;

use crate::deadline::Wake;
use crate::firmware::{AmtVersion, ControlMode};
use crate::identity::{RomCaHash, SpkiHash, Uuid};
use crate::record::Provenance;
use crate::request::{ChainFlaw, Once, Refusal, Request};
use crate::time::Millis;

/// Why a run ended short of its goal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The device, or a relay that plays it, did what it must not.
    Peer(Peer),
    /// The line to the device did not hold.
    Link(Link),
    /// A person has to decide or to mend something.
    Operator(Operator),
    /// Our own side failed.
    Ours(Ours),
}

/// The device or the relay is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Firmware of this version has TLS on its local ports; this one claims not to.
    TlsMissing(AmtVersion),
    /// A device with a confirmed pin claims to have no TLS.
    Downgrade,
    /// A handshake showed a key that this device may not show.
    StrangeKey(Option<SpkiHash>),
    /// Another device's ROM-CA.
    StrangeRomCa {
        /// The enrolled hash.
        enrolled: RomCaHash,
        /// The one that was proven.
        shown: RomCaHash,
    },
    /// A certificate of its chain is revoked, or nobody knows whether it is where that has to be known.
    Revoked,
    /// The device is not the one that the relay announced.
    UuidMismatch {
        /// The relay's claim.
        claimed: Uuid,
        /// The device's own answer.
        answered: Uuid,
    },
    /// The relay claimed another mode than the one that the device itself is in: it lied, or it is not where
    /// it says it is.
    ModeMismatch {
        /// The relay's claim.
        claimed: ControlMode,
        /// The device's own answer, on a pinned session.
        answered: ControlMode,
    },
    /// The device refused a request that it must take in its state.
    Refused {
        /// The request's name on the wire.
        request: &'static str,
        /// How it was refused.
        refusal: Refusal,
    },
    /// No password that is known for this device lets us in.
    LockedOut,
    /// A device that nobody knows, and that is said to be unprovisioned, does not let the local system account in that
    /// its relay reported.
    LocalAccountRefused,
    /// The device was seen unprovisioned over a session that proved it.
    Unprovisioned,
    /// The change of this name was sent as often as one run may send it, and the device was never seen to have made it.
    NeverApplied(&'static str),
}

/// The line is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Nothing came in time.
    Deadline {
        /// What was waited for.
        wake: Wake,
        /// How long.
        after: Millis,
    },
    /// Channels were lost more often than a run may open new ones.
    TooManyChannels,
}

/// A person has to decide or to mend something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// The profile does not allow flow B.
    FlowBOff(AmtVersion),
    /// The profile demands a better provenance than this device can give.
    ProvenanceTooWeak {
        /// What the profile demands.
        minimum: Provenance,
        /// What there is.
        offered: Provenance,
    },
    /// The device is provisioned, and not by us.
    ForeignDevice(ControlMode),
    /// It was to be adopted, and the password that the server was given for that does not let us in.
    WrongGivenPassword,
    /// The device is stuck half way into provisioning, and a commit did not help.
    HalfProvisioned,
    /// The flash is protected against wear: the device takes no more changes for now.
    FlashWear,
    /// The provisioning certificate cannot take this device to ACM.
    ProvisioningChain(ChainFlaw),
    /// There is no record of this device to deactivate or rotate.
    NothingToDo,
}

/// Our own side is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ours {
    /// The store did not take a record.
    StoreFailed,
    /// Another server has this device now; this one stops before the next irreversible request (G13).
    LeaseLost,
    /// This server is being stopped.
    Stopping,
    /// The deployment's authority did not issue a certificate for the device's key.
    NotIssued,
    /// A reply does not belong to its request: the channel layer mixed them up.
    ReplyMismatch(&'static str),
    /// The run took step after step without ever having to wait.
    GoesInCircles,
}

macro_rules! from_blame {
    ($($variant:ident),+) => {
        $(impl From<$variant> for Fault {
            fn from(fault: $variant) -> Self {
                Self::$variant(fault)
            }
        })+
    };
}
from_blame!(Peer, Link, Operator, Ours);

/// What is to be done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Start over when the relay comes back: the next run resumes.
    Retry {
        /// Not before this has passed.
        after: Millis,
    },
    /// Nothing more is sent to this device until an operator permits it (G5).
    Quarantine,
    /// A person has to act; the message says how.
    AskOperator,
}

impl Fault {
    /// The one total function from a fault to the reaction.
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Peer(
                Peer::TlsMissing(_)
                | Peer::Downgrade
                | Peer::StrangeKey(_)
                | Peer::StrangeRomCa { .. }
                | Peer::Revoked
                | Peer::UuidMismatch { .. }
                | Peer::ModeMismatch { .. },
            ) => Disposition::Quarantine,
            Self::Peer(Peer::Unprovisioned) => Disposition::Retry { after: Millis(0) },
            Self::Peer(Peer::Refused { .. } | Peer::NeverApplied(_) | Peer::LocalAccountRefused) => {
                Disposition::Retry { after: Millis::from_secs(60) }
            }
            Self::Peer(Peer::LockedOut) | Self::Operator(_) => Disposition::AskOperator,
            Self::Link(_) => Disposition::Retry { after: Millis::from_secs(5) },
            Self::Ours(Ours::StoreFailed | Ours::NotIssued) => Disposition::Retry { after: Millis::from_secs(10) },
            Self::Ours(Ours::LeaseLost | Ours::Stopping) => Disposition::Retry { after: Millis(0) },
            Self::Ours(Ours::ReplyMismatch(_) | Ours::GoesInCircles) => Disposition::AskOperator,
        }
    }
}

impl Fault {
    /// The device goes on refusing `request`. Where it protects its flash nothing is wrong with the request, and a
    /// person has to wait (wsman.md §2.20).
    pub(crate) fn refused(request: &'static str, refusal: Refusal) -> Self {
        match refusal {
            Refusal::FLASH_WRITE_LIMIT => Operator::FlashWear.into(),
            refusal => Peer::Refused { request, refusal }.into(),
        }
    }

    /// Whether the device refused the provisioning chain or the step to ACM itself.
    pub(crate) fn refuses_acm(&self) -> bool {
        let chain = Request::AddChainCertificate { index: 0 }.name();
        match self {
            Self::Peer(Peer::Refused { request, .. }) => [chain, Once::Upgrade.request_name()].contains(request),
            Self::Peer(Peer::NeverApplied(request)) => *request == Once::Upgrade.request_name(),
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(fault) => fault.fmt(f),
            Self::Link(fault) => fault.fmt(f),
            Self::Operator(fault) => fault.fmt(f),
            Self::Ours(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for Fault {}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TlsMissing(version) => write!(
                f,
                "AMT {version} has TLS on its local ports, and this device claims to have none: its relay may be lying; \
                 look at the device, then permit it with `devices re-enrol`"
            ),
            Self::Downgrade => f.write_str(
                "a device whose key we know claims to have no TLS: after a factory reset permit it with \
                 `devices re-enrol UUID --flow-b`",
            ),
            Self::StrangeKey(Some(spki)) => write!(
                f,
                "the device showed a key that is not its own (SHA-256 {spki}): somebody may be in between; after a \
                 change of board or a factory reset permit it with `devices re-enrol`"
            ),
            Self::StrangeKey(None) => f.write_str(
                "the device showed no key that this profile may trust: somebody may be in between; after a change of board or \
                 a factory reset permit it with `devices re-enrol`; firmware that shows a default key which it never listed \
                 needs `minimum_provenance = \"provisional\"`",
            ),
            Self::StrangeRomCa { enrolled, shown } => write!(
                f,
                "expected the silicon with ROM-CA {enrolled}, got {shown}: after a change of board permit it with \
                 `devices re-enrol UUID --expect-rom {shown}`"
            ),
            Self::Revoked => f.write_str(
                "the device is genuine, and revocation lists speak against it: the server's log says which certificate, \
                 which list, and what can be done",
            ),
            Self::UuidMismatch { claimed, answered } => {
                write!(f, "the relay announced device {claimed}, and device {answered} answered")
            }
            Self::ModeMismatch { claimed, answered } => write!(
                f,
                "the relay says that the device is in {claimed}, and the device itself that it is in {answered}: look at \
                 who runs the relay; an honest one goes on where this one was stopped"
            ),
            Self::Refused { request, refusal } => write!(f, "the device refused {request}: {refusal}"),
            Self::LockedOut => f.write_str(
                "the device accepts none of the passwords that are stored for it: reset its AMT configuration in the \
                 BIOS, or give its password with `devices credentials`",
            ),
            Self::LocalAccountRefused => f.write_str(
                "the device does not let in the local system account that its relay reported: the relay stands before \
                 another device, or this one is provisioned already; look at the device, then start again",
            ),
            Self::Unprovisioned => f.write_str("the device has been unprovisioned: the next run provisions it anew"),
            Self::NeverApplied(request) => {
                write!(f, "the device got {request} as often as we may send it in one run and never acted on it")
            }
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline { wake: Wake::Handshake, after } => write!(
                f,
                "no TLS handshake with the device held within {after}: what answers at its port may be no AMT, or \
                 somebody in between breaks it; look at the device, then start again"
            ),
            Self::Deadline { wake, after } => write!(f, "waited {after} for {wake}, and nothing came"),
            Self::TooManyChannels => f.write_str("the connection to the device was lost too often in one run"),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlowBOff(version) => write!(
                f,
                "AMT {version} starts in plain text, and the profile does not allow that: set `flow_b = \"allowed\"` to \
                 accept what a relay that is hostile at first contact could do"
            ),
            Self::ProvenanceTooWeak { minimum, offered } => {
                write!(f, "the profile demands a pin of provenance {minimum}, and this device can only give {offered}")
            }
            Self::ForeignDevice(mode) => write!(
                f,
                "the device is in {mode} and was not provisioned from here: deactivate it where it was, or let the profile \
                 adopt it and give the server its password"
            ),
            Self::WrongGivenPassword => f.write_str(
                "the device is to be adopted, and the server has no password that it takes: write the one that it has into \
                 the profile's adoption passwords",
            ),
            Self::HalfProvisioned => f.write_str(
                "the device is stuck between pre- and post-provisioning, and a commit did not help: unprovision it \
                 locally, then start again",
            ),
            Self::FlashWear => {
                f.write_str("the device protects its flash against wear and takes no changes now: try again tomorrow")
            }
            Self::ProvisioningChain(flaw) => write!(
                f,
                "the provisioning certificate cannot take this device to ACM: {flaw}; give the domain a \
                 certificate that fits"
            ),
            Self::NothingToDo => f.write_str("this device is not provisioned from here: there is nothing to do"),
        }
    }
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoreFailed => f.write_str("our store did not take the device's record: nothing more was sent"),
            Self::LeaseLost => f.write_str("another server drives this device now"),
            Self::Stopping => {
                f.write_str("this server is being stopped: start again, the run goes on where the device is")
            }
            Self::NotIssued => {
                f.write_str("our certificate authority did not issue a certificate for the device's key")
            }
            Self::GoesInCircles => f.write_str("our engine went in circles: please report this, with the audit log"),
            Self::ReplyMismatch(request) => {
                write!(f, "our channel layer answered {request} with another request's reply: please report this")
            }
        }
    }
}
