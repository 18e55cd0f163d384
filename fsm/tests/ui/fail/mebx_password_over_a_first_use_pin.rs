use amt_provision_fsm::channel::{FirstUse, Pinned};
use amt_provision_fsm::request::{Mebx, Request};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::Acm;

fn set(session: &Session<Acm, Pinned<FirstUse>>, password: Mebx) -> Request {
    session.request(password)
}

fn main() {
    let _ = set;
}
