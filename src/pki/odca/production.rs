//! Intel's production set, as facts: a name, a key, hashes (odca.md §1.3, §1.4).
//!
//! Debug CAs carry the very same names, so nothing here is ever found by name.

use amt_provision_fsm::identity::{CertificateHash, SpkiHash};
use rustls::pki_types::{Der, SubjectPublicKeyInfoDer, TrustAnchor};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Encode, Tag};

use super::TrustSet;
use super::authority::{Authority, CaName};

/// The certificate that Intel publishes as `OnDie_CA_RootCA_Certificate.cer`; its subject and key are the anchor.
pub const ROOT_CERTIFICATE: CertificateHash = CertificateHash::from_bytes([
    0xbe, 0xb4, 0x0b, 0xb7, 0x50, 0x7b, 0x33, 0x96, 0x72, 0x26, 0xaa, 0x80, 0xe0, 0x84, 0x74, 0x9f, 0xbb, 0x65, 0x93,
    0x89, 0x3c, 0x64, 0x2e, 0x81, 0x8d, 0x68, 0x2e, 0x9a, 0x8d, 0x07, 0xfc, 0x24,
]);

/// The root's key.
pub const ROOT_SPKI: SpkiHash = SpkiHash::from_bytes([
    0x84, 0xb2, 0x53, 0x05, 0xbf, 0x5f, 0x90, 0xc3, 0x99, 0xd7, 0xf5, 0x20, 0xad, 0x81, 0xf4, 0x51, 0xe0, 0x9b, 0x00,
    0x25, 0xd0, 0x29, 0x21, 0x43, 0xe1, 0x38, 0x89, 0x70, 0xf9, 0x65, 0x14, 0x84,
]);

/// The intermediates under the root that issue CSME platform CAs. Siblings such as `ODCA CA2 OSSE Intermediate CA`
/// are as genuine and are not here: AMT does not live under them.
pub const CSME_INTERMEDIATES: [SpkiHash; 2] = [
    // ODCA CA2 CSME Intermediate CA: Alder Lake and later; key identifier 01c05cc8…
    SpkiHash::from_bytes([
        0xc4, 0x1d, 0x0c, 0x20, 0x30, 0x22, 0xaa, 0x2f, 0x27, 0x58, 0xbd, 0x1e, 0xab, 0x52, 0x7d, 0x6a, 0x64, 0xa9,
        0x9c, 0x7c, 0xb8, 0x20, 0xf0, 0x30, 0x64, 0x9b, 0x27, 0x6e, 0x75, 0x3b, 0x72, 0xa8,
    ]),
    // OnDie CA CSME Intermediate CA: Tiger Lake; key identifier 619a0a78…, recovered from three signatures it made.
    SpkiHash::from_bytes([
        0x98, 0x54, 0xae, 0xf3, 0x1d, 0x46, 0xc5, 0xd6, 0x92, 0x83, 0x40, 0x1b, 0x47, 0x4c, 0x90, 0x74, 0xd0, 0xa7,
        0xf9, 0x8b, 0xe1, 0x97, 0xf1, 0x2f, 0x2b, 0x61, 0xf4, 0x4d, 0x01, 0xaa, 0xe2, 0x05,
    ]),
];

/// Production silicon. `E_`, `T_` and unlettered branches chain to the same root (odca.md §1.4).
pub(super) const BRANCHES: [&str; 2] = ["ODCA 2 CSME P_", "On Die CSME P_"];

/// `C=US, ST=CA, L=Santa Clara, O=Intel Corporation, OU=OnDie CA Root Cert Signing, CN=www.intel.com`, all UTF8String.
const ROOT_SUBJECT: &[u8] = b"\
      \x31\x0b\x30\x09\x06\x03\x55\x04\x06\x0c\x02US\
      \x31\x0b\x30\x09\x06\x03\x55\x04\x08\x0c\x02CA\
      \x31\x14\x30\x12\x06\x03\x55\x04\x07\x0c\x0bSanta Clara\
      \x31\x1a\x30\x18\x06\x03\x55\x04\x0a\x0c\x11Intel Corporation\
      \x31\x23\x30\x21\x06\x03\x55\x04\x0b\x0c\x1aOnDie CA Root Cert Signing\
      \x31\x16\x30\x14\x06\x03\x55\x04\x03\x0c\x0dwww.intel.com";

