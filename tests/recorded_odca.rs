//! The facts about Intel's on-die CA in the code, held against the certificates that Intel publishes.
//!
//! No complete chain of a real device is public, so what is tested here is every level that is: the root, the
//! intermediates and the platforms' issuing CAs, production and debug. Whole chains are tested with the simulator's.
//!
//! The certificates are read from the folder that `AMT_PROVISION_FIXTURES` names, else from `../shared/fixtures` beside
//! the checkout. Without them the tests say so and pass, or fail if `REQUIRE_FIXTURES=1`.

#![allow(clippy::unwrap_used)]

mod common;

use amt_provision::fsm::identity::{CertificateHash, SpkiHash};
use amt_provision::pki::certificate::CertificateParts;
use amt_provision::pki::odca::revocation::{Flaw, Kind, RevocationList};
use amt_provision::pki::odca::{
    CSME_INTERMEDIATES, OdcaRefusal, OdcaTrust, ROOT_CERTIFICATE, ROOT_SPKI, TrustSet, TrustSetError,
};
use amt_provision::pki::spki::{spki_hash, spki_hash_of_certificate};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The key of `OnDie CA CSME Intermediate CA`, whose certificate is not among the recorded ones: recovered from the
/// signatures that it made.
const ON_DIE_CSME_KEY: &[u8] = b"\
    \x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04\
    \x9d\x12\xf0\xd9\x87\xb0\xd4\x36\xea\xe8\x7f\x7f\x49\x3b\x4e\xd5\xb2\xd5\xc4\x6c\x48\x24\x88\x99\
    \x60\x6e\x8e\xf8\xb9\xb4\xe7\x39\x0d\xe7\x92\xc4\x47\xae\x3c\x99\xe0\x5a\x2b\x16\x69\x52\x9b\xec\
    \xa6\xda\x03\xbc\x99\x6e\xd4\x89\x98\x9b\x72\x55\x3b\xc8\xae\xf9\x25\xdf\x48\x65\x07\x34\xa5\x2a\
    \x4a\x9c\x27\xcc\x73\x80\xe0\xce\x04\x51\x22\x92\xa3\xa3\x7f\xca\x9a\xed\xb9\x14\x34\x48\x82\xf5";

/// The recorded certificates; `None`, loudly, where there are none.
fn recorded() -> Option<impl Fn(&str) -> CertificateDer<'static>> {
    let folder = common::recorded("odca")?;
    Some(move |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        CertificateDer::from_pem_slice(&bytes).unwrap_or_else(|_| bytes.into())
    })
}

const ROOT: &str = "OnDie_CA_RootCA_Certificate.cer";
const CSME: &str = "tpm-ca-certificates/ODCA_CA2_CSME_Intermediate.prod.pem";
const OSSE: &str = "tpm-ca-certificates/ODCA_CA2_OSSE_Intermediate.prod.pem";
const DEBUG_ROOT: &str = "sdo-cachedir/OnDie_CA_DEBUG_RootCA_Certificate.cer";
const DEBUG_INTERMEDIATES: [&str; 2] =
    ["sdo-cachedir/ODCA_CA2_CSME_Intermediate.cer", "sdo-cachedir/OnDie_CA_CSME_Intermediate.cer"];

fn parts(certificate: &CertificateDer<'_>) -> CertificateParts {
    CertificateParts::read(certificate).unwrap()
}

fn subject(certificate: &CertificateDer<'_>) -> String {
    Certificate::from_der(certificate).unwrap().tbs_certificate().subject().to_string()
}

#[test]
fn the_production_root_is_the_anchor_and_has_the_hashes_in_the_code() {
    let Some(recorded) = recorded() else { return };
    let root = recorded(ROOT);
    assert_eq!(CertificateHash::from_bytes(Sha256::digest(&root).into()), ROOT_CERTIFICATE);
    assert_eq!(spki_hash_of_certificate(&root), Ok(ROOT_SPKI));
    let production = TrustSet::production();
    assert_eq!(*production.anchor(), webpki::anchor_from_trusted_cert(&root).unwrap());
    let widened = TrustSet::from_certificates("widened", &root, &[recorded(OSSE)]).unwrap();
    assert!(matches!(OdcaTrust::production().add(widened), Err(TrustSetError::RootAlreadyTrusted { .. })));
}

