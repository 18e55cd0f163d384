//! A model of the firmware, request by request. Its keys are numbers and its time is the world's; what
//! it keeps, refuses and forgets is what wsman.md §2 and odca.md §2 say.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::persona::{AfterCommit, Drops, Persona};
use crate::firmware::{ControlMode, Port, ProvisioningState};
use crate::identity::{CertificateHash, RomCaHash, SpkiHash, Uuid};
use crate::peer::{Peer, Voucher};
use crate::policy::{DeviceReport, LocalTls};
use crate::record::PasswordId;
use crate::request::{
    Certificate, CertificateHandle, DigestRealm, FirmwareNonce, KeyHandle, KeyPair, Login, Refusal, Reply, Request,
    StoredCertificate, TlsInterface, TlsSettings,
};

/// What the device shows in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// Its ODCA chain.
    Odca,
    /// Its default self-signed key.
    Default,
    /// The key pair with this number.
    Key(u8),
}

/// What the device is, as no peer can make it believe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Truth {
    /// CurrentControlMode.
    pub mode: ControlMode,
    /// ProvisioningState.
    pub state: ProvisioningState,
    /// The admin password, by its number in the store.
    pub admin: Option<PasswordId>,
    /// Whether somebody else provisioned it, and the admin password is theirs.
    pub foreign: bool,
    /// The MEBx password, likewise.
    pub mebx: Option<PasswordId>,
    /// What it shows on 16993.
    pub shown: Shown,
    /// Which of its ports answer.
    pub local_tls: LocalTls,
    /// Whether its clock was set since it was provisioned.
    pub clock_set: bool,
}

impl Truth {
    const fn unprovisioned(persona: Persona) -> Self {
        Self {
            mode: ControlMode::PreProvisioning,
            state: ProvisioningState::Pre,
            admin: None,
            foreign: false,
            mebx: None,
            shown: Shown::Odca,
            local_tls: persona.local_tls,
            clock_set: false,
        }
    }
}

/// How often what was applied, since the device was last unprovisioned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counters {
    /// `Setup`.
    pub setup: u8,
    /// `UpgradeClientToAdmin`.
    pub upgrade: u8,
    /// `CommitChanges`.
    pub commits: u8,
    /// Once-per-observation requests that came when they had been applied already: there must be none.
    pub repeated: u8,
}

/// What belongs to one connection: the digest session with its nonce and its part of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    nonce: u8,
    chain: u8,
}

/// An answer, and what happens to the connections with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reply.
    Reply(Reply),
    /// Every connection is gone, the reply perhaps with them, and the ports are away for a while.
    Restart(Reply),
}

/// The model device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// How it behaves.
    pub persona: Persona,
    uuid: Uuid,
    truth: Truth,
    counters: Counters,
    keys: Vec<u8>,
    certificates: Vec<(u8, Shown)>,
    bound: Option<u8>,
    staged: TlsSettings,
    nonces: u8,
    made: u8,
    /// Whether no commit takes it out of the half state (odca.md §2.4).
    stuck: bool,
    /// How many boards this one has had before.
    boards: u8,
}

/// The hash that stands for key number `n` of the device with this UUID.
pub fn key_spki(uuid: Uuid, n: u8) -> SpkiHash {
    let mut bytes = [n; 32];
    bytes[..16].copy_from_slice(uuid.as_bytes());
    SpkiHash::from_bytes(bytes)
}

/// The numbers that stand for the default key, for the ODCA leaf and for the first board's ROM-CA.
const DEFAULT_KEY: u8 = 200;
const ODCA_KEY: u8 = 201;
const ROM_CA_KEY: u8 = 202;

/// A certificate for `key`, as the model's authority issues it.
pub fn issue(key: &KeyPair) -> Certificate {
    let hash = CertificateHash::from_bytes(*key.spki.as_bytes());
    Certificate { der: key.public_key.clone(), hash, spki: key.spki }
}

