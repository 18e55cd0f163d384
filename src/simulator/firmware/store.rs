//! Keys, certificates, and the one certificate that TLS shows (wsman.md §2.6, §2.7).

use std::sync::Arc;

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;

use amt_provision_fsm::firmware::KeySuite;

use super::Class;
use super::classes::ENDPOINT_COLLECTION;
use super::instance::{Instance, reference, to_base64};
use crate::pki::authority::MAX_DEVICE_CERTIFICATE_BYTES;
use crate::pki::certificate::CertificateParts;
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;
use crate::wsman::{Reference, Selector};

/// Key pairs that fit. How many really do is not known (wsman.md §3.13).
pub const MAX_KEYS: usize = 8;
/// Certificates that fit, likewise.
pub const MAX_CERTIFICATES: usize = 8;

const KEY_PREFIX: &str = "Intel(r) AMT Key: Handle: ";
const CERTIFICATE_PREFIX: &str = "Intel(r) AMT Certificate: Handle: ";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyHandle(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CertificateHandle(u32);

impl KeyHandle {
    pub(super) fn reference(self) -> Reference {
        reference(Class::PublicPrivateKeyPair, self.instance_id())
    }

    fn instance_id(self) -> String {
        format!("{KEY_PREFIX}{}", self.0)
    }

    pub(super) fn of_instance_id(text: &str) -> Option<Self> {
        text.strip_prefix(KEY_PREFIX)?.parse().ok().map(Self)
    }
}

impl CertificateHandle {
    pub(super) fn reference(self) -> Reference {
        reference(Class::PublicKeyCertificate, self.instance_id())
    }

    fn instance_id(self) -> String {
        format!("{CERTIFICATE_PREFIX}{}", self.0)
    }

    pub(super) fn of_instance_id(text: &str) -> Option<Self> {
        text.strip_prefix(CERTIFICATE_PREFIX)?.parse().ok().map(Self)
    }
}

/// What a certificate in the store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one that the firmware made for itself; its key is not listed.
    Default,
    /// To be shown, or an intermediate.
    Own,
    /// To check client certificates against.
    TrustedRoot,
}

#[derive(Clone)]
struct StoredCertificate {
    handle: CertificateHandle,
    purpose: Purpose,
    der: CertificateDer<'static>,
    parsed: Certificate,
    spki: Vec<u8>,
}

/// A certificate that is bound for TLS, with its key if that is listed.
pub(super) struct Bound<'a> {
    pub(super) certificate: &'a CertificateDer<'static>,
    /// `None` for the default certificate.
    pub(super) key: Option<&'a Arc<KeyPair>>,
}

/// The stores and the binding.
pub(super) struct CertificateStore {
    suite: KeySuite,
    keys: Vec<(KeyHandle, Arc<KeyPair>)>,
    certificates: Vec<StoredCertificate>,
    bound: Option<CertificateHandle>,
    next_key: u32,
    next_certificate: u32,
}

impl CertificateStore {
    pub(super) const fn new(suite: KeySuite) -> Self {
        Self { suite, keys: Vec::new(), certificates: Vec::new(), bound: None, next_key: 0, next_certificate: 0 }
    }

    pub(super) const fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub(super) const fn certificate_count(&self) -> usize {
        self.certificates.len()
    }

    pub(super) const fn is_full_of_keys(&self) -> bool {
        self.keys.len() >= MAX_KEYS
    }

    pub(super) fn add_key(&mut self, key: KeyPair) -> KeyHandle {
        let handle = KeyHandle(self.next_key);
        self.next_key += 1;
        self.keys.push((handle, Arc::new(key)));
        handle
    }

    /// Stores a certificate, as it came from outside or from the firmware itself.
    pub(super) fn add_certificate(&mut self, der: Vec<u8>, purpose: Purpose) -> Result<CertificateHandle, PtStatus> {
        if der.len() > MAX_DEVICE_CERTIFICATE_BYTES {
            return Err(PtStatus::InvalidCert);
        }
        let der = CertificateDer::from(der);
        let parsed = Certificate::from_der(&der).map_err(|_| PtStatus::InvalidCert)?;
        let spki = CertificateParts::read(&der).map_err(|_| PtStatus::InvalidCert)?.spki().to_vec();
        let is_ca = parsed
            .tbs_certificate()
            .get_extension::<BasicConstraints>()
            .is_ok_and(|found| found.is_some_and(|(_, constraints)| constraints.ca));
        if purpose == Purpose::Own && !is_ca && self.key_of(&spki).is_none() {
            return Err(PtStatus::InvalidCert);
        }
        if self.certificates.iter().any(|stored| stored.der == der) {
            return Err(PtStatus::Duplicate);
        }
        if self.certificates.len() >= MAX_CERTIFICATES {
            return Err(PtStatus::MaxLimitReached);
        }
        let handle = CertificateHandle(self.next_certificate);
        self.next_certificate += 1;
        self.certificates.push(StoredCertificate { handle, purpose, der, parsed, spki });
        Ok(handle)
    }

