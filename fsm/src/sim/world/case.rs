//! What is tried.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::policy::{Order, Profile};
use crate::sim::faults::{FaultPlan, When};
use crate::sim::persona::Persona;

/// One case: what the device is, what is wanted of it, and what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Chooses latencies and where bytes are cut.
    pub seed: u64,
    /// The device.
    pub persona: Persona,
    /// The profile.
    pub profile: Profile,
    /// What the operator orders, one after the other, and when an order is taken back before it is carried out;
    /// steps are counted from the order on.
    pub orders: Vec<(Order, Option<When>)>,
    /// What goes wrong.
    pub faults: FaultPlan,
}

/// One word, for a person to copy: [`Case::from_str`] reads it.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&postcard::to_allocvec(self).map_err(|_| fmt::Error)?))
    }
}

/// The word is no case, or one of another version of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCase;

impl FromStr for Case {
    type Err = NoCase;

    fn from_str(word: &str) -> Result<Self, NoCase> {
        let bytes = unhex(word).ok_or(NoCase)?;
        match postcard::take_from_bytes(&bytes) {
            Ok((case, [])) => Ok(case),
            _ => Err(NoCase),
        }
    }
}

/// Bytes as two digits each.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// And back.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    let (pairs, []) = text.as_bytes().as_chunks() else { return None };
    pairs.iter().map(byte).collect()
}
