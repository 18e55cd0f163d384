//! A folder that changes, breaks and comes back.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use super::*;
use crate::pki::odca::OdcaRefusal;
use crate::pki::odca::revocation::ListError;
use crate::simulator::identity::{ChainShape, SimulatorAuthority};
use crate::simulator::revocation::{INDIRECT_LIST, ListShape, PRODUCT_LIST};

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
}

struct Fixture {
    authority: SimulatorAuthority,
    chain: Vec<CertificateDer<'static>>,
    folder: TempDir,
    directory: CrlDirectory,
}

impl Fixture {
    fn new() -> Self {
        let authority = SimulatorAuthority::generate().unwrap();
        let chain = authority.device(&ChainShape::default()).unwrap().chain;
        let trust = authority.trusted_as("simulator").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let source = CrlSource { policy: RevocationPolicy::IfPresent, directory: folder.path().to_owned() };
        let directory = CrlDirectory::open(source, Arc::new(trust));
        Self { authority, chain, folder, directory }
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), contents).unwrap();
    }

    /// The leaf is revoked by the file of that name.
    fn revoke(&self, name: &str) {
        self.write(name, self.authority.indirect_list(&ListShape::revoking([self.chain[0].clone()])).unwrap());
    }

    fn revoked(&self) -> bool {
        match self.directory.current(now()).verify(&self.chain, now()) {
            Ok(_) => false,
            Err(OdcaRefusal::Revoked(_)) => true,
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn what_is_put_into_the_folder_counts_from_the_next_session_on_and_until_it_is_taken_out() {
    let f = Fixture::new();
    assert!(!f.revoked());
    assert_eq!(f.directory.findings(now()), [Finding::Empty]);
    f.revoke(INDIRECT_LIST);
    assert!(f.revoked());
    assert_eq!(f.directory.findings(now()), []);
    f.write(INDIRECT_LIST, f.authority.indirect_list(&ListShape::default()).unwrap());
    assert!(!f.revoked());
    f.revoke("ANOTHER.CRL");
    assert!(f.revoked());
    fs::remove_file(f.folder.path().join("ANOTHER.CRL")).unwrap();
    f.revoke("not-a-list.txt");
    assert!(!f.revoked());
}

#[test]
fn nothing_is_read_while_nothing_changes() {
    let f = Fixture::new();
    f.revoke(INDIRECT_LIST);
    assert!(Arc::ptr_eq(&f.directory.current(now()), &f.directory.current(now())));
}

#[test]
fn a_file_that_turns_bad_is_told_of_and_what_it_had_counts_on() {
    let f = Fixture::new();
    f.revoke(INDIRECT_LIST);
    assert!(f.revoked());
    let forged = SimulatorAuthority::generate().unwrap().indirect_list(&ListShape::default()).unwrap();
    for (contents, flaw) in [
        (b"half a li".to_vec(), Flaw::List(ListError::NotAList)),
        (vec![0x30; MAX_LIST_BYTES + 1], Flaw::List(ListError::TooLong)),
        (forged.to_vec(), Flaw::Forged(f.directory.lists()[0].issuer().clone())),
    ] {
        f.write(INDIRECT_LIST, contents);
        assert!(f.revoked());
        let file = INDIRECT_LIST.to_owned();
        assert_eq!(f.directory.findings(now()), [Finding::Broken { file, flaw, kept: true }]);
    }
    f.write(PRODUCT_LIST, f.authority.product_list(&ListShape::default()).unwrap());
    assert!(f.revoked());
    assert_eq!(f.directory.lists().len(), 2, "the other files are read all the same");
    f.write(INDIRECT_LIST, f.authority.indirect_list(&ListShape::default()).unwrap());
    assert!(!f.revoked());
    assert_eq!(f.directory.findings(now()), []);
}

#[test]
fn a_file_that_was_never_good_is_told_of_and_left_out() {
    let f = Fixture::new();
    f.write("new.crl", b"not a list");
    assert!(!f.revoked());
    let told: Vec<_> = f.directory.findings(now()).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "revocation list new.crl is not used: it is no revocation list of version 2: expected DER, or PEM with \
             `-----BEGIN X509 CRL-----`",
            "the crl_directory has no revocation list: expected files that end in .crl",
        ]
    );
}

#[test]
fn a_folder_that_goes_away_keeps_what_it_had_until_it_comes_back() {
    let f = Fixture::new();
    f.revoke(INDIRECT_LIST);
    assert!(f.revoked());
    let (here, away) = (f.folder.path(), f.folder.path().with_extension("away"));
    fs::rename(here, &away).unwrap();
    assert!(f.revoked());
    assert!(matches!(f.directory.findings(now())[..], [Finding::Folder { .. }]));
    fs::rename(&away, here).unwrap();
    assert!(f.revoked());
    assert_eq!(f.directory.findings(now()), []);
}

#[test]
fn more_files_than_the_limit_are_told_of() {
    let f = Fixture::new();
    let list = f.authority.product_list(&ListShape::default()).unwrap();
    for number in 0..=MAX_LISTS {
        f.write(&format!("{number:03}.crl"), &list);
    }
    f.revoked();
    assert_eq!(f.directory.lists().len(), MAX_LISTS);
    assert_eq!(f.directory.findings(now()), [Finding::TooMany { file: "512.crl".into() }]);
}
