//! What is found in chains, each finding beside the chain that has nothing of it; orders and PFX files.

mod lint;
mod order;
mod pfx;

use std::sync::LazyLock;

use amt_provision_fsm::firmware::AmtVersion;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::*;
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape, ProvisioningStrength};

/// One as it is bought: leaf, one intermediate, root; RSA-2048 with SHA-256; from 2024 to the end of 2035.
static BOUGHT: LazyLock<ProvisioningChain> = LazyLock::new(|| mint(&shape()));

/// The same as AMT 22 wants it.
static STRONG: LazyLock<ProvisioningChain> =
    LazyLock::new(|| mint(&ProvisioningShape { strength: ProvisioningStrength::Rsa3072Sha384, ..shape() }));

fn shape() -> ProvisioningShape {
    ProvisioningShape::for_domain("corp.example")
}

fn mint(shape: &ProvisioningShape) -> ProvisioningChain {
    ProvisioningChain::mint(shape).unwrap()
}

fn at(year: i32, month: u8, day: u8) -> UnixTime {
    let moment = rcgen::date_time_ymd(year, month, day).unix_timestamp();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(moment.try_into().unwrap()))
}

/// Terms of a day on which the chains are valid.
fn terms() -> Terms {
    Terms::of_any_device(at(2027, 1, 1)).with_dns_suffix("corp.example")
}