#[test]
fn the_csme_intermediates_in_the_code_are_the_ones_that_made_the_recorded_platforms() {
    let Some(recorded) = recorded() else { return };
    let csme = recorded(CSME);
    assert!(parts(&csme).is_signed_by(parts(&recorded(ROOT)).spki()));
    assert_eq!(TrustSet::production().check_intermediate(&csme), Ok(()));
    assert_eq!(spki_hash_of_certificate(&csme), Ok(CSME_INTERMEDIATES[0]));
    for platform in ["ADL_00002225", "ADL_00002226", "ADL_00002227"] {
        let platform = recorded(&format!("sdo-cachedir/{platform}_ODCA_CA2.cer"));
        assert!(parts(&platform).is_signed_by(parts(&csme).spki()));
    }

    let on_die = SubjectPublicKeyInfoDer::from(ON_DIE_CSME_KEY);
    assert_eq!(spki_hash(&on_die), CSME_INTERMEDIATES[1]);
    for platform in ["TGL_00001846", "TGL_00002002", "TGL_00002003", "TGL_00002004"] {
        let platform = recorded(&format!("sdo-cachedir/{platform}_OnDie_CA.cer"));
        assert!(parts(&platform).is_signed_by(&on_die));
    }
}

#[test]
fn debug_authorities_are_refused_though_they_bear_production_names() {
    let Some(recorded) = recorded() else { return };
    let production = TrustSet::production();
    assert_eq!(subject(&recorded(DEBUG_INTERMEDIATES[0])), subject(&recorded(CSME)));
    for name in DEBUG_INTERMEDIATES {
        let debug = recorded(name);
        let found = spki_hash_of_certificate(&debug).unwrap();
        assert_eq!(production.check_intermediate(&debug), Err(OdcaRefusal::Intermediate { found }));
        assert!(parts(&debug).is_signed_by(parts(&recorded(DEBUG_ROOT)).spki()));
        assert!(!parts(&debug).is_signed_by(parts(&recorded(ROOT)).spki()));
    }
    let debug_root = recorded(DEBUG_ROOT);
    assert_ne!(spki_hash_of_certificate(&debug_root), Ok(ROOT_SPKI));
    assert_ne!(*production.anchor(), webpki::anchor_from_trusted_cert(&debug_root).unwrap());
    let bundle = [recorded("sdo-cachedir/ADL_DEBUG000_ODCA_CA2.cer"), recorded(DEBUG_INTERMEDIATES[0]), debug_root];
    assert!(OdcaTrust::production().verify(&bundle, UnixTime::now()).is_err());
}

#[test]
fn the_sibling_branch_is_genuine_and_refused() {
    let Some(recorded) = recorded() else { return };
    let osse = recorded(OSSE);
    assert!(parts(&osse).is_signed_by(parts(&recorded(ROOT)).spki()));
    let found: SpkiHash = spki_hash_of_certificate(&osse).unwrap();
    assert_eq!(TrustSet::production().check_intermediate(&osse), Err(OdcaRefusal::Intermediate { found }));
    let platform = recorded("tpm-ca-certificates/LNL_00003642_NZ_ODCA_CA2.cer");
    assert!(parts(&platform).is_signed_by(parts(&osse).spki()));
    assert!(matches!(TrustSet::production().check_issuing_ca(&platform), Err(OdcaRefusal::Branch { .. })));
}