impl Device {
    /// A device as it leaves the factory, or as somebody else has left it.
    pub fn new(persona: Persona, uuid: Uuid) -> Self {
        let mut device = Self {
            persona,
            uuid,
            truth: Truth::unprovisioned(persona),
            counters: Counters::default(),
            keys: Vec::new(),
            certificates: Vec::new(),
            bound: None,
            staged: TlsSettings { remote: false, local: false },
            nonces: 0,
            made: 0,
            stuck: false,
            boards: 0,
        };
        device.unprovision();
        if let Some(mode) = persona.found_in {
            device.truth.mode = mode;
            device.truth.state = ProvisioningState::Post;
            device.truth.foreign = true;
            device.truth.shown = Shown::Default;
        }
        device
    }

    /// What the device is.
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// How often what was applied.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// What an honest relay reports.
    pub const fn report(&self) -> DeviceReport {
        DeviceReport {
            uuid: self.uuid,
            version: self.persona.version,
            mode: self.truth.mode,
            local_tls: if self.persona.version.tells_local_tls() { self.truth.local_tls } else { LocalTls::Off },
        }
    }

    /// The device's ROM-CA hash.
    pub fn rom_ca(&self) -> RomCaHash {
        RomCaHash::from_bytes(*key_spki(self.uuid, ROM_CA_KEY + self.boards).as_bytes())
    }

    /// Another board, as it leaves the factory, under the same UUID.
    pub fn replace_board(&mut self) {
        self.boards = self.boards.wrapping_add(1);
        self.unprovision();
    }

    /// Somebody at the machine takes the device out of provisioning.
    pub fn unprovision(&mut self) {
        let listed = self.persona.after_commit == AfterCommit::DefaultListed || self.persona.default_bound;
        self.truth = Truth::unprovisioned(self.persona);
        self.stuck = false;
        self.counters = Counters { repeated: self.counters.repeated, ..Counters::default() };
        self.keys.clear();
        self.certificates = if listed { vec![(0, Shown::Default)] } else { Vec::new() };
        self.bound = listed.then_some(0);
        let on = self.persona.local_tls == LocalTls::On;
        self.staged = TlsSettings { remote: false, local: on };
    }

    /// It falls into the half state, out of which no commit takes it (odca.md §2.4).
    pub const fn get_stuck(&mut self) {
        self.stuck = true;
        self.truth.state = ProvisioningState::In;
    }

    /// It shows its default key from now on, whatever it showed.
    pub const fn fall_back(&mut self) {
        self.truth.shown = Shown::Default;
    }

    /// Opens a connection to `port`; `None` where nothing listens.
    pub fn connect(&self, port: Port) -> Option<Connection> {
        let listens = match port {
            Port::Tls => self.truth.local_tls == LocalTls::On,
            Port::Plain => self.truth.local_tls == LocalTls::Off,
        };
        listens.then(Connection::default)
    }

    /// What a handshake shows.
    pub fn shows(&self) -> Peer {
        match self.truth.shown {
            Shown::Odca => Peer { spki: key_spki(self.uuid, ODCA_KEY), voucher: Voucher::Odca(self.rom_ca()) },
            Shown::Default => Peer { spki: key_spki(self.uuid, DEFAULT_KEY), voucher: Voucher::Nobody },
            Shown::Key(n) => Peer { spki: key_spki(self.uuid, n), voucher: Voucher::Nobody },
        }
    }

    /// Takes this login from now on, whatever it is: what somebody who plays a device can do.
    pub(super) fn let_in(&mut self, login: Login) {
        if let (Login::Admin(id), true) = (login, self.truth.mode != ControlMode::PreProvisioning) {
            self.truth.admin = Some(id);
        }
    }

    /// Whether it takes this login.
    pub fn lets_in(&self, login: Login) -> bool {
        match login {
            Login::LocalSystem => self.truth.mode == ControlMode::PreProvisioning,
            Login::Admin(id) => self.truth.mode != ControlMode::PreProvisioning && self.truth.admin == Some(id),
            Login::Given => self.truth.foreign,
        }
    }

