use amt_provision_fsm::channel::{Odca, Real};
use amt_provision_fsm::request::{Request, Setup};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Tunneling;

fn set_up(session: &Session<Tunneling, Odca>, setup: Setup<Real>) -> Request {
    session.request(setup)
}

fn main() {
    let _ = set_up;
}
