use amt_provision_fsm::channel::Unconnected;
use amt_provision_fsm::request::{Plainly, Request};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::TcpOpen;

fn ask(session: &Session<TcpOpen, Unconnected>, question: Plainly) -> Request {
    session.request(question)
}

fn main() {
    let _ = ask;
}
