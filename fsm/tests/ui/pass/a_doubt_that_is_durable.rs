use amt_provision_fsm::record::DoubtDurable;
use amt_provision_fsm::request::{FirmwareNonce, Upgrade};

fn signature(nonce: FirmwareNonce, doubt: &DoubtDurable) -> Option<Upgrade> {
    Upgrade::signature(nonce, doubt)
}

fn main() {
    let _ = signature;
}