#[test]
fn only_production_platforms_are_allowed_though_others_are_as_genuine() {
    let Some(recorded) = recorded() else { return };
    let production = TrustSet::production();
    for (name, platform) in [
        ("tpm-ca-certificates/ADL_PROD_00002226_ODCA_CA2.cer", "ADL 00002226"),
        ("sdo-cachedir/ADL_00002226_ODCA_CA2.cer", "ADL 00002226"),
        ("sdo-cachedir/TGL_00002004_OnDie_CA.cer", "TGL 00002004"),
    ] {
        assert_eq!(production.check_issuing_ca(&recorded(name)).as_deref(), Ok(platform));
    }
    for (name, unit) in [
        ("sdo-cachedir/ADL_00002225_ODCA_CA2.cer", "ODCA 2 CSME E_ADL 00002225 Issuing CA"),
        ("sdo-cachedir/ADL_00002227_ODCA_CA2.cer", "ODCA 2 CSME T_ADL 00002227 Issuing CA"),
        ("sdo-cachedir/TGL_00002002_OnDie_CA.cer", "On Die CSME T_TGL 00002002 Issuing CA"),
        ("sdo-cachedir/TGL_00002003_OnDie_CA.cer", "On Die CSME E_TGL 00002003 Issuing CA"),
        ("sdo-cachedir/TGL_00001846_OnDie_CA.cer", "OnDie CA CSME TGL 00001846 Issuing CA"),
        ("sdo-cachedir/ADL_DEBUG000_ODCA_CA2.cer", "ODCA 2 CSME D_ADL DEBUG000 Issuing CA"),
    ] {
        let refused = Err(OdcaRefusal::Branch { found: unit.into() });
        assert_eq!(production.check_issuing_ca(&recorded(name)), refused);
    }
}

/// The recorded list of that name.
fn list(name: &str) -> RevocationList {
    let folder = common::recorded("odca").unwrap();
    RevocationList::read(name, &std::fs::read(folder.join("sdo-cachedir").join(name)).unwrap()).unwrap()
}

#[test]
fn every_recorded_revocation_list_is_read() {
    let Some(folder) = common::recorded("odca") else { return };
    let mut kinds = (0, 0);
    for file in std::fs::read_dir(folder.join("sdo-cachedir")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".crl") {
            let list = list(&name);
            assert!(list.is_empty(), "{name}: odca.md §1.6 says that none has an entry");
            match list.kind() {
                Kind::Direct => kinds.0 += 1,
                Kind::Indirect => kinds.1 += 1,
            }
        }
    }
    assert_eq!(kinds, (10, 2));
}

#[test]
fn the_recorded_lists_of_production_authorities_are_verified_and_those_of_debug_ones_refused() {
    if recorded().is_none() {
        return;
    }
    let production = OdcaTrust::production();
    for (name, kind) in [
        // Its signature's algorithm has NULL parameters, which webpki takes for no signature algorithm at all.
        ("OnDie_CA.crl", Kind::Direct),
        ("OnDie_CA_CSME_Product.crl", Kind::Direct),
        ("OnDie_CA_CSME_Indirect.crl", Kind::Indirect),
    ] {
        assert_eq!(production.recognises(&list(name)), Ok(true), "{name}");
        assert_eq!(list(name).kind(), kind);
    }
    for name in ["ODCA_CA2_CSME_Product.crl", "ODCA_CA2_CSME_Indirect.crl"] {
        let debug = list(name);
        assert_eq!(production.recognises(&debug), Err(Flaw::Forged(debug.issuer().clone())), "{name}");
    }
    assert_eq!(production.recognises(&list("OnDie_DE.crl")), Ok(false), "another root");
}

#[test]
fn the_recorded_production_indirect_list_is_stale() {
    if recorded().is_none() {
        return;
    }
    let list = list("OnDie_CA_CSME_Indirect.crl");
    assert_eq!((list.this_update().as_secs(), list.next_update().as_secs()), (1_584_576_000, 1_593_561_600));
    assert!(list.is_stale(UnixTime::now()));
}

#[test]
fn the_recorded_lists_of_platforms_are_signed_by_their_issuing_authorities() {
    let Some(recorded) = recorded() else { return };
    for platform in [
        "TGL_00001846_OnDie_CA",
        "TGL_00002002_OnDie_CA",
        "TGL_00002003_OnDie_CA",
        "TGL_00002004_OnDie_CA",
        "TGL_DEBUG000_OnDie_CA",
        "ADL_DEBUG000_ODCA_CA2",
    ] {
        let list = list(&format!("{platform}.crl"));
        assert_eq!(OdcaTrust::production().recognises(&list), Ok(false), "{platform}: nobody knows its key yet");
        // A set of its own, in which the issuing CA takes an intermediate's place.
        let issuing = recorded(&format!("sdo-cachedir/{platform}.cer"));
        let mut trust = OdcaTrust::production();
        trust.add(TrustSet::from_certificates("platform", &recorded(DEBUG_ROOT), &[issuing]).unwrap()).unwrap();
        assert_eq!(trust.recognises(&list), Ok(true), "{platform}");
    }
}
