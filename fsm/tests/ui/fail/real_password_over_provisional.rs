use amt_provision_fsm::channel::{Provisional, Real};
use amt_provision_fsm::request::{Request, Setup};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Tunneling;

fn set_up(session: &Session<Tunneling, Provisional>, setup: Setup<Real>) -> Request {
    session.request(setup)
}

fn main() {
    let _ = set_up;
}
