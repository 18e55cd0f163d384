//! The firmware's state, as it comes from the factory and returns to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port, ProvisioningState};
use amt_provision_fsm::identity::{RomCaHash, Uuid};
use amt_provision_fsm::time::Instant;
use rustls::crypto::{SecureRandom, aws_lc_rs};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::accounts::Accounts;
use super::clock::DeviceClock;
use super::general::factory_settings;
use super::instance::to_base64;
use super::lists::Enumerations;
use super::mischief::Mischief;
use super::roots::TrustedRoots;
use super::setup::SetupSessions;
use super::shown::{FactoryIdentities, ShownIdentity};
use super::store::CertificateStore;
use super::tls_settings::TlsSettings;
use super::versions::{DefaultBinding, Generation};
use super::{Class, Counters};
use crate::http::digest::{DigestRealm, Ha1};
use crate::secret::Secret;
use crate::simulator::config::{DeviceConfig, SimulatorError};
use crate::simulator::identity::{ChainShape, Identity, IdentityError};
use crate::simulator::keys::KeyPool;
use crate::simulator::persona::{AfterCommit, DefaultCertificate, FactoryTls, Persona};
use crate::wsman::xml::Node;

/// A simulated firmware. See the [module](super).
pub struct Firmware {
    pub(super) uuid: Uuid,
    pub(super) version: AmtVersion,
    pub(super) generation: Generation,
    pub(super) persona: Persona,
    pub(super) dns_suffix: Option<String>,
    pub(super) roots: TrustedRoots,
    pub(super) keys: Arc<KeyPool>,
    pub(super) random: &'static dyn SecureRandom,
    pub(super) page: usize,
    pub(super) factory: FactoryIdentities,
    pub(super) rom_ca: RomCaHash,

    pub(super) mode: ControlMode,
    pub(super) state: ProvisioningState,
    pub(super) shown: ShownIdentity,
    pub(super) accounts: Accounts,
    pub(super) sessions: SetupSessions,
    pub(super) store: CertificateStore,
    pub(super) staged_tls: TlsSettings,
    pub(super) tls: TlsSettings,
    pub(super) general: Node,
    pub(super) clock: DeviceClock,
    pub(super) lists: Enumerations,
    pub(super) counters: Counters,
    pub(super) requests: BTreeMap<Class, u64>,
    /// What it does wrong the next time.
    pub(super) mischief: Mischief,
    /// Commits leave it between pre- and post-provisioning.
    pub(super) stuck: bool,
}

impl Firmware {
    /// A firmware as it comes from the factory: with an ODCA chain and a default key of its own.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn new(config: &DeviceConfig) -> Result<Self, SimulatorError> {
        let generation = Generation::of(config.version);
        let random = aws_lc_rs::default_provider().secure_random;
        let odca = config.authority.device(&ChainShape::default())?;
        let rom_ca = odca.chain.get(ROM_CA_LEVEL).map_or([0; 32], |rom_ca| Sha256::digest(rom_ca).into());
        let make_default = match config.persona.default_certificate {
            DefaultCertificate::V3 => Identity::self_signed,
            DefaultCertificate::V1 => Identity::self_signed_v1,
        };
        let default = make_default(config.keys.take(generation.suite())?)?;
        let factory = FactoryIdentities { odca, default };
        let realm = random_realm(random)?;
        let mut firmware = Self {
            uuid: config.uuid,
            version: config.version,
            generation,
            persona: config.persona,
            dns_suffix: config.dns_suffix.clone(),
            roots: config.roots.clone(),
            keys: Arc::clone(&config.keys),
            random,
            page: config.page,
            shown: factory.odca()?,
            factory,
            rom_ca: RomCaHash::from_bytes(rom_ca),
            mode: ControlMode::PreProvisioning,
            state: ProvisioningState::Pre,
            general: factory_settings(&realm, &generation),
            accounts: Accounts::new(realm, random_password(random)?),
            sessions: SetupSessions::default(),
            store: CertificateStore::new(generation.suite()),
            staged_tls: TlsSettings::factory(&generation, config.persona.factory_tls),
            tls: TlsSettings::factory(&generation, config.persona.factory_tls),
            clock: DeviceClock::showing(config.clock),
            lists: Enumerations::default(),
            counters: Counters::default(),
            requests: BTreeMap::new(),
            mischief: Mischief::default(),
            stuck: false,
        };
        firmware.leave_provisioning()?;
        Ok(firmware)
    }

    /// The digest realm.
    pub fn realm(&self) -> &DigestRealm {
        &self.accounts.realm
    }

    /// What its generation is like.
    pub const fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The firmware's version.
    pub const fn version(&self) -> AmtVersion {
        self.version
    }

    /// What was applied how often so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Seconds since 1970 on the device's clock.
    pub const fn clock(&self, now: Instant) -> u64 {
        self.clock.at(now)
    }

    /// What a user's digest answer is checked against; `None` for a user who cannot log in now.
    pub fn ha1_of(&self, user: &str) -> Option<Ha1> {
        self.accounts.ha1_of(user, self.mode)
    }

    /// Somebody at the machine takes the device out of provisioning.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn unprovision(&mut self) -> Result<(), SimulatorError> {
        Ok(self.leave_provisioning()?)
    }

    pub(super) fn leave_provisioning(&mut self) -> Result<(), IdentityError> {
        self.shown = self.factory.odca()?;
        self.mode = ControlMode::PreProvisioning;
        self.state = ProvisioningState::Pre;
        self.stuck = false;
        self.accounts.forget_provisioning();
        self.sessions.forget();
        self.store = CertificateStore::new(self.generation.suite());
        self.staged_tls = TlsSettings::factory(&self.generation, self.persona.factory_tls);
        self.tls = self.staged_tls.clone();
        self.general = factory_settings(&self.accounts.realm, &self.generation);
        let already_on = self.persona.factory_tls == FactoryTls::DefaultKey;
        let listed = already_on
            || self.persona.after_commit == AfterCommit::DefaultListed
            || self.generation.default == DefaultBinding::FromTheStart;
        if listed {
            let listed = self.list_default_certificate();
            debug_assert_eq!(listed, Ok(()), "an empty store takes the firmware's own certificate");
        }
        if already_on {
            self.shown = self.factory.chosen_by(self.store.bound())?;
        }
        Ok(())
    }

    /// The ports went away: what was remembered for digest sessions is gone (wsman.md §2.1).
    pub fn forget_sessions(&mut self) {
        self.sessions.forget();
    }

    /// The one local port that answers.
    pub const fn local_port(&self) -> Port {
        if self.tls.local.enabled { Port::Tls } else { Port::Plain }
    }

    /// What a handshake shows from the next restart of the ports on.
    pub const fn shown_identity(&self) -> &ShownIdentity {
        &self.shown
    }
}

/// Where the ROM CA stands in the chain, the leaf being 0.
const ROM_CA_LEVEL: usize = 3;

fn random_realm(random: &dyn SecureRandom) -> Result<DigestRealm, SimulatorError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    let digits = bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02X}"));
    format!("Digest:{digits}").parse().map_err(|_| SimulatorError::Random)
}

/// 32 characters of base64, as the firmware makes it for its local system account.
fn random_password(random: &dyn SecureRandom) -> Result<Secret, SimulatorError> {
    let mut bytes = Zeroizing::new([0; 24]);
    random.fill(bytes.as_mut())?;
    Ok(Secret::from(to_base64(bytes.as_ref())))
}
