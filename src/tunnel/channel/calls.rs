//! Which calls each request of the core takes, and what its reply is made of: the table of the channel.

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::record::PasswordId;
use amt_provision_fsm::request::{self, FirmwareNonce, Refusal, Reply, Request, StoredCertificate, TlsInterface};
use rustls::pki_types::CertificateDer;

use super::credentials::{ADMIN, Credentials, admin};
use super::entropy::draw;
use super::event::{AskError, Explanation};
use super::exchange::{Answer, Exchange, Next, all, change, lacks, method, one, reply, transfer};
use super::provisioning::ProvisioningIdentity;
use super::settings::Settings;
use crate::http::digest::{DigestRealm, Ha1};
use crate::pki::authority::DeviceKey;
use crate::pki::spki::spki_hash_of_certificate;
use crate::wsman::class::host_based_setup::{ChainPosition, Nonce, SigningAlgorithm};
use crate::wsman::class::tls_setting_data::TlsSettings;
use crate::wsman::class::{
    authorization, certificate, general_settings, host_based_setup, key_pair, public_key_management,
    setup_and_configuration, time_synchronization, tls_credential_context, tls_setting_data,
};

/// What calls are made of besides the request itself.
pub(super) struct Ingredients<'a> {
    pub(super) settings: &'a Settings,
    pub(super) credentials: &'a dyn Credentials,
    /// The realm in the device's own spelling, which is what it hashes.
    pub(super) realm: Option<&'a DigestRealm>,
}

/// The exchange that carries `request` out.
pub(super) fn exchange(request: Request, with: &Ingredients<'_>) -> Result<Box<dyn Exchange>, AskError> {
    Ok(match request {
        Request::ReadGeneralSettings => one(general_settings::get(), |settings, _| {
            reply(Reply::GeneralSettings(request::DigestRealm(settings.digest_realm.to_bytes())))
        }),
        Request::ReadUuid => method(setup_and_configuration::get_uuid(), |uuid, _| reply(Reply::Uuid(uuid))),
        Request::ReadControlMode => one(host_based_setup::get(), |service, _| match service.configuration_nonce {
            Some(nonce) => reply(Reply::ControlMode(service.current_control_mode, FirmwareNonce(nonce))),
            None => lacks("ConfigurationNonce"),
        }),
        Request::ReadProvisioningState => one(setup_and_configuration::get(), |service, _| {
            reply(Reply::ProvisioningState(service.provisioning_state))
        }),
        Request::ReadKeyPairs => read_key_pairs(with.settings.suite),
        Request::ReadCertificates => all(certificate::list(), |certificates| {
            reply(Reply::Certificates(certificates.into_iter().filter_map(stored).collect()))
        }),
        Request::ReadCredentialContext => all(tls_credential_context::list(), |contexts| match &contexts[..] {
            [] => reply(Reply::CredentialContext(None)),
            [one] => reply(Reply::CredentialContext(Some(one.certificate.clone()))),
            _ => lacks("a single AMT_TLSCredentialContext"),
        }),
        Request::ReadTlsSettings => all(tls_setting_data::list(), |interfaces| {
            let remote = interfaces.iter().find_map(|tls| match tls {
                TlsSettings::Remote(remote) => Some(remote.enabled),
                TlsSettings::Local(_) => None,
            });
            let local = interfaces.iter().find_map(|tls| match tls {
                TlsSettings::Local(local) => Some(local.enabled),
                TlsSettings::Remote(_) => None,
            });
            match remote.zip(local) {
                Some((remote, local)) => reply(Reply::TlsSettings(request::TlsSettings { remote, local })),
                None => lacks(BOTH_INTERFACES),
            }
        }),
        Request::Setup { password, realm } => {
            change(host_based_setup::setup(&Ha1::new(ADMIN, &with.realm(realm), with.admin(password)?)))
        }
        Request::CommitChanges => change(setup_and_configuration::commit_changes()),
        Request::GenerateKeyPair(suite) => change(public_key_management::generate_key_pair(suite)),
        Request::AddCertificate(certificate) => change(public_key_management::add_certificate(&certificate.der)),
        Request::CreateCredentialContext(handle) => transfer(tls_credential_context::create(&handle)),
        Request::PutCredentialContext(handle) => {
            all(tls_credential_context::list(), move |contexts| match contexts.first() {
                Some(current) => Next::Ask(transfer(tls_credential_context::put(current, &handle))),
                None => lacks("the AMT_TLSCredentialContext that is to be changed"),
            })
        }
        Request::SynchronizeClock => method(time_synchronization::get_low_accuracy(), |device, now| {
            Next::Ask(change(time_synchronization::set_high_accuracy(device, now, now)))
        }),
        Request::PutTlsSettings(interface) => put_tls_settings(interface, with.settings),
        Request::AddChainCertificate { index } => {
            let (der, position) = chain_certificate(with.provisioning()?, index)?;
            change(host_based_setup::add_next_certificate(der, position))
        }
        Request::UpgradeClientToAdmin { nonce } => {
            let ours: Nonce = draw(&*with.settings.entropy)?;
            let algorithm = SigningAlgorithm::from(with.settings.suite);
            let signature = with.provisioning()?.sign(algorithm, &[nonce.0, ours].concat())?;
            change(host_based_setup::upgrade_client_to_admin(&ours, algorithm, &signature))
        }
        Request::SetAdminPassword { password, realm } => {
            let ha1 = Ha1::new(ADMIN, &with.realm(realm), with.admin(password)?);
            change(authorization::set_admin_acl_entry_ex(&ha1))
        }
        Request::SetMebxPassword(id) => {
            let password = with.credentials.mebx_password(id).ok_or(AskError::NoPassword(id))?;
            change(setup_and_configuration::set_mebx_password(&password.expose().to_owned().into()))
        }
        Request::Unprovision => change(setup_and_configuration::unprovision()),
    })
}

