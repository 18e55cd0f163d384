//! The ways between the control modes: `IPS_HostBasedSetupService` (wsman.md §2.1).

use std::collections::VecDeque;

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};
use amt_provision_fsm::time::Instant;
use rustls::crypto::{GetRandomFailed, SecureRandom};

use super::chain::{Judge, NONCE, Place, ProvisioningChain};
use super::instance::{Instance, boolean, bytes, number, to_base64, value};
use super::refusal::Invoked;
use super::{AdminSetup, Class, Firmware};
use crate::http::digest::{Ha1, MAX_NONCES};
use crate::simulator::persona::AfterCommit;
use crate::wsman::envelope::{Fault, FaultKind};
use crate::wsman::status::{ChainStatus, SetupStatus};
use crate::wsman::xml::Node;

/// What belongs to one digest session: the nonce to be signed, and the chain as far as it has come.
#[derive(Clone, Debug)]
struct SetupSession {
    digest_nonce: String,
    configuration_nonce: [u8; NONCE],
    chain: ProvisioningChain,
}

/// The sessions of all digest nonces that are still good. They outlive TCP connections.
#[derive(Debug, Default)]
pub(super) struct SetupSessions(VecDeque<SetupSession>);

impl SetupSessions {
    fn find(&mut self, digest_nonce: &str) -> Option<&mut SetupSession> {
        self.0.iter_mut().find(|session| session.digest_nonce == digest_nonce)
    }

    /// A new nonce for this session: what was signed over an earlier one is stale, and the chain starts over.
    /// Returns the nonce and how far the chain had come.
    fn renew(&mut self, digest_nonce: &str, random: &dyn SecureRandom) -> Result<([u8; NONCE], u32), GetRandomFailed> {
        let mut configuration_nonce = [0; NONCE];
        random.fill(&mut configuration_nonce)?;
        let before = self.close(digest_nonce);
        if self.0.len() >= MAX_NONCES {
            self.0.pop_front();
        }
        let chain = ProvisioningChain::default();
        self.0.push_back(SetupSession { digest_nonce: digest_nonce.to_owned(), configuration_nonce, chain });
        Ok((configuration_nonce, before.map_or(0, |session| session.chain.status_code())))
    }

    fn close(&mut self, digest_nonce: &str) -> Option<SetupSession> {
        let at = self.0.iter().position(|session| session.digest_nonce == digest_nonce)?;
        self.0.remove(at)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Firmware {
    pub(super) fn host_based_setup_service(&mut self, digest_nonce: &str) -> Result<Node, Fault> {
        let renewed = self.sessions.renew(digest_nonce, self.random);
        let (nonce, chain_status) = renewed.map_err(|_| Fault::new(FaultKind::InternalError))?;
        let name = "Intel(r) AMT Host Based Setup Service";
        let instance = Instance::service(Class::HostBasedSetupService, name, name)
            .with("AllowedControlModes", 2)
            .with("AllowedControlModes", 1)
            .with("CertChainStatus", chain_status)
            .with("ConfigurationNonce", to_base64(&nonce))
            .with("CurrentControlMode", self.mode.code());
        Ok(instance.finish())
    }

    pub(super) fn set_up(&mut self, input: &Node) -> Invoked {
        if self.mode != ControlMode::PreProvisioning {
            self.counters.repeated += 1;
            return Err(SetupStatus::InvalidState.into());
        }
        let admin = network_admin_password(input)?;
        self.accounts.admin = Some(admin);
        self.enter(ControlMode::Client);
        self.counters.setups += 1;
        Ok(Vec::new())
    }

    pub(super) fn add_next_cert_in_chain(&mut self, digest_nonce: &str, input: &Node, now: Instant) -> Invoked {
        let place = match (boolean(input, "IsLeafCertificate"), boolean(input, "IsRootCertificate")) {
            (Some(true), Some(false)) => Place::Leaf,
            (Some(false), Some(false)) => Place::Intermediate,
            (Some(false), Some(true)) => Place::Root,
            _ => return Err(ChainStatus::InvalidParameter.into()),
        };
        let der = bytes(input, "NextCertificate").ok_or(ChainStatus::InvalidParameter)?;
        let judge = Judge {
            chains: self.generation.chains,
            roots: &self.roots,
            dns_suffix: self.dns_suffix.as_deref(),
            now: self.clock.at(now),
        };
        let session = self.sessions.find(digest_nonce).ok_or(ChainStatus::InvalidState)?;
        session.chain.add(der, place, judge)?;
        Ok(Vec::new())
    }

    /// To ACM from no mode at all; switched off from AMT 19 on (odca.md §2.3).
    pub(super) fn admin_setup(&mut self, digest_nonce: &str, input: &Node) -> Invoked {
        if self.generation.admin_setup == AdminSetup::Disabled {
            return Err(SetupStatus::MethodDisabled.into());
        }
        if self.mode != ControlMode::PreProvisioning {
            self.counters.repeated += 1;
            return Err(SetupStatus::InvalidState.into());
        }
        let admin = network_admin_password(input)?;
        self.check_signature(digest_nonce, input)?;
        self.accounts.admin = Some(admin);
        self.enter(ControlMode::Admin);
        self.counters.admin_setups += 1;
        Ok(Vec::new())
    }

    pub(super) fn upgrade_client_to_admin(&mut self, digest_nonce: &str, input: &Node) -> Invoked {
        match self.mode {
            ControlMode::Client => {}
            ControlMode::Admin => {
                self.counters.repeated += 1;
                return Err(SetupStatus::InvalidState.into());
            }
            ControlMode::PreProvisioning => return Err(SetupStatus::InvalidState.into()),
        }
        self.check_signature(digest_nonce, input)?;
        self.mode = ControlMode::Admin;
        self.counters.upgrades += 1;
        Ok(Vec::new())
    }

    /// A nonce is good for one try, and only in the digest session that was given it.
    fn check_signature(&mut self, digest_nonce: &str, input: &Node) -> Result<(), SetupStatus> {
        let our_nonce = bytes(input, "McNonce").filter(|nonce| nonce.len() == NONCE);
        let our_nonce = our_nonce.ok_or(SetupStatus::InvalidParameter)?;
        let signature = bytes(input, "DigitalSignature").ok_or(SetupStatus::InvalidParameter)?;
        let session = self.sessions.close(digest_nonce).ok_or(SetupStatus::AuthenticationFailed)?;
        let signed = [session.configuration_nonce.as_slice(), &our_nonce].concat();
        session.chain.check(self.generation.chains, number(input, "SigningAlgorithm"), &signed, &signature)
    }

    fn enter(&mut self, mode: ControlMode) {
        self.mode = mode;
        self.state = match self.persona.after_commit {
            AfterCommit::Keeps => ProvisioningState::Post,
            AfterCommit::Odca | AfterCommit::DefaultListed | AfterCommit::DefaultUnlisted => ProvisioningState::In,
        };
    }
}

/// MD5 of `admin:realm:password` in lower-case digits, and saying so (wsman.md §1.7).
fn network_admin_password(input: &Node) -> Result<Ha1, SetupStatus> {
    const HTTP_DIGEST_MD5: u32 = 2;
    let password = value(input, "NetworkAdminPassword").unwrap_or_default();
    match (number(input, "NetAdminPassEncryptionType"), Ha1::from_hex(password)) {
        (Some(HTTP_DIGEST_MD5), Some(ha1)) if !password.bytes().any(|digit| digit.is_ascii_uppercase()) => Ok(ha1),
        _ => Err(SetupStatus::InvalidParameter),
    }
}
