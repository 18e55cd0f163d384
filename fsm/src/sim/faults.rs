//! What goes wrong, and when.

use alloc::vec::Vec;

use super::rng::Rng;
use crate::time::Millis;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Another server has taken the device over when the next record is to be stored.
    LoseLease,
    /// Somebody at the machine takes the device out of provisioning; it restarts.
    Unprovision,
    /// The same, and the connections live on.
    UnprovisionQuietly,
    /// The device answers the next question for its UUID with another one.
    StrangeUuid,
    /// The relay shows a key of its own in the next handshake.
    Impostor,
    /// The device refuses its next change with this ReturnValue (wsman.md §2.20).
    Refuse(u32),
    /// The machine's clock jumps ahead: it was asleep.
    Sleep(Millis),
}

impl Fault {
    /// Every kind of fault, with lengths of time to match.
    pub const ALL: [Self; 19] = [
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
        Self::Refuse(1),
        Self::Refuse(36),
        Self::Refuse(38),
        Self::Sleep(Millis::from_secs(600)),
    ];
}

/// Which faults come at which step of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FaultPlan {
    faults: Vec<(u32, Fault)>,
}

impl FaultPlan {
    /// A world in which nothing goes wrong.
    pub const NONE: Self = Self { faults: Vec::new() };

    /// These faults at these steps.
    pub fn new(mut faults: Vec<(u32, Fault)>) -> Self {
        faults.sort_by_key(|(step, _)| *step);
        Self { faults }
    }

    /// Up to `count` faults within the first `steps` steps.
    pub fn random(rng: &mut Rng, count: u64, steps: u64) -> Self {
        let count = rng.below(count + 1);
        let at = |rng: &mut Rng| u32::try_from(rng.below(steps)).unwrap_or(u32::MAX);
        Self::new((0..count).map(|_| (at(rng), *rng.pick(&Fault::ALL))).collect())
    }

    /// How many are still to come.
    pub const fn left(&self) -> usize {
        self.faults.len()
    }

    pub(super) fn take(&mut self, step: u32) -> Option<Fault> {
        let due = self.faults.first().is_some_and(|(at, _)| *at <= step);
        due.then(|| self.faults.remove(0).1)
    }

    pub(super) fn heal(&mut self) {
        self.faults.clear();
    }
}
