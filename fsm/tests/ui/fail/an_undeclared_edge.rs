use amt_provision_fsm::channel::{Channel, Plain};
use amt_provision_fsm::edges::Next;
use amt_provision_fsm::session::Session;
use amt_provision_fsm::stage::{Activated, CertReplaced, Stage};

fn edge<S: Next<T, C>, T: Stage, C: Channel>() {}

fn main() {
    edge::<Session<Activated, Plain>, CertReplaced, Plain>();
}
