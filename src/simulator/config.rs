//! What a simulated device is made of and how it behaves, as plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::time::Millis;
use rustls::crypto::GetRandomFailed;

use super::firmware::{Action, Generation, TrustedRoots};
use super::identity::{IdentityError, SimulatorAuthority};
use super::keys::KeyPool;
use super::persona::Persona;
use crate::http::Chunks;
use crate::tunnel::tls::TlsVersion;

/// Why a simulated device cannot be made. This machine's cryptography is to blame.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// A key or a certificate could not be made or used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// rustls does not take the configuration.
    #[error("the simulated device's TLS server: {0}")]
    Tls(#[from] rustls::Error),
    /// There are no random numbers.
    #[error("the random source failed")]
    Random,
}

impl From<GetRandomFailed> for SimulatorError {
    fn from(_: GetRandomFailed) -> Self {
        Self::Random
    }
}

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Any request without a line of its own.
    pub request: Millis,
    /// What takes longer, or less long. A key pair comes out of the device's pool, and takes as long as it says here.
    pub slow: BTreeMap<Action, Millis>,
    /// How long the local ports are away after a restart.
    pub away: Millis,
}

impl Timings {
    /// How long that takes; `None` is a request that was not let in.
    pub fn of(&self, action: Option<Action>) -> Millis {
        action.and_then(|action| self.slow.get(&action)).copied().unwrap_or(self.request)
    }
}

impl Default for Timings {
    /// A brisk device: 2 ms for a request, 300 ms for a key pair, 250 ms for a restart.
    fn default() -> Self {
        let slow = BTreeMap::from([(Action::GENERATE_KEY_PAIR, Millis(300))]);
        Self { request: Millis(2), slow, away: Millis(250) }
    }
}

/// When a device closes a connection with its reply (odca.md §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionHabit {
    /// When the client asks for it.
    Honors,
    /// Never, whatever the client asks for.
    Never,
    /// Besides, after every refusal: a 401, a fault, a bad request.
    AfterRefusals,
    /// After every reply.
    Always,
}

/// When the ports go away for a request that takes them away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartDelay {
    /// With its reply, of which the persona says what becomes of it.
    None,
    /// So long after its reply, which gets out whole.
    After(Millis),
}

/// A simulated device. Every field can be changed before it is started.
#[derive(Clone)]
pub struct DeviceConfig {
    /// The system UUID.
    pub uuid: Uuid,
    /// The firmware's version.
    pub version: AmtVersion,
    /// How it behaves.
    pub persona: Persona,
    /// How long things take.
    pub timings: Timings,
    /// When it closes connections with its replies.
    pub connections: ConnectionHabit,
    /// After how long it closes connections on which nothing is asked; `None` for never.
    pub idle_close: Option<Millis>,
    /// When its ports go away.
    pub restart_delay: RestartDelay,
    /// How it cuts its replies into chunks.
    pub chunks: Chunks,
    /// The highest TLS version that it speaks.
    pub max_tls: TlsVersion,
    /// Seconds since 1970 that its clock shows when it starts.
    pub clock: u64,
    /// The DNS suffix of its network, which provisioning certificates must match; `None` to match any.
    pub dns_suffix: Option<String>,
    /// The roots that provisioning certificates may hang on.
    pub roots: TrustedRoots,
    /// Instances in one page of a list.
    pub page: usize,
    /// Who signs its ODCA chain.
    pub authority: Arc<SimulatorAuthority>,
    /// Where its keys come from.
    pub keys: Arc<KeyPool>,
}

impl DeviceConfig {
    /// 2015-01-01: the clock of a device that was long without a battery.
    pub const CLOCK_2015: u64 = 1_420_070_400;
    /// 2040-01-01: a clock that runs ahead.
    pub const CLOCK_2040: u64 = 2_208_988_800;
    /// 2026-11-01: a clock that is about right.
    pub const CLOCK_2026: u64 = 1_793_491_200;

    /// A device of that version with its usual persona, trusting no provisioning root yet.
    pub fn new(uuid: Uuid, version: AmtVersion, authority: Arc<SimulatorAuthority>) -> Self {
        Self {
            uuid,
            version,
            persona: Persona::usual(version),
            timings: Timings::default(),
            connections: ConnectionHabit::Honors,
            idle_close: None,
            restart_delay: RestartDelay::None,
            chunks: Chunks::default(),
            max_tls: Generation::of(version).max_tls,
            clock: Self::CLOCK_2026,
            dns_suffix: None,
            roots: TrustedRoots::default(),
            page: 999,
            authority,
            keys: Arc::new(KeyPool::default()),
        }
    }
}
