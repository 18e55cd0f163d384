//! PFX files: two that OpenSSL made (`make.sh`), and what can be wrong with others.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use proptest::prelude::*;
use rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::simulator::identity::generate_p384_key;
use crate::tunnel::channel::{ProvisioningCertificate, ProvisioningIdentity};

const LEGACY: &[u8] = include_bytes!("legacy.pfx");
const MODERN: &[u8] = include_bytes!("modern.pfx");

fn refused(file: &[u8], password: &str) -> Pkcs12Error {
    open(file, password).err().unwrap()
}

fn chain_of(key: &[u8], certificates: &[CertificateDer<'_>]) -> KeyStoreEntry {
    let certificates = certificates.iter().map(|der| Certificate::from_der(der).unwrap());
    KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("1", PrivateKey::from_der(key).unwrap(), certificates))
}

fn written(entries: Vec<KeyStoreEntry>) -> Vec<u8> {
    let mut store = KeyStore::new();
    for (number, entry) in entries.into_iter().enumerate() {
        store.add_entry(&number.to_string(), entry);
    }
    store.writer("P@ssw0rd").encryption_iterations(2).mac_iterations(2).write().unwrap()
}

#[test]
fn files_of_both_generations_of_openssl_give_a_chain_that_devices_take() {
    for (name, file) in [("legacy", LEGACY), ("modern", MODERN)] {
        let Opened { key, certificates } = open(file, "P@ssw0rd").unwrap();
        let (certificate, unused) = ProvisioningCertificate::assemble(certificates, &key).unwrap();
        assert_eq!((certificate.chain().len(), unused), (3, 0), "{name}");
        assert_eq!(lint(certificate.chain(), &terms()), [], "{name}");
    }
}

#[test]
fn a_file_of_3des_and_sha_1_alone_is_read_as_windows_writes_it() {
    let mut store = KeyStore::new();
    store.add_entry("1", chain_of(BOUGHT.key().secret_pkcs8_der(), BOUGHT.certificates()));
    let writer = store.writer("pässword").encryption_iterations(2000).mac_iterations(2000);
    let writer = writer.encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc);
    let file = writer.mac_algorithm(MacAlgorithm::HmacSha1).write().unwrap();
    let opened = open(&file, "pässword").unwrap();
    assert_eq!(*opened.key, PrivateKeyDer::Pkcs8(BOUGHT.key()));
    assert_eq!(opened.certificates.len(), 3);
}

#[test]
fn a_wrong_password_is_told_from_a_wrong_file() {
    for file in [LEGACY, MODERN] {
        assert_eq!(refused(file, "P@ssw0rd "), Pkcs12Error::WrongPassword);
        assert_eq!(refused(file, ""), Pkcs12Error::WrongPassword);
        assert_eq!(refused(&file[..file.len() - 1], "P@ssw0rd"), Pkcs12Error::NotPkcs12);
    }
    assert_eq!(refused(BOUGHT.to_pem().as_bytes(), "P@ssw0rd"), Pkcs12Error::NotPkcs12);
    assert_eq!(refused(&[], "P@ssw0rd"), Pkcs12Error::NotPkcs12);
}

#[test]
fn an_algorithm_that_is_not_read_is_told_from_a_damaged_file() {
    // The digest of the MAC, which is the last one in a file: SHA-256, and SHA3-256.
    let (sha256, sha3) = (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", b"\x60\x86\x48\x01\x65\x03\x04\x02\x08");
    let mut file = MODERN.to_vec();
    let at = (0..file.len()).rfind(|at| file[*at..].starts_with(sha256)).unwrap();
    file[at..at + sha3.len()].copy_from_slice(sha3);
    assert_eq!(refused(&file, "P@ssw0rd"), Pkcs12Error::Unsupported);
}

#[test]
fn a_file_holds_one_key_and_its_certificates() {
    let (key, chain) = (BOUGHT.key(), BOUGHT.certificates());
    let root = KeyStoreEntry::Certificate(Certificate::from_der(&chain[2]).unwrap());
    assert_eq!(refused(&written(vec![root]), "P@ssw0rd"), Pkcs12Error::NoKey);
    let bare = chain_of(key.secret_pkcs8_der(), &[]);
    assert_eq!(refused(&written(vec![bare]), "P@ssw0rd"), Pkcs12Error::NoCertificate);
    let ours = || chain_of(key.secret_pkcs8_der(), chain);
    let other = chain_of(&generate_p384_key().unwrap().serialize_der(), &[]);
    assert_eq!(refused(&written(vec![ours(), other]), "P@ssw0rd"), Pkcs12Error::SeveralKeys(2));
    assert!(open(&written(vec![ours()]), "P@ssw0rd").is_ok());
}

#[test]
fn a_file_that_is_cut_anywhere_is_none() {
    for file in [LEGACY, MODERN] {
        for length in 0..file.len() {
            assert_eq!(refused(&file[..length], "P@ssw0rd"), Pkcs12Error::NotPkcs12, "{length} bytes");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn damaged_files_panic_nobody(at in 0..MODERN.len(), to: u8) {
        for file in [LEGACY, MODERN] {
            let mut file = file.to_vec();
            let at = at % file.len();
            file[at] = to;
            let _ = open(&file, "P@ssw0rd");
        }
    }
}
