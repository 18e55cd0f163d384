//! What goes wrong, and when.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::rng::Rng;
use crate::edges::Place;
use crate::firmware::ControlMode;
use crate::time::Millis;

/// One thing that goes wrong, here and in any other world that takes the same scripts.
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
    /// The server dies once what it gives to the store is durable, without learning of it.
    CrashServerAfter,
    /// The next request is lost with the connection, and the device never hears of it.
    LoseRequest,
    /// The whole machine restarts: the relay dies, and the device is away for so long.
    RebootMachine(Millis),
}

impl Fault {
    /// Every kind of fault, with lengths of time to match.
    pub const ALL: [Self; 33] = [
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
        Self::CrashServerAfter,
        Self::LoseRequest,
        Self::RebootMachine(Millis::from_secs(20)),
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutTcp => f.write_str("cut the connection to the device"),
            Self::CutLine => f.write_str("cut the line"),
            Self::CrashServer => f.write_str("kill the server"),
            Self::CrashServerAfter => f.write_str("kill the server after it"),
            Self::CrashRelay => f.write_str("kill the relay"),
            Self::RebootDevice(away) => write!(f, "restart the management engine for {away}"),
            Self::RebootMachine(away) => write!(f, "reboot the machine for {away}"),
            Self::LoseRequest => f.write_str("lose the request"),
            Self::LoseReply => f.write_str("lose the reply"),
            Self::SlowReply(length) => write!(f, "answer after {length}"),
            Self::FailStore => f.write_str("fail the write"),
            Self::LoseLease => f.write_str("let another server take the device over"),
            Self::Unprovision => f.write_str("unprovision the device at its keyboard"),
            Self::UnprovisionQuietly => f.write_str("unprovision the device and keep its connections"),
            Self::StrangeUuid => f.write_str("answer with another UUID"),
            Self::Impostor => f.write_str("put an impostor in the device's place"),
            Self::OtherDevice => f.write_str("put another genuine device in its place"),
            Self::ClaimMode(mode) => write!(f, "claim {mode}"),
            Self::ClaimNoTls => f.write_str("claim no TLS"),
            Self::Refuse(code) => write!(f, "refuse with {code}"),
            Self::Unauthorized => f.write_str("forget the digest nonce"),
            Self::HangUp => f.write_str("hang up behind the reply"),
            Self::Garble => f.write_str("garble the reply"),
            Self::StallLine(length) => write!(f, "stall the line for {length}"),
            Self::StallDevice(length) => write!(f, "stall the device for {length}"),
            Self::Sleep(length) => write!(f, "sleep for {length}"),
        }
    }
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
    /// Whether it is time, at this step and with a run at this place.
    pub fn is_due(self, step: u32, place: Option<Place>) -> bool {
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
    pub fn take(&mut self, step: u32, place: Option<Place>) -> Option<Fault> {
        let at = self.faults.iter().position(|(when, _)| when.is_due(step, place))?;
        Some(self.faults.remove(at).1)
    }

    /// Nothing more goes wrong.
    pub fn heal(&mut self) {
        self.faults.clear();
    }
}
