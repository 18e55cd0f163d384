//! What a simulated device is made of and how it behaves, as plain data.

use std::sync::Arc;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::time::Millis;
use rustls::crypto::GetRandomFailed;

use super::firmware::{TrustedRoots, Work};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Any request but the next.
    pub request: Millis,
    /// Making a key pair, as the device pretends: the pair comes out of its pool.
    pub key_generation: Millis,
    /// How long the local ports are away after a restart.
    pub away: Millis,
}

impl Timings {
    /// How long a request of that kind takes.
    pub const fn of(&self, work: Work) -> Millis {
        match work {
            Work::Usual => self.request,
            Work::KeyGeneration => self.key_generation,
        }
    }
}

impl Default for Timings {
    /// A brisk device: 2 ms, 300 ms, 250 ms.
    fn default() -> Self {
        Self { request: Millis(2), key_generation: Millis(300), away: Millis(250) }
    }
}

/// When a device closes a connection by itself (odca.md §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionHabit {
    /// Only when the client asks for it.
    KeepsAlive,
    /// After every refusal: a 401, a fault, a bad request.
    ClosesAfterRefusals,
    /// After every reply.
    ClosesAfterReplies,
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
    /// When it closes connections.
    pub connections: ConnectionHabit,
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
            connections: ConnectionHabit::KeepsAlive,
            chunks: Chunks::default(),
            // odca.md §2.5
            max_tls: if version.major >= 21 { TlsVersion::V1_3 } else { TlsVersion::V1_2 },
            clock: Self::CLOCK_2026,
            dns_suffix: None,
            roots: TrustedRoots::default(),
            page: 999,
            authority,
            keys: Arc::new(KeyPool::default()),
        }
    }
}
