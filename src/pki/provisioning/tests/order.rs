//! Chains from whatever order a file has.

use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};
use rustls::pki_types::SubjectPublicKeyInfoDer;

use super::*;
use crate::pki::certificate::CertificateParts;
use crate::simulator::identity::generate_p384_key;

fn leaf_key(chain: &ProvisioningChain) -> SubjectPublicKeyInfoDer<'static> {
    CertificateParts::read(&chain.certificates()[0]).unwrap().spki().clone()
}

fn self_signed(key: &KeyPair, name: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.self_signed(key).unwrap().into()
}

#[test]
fn every_order_of_a_file_gives_the_same_chain() {
    let chain = BOUGHT.certificates();
    for [a, b, c] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mixed = [a, b, c].map(|at| chain[at].clone()).to_vec();
        let ordered = order(mixed, &leaf_key(&BOUGHT)).unwrap();
        assert_eq!(ordered, Ordered { chain: chain.to_vec(), unused: 0 });
    }
}

#[test]
fn what_does_not_belong_to_the_chain_is_left_out_and_counted() {
    let chain = BOUGHT.certificates();
    let mut mixed = chain.to_vec();
    mixed.push(chain[1].clone()); // a second time
    mixed.insert(0, self_signed(&generate_p384_key().unwrap(), "stranger"));
    mixed.push(vec![0x30, 0].into());
    // One that bears the root's name and did not sign: the one that did is taken.
    mixed.insert(0, mint(&shape()).root().clone());
    let ordered = order(mixed, &leaf_key(&BOUGHT)).unwrap();
    assert_eq!(ordered, Ordered { chain: chain.to_vec(), unused: 3 });
}

#[test]
fn a_chain_goes_as_far_as_its_certificates_do() {
    let chain = BOUGHT.certificates();
    let without_the_middle = vec![chain[2].clone(), chain[0].clone()];
    let ordered = order(without_the_middle, &leaf_key(&BOUGHT)).unwrap();
    assert_eq!(ordered, Ordered { chain: vec![chain[0].clone()], unused: 1 });
}

#[test]
fn a_key_has_one_leaf() {
    let key = generate_p384_key().unwrap();
    let public = SubjectPublicKeyInfoDer::from(key.subject_public_key_info());
    assert_eq!(order(BOUGHT.certificates().to_vec(), &public), Err(OrderError::NoLeaf));
    let renewed = vec![self_signed(&key, "old"), self_signed(&key, "new")];
    assert_eq!(order(renewed, &public), Err(OrderError::SeveralLeaves(2)));
}
