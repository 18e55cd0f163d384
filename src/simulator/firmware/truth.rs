//! What a device is, whatever anybody was told: for tests and for the demo's check from the device's side.

use std::collections::BTreeMap;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port, ProvisioningState};
use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::time::Instant;

use super::accounts::Accounts;
use super::{Class, Firmware, Shown, TlsSettings};
use crate::http::digest::DigestRealm;

/// How often what was applied since the device was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `Setup`.
    pub setups: u32,
    /// `AdminSetup`.
    pub admin_setups: u32,
    /// `UpgradeClientToAdmin`.
    pub upgrades: u32,
    /// `CommitChanges`: each wears the flash.
    pub commits: u32,
    /// `Unprovision`.
    pub unprovisions: u32,
    /// `GenerateKeyPair`.
    pub keys_generated: u32,
    /// `AddCertificate` and `AddTrustedRootCertificate`.
    pub certificates_added: u32,
    /// Changes of the admin password by `SetAdminAclEntryEx`.
    pub passwords: u32,
    /// `SetMEBxPassword`.
    pub mebx_passwords: u32,
    /// Changes of any kind, those that have no line of their own among them.
    pub changes: u32,
    /// Once-per-observation requests that came when they had been applied already: there must be none (G6).
    pub repeated: u32,
}

/// A device at one moment.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Its UUID.
    pub uuid: Uuid,
    /// Its firmware.
    pub version: AmtVersion,
    /// Its digest realm, which its password hashes are made with.
    pub realm: DigestRealm,
    /// CurrentControlMode.
    pub mode: ControlMode,
    /// ProvisioningState.
    pub state: ProvisioningState,
    /// The local port that answers.
    pub port: Port,
    /// What it shows on 16993.
    pub shown: Shown,
    /// The key that it shows there.
    pub shown_key: SpkiHash,
    /// Its ROM CA: who it is.
    pub rom_ca: RomCaHash,
    /// TLS as it is in force.
    pub tls: TlsSettings,
    /// TLS as it will be after the next commit.
    pub staged_tls: TlsSettings,
    /// Listed key pairs.
    pub keys: usize,
    /// Listed certificates.
    pub certificates: usize,
    /// Seconds since 1970 on its clock.
    pub clock: u64,
    /// Whether somebody has set that clock.
    pub clock_was_set: bool,
    /// What was applied how often.
    pub counters: Counters,
    /// Authenticated requests by class.
    pub requests: BTreeMap<Class, u64>,
    accounts: Accounts,
}

impl Truth {
    /// Whether one can log in as `admin` with this password.
    pub fn admin_password_is(&self, password: &str) -> bool {
        self.accounts.admin_password_is(password)
    }

    /// Whether this is the MEBx password.
    pub fn mebx_password_is(&self, password: &str) -> bool {
        self.accounts.mebx.as_ref().is_some_and(|mebx| mebx.expose() == password)
    }
}

impl Firmware {
    /// The truth at `now`.
    pub fn truth(&self, now: Instant) -> Truth {
        Truth {
            uuid: self.uuid,
            version: self.version,
            realm: self.realm().clone(),
            mode: self.mode,
            state: self.state,
            port: self.local_port(),
            shown: self.shown.kind,
            shown_key: self.shown.spki,
            rom_ca: self.rom_ca,
            tls: self.tls.clone(),
            staged_tls: self.staged_tls.clone(),
            keys: self.store.key_count(),
            certificates: self.store.certificate_count(),
            clock: self.clock.at(now),
            clock_was_set: self.clock.was_set,
            counters: self.counters,
            requests: self.requests.clone(),
            accounts: self.accounts.clone(),
        }
    }
}
