use amt_provision_fsm::channel::Plain;
use amt_provision_fsm::session::{AnySession, Session};
use amt_provision_fsm::stage::Tunneling;

fn twice(session: Session<Tunneling, Plain>) -> [AnySession; 2] {
    [session.into(), session.into()]
}

fn main() {
    let _ = twice;
}
