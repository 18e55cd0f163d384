//! What has been learnt over one channel. Facts expire with their channel: after a port switch or a
//! loss nothing is known but what is stored, and what is stored is only intent (style.md §4.4).

use alloc::vec::Vec;

use super::evidence::Look;
use crate::fault::{Fault, Ours};
use crate::firmware::{ControlMode, ProvisioningState};
use crate::identity::Uuid;
use crate::request::{
    Certificate, CertificateHandle, Class, DigestRealm, FirmwareNonce, KeyPair, Login, Once, Refusal, Reply, Request,
    StoredCertificate, TlsInterface, TlsSettings,
};

/// What has been learnt over one channel, and what has been changed over it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    pub(crate) realm: Option<DigestRealm>,
    pub(crate) uuid: Option<Uuid>,
    mode: Option<(ControlMode, FirmwareNonce)>,
    state: Option<ProvisioningState>,
    pub(crate) keys: Option<Vec<KeyPair>>,
    pub(crate) certificates: Option<Vec<StoredCertificate>>,
    pub(crate) context: Option<Option<CertificateHandle>>,
    pub(crate) tls: Option<TlsSettings>,
    /// The certificate that our authority issued for use over this channel.
    pub(crate) issued: Option<Certificate>,
    pub(crate) generated: bool,
    pub(crate) clock_set: bool,
    /// A commit was answered over this channel.
    pub(crate) committed: bool,
    pub(crate) mebx_set: bool,
    /// How many certificates of the provisioning chain this digest session has taken.
    pub(crate) chain: u8,
    /// The once-per-observation request that was marked over this channel and not sent yet.
    pub(crate) armed: Option<Once>,
    /// The one that was sent over this channel.
    pub(crate) sent: Option<Once>,
    /// The last refusal that nothing has been made of yet.
    pub(crate) refusal: Option<(&'static str, Refusal)>,
    /// Logins that this device refused over this channel.
    refused_logins: Vec<Login>,
    /// The login that an answered request proved.
    pub(crate) proven: Option<Login>,
}

impl Facts {
    /// Nothing was learnt yet.
    pub const NOTHING: Self = Self {
        realm: None,
        uuid: None,
        mode: None,
        state: None,
        keys: None,
        certificates: None,
        context: None,
        tls: None,
        issued: None,
        generated: false,
        clock_set: false,
        committed: false,
        mebx_set: false,
        chain: 0,
        armed: None,
        sent: None,
        refusal: None,
        refused_logins: Vec::new(),
        proven: None,
    };

    /// Both modes, if both were read since the last change or refusal.
    pub fn look(&self) -> Option<Look> {
        let (mode, nonce) = self.mode?;
        Some(Look { mode, nonce, state: self.state? })
    }

    /// The control mode alone, for the choice of the login.
    pub(crate) fn mode(&self) -> Option<ControlMode> {
        self.mode.map(|(mode, _)| mode)
    }

    pub(crate) const fn mode_is_read(&self) -> bool {
        self.mode.is_some()
    }

    pub(crate) fn is_refused(&self, login: Login) -> bool {
        self.refused_logins.contains(&login)
    }

    fn look_again(&mut self) {
        self.mode = None;
        self.state = None;
    }

    /// A request left over this channel.
    pub(crate) fn sending(&mut self, request: &Request) {
        if let Class::Once(once) = request.class() {
            self.armed = None;
            self.sent = Some(once);
        }
    }

    /// Takes in the reply to `request`, which was sent with `login`.
    ///
    /// # Errors
    /// [`Ours::ReplyMismatch`] for a reply of another request's kind.
    pub(crate) fn learn(&mut self, request: &Request, login: Login, reply: Reply) -> Result<(), Fault> {
        if let Reply::Refused(refusal) = reply {
            self.refused(request, login, refusal);
            return Ok(());
        }
        self.proven = Some(login);
        match (request, reply) {
            (Request::ReadGeneralSettings, Reply::GeneralSettings(realm)) => self.realm = Some(realm),
            (Request::ReadUuid, Reply::Uuid(uuid)) => self.uuid = Some(uuid),
            (Request::ReadControlMode, Reply::ControlMode(mode, nonce)) => {
                self.mode = Some((mode, nonce));
                // A chain belongs to the nonce it was begun with.
                self.chain = 0;
            }
            (Request::ReadProvisioningState, Reply::ProvisioningState(state)) => self.state = Some(state),
            (Request::ReadKeyPairs, Reply::KeyPairs(keys)) => self.keys = Some(keys),
            (Request::ReadCertificates, Reply::Certificates(certificates)) => self.certificates = Some(certificates),
            (Request::ReadCredentialContext, Reply::CredentialContext(context)) => self.context = Some(context),
            (Request::ReadTlsSettings, Reply::TlsSettings(tls)) => self.tls = Some(tls),
            (_, Reply::Done) => self.changed(request)?,
            _ => return Err(Ours::ReplyMismatch(request.name()).into()),
        }
        Ok(())
    }

    fn changed(&mut self, request: &Request) -> Result<(), Fault> {
        match request {
            Request::Setup { .. } | Request::UpgradeClientToAdmin { .. } | Request::Unprovision => {
                self.look_again();
                self.refused_logins.clear();
                self.proven = None;
                // The firmware may have made its default certificate just now (odca.md §2.1).
                self.context = None;
                self.certificates = None;
            }
            Request::SetAdminPassword { .. } => {
                self.look_again();
                self.refused_logins.clear();
                self.proven = None;
            }
            Request::CommitChanges => self.committed = true,
            Request::GenerateKeyPair(_) => {
                self.generated = true;
                self.keys = None;
            }
            Request::AddCertificate(_) => self.certificates = None,
            Request::CreateCredentialContext(_) | Request::PutCredentialContext(_) => self.context = None,
            Request::SynchronizeClock => self.clock_set = true,
            Request::PutTlsSettings(interface) => {
                // Whether a Get shows staged settings is not known (wsman.md §2.8): the Put's word is taken
                // until the commit, and the next handshake is the proof.
                if let Some(tls) = &mut self.tls {
                    match interface {
                        TlsInterface::Remote => tls.remote = true,
                        TlsInterface::Local => tls.local = true,
                    }
                }
            }
            Request::AddChainCertificate { index } => self.chain = index.saturating_add(1),
            Request::SetMebxPassword(_) => self.mebx_set = true,
            Request::ReadGeneralSettings
            | Request::ReadUuid
            | Request::ReadControlMode
            | Request::ReadProvisioningState
            | Request::ReadKeyPairs
            | Request::ReadCertificates
            | Request::ReadCredentialContext
            | Request::ReadTlsSettings => return Err(Ours::ReplyMismatch(request.name()).into()),
        }
        Ok(())
    }

    fn refused(&mut self, request: &Request, login: Login, refusal: Refusal) {
        // Whatever was refused, the device may not be what it was: look again before deciding.
        let hidden = self.mode() == Some(ControlMode::PreProvisioning) && !refusal.is_passing();
        self.look_again();
        match request {
            _ if refusal == Refusal::Unauthorized => self.refused_logins.push(login),
            // Before `Setup` the local system account may not be let near the certificates: then there is
            // nothing to list.
            Request::ReadCredentialContext if hidden => self.context = Some(None),
            Request::ReadCertificates if hidden => self.certificates = Some(Vec::new()),
            _ => self.refusal = Some((request.name(), refusal)),
        }
    }
}
