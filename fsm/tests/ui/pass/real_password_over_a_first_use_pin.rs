use amt_provision_fsm::channel::{FirstUse, Pinned, Real};
use amt_provision_fsm::request::{NewPassword, Request};
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::CertReplaced;

fn set(session: &Session<CertReplaced, Pinned<FirstUse>>, password: NewPassword<Real>) -> Request {
    session.request(password)
}

fn main() {
    let _ = set;
}