/// AlgorithmIdentifier of P-384, then the point.
const ROOT_KEY: &[u8] = b"\
      \x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\
      \x03\x62\x00\x04\
      \xaf\x12\x7c\x1d\x94\x7e\x5b\xd7\x66\xa6\xf9\x29\xcd\xfe\x96\x89\x2b\x00\x11\xd6\x6b\x3b\xcd\x11\
      \x1d\x9a\xc4\xf5\x11\x3f\xae\x07\x20\xb9\x17\x0a\x13\xc1\xd0\xe1\x17\xe6\x12\xc1\xec\xe9\x30\xec\
      \x3c\xba\xa0\x5a\x81\xe6\xd4\x15\x0e\xea\x60\x7e\xf5\x17\xfd\x28\x18\x04\x46\x83\x74\x6e\x6b\x09\
      \x51\x6b\x18\x08\xac\xe8\x75\xf9\x4c\x0d\x9e\xc1\x09\xa3\xd7\x8a\xf6\x9d\xc1\xc1\x82\x7a\x69\x07";

/// The keys of [`CSME_INTERMEDIATES`], in its order and written as [`ROOT_KEY`] is, for the lists that they sign.
const ODCA_CA2_CSME_KEY: &[u8] = b"\
      \x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\
      \x03\x62\x00\x04\
      \x87\x4c\xb6\x7d\xfe\xb1\x2b\xe5\xb5\xe5\x56\x48\x74\xb5\x70\xcf\x80\x07\x03\x8b\x10\x69\x00\xb0\
      \x47\x4b\x5d\x6f\xde\x65\x0c\x9b\xb8\x68\x79\x23\x80\x76\x6f\x6d\x93\x38\xf2\x03\x98\xcc\xe1\x1c\
      \x73\xb4\xe2\xbc\xd7\x20\xb4\x5d\x08\xd5\x81\x51\x97\xdf\x03\x24\xc6\x9a\x29\x7b\x50\xce\x53\x21\
      \xfd\x2c\xc0\x6f\x06\x3a\x10\x13\x15\x3e\x5b\x87\xc4\x07\xab\xfc\x7e\x30\x6d\x95\xa8\xbc\xcd\xc7";
const ON_DIE_CSME_KEY: &[u8] = b"\
      \x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\
      \x03\x62\x00\x04\
      \x9d\x12\xf0\xd9\x87\xb0\xd4\x36\xea\xe8\x7f\x7f\x49\x3b\x4e\xd5\xb2\xd5\xc4\x6c\x48\x24\x88\x99\
      \x60\x6e\x8e\xf8\xb9\xb4\xe7\x39\x0d\xe7\x92\xc4\x47\xae\x3c\x99\xe0\x5a\x2b\x16\x69\x52\x9b\xec\
      \xa6\xda\x03\xbc\x99\x6e\xd4\x89\x98\x9b\x72\x55\x3b\xc8\xae\xf9\x25\xdf\x48\x65\x07\x34\xa5\x2a\
      \x4a\x9c\x27\xcc\x73\x80\xe0\xce\x04\x51\x22\x92\xa3\xa3\x7f\xca\x9a\xed\xb9\x14\x34\x48\x82\xf5";

pub(super) fn trust_set() -> TrustSet {
    let authority = |name, key| Authority { name, key: SubjectPublicKeyInfoDer::from(sequence(key)) };
    TrustSet {
        name: "Intel production".into(),
        anchor: TrustAnchor {
            subject: Der::from_slice(ROOT_SUBJECT),
            subject_public_key_info: Der::from_slice(ROOT_KEY),
            name_constraints: None,
        },
        intermediates: CSME_INTERMEDIATES.to_vec(),
        root: authority(CaName::from_der(&sequence(ROOT_SUBJECT)).unwrap_or_default(), ROOT_KEY),
        publishers: vec![
            authority(CaName::of_unit("ODCA CA2 CSME Intermediate CA"), ODCA_CA2_CSME_KEY),
            authority(CaName::of_unit("OnDie CA CSME Intermediate CA"), ON_DIE_CSME_KEY),
        ],
        branches: BRANCHES.map(String::from).to_vec(),
    }
}

/// A trust anchor has subject and key without the tag and length around them.
fn sequence(content: &[u8]) -> Vec<u8> {
    AnyRef::new(Tag::Sequence, content).and_then(|whole| whole.to_der()).unwrap_or_default()
}
