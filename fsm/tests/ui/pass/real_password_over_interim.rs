use amt_provision_fsm::channel::{Interim, Real};
use amt_provision_fsm::request::{NewPassword, Request};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Tunneling;

fn set(session: &Session<Tunneling, Interim>, password: NewPassword<Real>) -> Request {
    session.request(password)
}

fn main() {
    let _ = set;
}
