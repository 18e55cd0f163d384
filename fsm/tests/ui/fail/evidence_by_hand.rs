use amt_provision_fsm::session::CcmSeen;

fn main() {
    let _ = CcmSeen(());
}
