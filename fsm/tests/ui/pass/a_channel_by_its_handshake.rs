use amt_provision_fsm::channel::{Recognised, Stranger, classify};
use amt_provision_fsm::peer::{Expectation, Peer};
use amt_provision_fsm::record::Record;

fn typed(peer: &Peer, expected: &Expectation, record: &Record) -> Result<Recognised, Stranger> {
    classify(peer, expected, record)
}

fn main() {
    let _ = typed;
}
