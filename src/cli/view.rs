//! What is stored of a device, as machines read it.

use amt_provision_fsm::policy::FlowB;
use amt_provision_fsm::record::{Hold, Origin, Pin, Record};
use amt_provision_fsm::time::Timestamp;
use rustls::pki_types::UnixTime;
use serde::Serialize;

use super::devices::next;
use crate::calendar::rfc3339;
use crate::store::KnownDevice;

/// RFC 3339, in UTC.
pub(super) fn moment(at: UnixTime) -> String {
    rfc3339(at.as_secs())
}

/// A pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinView {
    /// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal digits.
    pub sha256: String,
    /// How it came to be trusted.
    pub provenance: String,
}

impl From<Pin> for PinView {
    fn from(pin: Pin) -> Self {
        Self { sha256: pin.spki.to_hex(), provenance: pin.provenance.to_string() }
    }
}

/// The keys that a device may show.
#[derive(Serialize)]
pub(super) struct PinsView {
    pub(super) confirmed: Option<PinView>,
    pub(super) intended: Option<PinView>,
    interim_sha256: Option<String>,
    /// Whether a permit has opened other ways than the confirmed key.
    released: bool,
}

impl PinsView {
    pub(super) fn of(record: &Record) -> Self {
        Self {
            confirmed: record.pins.confirmed.map(PinView::from),
            intended: record.pins.intended.map(PinView::from),
            interim_sha256: record.pins.interim.map(|spki| spki.to_hex()),
            released: record.pins.hold == Hold::Released,
        }
    }
}

#[derive(Serialize)]
struct OutcomeView<'a> {
    ending: &'static str,
    text: &'a str,
    at: String,
}

#[derive(Serialize)]
struct PermitView {
    expect_rom_ca_sha256: Option<String>,
    flow_b: bool,
    expires: Option<String>,
}

/// What a record says, without a secret.
#[derive(Serialize)]
struct RecordView {
    rom_ca_sha256: Option<String>,
    pins: PinsView,
    admin_password_confirmed: bool,
    mebx_password_stored: bool,
    in_doubt: Option<String>,
    adopted: bool,
    permit: Option<PermitView>,
}

impl From<&Record> for RecordView {
    fn from(record: &Record) -> Self {
        Self {
            rom_ca_sha256: record.rom_ca.map(|hash| hash.to_hex()),
            pins: PinsView::of(record),
            admin_password_confirmed: record.admin.confirmed().is_some(),
            mebx_password_stored: record.mebx.is_some(),
            in_doubt: record.doubt.map(|once| format!("{once:?}")),
            adopted: record.origin == Origin::Adopted,
            permit: record.permit.map(|permit| PermitView {
                expect_rom_ca_sha256: permit.expect_rom_ca.map(|hash| hash.to_hex()),
                flow_b: permit.flow_b == FlowB::Allowed,
                expires: permit.expires.map(|Timestamp(end)| rfc3339(end)),
            }),
        }
    }
}

/// A device as `devices` prints it.
#[derive(Serialize)]
pub(super) struct DeviceView<'a> {
    uuid: String,
    mode: Option<String>,
    last_run: Option<OutcomeView<'a>>,
    generation: u64,
    changed_at: String,
    removed_at: Option<String>,
    /// `None` where it is damaged.
    record: Option<RecordView>,
    damage: Option<String>,
    /// What the next run does, and what a person can, in words.
    next: Vec<String>,
}

impl<'a> From<&'a KnownDevice> for DeviceView<'a> {
    fn from(device: &'a KnownDevice) -> Self {
        Self {
            uuid: device.uuid.to_string(),
            mode: device.mode.map(|mode| mode.to_string()),
            last_run: device.outcome.as_ref().map(|outcome| OutcomeView {
                ending: outcome.ending.name(),
                text: &outcome.text,
                at: moment(outcome.at),
            }),
            generation: device.generation.0,
            changed_at: moment(device.changed_at),
            removed_at: device.removed_at.map(moment),
            record: device.record.as_ref().ok().map(RecordView::from),
            damage: device.record.as_ref().err().map(ToString::to_string),
            next: next(device),
        }
    }
}
