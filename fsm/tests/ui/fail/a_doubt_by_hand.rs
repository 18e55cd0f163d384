use amt_provision_fsm::record::DoubtDurable;
use amt_provision_fsm::request::{FirmwareNonce, Once, Upgrade};

fn signature(nonce: FirmwareNonce) -> Option<Upgrade> {
    Upgrade::signature(nonce, &DoubtDurable { once: Once::Upgrade })
}

fn main() {
    let _ = signature;
}
