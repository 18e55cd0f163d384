//! The verifier (odca.md §7, "Verifier recipe").

use std::time::Duration;

use amt_provision_fsm::identity::{RomCaHash, SpkiHash};
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use webpki::aws_lc_rs::ECDSA_P384_SHA384;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::authority::Authority;
use super::names::{common_name, has_words, platform, security_version, unit};
use super::{OdcaRefusal, OdcaTrust, TrustSet};
use crate::pki::spki::{KeyKind, spki_hash, spki_hash_of_certificate};

/// How many certificates may be presented; AMT presents six.
pub const MAX_CERTIFICATES: usize = 8;

/// How long each may be; those seen have less than 1 KiB.
pub const MAX_CERTIFICATE_BYTES: usize = 4096;

/// 2026-11-01: no clock is believed that shows an earlier time than this code has (design.md §4, "Clocks").
pub const EARLIEST_CLOCK: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_793_491_200));

/// Common names of AMT's TLS server certificate before provisioning, on newer and on older parts (odca.md §1.1).
const LEAF_NAMES: [&str; 2] = ["AMT RCFG", "iAMT CSME IDevID RCFG"];

/// A machine, as its verified chain proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OdcaIdentity {
    /// The machine: hash of the ROM CA's certificate. It outlives firmware updates and provisioning.
    pub rom_ca: RomCaHash,
    /// The key of the leaf, which the TLS handshake proves possession of.
    pub leaf: SpkiHash,
    /// Security version of the firmware, where the names carry one.
    pub svn: Option<u16>,
    /// The platform, such as `LNL SOC 00003648 ZE`.
    pub platform: String,
    /// Name of the trust set under whose root the path ends.
    pub trust_set: String,
    /// The verified path, leaf first, without the root: what revocation lists are consulted about.
    pub path: Vec<CertificateDer<'static>>,
}

impl OdcaTrust {
    /// Verifies a chain as TLS presented it, leaf first; the rest may be in any order and may contain more than
    /// the path. Possession of the leaf's key is for the TLS handshake to prove.
    ///
    /// `now` is the server's clock; one that is before [`EARLIEST_CLOCK`] counts as that.
    ///
    /// # Errors
    /// The first of the questions in the [module's table](super) that has the wrong answer.
    pub fn verify(&self, presented: &[CertificateDer<'_>], now: UnixTime) -> Result<OdcaIdentity, OdcaRefusal> {
        let (leaf, others) = within_limits(presented)?;
        let now = now.max(EARLIEST_CLOCK);
        let end_entity = EndEntityCert::try_from(leaf)?;
        let path = end_entity.verify_for_usage(
            &[ECDSA_P384_SHA384],
            &self.anchors,
            others,
            now,
            // Required of the leaf below: the CAs carry no purpose.
            KeyUsage::server_auth(),
            None,
            None,
        )?;
        let set = self.sets.iter().find(|set| set.anchor == *path.anchor()).ok_or(OdcaRefusal::UnknownIssuer)?;
        let identity = set.judge(leaf, &path)?;
        self.check_revocation(&identity.path, set, now)?;
        Ok(identity)
    }

    /// Holds a path that is otherwise good against the lists, if there are any.
    fn check_revocation(&self, path: &[CertificateDer<'_>], set: &TrustSet, now: UnixTime) -> Result<(), OdcaRefusal> {
        let Some(revocation) = &self.revocation else { return Ok(()) };
        let (mut certificates, mut above) = (Vec::new(), Vec::new());
        for (level, der) in path.iter().enumerate() {
            let unreadable = OdcaRefusal::Unreadable { level };
            certificates.push(Certificate::from_der(der).map_err(|_| unreadable.clone())?);
            if level > 0 {
                above.push(Authority::of(der).map_err(|_| unreadable)?);
            }
        }
        above.push(set.root.clone());
        revocation.check(&certificates, &above, now)
    }
}

fn within_limits<'a, 'c>(
    presented: &'a [CertificateDer<'c>],
) -> Result<(&'a CertificateDer<'c>, &'a [CertificateDer<'c>]), OdcaRefusal> {
    let (leaf, others) = match presented {
        [_] => return Err(OdcaRefusal::SingleCertificate),
        [leaf, others @ ..] if presented.len() <= MAX_CERTIFICATES => (leaf, others),
        _ => return Err(OdcaRefusal::CertificateCount { presented: presented.len() }),
    };
    match presented.iter().map(|certificate| certificate.len()).enumerate().find(|(_, n)| *n > MAX_CERTIFICATE_BYTES) {
        Some((slot, bytes)) => Err(OdcaRefusal::Oversized { slot, bytes }),
        None => Ok((leaf, others)),
    }
}