    fn key_of(&self, spki: &[u8]) -> Option<&(KeyHandle, Arc<KeyPair>)> {
        self.keys.iter().find(|(_, key)| key.subject_public_key_info() == spki)
    }

    fn certificate(&self, handle: CertificateHandle) -> Option<&StoredCertificate> {
        self.certificates.iter().find(|stored| stored.handle == handle)
    }

    pub(super) fn has_trusted_root(&self) -> bool {
        self.certificates.iter().any(|stored| stored.purpose == Purpose::TrustedRoot)
    }

    /// Makes TLS show a certificate: a leaf whose key is here. `false` for any other.
    pub(super) fn bind(&mut self, handle: CertificateHandle) -> bool {
        let can = self.certificate(handle).is_some_and(|stored| match stored.purpose {
            Purpose::Default => true,
            Purpose::Own => self.key_of(&stored.spki).is_some(),
            Purpose::TrustedRoot => false,
        });
        if can {
            self.bound = Some(handle);
        }
        can
    }

    pub(super) const fn unbind(&mut self) {
        self.bound = None;
    }

    pub(super) fn bound(&self) -> Option<Bound<'_>> {
        let stored = self.certificate(self.bound?)?;
        let listed = (stored.purpose != Purpose::Default).then(|| self.key_of(&stored.spki)).flatten();
        Some(Bound { certificate: &stored.der, key: listed.map(|(_, key)| key) })
    }

    /// `false` if it is in use.
    pub(super) fn delete_key(&mut self, handle: KeyHandle) -> Option<bool> {
        let (_, key) = self.keys.iter().find(|(found, _)| *found == handle)?;
        let in_use = self.bound().is_some_and(|bound| bound.key.is_some_and(|bound| Arc::ptr_eq(bound, key)));
        if !in_use {
            self.keys.retain(|(found, _)| *found != handle);
        }
        Some(!in_use)
    }

    /// `false` if it is in use.
    pub(super) fn delete_certificate(&mut self, handle: CertificateHandle) -> Option<bool> {
        self.certificate(handle)?;
        let in_use = self.bound == Some(handle);
        if !in_use {
            self.certificates.retain(|stored| stored.handle != handle);
        }
        Some(!in_use)
    }

    pub(super) fn key_instances(&self) -> Vec<Node> {
        let instance = |(handle, key): &(KeyHandle, Arc<KeyPair>)| {
            let der = match self.suite {
                KeySuite::Rsa2048Sha256 => key.public_key_raw().to_vec(),
                KeySuite::EcP384Sha384 => key.subject_public_key_info(),
            };
            Instance::of(Class::PublicPrivateKeyPair)
                .with("DERKey", to_base64(&der))
                .with("ElementName", "Intel(r) AMT Key")
                .with("InstanceID", handle.instance_id())
                .finish()
        };
        self.keys.iter().map(instance).collect()
    }

    pub(super) fn certificate_instances(&self) -> Vec<Node> {
        let instance = |stored: &StoredCertificate| {
            Instance::of(Class::PublicKeyCertificate)
                .with("ElementName", "Intel(r) AMT Certificate")
                .with("InstanceID", stored.handle.instance_id())
                .with("Issuer", name_text(stored.parsed.tbs_certificate().issuer()))
                .with("Subject", name_text(stored.parsed.tbs_certificate().subject()))
                .with("TrustedRootCertficate", stored.purpose == Purpose::TrustedRoot)
                .with("X509Certificate", to_base64(&stored.der))
                .finish()
        };
        self.certificates.iter().map(instance).collect()
    }

    /// Which key belongs to which certificate (wsman.md §2.17).
    pub(super) fn dependency_instances(&self) -> Vec<Node> {
        let instance = |stored: &StoredCertificate| {
            let (key, _) = self.key_of(&stored.spki)?;
            let instance = Instance::of(Class::ConcreteDependency)
                .with_reference("Antecedent", &stored.handle.reference())
                .with_reference("Dependent", &key.reference());
            Some(instance.finish())
        };
        self.certificates.iter().filter_map(instance).collect()
    }

    pub(super) fn context_instances(&self) -> Vec<Node> {
        let instance = |handle: CertificateHandle| {
            Instance::of(Class::TlsCredentialContext)
                .with_reference("ElementInContext", &handle.reference())
                .with_reference("ElementProvidingContext", &endpoint_collection())
                .finish()
        };
        self.bound.into_iter().map(instance).collect()
    }
}

/// The collection as devices report it; what clients send lacks a space (wsman.md §2.7).
pub(super) fn endpoint_collection() -> Reference {
    Reference::new(ENDPOINT_COLLECTION, [Selector::text("ElementName", "TLSProtocolEndpoint Instances Collection")])
}

/// `C=…,O=…,CN=…`: in the certificate's own order.
fn name_text(name: &Name) -> String {
    name.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
