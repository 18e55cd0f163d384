//! The provisioning certificate on real sockets: from a PFX file to ACM, and judged before the device is touched.

use std::net::Ipv4Addr;
use std::sync::Arc;

use amt_provision::config::Config;
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::protocol;
use amt_provision::relay::RelayError;
use amt_provision::server::ServedProfile;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::provisioning::{
    ProvisioningChain, ProvisioningMark, ProvisioningShape, ProvisioningStrength,
};
use amt_provision::store::{Store, Tenant};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rustls::pki_types::UnixTime;

use crate::provisioning::{World, chain, provision};

const VERSION: AmtVersion = AmtVersion::new(19, 0);

/// What the relay was told of the activation, for programs.
fn details(outcome: &protocol::Outcome) -> &str {
    let protocol::Outcome::Report(report) = outcome else { panic!("{outcome}") };
    report.components["Activation"].details.as_deref().unwrap_or_default()
}

#[test]
fn a_device_comes_to_acm_with_the_certificate_of_a_pfx_file_that_the_configuration_names() {
    smol::block_on(async {
        let world = World::new().await;
        let write = |name: &str, contents: &[u8]| {
            let file = world.folder.path().join(name);
            std::fs::write(&file, contents).expect("a writable folder");
            file
        };
        // Root first, as many exports have it.
        let chain = chain(VERSION);
        let certificates = chain.certificates().iter().rev();
        let certificates = certificates.map(|der| Certificate::from_der(der).expect("a certificate"));
        let key = PrivateKey::from_der(chain.key().secret_pkcs8_der()).expect("a key");
        let mut store = KeyStore::new();
        store.add_entry("amt", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("1", key, certificates)));
        write("bought.pfx", &store.writer("P@ssw0rd").write().expect("a PFX file"));
        write("bought.password", b"P@ssw0rd\n");
        let file = write(
            "server.toml",
            br#"
            [server]
            listen = "127.0.0.1:0"
            [store]
            path = "fleet.db"
            [[domains]]
            dns_suffix = "example.test"
            pfx = "bought.pfx"
            password_file = "bought.password"
            [[profiles]]
            name = "office"
            goal = "acm"
            domain = "example.test"
            "#,
        );
        let config = Config::load(&file).expect("no mistakes");
        config.check(UnixTime::now()).expect("a chain that devices take");
        let office = &config.profiles[0];
        let domain = office.domain.as_ref().expect("a domain");
        let profile = ServedProfile {
            profile: office.policy.clone(),
            provisioning: Some(Arc::clone(&domain.certificate) as Arc<_>),
            ..World::profile(VERSION, |_| {})
        };

        let lms = Ipv4Addr::new(127, 19, 1, 1);
        let config = world.device(VERSION, "drops-listed", Uuid::from_bytes([9; 16]).expect("a UUID"));
        let device = world.start(&config, lms).await;
        let said = provision(world.deployment(profile).await, &device).await.expect("success");
        assert!(said.to_string().contains("ACM"), "{said}");
        assert_eq!(details(&said), "", "nothing is to be said of the certificate");
        let truth = device.truth();
        assert_eq!((truth.mode, truth.counters.upgrades), (ControlMode::Admin, 1));
        device.stop().await;
    });
}

#[test]
fn a_chain_that_the_device_cannot_take_never_reaches_it() {
    let good = ProvisioningShape::for_domain("example.test");
    let past = good.not_before + (good.not_after - good.not_before) / 12;
    let cases = [
        (ProvisioningShape { not_after: past, ..good.clone() }, "it is not valid now", "the leaf ended on 2024-12-31"),
        (
            ProvisioningShape::for_domain("other.test"),
            "none of its names ends with the device's DNS suffix",
            "the leaf is for \"provisioning.other.test\", and the device wants a name in its domain \"example.test\"",
        ),
        (
            ProvisioningShape { mark: ProvisioningMark::Missing, ..good.clone() },
            "its leaf is not one for provisioning",
            "2.16.840.1.113741.1.2.3",
        ),
        (
            ProvisioningShape { strength: ProvisioningStrength::Rsa3072Sha384, ..good },
            "it is signed by a hash that this firmware does not take",
            "the leaf is signed by RSA with SHA-384, which AMT 19.0.0 does not take: expected RSA with SHA-256",
        ),
    ];
    smol::block_on(async {
        for (n, (shape, words, detail)) in cases.into_iter().enumerate() {
            let n = u8::try_from(n).expect("few cases");
            let world = World::new().await;
            let chain = ProvisioningChain::mint(&shape).expect("a chain");
            let uuid = Uuid::from_bytes([n + 1; 16]).expect("no placeholder");
            let lms = Ipv4Addr::new(127, 19, 2, n + 1);
            let mut config = world.device(VERSION, "keeps-session", uuid);
            config.roots = TrustedRoots::default().with_root("test", chain.root()).expect("room for a root");
            let device = world.start(&config, lms).await;
            let deployment = world.deployment(World::profile_of(&chain, |_| {})).await;
            let Err(RelayError::Failure(said)) = provision(deployment, &device).await else {
                panic!("the server let it pass: {words}")
            };
            assert!(said.to_string().contains(words), "{said}");
            assert!(details(&said).contains(detail), "{}", details(&said));
            let truth = device.truth();
            assert_eq!((truth.mode, truth.requests.len()), (ControlMode::PreProvisioning, 0), "{words}");
            assert_eq!((device.traffic().requests, device.traffic().handshakes), (0, 0), "{words}");
            assert!(world.store.load(&Tenant::default(), uuid).await.expect("readable").is_none(), "{words}");
            device.stop().await;
        }
    });
}

#[test]
fn a_root_that_the_device_lacks_is_told_and_the_device_s_answer_decides() {
    smol::block_on(async {
        let world = World::new().await;
        let stranger = ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).expect("a chain");
        let lms = Ipv4Addr::new(127, 19, 3, 1);
        let uuid = Uuid::from_bytes([7; 16]).expect("no placeholder");
        let mut config = world.device(VERSION, "keeps-session", uuid);
        config.roots = TrustedRoots::default().with_root("another", stranger.root()).expect("room for a root");
        let device = world.start(&config, lms).await;
        let deployment = world.deployment(World::profile(VERSION, |_| {})).await;
        let Err(RelayError::Failure(said)) = provision(deployment, &device).await else { panic!("ACM?") };
        assert!(said.to_string().contains("AddNextCertInChain: ReturnValue 4"), "{said}");
        assert!(details(&said).contains("none of the 1 roots that the relay lists is ours"), "{}", details(&said));
        assert_eq!(device.truth().mode, ControlMode::Client);
        device.stop().await;
    });
}
