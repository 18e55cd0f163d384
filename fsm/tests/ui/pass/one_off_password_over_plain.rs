use amt_provision_fsm::channel::{OneOff, Plain};
use amt_provision_fsm::request::{Request, Setup};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Tunneling;

fn set(session: &Session<Tunneling, Plain>, password: Setup<OneOff>) -> Request {
    session.request(password)
}

fn main() {
    let _ = set;
}
