//! What an operator should hear at every start, because it is allowed and has a price.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use amt_provision_fsm::policy::{FirstUseTrust, FlowB};
use rustls::pki_types::UnixTime;

use super::model::Config;
use crate::access::Access;
use crate::pki::provisioning::Finding;
use crate::protocol::ProfileName;
use crate::store::StoreAddress;

/// Something that a configuration allows, and what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A trust set beside Intel's production one (design: it never relaxes that one).
    AddedTrust(String),
    /// Others can reach the address, and nobody is asked who they are.
    Unauthenticated(SocketAddr),
    /// Others can reach the address, and the line is not encrypted.
    PlainWebSocket(SocketAddr),
    /// Others can reach the address, and tokens come to it in the clear.
    PlainTokens(SocketAddr),
    /// Records and secrets go to the database over a network, without TLS.
    UnprotectedStore(String),
    /// A profile begins in plain text with devices that have no TLS yet.
    FlowB(ProfileName),
    /// A profile shows authority to devices whose key nobody vouched for.
    TrustsFirstUse(ProfileName),
    /// Something about a provisioning certificate that is no mistake yet.
    Provisioning {
        /// The file that it is in.
        file: PathBuf,
        /// What.
        finding: Finding,
    },
    /// Certificates beside a provisioning chain that have no place in it, and are not sent.
    UnusedCertificates {
        /// The file that they are in.
        file: PathBuf,
        /// How many.
        count: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddedTrust(name) => write!(
                f,
                "ODCA trust set `{name}` is trusted beside Intel's production set: whoever has its keys can play any \
                 device"
            ),
            Self::Unauthenticated(address) => {
                write!(f, "relays at {address} are not authenticated: anybody who reaches it may start a run")
            }
            Self::PlainWebSocket(address) => write!(
                f,
                "the line to {address} is ws://, not wss://: what a device says in plain text, in flow B, can be read \
                 on the network"
            ),
            Self::PlainTokens(address) => write!(
                f,
                "tokens come to {address} over ws://: whoever reads on the network has them, unless something in front \
                 speaks TLS with relays"
            ),
            Self::UnprotectedStore(store) => write!(
                f,
                "{store} is reached without TLS: whoever is on the way reads every password, and can change every pin"
            ),
            Self::FlowB(profile) => write!(
                f,
                "profile `{profile}` allows flow B: a relay that is hostile at first contact can play the device"
            ),
            Self::TrustsFirstUse(profile) => write!(
                f,
                "profile `{profile}` trusts pins that were learnt at first use: a relay that was hostile then gets the \
                 ACM signature and every secret after it"
            ),
            Self::Provisioning { file, finding } => write!(f, "{}: {finding}", file.display()),
            Self::UnusedCertificates { file, count } => {
                write!(f, "{}: {count} of its certificates have no place in the chain and are not sent", file.display())
            }
        }
    }
}

impl Config {
    /// What to say at a start at `now`.
    pub fn warnings(&self, now: UnixTime) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = self.odca.added().map(|name| Warning::AddedTrust(name.to_owned())).collect();
        let address = self.listener.address;
        if !address.ip().is_loopback() {
            let access = &self.listener.access;
            if *access == Access::Anybody {
                warnings.push(Warning::Unauthenticated(address));
            }
            if self.listener.tls.is_none() {
                warnings.push(Warning::PlainWebSocket(address));
                if matches!(access, Access::Known(tokens) if !tokens.is_empty()) {
                    warnings.push(Warning::PlainTokens(address));
                }
            }
        }
        if let StoreAddress::Postgres(address) = &self.store
            && address.is_unprotected()
        {
            warnings.push(Warning::UnprotectedStore(address.to_string()));
        }
        for profile in &self.profiles {
            if profile.policy.flow_b == FlowB::Allowed {
                warnings.push(Warning::FlowB(profile.name.clone()));
            }
            if profile.policy.first_use == FirstUseTrust::Trusted {
                warnings.push(Warning::TrustsFirstUse(profile.name.clone()));
            }
        }
        for domain in &self.domains {
            let file = || domain.source.path.clone();
            if domain.unused > 0 {
                warnings.push(Warning::UnusedCertificates { file: file(), count: domain.unused });
            }
            let findings = domain.lint(now).into_iter().filter(|finding| finding.flaw().is_none());
            warnings.extend(findings.map(|finding| Warning::Provisioning { file: file(), finding }));
        }
        warnings
    }
}
