//! Every wait has an end and a reason: the one table of deadlines (G8).

use core::fmt;

use crate::request::Request;
use crate::time::Millis;

/// What a machine is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The relay's report on its device.
    Report,
    /// The relay's word that a port is open.
    Open,
    /// The next try at a port that is restarting.
    Retry,
    /// A TLS handshake.
    Handshake,
    /// The reply to a request.
    Reply,
    /// A certificate of our own authority.
    Certificate,
    /// The store.
    Store,
    /// The end of the whole run.
    Run,
    /// Outputs that have not been taken yet: drain them now.
    QueuedOutput,
}

impl fmt::Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "the relay's report on its device",
            Self::Open => "the device's port",
            Self::Retry => "the next try at the device's port",
            Self::Handshake => "the TLS handshake",
            Self::Reply => "the device's reply",
            Self::Certificate => "a certificate of our own authority",
            Self::Store => "our store",
            Self::Run => "the end of the run",
            Self::QueuedOutput => "outputs to be taken",
        })
    }
}

/// How long the relay may take for its report, also after its line was lost.
pub const REPORT: Millis = Millis::from_secs(120);
/// How long the relay may take to open a port or to say that it cannot. rpc-go tries a port five times, 5 s apart, before
/// it gives up, and says nothing meanwhile (rpc-go.md §3).
pub const OPEN: Millis = Millis::from_secs(30);
/// How long a device that is to answer over TLS may be silent before the relay is told to look: rpc-go reads for 2.0 s
/// behind each message and then no more until the next one (rpc-go.md §6.11).
pub const SILENCE: Millis = Millis(2500);
/// How long a port may be gone after a commit before that is a fault (odca.md §2.4: 60 s and more).
pub const PORT_BACK: Millis = Millis::from_secs(120);
/// The first pause between two tries at a port. Each next one is an eighth longer, so that of the time a port is
/// away at most an eighth more is waited.
pub const RETRY_FIRST: Millis = Millis(25);
/// The longest pause between two tries at a port.
pub const RETRY_LONGEST: Millis = Millis::from_secs(2);
/// A TLS handshake.
pub const HANDSHAKE: Millis = Millis::from_secs(30);
/// Any request without a line of its own below.
pub const REQUEST: Millis = Millis::from_secs(30);
/// A Put of TLS settings: 30 s and more on hardware (wsman.md §2.8).
pub const TLS_SETTINGS: Millis = Millis::from_secs(90);
/// RSA key generation in the firmware: "takes seconds", up to tens of them (wsman.md §2.6).
pub const KEY_GENERATION: Millis = Millis::from_secs(120);
/// A commit, which restarts the port stack (odca.md §2.4).
pub const COMMIT: Millis = Millis::from_secs(60);
/// How long a session of relay and server may be without its line, at both ends: time for a network that changes or a
/// proxy that is started anew, and no more, because all the while nobody else may drive the device.
pub const RECONNECT: Millis = Millis::from_secs(60);
/// Our own authority.
pub const CERTIFICATE: Millis = Millis::from_secs(30);
/// Our own store.
pub const STORE: Millis = Millis::from_secs(30);
/// A whole run, whatever happens in it.
pub const RUN: Millis = Millis::from_secs(30 * 60);

/// How long the device may take to answer `request`.
pub const fn reply_to(request: &Request) -> Millis {
    match request {
        Request::PutTlsSettings(_) => TLS_SETTINGS,
        Request::GenerateKeyPair(_) => KEY_GENERATION,
        Request::CommitChanges => COMMIT,
        _ => REQUEST,
    }
}

/// The pause before the try after `pause`.
pub fn longer(pause: Millis) -> Millis {
    Millis(pause.0.saturating_add(pause.0.div_ceil(8))).min(RETRY_LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::KeySuite;
    use crate::request::TlsInterface;

    #[test]
    fn what_takes_long_on_hardware_may_take_long() {
        let put = reply_to(&Request::PutTlsSettings(TlsInterface::Local));
        assert!(put >= Millis::from_secs(60), "a Put of TLS settings takes 30 s and more (G8): {put}");
        let key = reply_to(&Request::GenerateKeyPair(KeySuite::Rsa2048Sha256));
        assert!(key >= Millis::from_secs(60), "a key takes tens of seconds (wsman.md §2.6): {key}");
        let commit = reply_to(&Request::CommitChanges);
        assert!(commit >= Millis::from_secs(60), "a commit restarts the ports (odca.md §2.4): {commit}");
        assert_eq!(reply_to(&Request::ReadControlMode), Millis::from_secs(30));
    }

    #[test]
    fn a_port_that_comes_back_is_met_soon_and_a_port_that_stays_away_is_not_hammered() {
        let (mut waited, mut pause, mut tries) = (Millis(0), RETRY_FIRST, 0);
        while waited < PORT_BACK {
            waited = Millis(waited.0 + pause.0);
            assert!(pause.0 <= RETRY_FIRST.0 + waited.0 / 8, "{pause} after {waited}");
            pause = longer(pause);
            tries += 1;
        }
        assert!((60..120).contains(&tries), "{tries} tries in {PORT_BACK}");
    }
}
