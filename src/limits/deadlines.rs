//! How long the server waits for its relays.

use std::time::Duration;

use amt_provision_fsm::deadline;

/// How long a relay may take (G8). How long its device may take is in the core's own table
/// ([`deadline`](amt_provision_fsm::deadline)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For each of its handshakes, TLS and WebSocket: 15 s.
    pub accept: Duration,
    /// For its first message: 30 s.
    pub hello: Duration,
    /// To take a message of ours: 30 s.
    pub take: Duration,
    /// To come back when the line of its session was lost: 60 s; [behind a balancer](Self::shared), 1 s.
    pub reconnect: Duration,
    /// To take the last one, and again to say goodbye: 5 s.
    pub goodbye: Duration,
    /// For its device to answer what was asked already, when the server is told to stop: 20 s.
    pub shutdown: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            accept: Duration::from_secs(15),
            hello: Duration::from_secs(30),
            take: Duration::from_secs(30),
            reconnect: Duration::from_millis(deadline::RECONNECT.0),
            goodbye: Duration::from_secs(5),
            shutdown: Duration::from_secs(20),
        }
    }
}

impl Deadlines {
    /// Of one server among several that share a fleet. A relay whose line was lost may come back at another one, which
    /// waits 2 s for the lease: by then the session that waits for that relay has to be gone.
    #[must_use]
    pub fn shared() -> Self {
        Self { reconnect: Duration::from_secs(1), ..Self::default() }
    }
}