const BOTH_INTERFACES: &str = "both instances of AMT_TLSSettingData";

impl Ingredients<'_> {
    fn admin(&self, id: PasswordId) -> Result<&str, AskError> {
        Ok(admin(id, self.credentials)?.expose())
    }

    fn provisioning(&self) -> Result<&dyn ProvisioningIdentity, AskError> {
        self.settings.provisioning.as_deref().ok_or(AskError::NoProvisioningCertificate)
    }

    /// The text of `realm`: as the device spells it, else in upper case as all of them do.
    fn realm(&self, realm: request::DigestRealm) -> DigestRealm {
        match self.realm {
            Some(spelt) if spelt.to_bytes() == realm.0 => spelt.clone(),
            _ => DigestRealm::from_bytes(realm.0),
        }
    }
}

/// The pairs of this firmware's suite. Others cannot get a certificate from us, and are passed over.
fn read_key_pairs(suite: KeySuite) -> Box<dyn Exchange> {
    all(key_pair::list(), move |pairs| {
        let pairs = pairs.into_iter().filter_map(|pair| {
            let spki = DeviceKey::from_der_key(suite, &pair.der_key).ok()?.spki_hash();
            Some(request::KeyPair { handle: pair.handle, spki, public_key: pair.der_key })
        });
        reply(Reply::KeyPairs(pairs.collect()))
    })
}

/// A certificate without a readable key cannot be one that we look for.
fn stored(certificate: certificate::Certificate) -> Option<StoredCertificate> {
    let spki = spki_hash_of_certificate(&CertificateDer::from(certificate.der)).ok()?;
    Some(StoredCertificate { handle: certificate.handle, spki })
}

fn put_tls_settings(interface: TlsInterface, settings: &Settings) -> Box<dyn Exchange> {
    let mode = settings.remote_tls.clone();
    all(tls_setting_data::list(), move |interfaces| {
        let put = interfaces.iter().find_map(|current| match (interface, current) {
            (TlsInterface::Remote, TlsSettings::Remote(remote)) => Some(tls_setting_data::put_remote(remote, &mode)),
            (TlsInterface::Local, TlsSettings::Local(local)) => Some(tls_setting_data::put_local(local)),
            (TlsInterface::Remote, TlsSettings::Local(_)) | (TlsInterface::Local, TlsSettings::Remote(_)) => None,
        });
        put.map_or(lacks(BOTH_INTERFACES), |put| Next::Ask(transfer(put)))
    })
}

fn chain_certificate(
    identity: &dyn ProvisioningIdentity,
    index: u8,
) -> Result<(&CertificateDer<'static>, ChainPosition), AskError> {
    let chain = identity.chain();
    let at = usize::from(index);
    let position = match at {
        0 => ChainPosition::Leaf,
        at if at + 1 == chain.len() => ChainPosition::Root,
        _ => ChainPosition::Intermediate,
    };
    Ok((chain.get(at).ok_or(AskError::NoChainCertificate(index))?, position))
}

/// The reply to a request that would go on with a digest session which is over.
pub(super) const fn nonce_gone() -> Answer {
    Answer::Refused(Refusal::Unintelligible, Explanation::NonceGone)
}