    /// Answers a request that came over `connection`.
    pub fn answer(&mut self, connection: &mut Connection, login: Login, request: &Request) -> Answer {
        if !self.lets_in(login) {
            return Answer::Reply(Reply::Refused(Refusal::Unauthorized));
        }
        let provisioned = self.truth.mode != ControlMode::PreProvisioning;
        let reply = match request {
            Request::ReadGeneralSettings => Reply::GeneralSettings(DigestRealm(*self.uuid.as_bytes())),
            Request::ReadUuid => Reply::Uuid(self.uuid),
            Request::ReadControlMode => {
                self.nonces = self.nonces.wrapping_add(1);
                *connection = Connection { nonce: self.nonces, chain: 0 };
                Reply::ControlMode(self.truth.mode, FirmwareNonce([self.nonces; 20]))
            }
            Request::ReadProvisioningState => Reply::ProvisioningState(self.truth.state),
            Request::ReadKeyPairs => Reply::KeyPairs(self.keys.iter().map(|n| self.key_pair(*n)).collect()),
            Request::ReadCertificates => Reply::Certificates(self.stored_certificates()),
            Request::ReadCredentialContext => Reply::CredentialContext(self.bound.map(certificate_handle)),
            Request::ReadTlsSettings => Reply::TlsSettings(self.staged),
            Request::Setup { password, .. } => return self.set_up(*password),
            Request::Unprovision if provisioned => {
                self.unprovision();
                return Answer::Restart(Reply::Done);
            }
            Request::Unprovision => {
                self.counters.repeated = self.counters.repeated.saturating_add(1);
                Reply::Refused(Refusal::ReturnValue(2))
            }
            _ if !provisioned => Reply::Refused(Refusal::ReturnValue(16)),
            Request::CommitChanges => return self.commit(),
            Request::UpgradeClientToAdmin { nonce } => return self.upgrade(connection, *nonce),
            Request::SetAdminPassword { password, .. } => {
                self.truth.admin = Some(*password);
                self.truth.foreign = false;
                return self.maybe_dropped();
            }
            request => self.change(connection, request),
        };
        Answer::Reply(reply)
    }

    fn change(&mut self, connection: &mut Connection, request: &Request) -> Reply {
        match request {
            Request::GenerateKeyPair(_) => {
                self.made = self.made.wrapping_add(1);
                self.keys.push(self.made);
            }
            Request::AddCertificate(certificate) => {
                let Some(key) = self.keys.iter().find(|n| key_spki(self.uuid, **n) == certificate.spki) else {
                    return Reply::Refused(Refusal::ReturnValue(2063));
                };
                if self.certificates.iter().any(|(_, shown)| *shown == Shown::Key(*key)) {
                    return Reply::Refused(Refusal::ReturnValue(2058));
                }
                let handle = self.certificates.last().map_or(0, |(handle, _)| handle + 1);
                self.certificates.push((handle, Shown::Key(*key)));
            }
            Request::CreateCredentialContext(_) if self.bound.is_some() => {
                return Reply::Refused(Refusal::AlreadyExists);
            }
            Request::PutCredentialContext(_) if self.bound.is_none() => return Reply::Refused(Refusal::Fault(400)),
            Request::CreateCredentialContext(handle) | Request::PutCredentialContext(handle) => {
                let found = self.certificates.iter().find(|(n, _)| certificate_handle(*n) == *handle);
                match found {
                    Some((n, _)) => self.bound = Some(*n),
                    None => return Reply::Refused(Refusal::Fault(400)),
                }
            }
            Request::SynchronizeClock => self.truth.clock_set = true,
            Request::PutTlsSettings(TlsInterface::Remote) => self.staged.remote = true,
            Request::PutTlsSettings(TlsInterface::Local) => self.staged.local = true,
            // "Certificate verify failed" (wsman.md §2.1).
            Request::AddChainCertificate { .. } if self.persona.takes_no_chain => {
                return Reply::Refused(Refusal::ReturnValue(4));
            }
            Request::AddChainCertificate { index } if *index != connection.chain => {
                return Reply::Refused(Refusal::ReturnValue(3));
            }
            Request::AddChainCertificate { index } => connection.chain = index + 1,
            Request::SetMebxPassword(_) if self.truth.mode != ControlMode::Admin => {
                return Reply::Refused(Refusal::ReturnValue(16));
            }
            Request::SetMebxPassword(password) => self.truth.mebx = Some(*password),
            _ => return Reply::Refused(Refusal::Fault(400)),
        }
        Reply::Done
    }

