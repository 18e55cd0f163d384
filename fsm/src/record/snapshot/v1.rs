//! The first shape of a record, frozen. Whatever it is made of and has changed since is written out here.

use serde::{Deserialize, Serialize};

use crate::identity::{RomCaHash, Uuid};
use crate::record::{self, FlowB, KeyMark, Origin, Password, Passwords, Pins};
use crate::request::Once;

/// A record as the first shape had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    uuid: Uuid,
    rom_ca: Option<RomCaHash>,
    pins: Pins,
    admin: Passwords,
    mebx: Option<Password>,
    doubt: Option<Once>,
    keying: Option<KeyMark>,
    activation_committed: bool,
    admin_committed: bool,
    permit: Option<Permit>,
    flow_b: FlowB,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Permit {
    expect_rom_ca: Option<RomCaHash>,
    flow_b: FlowB,
}

impl From<Record> for record::Record {
    fn from(first: Record) -> Self {
        let permit = |Permit { expect_rom_ca, flow_b }| record::Permit { expect_rom_ca, flow_b, expires: None };
        Self {
            uuid: first.uuid,
            rom_ca: first.rom_ca,
            pins: first.pins,
            admin: first.admin,
            mebx: first.mebx,
            doubt: first.doubt,
            keying: first.keying,
            activation_committed: first.activation_committed,
            admin_committed: first.admin_committed,
            permit: first.permit.map(permit),
            flow_b: first.flow_b,
            origin: Origin::Ours,
        }
    }
}
