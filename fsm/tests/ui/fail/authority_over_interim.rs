use amt_provision_fsm::channel::Interim;
use amt_provision_fsm::request::{Request, Upgrade};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Activated;

fn upgrade(session: &Session<Activated, Interim>, signature: Upgrade) -> Request {
    session.request(signature)
}

fn main() {
    let _ = upgrade;
}
