use amt_provision_fsm::channel::{FirstUse, Grant, Pinned};

fn right(channel: &Pinned<FirstUse>) -> Grant<Pinned<FirstUse>> {
    channel.grant()
}

fn main() {
    let _ = right;
}
