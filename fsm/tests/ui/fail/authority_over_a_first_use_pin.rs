use amt_provision_fsm::channel::{Pinned, FirstUse};
use amt_provision_fsm::request::{Request, Upgrade};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::CertReplaced;

fn upgrade(session: &Session<CertReplaced, Pinned<FirstUse>>, signature: Upgrade) -> Request {
    session.request(signature)
}

fn main() {
    let _ = upgrade;
}
