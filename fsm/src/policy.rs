//! What the server wants of a device, and which way to it is open: the profile, the claim, and the
//! route that follows from both and from what is stored (G5).

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Operator, Peer};
use crate::firmware::{AmtVersion, ControlMode, Port};
use crate::identity::Uuid;
use crate::peer::{Expectation, OdcaExpectation, Unvouched};
pub use crate::record::{FlowB, Permit};
use crate::record::{Pins, Provenance, Record};
#[cfg(doc)]
use crate::request::Login;
use crate::request::{ChainFlaw, ChainLength, Once};

/// What a profile wants, as far as the core decides by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profile {
    /// CCM or ACM.
    pub goal: Goal,
    /// Whether a device without TLS before provisioning may be spoken to in plain text.
    pub flow_b: FlowB,
    /// The weakest provenance that a pin may have.
    pub minimum: Provenance,
    /// Whether a pin that was learnt at first use may see authority.
    pub first_use: FirstUseTrust,
    /// When `Setup` is followed by a commit.
    pub activation_commit: ActivationCommit,
    /// Whether a device that somebody else provisioned is taken over.
    pub adopt: Adopt,
    /// What becomes of a device that cannot be taken to ACM.
    pub without_acm: WithoutAcm,
}

impl Profile {
    /// The most cautious way to `goal`: nothing is spoken in plain text, nothing is trusted that no chain
    /// vouches for, nothing is taken over.
    pub const fn cautious(goal: Goal) -> Self {
        Self {
            goal,
            flow_b: FlowB::Refused,
            minimum: Provenance::OdcaInterim,
            first_use: FirstUseTrust::NotTrusted,
            activation_commit: ActivationCommit::Auto,
            adopt: Adopt::Refused,
            without_acm: WithoutAcm::Keep,
        }
    }

    /// Whether a device may be spoken to over TLS to a key that nobody vouches for; an adopted one included, whose pin
    /// is worth less still.
    pub(crate) fn takes_unvouched(&self) -> bool {
        self.minimum <= Provenance::Provisional
    }
}

/// `without_acm`: what becomes of a device in CCM that refuses the way to ACM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WithoutAcm {
    /// It stays in CCM, known and pinned, and the next run goes on from there.
    Keep,
    /// It is unprovisioned, and the run ends with what was refused.
    Unprovision,
}

/// `adopt`: what becomes of a device that is provisioned already and that nothing is stored about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Adopt {
    /// It is left alone.
    Refused,
    /// It is taken over with the password that the operator gave the server ([`Login::Given`]): first of
    /// all it gets another password, then a certificate and a pin. The relay is never asked for a password.
    Allowed,
}

/// The mode in which a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Goal {
    /// Client Control Mode.
    Client,
    /// Admin Control Mode, with a provisioning certificate chain of that length.
    Admin(ChainLength),
    /// The same, and this device's firmware does not take the chain that there is: a device that is not in ACM by now
    /// is left as it is.
    Barred(ChainFlaw),
}

/// `trust_first_use`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FirstUseTrust {
    /// A first-use pin gets certificates, TLS settings and its password, and no more.
    NotTrusted,
    /// A first-use pin is as good as a proven one. A relay that was hostile at first contact then has
    /// the ACM signature and every secret after it.
    Trusted,
}

/// `activation_commit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ActivationCommit {
    /// Only where the device asks for it: ProvisioningState is not 2, or an admin call is refused.
    Auto,
    /// After every `Setup`.
    Always,
}

/// What the operator wants done in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// Bring the device to the profile's goal.
    Provision,
    /// The same, with a new key and certificate first.
    Rotate,
    /// Take the device out of service.
    Deactivate,
}

/// What the relay says of its device. All of it is a claim: it chooses the way, and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The system UUID.
    pub uuid: Uuid,
    /// The firmware version.
    pub version: AmtVersion,
    /// The control mode over the MEI.
    pub mode: ControlMode,
    /// Whether the local ports speak TLS.
    pub local_tls: LocalTls,
}

/// `STATE_INDEPENDENCE_IsChangeToAMTEnabled`: TLS on local ports is `b & 0xC0 == 0xC0`
/// (rpc-go.md §2). A failed read is a fault of the relay and never `Off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LocalTls {
    /// The device answers on 16993 only.
    On,
    /// The device answers on 16992, or its firmware cannot tell ([`AmtVersion::tells_local_tls`]).
    Off,
}

/// Which ports of the device a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Route {
    /// 16993 only.
    Tls,
    /// 16992 only: nothing has been committed that would bring 16993 up.
    Plain,
    /// A commit may have brought 16993 up, and more likely has not: 16992 first, else 16993.
    PlainElseTls,
    /// A commit of this run is in doubt: 16993 if it was applied, 16992 if not.
    Either,
}

