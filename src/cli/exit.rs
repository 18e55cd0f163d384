//! The exit statuses, all in one place.

use std::fmt;
use std::process::ExitCode;

use amt_provision_fsm::fault::Fault;

use crate::relay::RelayError;
use crate::relay::proxy::ProxyFault;
use crate::store::StoreError;

/// How a command ended: well, or by who has to act next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done.
    Done = 0,
    /// The command line is wrong.
    Usage = 2,
    /// A person has to decide or to mend something: the configuration, a permit, a name.
    Operator = 3,
    /// The device, the relay or the server at the other end did what it must not.
    Peer = 4,
    /// The line did not hold.
    Link = 5,
    /// Our own side failed: the store, the random source, or this program.
    Ours = 6,
}

impl ExitStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::Done, Self::Usage, Self::Operator, Self::Peer, Self::Link, Self::Ours];

    /// The number that a shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status of a run that ended with `fault`.
    pub const fn of_fault(fault: &Fault) -> Self {
        match fault {
            Fault::Peer(_) => Self::Peer,
            Fault::Link(_) => Self::Link,
            Fault::Operator(_) => Self::Operator,
            Fault::Ours(_) => Self::Ours,
        }
    }

    /// The status of a command whose store said `error`.
    pub const fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Key(error) if error.is_outage() => Self::Ours,
            StoreError::UnknownDevice(_)
            | StoreError::Key(_)
            | StoreError::InService(_)
            | StoreError::NoAccess { .. }
            | StoreError::TooNew(_) => Self::Operator,
            StoreError::Conflict { .. }
            | StoreError::Busy { .. }
            | StoreError::LeaseLost(_)
            | StoreError::UnknownPassword { .. }
            | StoreError::Damaged { .. }
            | StoreError::Unavailable { .. }
            | StoreError::Rejected(_)
            | StoreError::Password(_)
            | StoreError::Authority(_) => Self::Ours,
        }
    }

    /// The status of a relay that ended with `error`.
    pub const fn of_relay(error: &RelayError) -> Self {
        match error {
            RelayError::Mei(_)
            | RelayError::NoLms { .. }
            | RelayError::CaFile { .. }
            | RelayError::NoRoots(_)
            | RelayError::Report(_)
            | RelayError::InTheClear { .. }
            | RelayError::Untrusted { .. }
            | RelayError::CertificateRefused { .. }
            | RelayError::Unauthorized { .. } => Self::Operator,
            RelayError::Proxy { fault, .. } => match fault {
                ProxyFault::Refused { status: 500..=599, .. }
                | ProxyFault::Unreachable(_)
                | ProxyFault::Silent(_)
                | ProxyFault::Ended => Self::Link,
                ProxyFault::Refused { .. } => Self::Operator,
                ProxyFault::NotHttp | ProxyFault::TooLong | ProxyFault::Early => Self::Peer,
            },
            RelayError::MeiSilent(_)
            | RelayError::Refused { .. }
            | RelayError::Failure(_)
            | RelayError::NotActivated(_)
            | RelayError::Unreadable(_)
            | RelayError::Binary
            | RelayError::Compact(_)
            | RelayError::Unacknowledged
            | RelayError::Flooded => Self::Peer,
            RelayError::Unreachable { .. }
            | RelayError::TurnedAway { .. }
            | RelayError::Stopping(_)
            | RelayError::LineLost(_)
            | RelayError::NotBack(..)
            | RelayError::Deadline(_)
            | RelayError::GaveUp(_) => Self::Link,
        }
    }

    /// The end of the `--help` of the whole.
    pub(super) fn help() -> String {
        Self::ALL
            .iter()
            .fold("Exit status:".to_owned(), |text, status| text + &format!("\n  {}  {status}", status.code()))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Usage => "the command line is wrong",
            Self::Operator => "a person has to decide or to mend something; the message says what",
            Self::Peer => "the device, the relay or the server at the other end did what it must not",
            Self::Link => "the line did not hold: run it again, it goes on where the device is",
            Self::Ours => "our own side failed: the store, the random source or this program",
        })
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        status.code().into()
    }
}

#[cfg(test)]
mod tests {
    use amt_provision_fsm::fault::{Link, Operator, Ours, Peer};

    use super::*;

    #[test]
    fn each_blame_has_a_status_of_its_own_and_the_help_lists_all() {
        let faults: [Fault; 4] = [
            Peer::Downgrade.into(),
            Link::TooManyChannels.into(),
            Operator::FlashWear.into(),
            Ours::StoreFailed.into(),
        ];
        let codes = faults.map(|fault| ExitStatus::of_fault(&fault).code());
        assert_eq!(codes, [4, 5, 3, 6]);
        assert_eq!(ExitStatus::of_relay(&RelayError::LineLost("it is gone".into())), ExitStatus::Link);
        assert_eq!(ExitStatus::of_relay(&RelayError::Flooded), ExitStatus::Peer);
        let proxy = |status| {
            let fault = ProxyFault::Refused { status, named_user: false };
            ExitStatus::of_relay(&RelayError::Proxy { proxy: "http://p".parse().unwrap(), fault })
        };
        assert_eq!([407, 403, 503].map(proxy), [ExitStatus::Operator, ExitStatus::Operator, ExitStatus::Link]);
        assert_eq!(ExitStatus::of_store(&StoreError::TooNew(7)), ExitStatus::Operator);
        assert_eq!(ExitStatus::of_store(&StoreError::Rejected("no".into())), ExitStatus::Ours);
        let help = ExitStatus::help();
        assert!(ExitStatus::ALL.iter().all(|status| help.contains(&format!("  {}  {status}", status.code()))));
    }
}