    fn set_up(&mut self, password: PasswordId) -> Answer {
        if self.truth.mode != ControlMode::PreProvisioning {
            self.counters.repeated = self.counters.repeated.saturating_add(1);
            return Answer::Reply(Reply::Refused(Refusal::ReturnValue(2)));
        }
        self.counters.setup += 1;
        self.truth.mode = ControlMode::Client;
        self.truth.admin = Some(password);
        self.truth.state = match self.persona.after_commit {
            AfterCommit::Keeps => ProvisioningState::Post,
            _ => ProvisioningState::In,
        };
        self.maybe_dropped()
    }

    fn upgrade(&mut self, connection: &Connection, nonce: FirmwareNonce) -> Answer {
        match self.truth.mode {
            ControlMode::Client if connection.chain >= 2 && nonce == FirmwareNonce([connection.nonce; 20]) => {
                self.counters.upgrade += 1;
                self.truth.mode = ControlMode::Admin;
                self.maybe_dropped()
            }
            ControlMode::Client => Answer::Reply(Reply::Refused(Refusal::ReturnValue(5))),
            ControlMode::PreProvisioning | ControlMode::Admin => {
                self.counters.repeated = self.counters.repeated.saturating_add(1);
                Answer::Reply(Reply::Refused(Refusal::ReturnValue(2)))
            }
        }
    }

    fn commit(&mut self) -> Answer {
        let wants_mebx = self.persona.mebx_before_commit && self.truth.mode == ControlMode::Admin;
        if wants_mebx && self.truth.mebx.is_none() {
            return Answer::Reply(Reply::Refused(Refusal::DATA_MISSING));
        }
        self.counters.commits = self.counters.commits.saturating_add(1);
        if !self.stuck {
            self.truth.state = ProvisioningState::Post;
        }
        let on = self.staged.local;
        let ours = self.certificates.iter().find(|(n, shown)| self.bound == Some(*n) && matches!(shown, Shown::Key(_)));
        self.truth.shown = match (ours, self.persona.after_commit) {
            (Some((_, shown)), _) if on => *shown,
            (_, AfterCommit::DefaultListed | AfterCommit::DefaultUnlisted) => {
                if self.bound.is_none() {
                    self.certificates.push((0, Shown::Default));
                    self.bound = Some(0);
                }
                Shown::Default
            }
            _ => Shown::Odca,
        };
        if on {
            self.truth.local_tls = LocalTls::On;
        }
        Answer::Restart(Reply::Done)
    }

    const fn maybe_dropped(&self) -> Answer {
        match self.persona.drops {
            Drops::Nothing | Drops::Commits => Answer::Reply(Reply::Done),
            Drops::Everything => Answer::Restart(Reply::Done),
        }
    }

    fn key_pair(&self, n: u8) -> KeyPair {
        let handle = KeyHandle(format!("Intel(r) AMT Key: Handle: {n}"));
        KeyPair { handle, spki: key_spki(self.uuid, n), public_key: vec![n] }
    }

    fn stored_certificates(&self) -> Vec<StoredCertificate> {
        let spki = |shown: &Shown| match shown {
            Shown::Key(n) => key_spki(self.uuid, *n),
            Shown::Default => key_spki(self.uuid, DEFAULT_KEY),
            Shown::Odca => key_spki(self.uuid, ODCA_KEY),
        };
        let stored = |(n, shown): &(u8, Shown)| StoredCertificate { handle: certificate_handle(*n), spki: spki(shown) };
        self.certificates.iter().map(stored).collect()
    }
}

fn certificate_handle(n: u8) -> CertificateHandle {
    CertificateHandle(format!("Intel(r) AMT Certificate: Handle: {n}"))
}
