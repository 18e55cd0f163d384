//! Stages: how far a device has come, as types that hold the evidence for it. One file each.
//!
//! A stage's `plan` is a decision list: each line either has what it needs or says what it wants first
//! (`Want`). It decides from the record, from the facts of this one channel and
//! from the profile, and from nothing else; so a resumed run and a fresh one take the same way.

mod acm;
mod activated;
mod cert_replaced;
mod cert_staged;
mod ended;
mod keying;
mod password;
mod probe;
mod tcp_open;
mod tunneling;
mod unprovisioning;

pub use acm::Acm;
pub use activated::Activated;
pub use cert_replaced::CertReplaced;
pub use cert_staged::CertStaged;
pub use ended::{Configured, Failed, Quarantined, ShortOf, Unprovisioned};
pub use probe::Probe;
pub(crate) use tcp_open::{Dialling, Tries};
pub use tcp_open::{OpenFault, TcpOpen, TlsFault};
pub(crate) use tunneling::Arrives;
pub use tunneling::Tunneling;

use core::fmt;

use serde::{Deserialize, Serialize};

/// A stage of the protocol. Sealed: the stages of design.md §3.
pub trait Stage: sealed::Sealed {
    /// The stage by name.
    const NAME: StageName;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! stages {
    ($($(#[$doc:meta])* $stage:ident;)+) => {
        /// A stage by name, for logs, tables and diagrams.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum StageName {
            $($(#[$doc])* $stage,)+
        }

        $(impl sealed::Sealed for $stage {}
        impl Stage for $stage {
            const NAME: StageName = StageName::$stage;
        })+
    };
}

stages! {
    /// A device report is awaited.
    Probe;
    /// The relay is to open a port.
    TcpOpen;
    /// Requests can be answered.
    Tunneling;
    /// In CCM.
    Activated;
    /// Key, certificate, credential context and settings are being put on the device.
    CertStaged;
    /// A TLS session showed the key whose hash we stored.
    CertReplaced;
    /// In ACM, seen on a pinned session.
    Acm;
    /// The profile is applied.
    Configured;
    /// Back in pre-provisioning.
    Unprovisioned;
    /// Nothing more goes to this device without an operator's permit.
    Quarantined;
    /// Ended short of the goal.
    Failed;
}

impl StageName {
    /// Whether a run ends here.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Configured | Self::Unprovisioned | Self::Quarantined | Self::Failed)
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