impl Route {
    /// Whether the device may be found at either port.
    pub const fn has_two_ports(self) -> bool {
        matches!(self, Self::PlainElseTls | Self::Either)
    }

    /// The port of the `attempt`th try, the first being 0.
    pub const fn port(self, attempt: u32) -> Port {
        match self {
            Self::Tls => Port::Tls,
            Self::Plain => Port::Plain,
            Self::PlainElseTls if attempt.is_multiple_of(2) => Port::Plain,
            Self::PlainElseTls => Port::Tls,
            Self::Either if attempt.is_multiple_of(2) => Port::Tls,
            Self::Either => Port::Plain,
        }
    }
}

/// The way that is open to a device which reports itself so, or why none is.
///
/// # Errors
/// [`Peer::TlsMissing`] and [`Peer::Downgrade`] are the device's or the relay's; [`Operator::FlowBOff`]
/// is the profile's.
pub fn route(report: &DeviceReport, record: &Record, profile: &Profile, order: Order) -> Result<Route, Fault> {
    match report.local_tls {
        LocalTls::On => Ok(Route::Tls),
        LocalTls::Off if report.version.must_have_local_tls() => Err(Peer::TlsMissing(report.version).into()),
        // It says so because it cannot tell. To a device with a confirmed pin only the port that shows it will do.
        LocalTls::Off
            if !report.version.tells_local_tls()
                && report.mode != ControlMode::PreProvisioning
                && record.pins.binding().is_some() =>
        {
            Ok(Route::Tls)
        }
        // We may have taken it out of service ourselves; all that is sent is the question.
        LocalTls::Off if order == Order::Deactivate && record.doubt == Some(Once::Unprovision) => Ok(Route::Plain),
        // Silicon that has proven itself has TLS before provisioning, whatever the relay calls it.
        LocalTls::Off if record.pins.binding().is_some() || record.rom_ca.is_some() => Err(Peer::Downgrade.into()),
        LocalTls::Off => match (profile.flow_b.or(record.flow_b), profile.minimum) {
            (FlowB::Refused, _) => Err(Operator::FlowBOff(report.version).into()),
            (FlowB::Allowed, Provenance::FirstUse) if record.pins == Pins::NONE => Ok(Route::Plain),
            // A commit may have been applied and its restart be under way, or the firmware cannot tell. A relay says
            // at once that the port of its report is refused; the other one it waits for.
            (FlowB::Allowed, Provenance::FirstUse) => Ok(Route::PlainElseTls),
            (FlowB::Allowed, minimum) => {
                Err(Operator::ProvenanceTooWeak { minimum, offered: Provenance::FirstUse }.into())
            }
        },
    }
}

/// What the next handshake of this device may show (G5).
pub fn expectation(record: &Record, profile: &Profile, order: Order) -> Expectation {
    let enrolled = record.rom_ca.map(OdcaExpectation::Enrolled);
    let mut pins = alloc::vec::Vec::new();
    pins.extend([record.pins.confirmed, record.pins.intended].into_iter().flatten().map(|pin| pin.spki));
    if record.pins.binding().is_some() {
        // From a confirmed pin there is no way down; an unprovisioned device comes home over ODCA. One that was
        // adopted has never shown its silicon: it may after our own `Unprovision`, and all that is sent then is
        // the question.
        let leaving = order == Order::Deactivate && record.doubt == Some(Once::Unprovision);
        let odca = if leaving { OdcaExpectation::AnyDevice } else { OdcaExpectation::Refused };
        return Expectation { pins, odca: enrolled.unwrap_or(odca), unvouched: Unvouched::Refused };
    }
    if profile.minimum <= Provenance::OdcaInterim {
        pins.extend(record.pins.interim);
    }
    Expectation {
        pins,
        odca: enrolled.unwrap_or(OdcaExpectation::AnyDevice),
        unvouched: match profile.adopt {
            // A key made over proven sessions is about to be shown, and whatever else the device may still show is
            // proven as well: whoever shows something else would talk us into forgetting that key.
            _ if record.pins.intended.is_some_and(|pin| pin.provenance.is_proven()) => Unvouched::Refused,
            // What shows there is whatever the last owner had issued.
            Adopt::Allowed if profile.minimum <= Provenance::Adopted && record.pins == Pins::NONE => Unvouched::Any,
            _ if profile.takes_unvouched() => Unvouched::SelfSigned,
            _ => Unvouched::Refused,
        },
    }
}
