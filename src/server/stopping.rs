//! That the server is told to stop, as its sessions hear it.

use smol::channel::{Receiver, Sender, bounded};

/// Tells everybody, when it is dropped.
pub(super) struct Stop {
    _tells: Sender<()>,
}

/// Hears it.
#[derive(Clone)]
pub(super) struct Stopping(Receiver<()>);

pub(super) fn stop() -> (Stop, Stopping) {
    let (tells, told) = bounded(1);
    (Stop { _tells: tells }, Stopping(told))
}

impl Stopping {
    /// Comes when the server is told to stop, and at once from then on.
    pub(super) async fn told(&self) {
        let _ = self.0.recv().await;
    }
}
