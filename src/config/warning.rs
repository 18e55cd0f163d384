//! What an operator should hear at every start, because it is allowed and has a price.

use std::fmt;
use std::net::SocketAddr;

use amt_provision_fsm::policy::{FirstUseTrust, FlowB};

use super::model::Config;
use crate::access::Access;
use crate::protocol::ProfileName;

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
    /// A profile begins in plain text with devices that have no TLS yet.
    FlowB(ProfileName),
    /// A profile shows authority to devices whose key nobody vouched for.
    TrustsFirstUse(ProfileName),
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
            Self::FlowB(profile) => write!(
                f,
                "profile `{profile}` allows flow B: a relay that is hostile at first contact can play the device"
            ),
            Self::TrustsFirstUse(profile) => write!(
                f,
                "profile `{profile}` trusts pins that were learnt at first use: a relay that was hostile then gets the \
                 ACM signature and every secret after it"
            ),
        }
    }
}

impl Config {
    /// What to say at every start.
    pub fn warnings(&self) -> Vec<Warning> {
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
        for profile in &self.profiles {
            if profile.policy.flow_b == FlowB::Allowed {
                warnings.push(Warning::FlowB(profile.name.clone()));
            }
            if profile.policy.first_use == FirstUseTrust::Trusted {
                warnings.push(Warning::TrustsFirstUse(profile.name.clone()));
            }
        }
        warnings
    }
}
