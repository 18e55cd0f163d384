use amt_provision_fsm::channel::{Grant, Pinned, Proven};

fn right(channel: &Pinned<Proven>) -> Grant<Pinned<Proven>> {
    channel.grant()
}

fn main() {
    let _ = right;
}