impl TrustSet {
    /// Whether a certificate is of the key of an intermediate that makes CSME platforms, whatever its name.
    ///
    /// # Errors
    /// [`OdcaRefusal::Intermediate`], or [`OdcaRefusal::Unreadable`].
    pub fn check_intermediate(&self, certificate: &CertificateDer<'_>) -> Result<(), OdcaRefusal> {
        let found = spki_hash_of_certificate(certificate).map_err(|_| OdcaRefusal::Unreadable { level: 5 })?;
        if self.intermediates.contains(&found) { Ok(()) } else { Err(OdcaRefusal::Intermediate { found }) }
    }

    /// The platform of an issuing CA's certificate, if its branch is allowed. Only its name is looked at.
    ///
    /// # Errors
    /// [`OdcaRefusal::Branch`], or [`OdcaRefusal::Unreadable`].
    pub fn check_issuing_ca(&self, certificate: &CertificateDer<'_>) -> Result<String, OdcaRefusal> {
        let unit = unit(&Certificate::from_der(certificate).map_err(|_| OdcaRefusal::Unreadable { level: 4 })?);
        match platform(&unit, &self.branches) {
            Some(platform) => Ok(platform.to_owned()),
            None => Err(OdcaRefusal::Branch { found: unit }),
        }
    }

    /// Judges a path whose signatures, dates and constraints are verified up to this set's root.
    fn judge(&self, leaf: &CertificateDer<'_>, path: &VerifiedPath<'_>) -> Result<OdcaIdentity, OdcaRefusal> {
        let mut ders = vec![leaf.clone().into_owned()];
        ders.extend(path.intermediate_certificates().map(|certificate| certificate.der().into_owned()));
        let mut parsed = Vec::with_capacity(ders.len());
        for (level, der) in ders.iter().enumerate() {
            parsed.push(Certificate::from_der(der).map_err(|_| OdcaRefusal::Unreadable { level })?);
        }
        let ([leaf, amt, kernel, rom, _, _], [_, _, _, rom_der, issuing, intermediate]) = (&parsed[..], &ders[..])
        else {
            return Err(OdcaRefusal::PathLength { found: parsed.len() - 1 });
        };

        self.check_intermediate(intermediate)?;
        let platform = self.check_issuing_ca(issuing)?;
        let rom = common_name(rom);
        if !has_words(&rom, &["ROM", "CA"]) {
            return Err(OdcaRefusal::RomCa { found: rom });
        }
        let amt = common_name(amt);
        if !has_words(&amt, &["AMT", "CA"]) {
            return Err(OdcaRefusal::AmtCa { found: amt });
        }
        let name = common_name(leaf);
        if !LEAF_NAMES.contains(&name.as_str()) {
            return Err(OdcaRefusal::Leaf { found: name });
        }
        if !is_server_certificate(leaf) {
            return Err(OdcaRefusal::Purpose);
        }
        let leaf = path.end_entity().subject_public_key_info();
        if KeyKind::of(&leaf) != KeyKind::P384 {
            return Err(OdcaRefusal::Algorithm);
        }
        Ok(OdcaIdentity {
            rom_ca: RomCaHash::from_bytes(Sha256::digest(rom_der).into()),
            leaf: spki_hash(&leaf),
            svn: security_version(&amt).or_else(|| security_version(&common_name(kernel))),
            platform,
            trust_set: self.name.clone(),
            path: ders,
        })
    }
}

fn is_server_certificate(leaf: &Certificate) -> bool {
    const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
    matches!(
        leaf.tbs_certificate().get_extension::<ExtendedKeyUsage>(),
        Ok(Some((_, ExtendedKeyUsage(purposes)))) if purposes.contains(&SERVER_AUTH)
    )
}
