//! What became of a demo's devices.

use std::fmt::Display;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode};
use amt_provision_fsm::identity::{RomCaHash, Uuid};
use amt_provision_fsm::record::Pin;
use amt_provision_fsm::time::Millis;
use serde::{Serialize, Serializer};

use super::args::Flow;
use crate::cli::exit::ExitStatus;
use crate::cli::view::PinView;
use crate::simulator::persona::Persona;

/// What became of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceResult {
    /// The system UUID.
    #[serde(serialize_with = "as_text")]
    pub uuid: Uuid,
    /// The firmware's version.
    #[serde(serialize_with = "as_text")]
    pub amt: AmtVersion,
    /// How it behaved.
    #[serde(serialize_with = "as_text")]
    pub persona: Persona,
    /// The flow that it took.
    pub flow: Flow,
    /// Where it is now, by its own account and the store's.
    pub outcome: DeviceOutcome,
    /// The pin that it is held to.
    #[serde(serialize_with = "as_pin")]
    pub pin: Option<Pin>,
    /// The ROM-CA certificate's hash that it proved.
    #[serde(serialize_with = "as_optional_text")]
    pub rom_ca_sha256: Option<RomCaHash>,
    /// TLS handshakes that were finished.
    pub tls_sessions: u32,
    /// Requests that were sent to it.
    pub requests: u32,
    /// Those of them that were sent in plain text.
    pub plain_requests: u32,
    /// WebSocket messages from server to relay.
    pub messages_sent: u32,
    /// Bytes in those.
    pub bytes_sent: u64,
    /// From the relay's first message to the end.
    #[serde(serialize_with = "as_number")]
    pub elapsed_ms: Millis,
    /// The part of it in which nobody had anything to do: neither the device nor the wire.
    #[serde(serialize_with = "as_number")]
    pub waited_ms: Millis,
    /// Why it is not where it should be.
    #[serde(rename = "error", skip_serializing_if = "Option::is_none", serialize_with = "as_optional_text")]
    pub failure: Option<DemoFailure>,
}

/// Where a device is at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceOutcome {
    /// In Admin Control Mode.
    Acm,
    /// In Client Control Mode.
    Ccm,
    /// Not where it should be, or not what the store says.
    Failed,
}

impl From<ControlMode> for DeviceOutcome {
    /// The outcome of a run whose device confirms that mode.
    fn from(mode: ControlMode) -> Self {
        match mode {
            ControlMode::Admin => Self::Acm,
            ControlMode::Client => Self::Ccm,
            ControlMode::PreProvisioning => Self::Failed,
        }
    }
}

/// Why a device is not where it should be, and who is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct DemoFailure {
    /// In words.
    pub text: String,
    /// What the command exits with.
    pub status: ExitStatus,
}

/// The last line of a demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many devices there were.
    pub devices: usize,
    /// Those that are where they should be.
    pub ok: usize,
    /// The others.
    pub failed: usize,
    /// From the start of the first to the end of the last.
    #[serde(serialize_with = "as_number")]
    pub elapsed_ms: Millis,
    /// What the command exits with: the status of the first failure.
    #[serde(skip)]
    pub status: ExitStatus,
}

impl Summary {
    /// The summary of all results.
    pub fn of(results: &[DeviceResult], elapsed_ms: Millis) -> Self {
        let mut failures = results.iter().filter(|result| result.has_failed());
        let status = failures.clone().next().map_or(ExitStatus::Done, |first| {
            first.failure.as_ref().map_or(ExitStatus::Ours, |failure| failure.status)
        });
        let failed = failures.by_ref().count();
        Self { devices: results.len(), ok: results.len() - failed, failed, elapsed_ms, status }
    }
}

impl DeviceResult {
    /// Whether it is not where it should be.
    pub fn has_failed(&self) -> bool {
        self.outcome == DeviceOutcome::Failed || self.failure.is_some()
    }
}

fn as_text<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn as_optional_text<S: Serializer>(value: &Option<impl Display>, to: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(to)
}

fn as_pin<S: Serializer>(pin: &Option<Pin>, to: S) -> Result<S::Ok, S::Error> {
    pin.map(PinView::from).serialize(to)
}

fn as_number<S: Serializer>(time: &Millis, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(time.0)
}
