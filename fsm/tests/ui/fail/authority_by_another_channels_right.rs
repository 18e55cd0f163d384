use amt_provision_fsm::channel::{FirstUse, Grant, Pinned, Proven};
use amt_provision_fsm::request::{Request, Upgrade};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::CertReplaced;

fn upgrade(
    session: &Session<CertReplaced, Pinned<FirstUse>>,
    signature: Upgrade,
    right: &Grant<Pinned<Proven>>,
) -> Request {
    session.request_granted(signature, right)
}

fn main() {
    let _ = upgrade;
}
