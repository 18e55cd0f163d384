//! Who signs ODCA chains in Intel's place.

use std::sync::Arc;

use rcgen::{CertifiedIssuer, CustomExtension, DistinguishedName, DnType, Issuer, KeyPair, PKCS_ECDSA_P384_SHA384};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::certificate::{authority_params, dated, distribution_point, leaf_params};
use super::error::IdentityError;
use super::keys::generate_p384_key;
use super::shape::{ChainShape, Subject};
use super::shown::Identity;
use crate::pki::odca::{OdcaTrust, TrustSet, TrustSetError};
use crate::simulator::revocation::{INDIRECT_LIST, PLATFORM_LIST, PRODUCT_LIST, ROOT_LIST};

/// A root and a CSME-intermediate-shaped CA under it. Trusting one is an addition to a server's ODCA trust
/// that its operator asked for by name; production trust does not know it.
pub struct SimulatorAuthority {
    root: Arc<Authority>,
    intermediate: Authority,
}

pub(in crate::simulator) type Authority = CertifiedIssuer<'static, KeyPair>;

impl SimulatorAuthority {
    /// The unit of the intermediate, the same as that of Intel's: a name proves nothing (odca.md §1.4).
    pub const INTERMEDIATE_UNIT: &str = "ODCA CA2 CSME Intermediate CA";

    /// A new authority with keys of its own.
    ///
    /// # Errors
    /// If the random source or the cryptography library fails.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_keys(generate_p384_key()?, generate_p384_key()?)
    }

    /// The authority whose keys [`SimulatorAuthority::to_pem`] wrote, so that devices of several runs are under
    /// one trust set. Its certificates are signed anew over the same subjects and keys.
    ///
    /// # Errors
    /// [`IdentityError::NotAnAuthority`] if there are not two private keys, [`IdentityError::Mint`] if one is
    /// not a P-384 key.
    pub fn from_pem(text: &str) -> Result<Self, IdentityError> {
        let mut keys = Vec::new();
        for key in PrivatePkcs8KeyDer::pem_slice_iter(text.as_bytes()).flatten() {
            keys.push(KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P384_SHA384)?);
        }
        match <[KeyPair; 2]>::try_from(keys) {
            Ok([root, intermediate]) => Self::from_keys(root, intermediate),
            Err(keys) => Err(IdentityError::NotAnAuthority { found: keys.len() }),
        }
    }

    /// Both private keys as PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.root.key().serialize_pem() + &self.intermediate.key().serialize_pem())
    }

    fn from_keys(root: KeyPair, intermediate: KeyPair) -> Result<Self, IdentityError> {
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, "amt-provision simulator");
        name.push(DnType::OrganizationalUnitName, "OnDie CA Root Cert Signing");
        name.push(DnType::CommonName, "www.intel.com");
        let root = Authority::self_signed(authority_params(name, &root), root)?;
        Self::under(Arc::new(root), Self::INTERMEDIATE_UNIT, intermediate)
    }

    fn under(root: Arc<Authority>, unit: &str, key: KeyPair) -> Result<Self, IdentityError> {
        let mut params = authority_params(Subject::unit(unit).distinguished_name(), &key);
        params.custom_extensions.push(distribution_point(ROOT_LIST, None)?);
        let intermediate = Authority::signed_by(params, key, &root)?;
        Ok(Self { root, intermediate })
    }

    /// Another intermediate of that unit under the same root, such as `ODCA CA2 OSSE Intermediate CA`: a branch
    /// that is genuine and still not AMT's (odca.md §1.1).
    ///
    /// # Errors
    /// As [`SimulatorAuthority::generate`].
    pub fn sibling(&self, unit: &str) -> Result<Self, IdentityError> {
        Self::under(Arc::clone(&self.root), unit, generate_p384_key()?)
    }

    /// The root's certificate: the anchor of the simulator's trust set.
    pub fn root(&self) -> &CertificateDer<'static> {
        self.root.der()
    }

    /// The intermediate's certificate, whose key the trust set names.
    pub fn intermediate(&self) -> &CertificateDer<'static> {
        self.intermediate.der()
    }

    /// Both certificates as PEM, as a configuration names them in a trust set.
    pub fn certificates_pem(&self) -> String {
        let certificate = |der: &CertificateDer<'_>| pem::encode(&pem::Pem::new("CERTIFICATE", &der[..]));
        [self.root(), self.intermediate()].map(certificate).concat()
    }

    /// What a server trusts whose operator has added this authority under that name.
    ///
    /// # Errors
    /// [`TrustSetError`]: a certificate of this authority cannot be read.
    pub fn trusted_as(&self, name: &str) -> Result<OdcaTrust, TrustSetError> {
        let intermediates = std::slice::from_ref(self.intermediate());
        let mut trust = OdcaTrust::production();
        trust.add(TrustSet::from_certificates(name, self.root(), intermediates)?)?;
        Ok(trust)
    }

    /// A new device: fresh keys at every level of `shape`, and the chain as AMT presents it, leaf first and
    /// intermediate last.
    ///
    /// # Errors
    /// [`IdentityError::Mint`] if a name in `shape` cannot be written in a certificate.
    pub fn device(&self, shape: &ChainShape) -> Result<Identity, IdentityError> {
        Ok(self.silicon(shape)?.identity)
    }

    /// The same, with the CA above it that has a revocation list of its own.
    ///
    /// # Errors
    /// As [`SimulatorAuthority::device`].
    pub fn silicon(&self, shape: &ChainShape) -> Result<Silicon, IdentityError> {
        let mut chain = vec![self.intermediate().clone()];
        let mut authorities: Vec<Authority> = Vec::new();
        for (above, subject) in shape.authorities.iter().enumerate() {
            let key = shape.generate_key(shape.authorities.len() - above)?;
            let mut params = dated(authority_params(subject.distinguished_name(), &key), shape);
            params.custom_extensions.push(match above {
                0 => distribution_point(PRODUCT_LIST, None)?,
                1 => distribution_point(PLATFORM_LIST, None)?,
                _ => self.indirect_point()?,
            });
            let authority = Authority::signed_by(params, key, authorities.last().unwrap_or(&self.intermediate))?;
            chain.push(authority.der().clone());
            authorities.push(authority);
        }
        let key = shape.generate_key(0)?;
        let mut params = dated(leaf_params(&shape.leaf, shape.purpose), shape);
        params.custom_extensions.push(self.indirect_point()?);
        let issuer: &Issuer<'_, KeyPair> = authorities.last().unwrap_or(&self.intermediate);
        chain.push(params.signed_by(&key, issuer)?.into());
        chain.reverse();
        let identity = Identity::new(key, chain);
        Ok(Silicon { identity, platform: authorities.into_iter().next() })
    }

    /// What is issued on the die names the intermediate as the publisher of its list (odca.md §1.5, §1.6).
    fn indirect_point(&self) -> Result<CustomExtension, IdentityError> {
        let intermediate = Certificate::from_der(self.intermediate())?;
        distribution_point(INDIRECT_LIST, Some(intermediate.tbs_certificate().subject().clone()))
    }

    pub(in crate::simulator) fn root_issuer(&self) -> &Authority {
        &self.root
    }

    pub(in crate::simulator) fn intermediate_issuer(&self) -> &Authority {
        &self.intermediate
    }
}

/// A device and the platform's issuing CA above it.
pub struct Silicon {
    /// What the device shows.
    pub identity: Identity,
    /// `None` if the shape has no CA below the intermediate.
    pub(in crate::simulator) platform: Option<Authority>,
}
