use amt_provision_fsm::session::{CcmSeen, Look};

fn seen(look: Look) -> Option<CcmSeen> {
    look.ccm()
}

fn main() {
    let _ = seen;
}
