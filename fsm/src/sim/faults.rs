//! What goes wrong, and when.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::rng::Rng;
use crate::edges::Place;
use crate::firmware::ControlMode;
use crate::time::Millis;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The connection between relay and device breaks.
    CutTcp,
    /// The line between server and relay breaks.
    CutLine,
    /// The server dies. What it had not made durable is gone.
    CrashServer,
    /// The relay dies.
    CrashRelay,
    /// The device restarts: every connection is gone, and its ports for so long.
    RebootDevice(Millis),
    /// The device applies the next request, and its reply is lost with the connection.
    LoseReply,
    /// The device takes so long for its next reply.
    SlowReply(Millis),
    /// The store fails to take the next record.
    FailStore,
    /// Another server takes the device over, and writes, before the next record is to be stored.
    LoseLease,
    /// Somebody at the machine takes the device out of provisioning; it restarts.
    Unprovision,
    /// The same, and the connections live on.
    UnprovisionQuietly,
    /// The device answers the next question for its UUID with another one.
    StrangeUuid,
    /// The relay shows a key of its own in the next handshake.
    Impostor,
    /// The relay connects to another genuine device instead, the next time.
    OtherDevice,
    /// The relay claims this mode in its next report.
    ClaimMode(ControlMode),
    /// The relay claims in its next report that the local ports have no TLS.
    ClaimNoTls,
    /// The device refuses its next change with this ReturnValue (wsman.md §2.20).
    Refuse(u32),
    /// The device has forgotten its digest nonce: the next request is answered 401, whoever logs in.
    Unauthorized,
    /// The device closes the connection behind its next reply.
    HangUp,
    /// What the device says next arrives as garbage.
    Garble,
    /// The line to the server takes no bytes for so long.
    StallLine(Millis),
    /// The device takes no bytes for so long.
    StallDevice(Millis),
    /// The machine's clock jumps ahead: it was asleep.
    Sleep(Millis),
}

impl Fault {
    /// Every kind of fault, with lengths of time to match.
    pub const ALL: [Self; 30] = [
        Self::CutTcp,
        Self::CutLine,
        Self::CrashServer,
        Self::CrashRelay,
        Self::RebootDevice(Millis::from_secs(20)),
        Self::RebootDevice(Millis(200)),
        Self::LoseReply,
        Self::SlowReply(Millis::from_secs(5)),
        Self::SlowReply(Millis::from_secs(200)),
        Self::FailStore,
        Self::LoseLease,
        Self::Unprovision,
        Self::UnprovisionQuietly,
        Self::StrangeUuid,
        Self::Impostor,
        Self::OtherDevice,
        Self::ClaimMode(ControlMode::PreProvisioning),
        Self::ClaimMode(ControlMode::Admin),
        Self::ClaimNoTls,
        Self::Refuse(1),
        Self::Refuse(36),
        Self::Refuse(38),
        Self::Unauthorized,
        Self::HangUp,
        Self::Garble,
        Self::StallLine(Millis::from_secs(10)),
        Self::StallLine(Millis::from_secs(60)),
        Self::StallDevice(Millis::from_secs(10)),
        Self::StallDevice(Millis::from_secs(60)),
        Self::Sleep(Millis::from_secs(600)),
    ];
}

/// When something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum When {
    /// At this step of the world.
    Step(u32),
    /// As soon as a run is at this place.
    At(Place),
}

impl When {
    pub(super) fn is_due(self, step: u32, place: Option<Place>) -> bool {
        match self {
            Self::Step(at) => at <= step,
            Self::At(at) => Some(at) == place,
        }
    }
}

/// Which faults come when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FaultPlan {
    faults: Vec<(When, Fault)>,
}

impl FaultPlan {
    /// A world in which nothing goes wrong.
    pub const NONE: Self = Self { faults: Vec::new() };

    /// These faults then.
    pub const fn new(faults: Vec<(When, Fault)>) -> Self {
        Self { faults }
    }

    /// Up to `count` faults within the first `steps` steps.
    pub fn random(rng: &mut Rng, count: u64, steps: u64) -> Self {
        let count = rng.below(count + 1);
        let at = |rng: &mut Rng| When::Step(u32::try_from(rng.below(steps)).unwrap_or(u32::MAX));
        Self::new((0..count).map(|_| (at(rng), *rng.pick(&Fault::ALL))).collect())
    }

    /// How many are still to come.
    pub const fn left(&self) -> usize {
        self.faults.len()
    }

    /// The next fault that is due at this step and place.
    pub(super) fn take(&mut self, step: u32, place: Option<Place>) -> Option<Fault> {
        let at = self.faults.iter().position(|(when, _)| when.is_due(step, place))?;
        Some(self.faults.remove(at).1)
    }

    pub(super) fn heal(&mut self) {
        self.faults.clear();
    }
}
