//! A provisioning certificate with its chain, as one buys it from a vendor whose root hash every firmware has:
//! what turns CCM into ACM (wsman.md §2.1). For tests and demos; a simulated device trusts its root only when told.
//!
//! ```
//! use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
//!
//! let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain("vprodemo.test"))?;
//! assert_eq!(chain.certificates().len(), 3); // leaf, intermediate, root
//! let signature = chain.sign(&[0; 20], &[1; 20])?;
//! assert_eq!(signature.len(), 256);
//! # Ok::<(), amt_provision::simulator::identity::IdentityError>(())
//! ```

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::identity::CertificateHash;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, PKCS_RSA_SHA384, RsaKeySize, SanType, SigningKey,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::identity::IdentityError;

/// What the leaf says that makes it a provisioning certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisioningMark {
    /// Extended key usage `serverAuth` and Intel's 2.16.840.1.113741.1.2.3.
    Oid,
    /// The organizational unit `Intel(R) Client Setup Certificate`, and `serverAuth`.
    Unit,
    /// `serverAuth` alone, as any web server has it: not a provisioning certificate.
    Missing,
}

/// Keys and signatures of a provisioning chain, all of them RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProvisioningStrength {
    /// Keys of 2048 bits and SHA-256, which every firmware up to AMT 21 takes.
    Rsa2048Sha256,
    /// Keys of 3072 bits and SHA-384, which AMT 22 wants and AMT 21 takes (wsman.md §2.1).
    Rsa3072Sha384,
}

impl ProvisioningStrength {
    /// What firmware of that suite takes.
    pub const fn of(suite: KeySuite) -> Self {
        match suite {
            KeySuite::Rsa2048Sha256 => Self::Rsa2048Sha256,
            KeySuite::EcP384Sha384 => Self::Rsa3072Sha384,
        }
    }

    fn generate_key(self) -> Result<KeyPair, IdentityError> {
        Ok(match self {
            Self::Rsa2048Sha256 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?,
            Self::Rsa3072Sha384 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA384, RsaKeySize::_3072)?,
        })
    }
}

/// The shape of a provisioning chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisioningShape {
    /// The leaf's common name and DNS name.
    pub dns_name: String,
    /// What marks the leaf.
    pub mark: ProvisioningMark,
    /// Its keys and signatures.
    pub strength: ProvisioningStrength,
    /// Certificates between leaf and root; the firmware takes two at most.
    pub intermediates: usize,
    /// Start of validity of all of them.
    pub not_before: OffsetDateTime,
    /// End of validity of all of them.
    pub not_after: OffsetDateTime,
}

impl ProvisioningShape {
    /// What one buys for the devices of a domain: one intermediate, valid from 2024 to the end of 2035.
    pub fn for_domain(domain: &str) -> Self {
        Self {
            dns_name: format!("provisioning.{domain}"),
            mark: ProvisioningMark::Oid,
            strength: ProvisioningStrength::Rsa2048Sha256,
            intermediates: 1,
            not_before: rcgen::date_time_ymd(2024, 1, 1),
            not_after: rcgen::date_time_ymd(2036, 1, 1),
        }
    }
}

/// A provisioning certificate, its private key and the certificates above it.
pub struct ProvisioningChain {
    certificates: Vec<CertificateDer<'static>>,
    root: CertificateDer<'static>,
    key: KeyPair,
}

impl ProvisioningChain {
    /// A new chain with a root of its own.
    ///
    /// # Errors
    /// [`IdentityError::Mint`] if a name cannot be written in a certificate.
    pub fn mint(shape: &ProvisioningShape) -> Result<Self, IdentityError> {
        let root_key = shape.strength.generate_key()?;
        let root = CertifiedIssuer::self_signed(authority("Simulated Provisioning Root", shape), root_key)?;
        let root_der = root.der().clone();
        let mut above = vec![root_der.clone()];
        let mut issuer = root;
        for number in 1..=shape.intermediates {
            let name = format!("Simulated Provisioning CA {number}");
            issuer = CertifiedIssuer::signed_by(authority(&name, shape), shape.strength.generate_key()?, &issuer)?;
            above.push(issuer.der().clone());
        }
        let key = shape.strength.generate_key()?;
        let issuer: &Issuer<'_, KeyPair> = &issuer;
        let leaf = leaf(shape)?.signed_by(&key, issuer)?;
        let certificates = std::iter::once(leaf.into()).chain(above.into_iter().rev()).collect();
        Ok(Self { certificates, root: root_der, key })
    }

    /// The certificates in the order in which the firmware wants them: leaf first, root last.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The root, whose hash a device must know.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// SHA-256 of the root's certificate.
    pub fn root_hash(&self) -> CertificateHash {
        CertificateHash::from_bytes(Sha256::digest(&self.root).into())
    }

    /// The signature over both nonces that proves possession of the leaf's key: PKCS#1 v1.5, with the hash of
    /// the chain.
    ///
    /// # Errors
    /// If the cryptography library fails.
    pub fn sign(&self, firmware_nonce: &[u8; 20], our_nonce: &[u8; 20]) -> Result<Vec<u8>, IdentityError> {
        Ok(self.key.sign(&[firmware_nonce.as_slice(), our_nonce].concat())?)
    }

    /// The private key in PKCS#8.
    pub fn key(&self) -> PrivatePkcs8KeyDer<'static> {
        self.key.serialize_der().into()
    }

    /// The private key as PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// The certificates as PEM, in the firmware's order.
    pub fn certificates_pem(&self) -> String {
        self.certificates.iter().map(|der| pem::encode(&pem::Pem::new("CERTIFICATE", &der[..]))).collect()
    }

    /// The private key and all certificates as PEM, as an operator hands them over.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem() + &self.certificates_pem())
    }
}

fn params(name: &str, shape: &ProvisioningShape) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "amt-provision simulator");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = shape.not_before;
    params.not_after = shape.not_after;
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority(name: &str, shape: &ProvisioningShape) -> CertificateParams {
    let mut params = params(name, shape);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(shape: &ProvisioningShape) -> Result<CertificateParams, IdentityError> {
    const PROVISIONING: [u64; 8] = [2, 16, 840, 1, 113741, 1, 2, 3];
    let mut params = params(&shape.dns_name, shape);
    params.subject_alt_names = vec![SanType::DnsName(shape.dns_name.clone().try_into()?)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match shape.mark {
        ProvisioningMark::Oid => {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::Other(PROVISIONING.to_vec()));
        }
        ProvisioningMark::Unit => {
            params.distinguished_name.push(DnType::OrganizationalUnitName, "Intel(R) Client Setup Certificate");
        }
        ProvisioningMark::Missing => {}
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::certificate::CertificateParts;

    #[test]
    fn every_certificate_is_signed_by_the_next_and_the_last_by_itself() {
        let shape = ProvisioningShape { intermediates: 2, ..ProvisioningShape::for_domain("vprodemo.test") };
        let chain = ProvisioningChain::mint(&shape).unwrap();
        let parts: Vec<_> = chain.certificates().iter().map(|der| CertificateParts::read(der).unwrap()).collect();
        assert_eq!(parts.len(), 4);
        assert!(parts.windows(2).all(|pair| pair[0].is_signed_by(pair[1].spki()) && !pair[0].is_self_signed()));
        assert!(parts[3].is_self_signed());
        assert_eq!(chain.root(), &chain.certificates()[3]);
    }
}
