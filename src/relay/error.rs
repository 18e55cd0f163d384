//! Why a relay has nothing good to say, by blame.

use std::io;
use std::path::PathBuf;

use amt_provision_fsm::deadline::RECONNECT;
use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::relay::RelayWake;
use amt_provision_fsm::time::Millis;
use rustls::AlertDescription;

use super::proxy::{ProxyFault, ProxyUrl};
use super::{LmsAddress, ServerUrl};
use crate::mei::SurveyError;
use crate::protocol::compact::CompactError;
use crate::protocol::{Outcome, ParseError, TooLong};

/// Why a relay ended without success.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The firmware could not be asked what it is.
    #[error("the firmware cannot be asked: {0}")]
    Mei(#[from] SurveyError),
    /// It was asked, and went silent.
    #[error("the firmware did not answer everything within {0}")]
    MeiSilent(Millis),
    /// Nobody listens where LMS should.
    #[error("no LMS answers at {address} port {port}: {source}; install and start Intel LMS")]
    NoLms {
        /// Where it was looked for.
        address: LmsAddress,
        /// The port that the firmware speaks.
        port: Port,
        /// What the operating system said last.
        source: io::Error,
    },
    /// The operator's file of certificates is no good.
    #[error("the certificates in {}: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The platform has no certificates to judge the server by.
    #[error("this platform names no trusted certificates: {0}; give the server's with a CA file")]
    NoRoots(String),
    /// What the relay was to show of itself would be there for others to read.
    #[error("{what} is shown over wss:// only, and {url} is ws://")]
    InTheClear {
        /// The server.
        url: ServerUrl,
        /// What was to be shown.
        what: &'static str,
    },
    /// There is no way through the proxy.
    #[error("proxy {proxy} {fault}")]
    Proxy {
        /// The proxy.
        proxy: ProxyUrl,
        /// What it did.
        fault: ProxyFault,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of {url} is not trusted: {reason}; name with --ca what it should end in")]
    Untrusted {
        /// The server.
        url: ServerUrl,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not take the relay's certificate.
    #[error("{url} {} (alert {alert:?}): see to --client-cert", if *.had_certificate {
        "does not take this relay's certificate"
    } else {
        "wants a client certificate"
    })]
    CertificateRefused {
        /// The server.
        url: ServerUrl,
        /// Whether a certificate was shown.
        had_certificate: bool,
        /// The alert that it sent.
        alert: AlertDescription,
    },
    /// The server wants to know who the relay is.
    #[error("{url} answers with status 401: {}", if *.had_token {
        "it does not take this relay's token"
    } else {
        "it wants a token (--token-file) or a client certificate (--client-cert)"
    })]
    Unauthorized {
        /// The server.
        url: ServerUrl,
        /// Whether a token was shown.
        had_token: bool,
    },
    /// What the operator and the firmware say does not fit one message.
    #[error("the first message cannot be sent: {0}")]
    Report(#[from] TooLong),
    /// There is no way to the server.
    #[error("no connection to {url}: {source}")]
    Unreachable {
        /// The server.
        url: ServerUrl,
        /// What the operating system or TLS says.
        source: io::Error,
    },
    /// The server answered, but not as a server of ours.
    #[error("{url} refuses: {reason}")]
    Refused {
        /// The server.
        url: ServerUrl,
        /// What it answered.
        reason: String,
    },
    /// The server has no room, or this address or a proxy before it has used up what it may.
    #[error("{url} has no room at the moment (status {status}): come back {}", match .after {
        Some(seconds) => format!("in {seconds} s"),
        None => "later".to_owned(),
    })]
    TurnedAway {
        /// The server.
        url: ServerUrl,
        /// 429 or 503.
        status: u16,
        /// What it says about when to come back, in seconds.
        after: Option<u32>,
    },
    /// The server is being stopped. It may be there again at once, or another one in its place.
    #[error("the server reports: {0}")]
    Stopping(String),
    /// The server says that it failed. The words are its own.
    #[error("the server reports: {0}")]
    Failure(Outcome),
    /// The server says that it succeeded, and the firmware that nothing has become of it.
    #[error("the server reports: {0}; but the firmware itself says that it is not provisioned: do not rely on it")]
    NotActivated(Box<Outcome>),
    /// The server sent what no relay understands or does.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// The server sent a binary frame.
    #[error("the server sent a binary frame: expected text")]
    Binary,
    /// The server sent compact frames that cannot be.
    #[error("the server sent {0}")]
    Compact(Box<CompactError>),
    /// The server reads and acknowledges nothing.
    #[error("the server acknowledges nothing of what it is sent")]
    Unacknowledged,
    /// The line broke, and there was no other one in time.
    #[error(
        "the line to the server did not come back within {RECONNECT}: {0}; run this again, it goes on where the device is"
    )]
    NotBack(Box<str>),
    /// The line broke before the server said how it ended. The device may be half way: run the relay again.
    #[error("the line to the server was lost: {0}; run this again, it goes on where the device is")]
    LineLost(String),
    /// Nothing happened in time.
    #[error("waited too long for {0}; run this again, it goes on where the device is")]
    Deadline(RelayWake),
    /// A relay [in rpc-go's manner](super::sequential) met what rpc-go does not survive.
    #[error("rpc-go would have given up: {0}")]
    GaveUp(super::sequential::Fatal),
    /// The server sent more than there was room for.
    #[error("the server sent more than the device takes")]
    Flooded,
}
