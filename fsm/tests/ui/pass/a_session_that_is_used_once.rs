use amt_provision_fsm::channel::Plain;
use amt_provision_fsm::session::{AnySession, Session};
use amt_provision_fsm::stage::Tunneling;

fn once(session: Session<Tunneling, Plain>) -> [AnySession; 1] {
    [session.into()]
}

fn main() {
    let _ = once;
}
