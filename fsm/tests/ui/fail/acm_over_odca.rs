use amt_provision_fsm::channel::{Channel, Odca};
use amt_provision_fsm::edges::Next;
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::{Acm, CertReplaced, Stage};

fn edge<S: Next<T, C>, T: Stage, C: Channel>() {}

fn main() {
    edge::<Session<CertReplaced, Odca>, Acm, Odca>();
}
