use amt_provision_fsm::channel::Plain;
use amt_provision_fsm::request::{Plainly, Request};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Tunneling;

fn ask(session: &Session<Tunneling, Plain>, question: Plainly) -> Request {
    session.request(question)
}

fn main() {
    let _ = ask;
}
