//! Flow A on real sockets: a simulated device behind LMS and MEI, our relay, our server, SQLite.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amt_provision::config::{Config, CrlSource};
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Profile, WithoutAcm};
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::request::ChainLength;
use amt_provision::pki::odca::revocation::RevocationPolicy;
use amt_provision::pki::odca::{OdcaTrust, TrustSet};
use amt_provision::protocol::{self, Command};
use amt_provision::relay::{self, Proof, RelayConfig, RelayError};
use amt_provision::server::{CrlDirectory, Deployment, Listener, ServedProfile, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{
    ProvisioningChain, ProvisioningMark, ProvisioningShape, ProvisioningStrength,
};
use amt_provision::simulator::revocation::{INDIRECT_LIST, ListShape, ROOT_LIST};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, PasswordChoice, PasswordSource, SqliteStore, Store, Tenant};
use amt_provision::tunnel::channel::ProvisioningCertificate;
use amt_provision::tunnel::tls::TlsVersion;
use amt_provision::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;

/// Everything but the devices.
struct World {
    folder: tempfile::TempDir,
    authority: Arc<SimulatorAuthority>,
    keys: Arc<KeyPool>,
    chain: ProvisioningChain,
    store: Arc<SqliteStore>,
}

impl World {
    async fn new() -> Self {
        Self::with_chain(&ProvisioningShape::for_domain("example.test")).await
    }

    async fn with_chain(shape: &ProvisioningShape) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(&folder.path().join("fleet.db")).await.expect("a new store");
        Self {
            authority: Arc::new(SimulatorAuthority::generate().expect("an authority")),
            keys: Arc::new(KeyPool::default()),
            chain: ProvisioningChain::mint(shape).expect("a chain"),
            store: Arc::new(store),
            folder,
        }
    }

    fn profile(&self, change: impl FnOnce(&mut Profile)) -> ServedProfile {
        let mut profile = Profile {
            goal: Goal::Admin(ChainLength::new(self.chain.certificates().len()).expect("a chain's length")),
            flow_b: FlowB::Refused,
            minimum: Provenance::Provisional,
            first_use: FirstUseTrust::NotTrusted,
            activation_commit: ActivationCommit::Auto,
            adopt: Adopt::Refused,
            without_acm: WithoutAcm::Keep,
        };
        change(&mut profile);
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        let (chain, key) = (self.chain.certificates().to_vec(), self.chain.key().into());
        let identity = ProvisioningCertificate::new(chain, &key).expect("an identity");
        ServedProfile {
            profile,
            passwords: PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random),
            provisioning: Some(Arc::new(identity)),
            adoption: None,
            remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
            max_tls: TlsVersion::V1_3,
        }
    }

    async fn deployment(&self, profile: ServedProfile) -> Arc<Deployment> {
        let mut trust = OdcaTrust::production();
        let set = TrustSet::from_certificates(
            "simulator",
            self.authority.root(),
            std::slice::from_ref(self.authority.intermediate()),
        );
        trust.add(set.expect("the simulator's set")).expect("another root than production's");
        Arc::new(Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.store.authority(UnixTime::now()).await.expect("an authority"),
            Arc::new(trust),
            BTreeMap::from([("office".to_owned(), profile)]),
        ))
    }

    fn device(&self, version: AmtVersion, persona: &str, uuid: Uuid) -> DeviceConfig {
        let mut config = DeviceConfig::new(uuid, version, Arc::clone(&self.authority));
        config.persona = persona.parse().expect("a persona of that name");
        config.keys = Arc::clone(&self.keys);
        config.roots = TrustedRoots::default().with_root("test", self.chain.root()).expect("room for a root");
        config.dns_suffix = Some("example.test".into());
        config
    }
}

fn relay_config(url: SocketAddr, mei: &Path, lms: Ipv4Addr) -> RelayConfig {
    RelayConfig {
        url: format!("ws://{url}/activate").parse().expect("a URL"),
        ca_file: None,
        proof: Proof::default(),
        proxy: None,
        command: Command::Activate { profile: "office".parse().expect("a name") },
        mei: format!("unix:{}", mei.display()).parse().expect("an address"),
        lms_address: lms.to_string().parse().expect("a loopback address"),
        hostname: Some("pc".into()),
        dns_suffix: Some("example.test".into()),
        tenant: String::new(),
        friendly_name: String::new(),
        tls_tunnel: false,
    }
}

/// One device from the factory to its goal; what the relay was told.
async fn provision(
    deployment: Arc<Deployment>,
    device: &SimulatedDevice,
    lms: Ipv4Addr,
) -> Result<protocol::Outcome, RelayError> {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port");
    let url = listener.address().expect("a bound address");
    let config = relay_config(url, device.mei_path(), lms);
    let served = async { panic!("the listener ended: {}", serve(deployment, listener).await) };
    let relayed = async { relay::run(config, |_| {}).await };
    let late = async {
        smol::Timer::after(Duration::from_secs(60)).await;
        panic!("a minute for a device that answers at once")
    };
    relayed.or(served).or(late).await
}

#[test]
fn every_persona_of_amt_19_to_21_comes_to_acm_and_the_store_agrees_with_the_device() {
    let cases = [
        ("keeps-session", 19, Provenance::Odca, FirstUseTrust::NotTrusted),
        ("drops-listed", 20, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("drops-odca", 21, Provenance::Odca, FirstUseTrust::NotTrusted),
        ("drops-unlisted", 19, Provenance::Provisional, FirstUseTrust::Trusted),
        ("drops-v1", 19, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("mebx-first", 21, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
    ];
    smol::block_on(async {
        let world = World::new().await;
        for (n, (persona, major, provenance, first_use)) in cases.into_iter().enumerate() {
            let n = u8::try_from(n).expect("few cases");
            let uuid = Uuid::from_bytes([n + 1; 16]).expect("no placeholder");
            let lms = Ipv4Addr::new(127, 19, 0, n + 1);
            let place = Place { address: lms, mei_path: world.folder.path().join(format!("mei{n}")) };
            let config = world.device(AmtVersion::new(major, 0), persona, uuid);
            let device = SimulatedDevice::start(&config, place).await.expect("a device");
            let deployment = world.deployment(world.profile(|profile| profile.first_use = first_use)).await;

            let begun = Instant::now();
            let said = provision(deployment, &device, lms).await;
            println!("{persona}: {said:?} in {:?}, device busy or away {:?}", begun.elapsed(), device.occupied());
            let said = said.expect("success").to_string();
            assert!(said.contains("ACM") && said.contains(&provenance.to_string()), "{persona}: {said}");

            let truth = device.truth();
            assert_eq!(truth.mode, ControlMode::Admin, "{persona}");
            let known = world.store.load(&Tenant::default(), uuid).await.expect("readable").expect("stored");
            let record = known.record();
            let pin = record.pins.confirmed.expect("a confirmed pin");
            assert_eq!((truth.shown_key, pin.provenance), (pin.spki, provenance), "{persona}");
            assert_eq!(Some(truth.rom_ca), record.rom_ca, "{persona}");
            let admin = record.admin.confirmed().expect("a confirmed password");
            let password = world.store.password(&Tenant::default(), uuid, Account::Admin, admin.id).await;
            assert!(truth.admin_password_is(password.expect("stored").expose()), "{persona}");
            let mebx = record.mebx.expect("a MEBx password");
            let password = world.store.password(&Tenant::default(), uuid, Account::Mebx, mebx.id).await;
            assert!(truth.mebx_password_is(password.expect("stored").expose()), "{persona}");
            assert_eq!(device.traffic().plain_requests, 0, "{persona}");
            assert_eq!(
                (truth.counters.setups, truth.counters.upgrades, truth.counters.repeated),
                (1, 1, 0),
                "{persona}"
            );
            device.stop().await;
        }
    });
}

#[test]
fn a_device_that_revocation_speaks_against_is_refused_untouched_and_let_in_once_the_lists_are_refreshed() {
    smol::block_on(async {
        let world = World::new().await;
        let uuid = Uuid::from_bytes([0x77; 16]).expect("no placeholder");
        let lms = Ipv4Addr::new(127, 19, 0, 77);
        let place = Place { address: lms, mei_path: world.folder.path().join("mei") };
        let config = world.device(AmtVersion::new(19, 0), "keeps-session", uuid);
        let device = SimulatedDevice::start(&config, place).await.expect("a device");
        let crls = world.folder.path().join("crls");
        std::fs::create_dir(&crls).expect("a folder");
        let served = async |policy| {
            let deployment = world.deployment(world.profile(|_| {})).await;
            let deployment = Arc::into_inner(deployment).expect("nobody else has it");
            let source = CrlSource { policy, directory: crls.clone() };
            let directory = CrlDirectory::open(source, Arc::clone(&deployment.trust));
            Arc::new(deployment.with_revocation(directory))
        };
        let put = |name, shape: &ListShape| {
            let list =
                if name == ROOT_LIST { world.authority.root_list(shape) } else { world.authority.indirect_list(shape) };
            std::fs::write(crls.join(name), list.expect("a list")).expect("a file");
        };

        let required = served(RevocationPolicy::Required).await;
        let obeyed = served(RevocationPolicy::IfPresent).await;
        let revoking = ListShape::revoking([world.authority.intermediate().clone()]);
        for (deployment, list) in [(&required, None), (&obeyed, Some(&revoking))] {
            if let Some(list) = list {
                put(ROOT_LIST, list);
            }
            let said = provision(Arc::clone(deployment), &device, lms).await.expect_err("a refusal").to_string();
            assert!(said.contains("the device is genuine, and revocation lists speak against it"), "{said}");
            assert_eq!(device.truth().mode, ControlMode::PreProvisioning);
            assert_eq!(device.truth().requests.values().sum::<u64>(), 0, "nothing was asked of it");
            assert!(world.store.load(&Tenant::default(), uuid).await.expect("readable").is_none(), "nothing is stored");
        }

        // The operator refreshes the folder: no restart.
        put(ROOT_LIST, &ListShape::default());
        put(INDIRECT_LIST, &ListShape { next_update: Some(rcgen::date_time_ymd(2020, 7, 1)), ..ListShape::default() });
        let said = provision(obeyed, &device, lms).await.expect("success").to_string();
        assert!(said.contains("ACM"), "{said}");
        device.stop().await;
    });
}

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
        let certificates = world.chain.certificates().iter().rev();
        let certificates = certificates.map(|der| Certificate::from_der(der).expect("a certificate"));
        let key = PrivateKey::from_der(world.chain.key().secret_pkcs8_der()).expect("a key");
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
            ..world.profile(|_| {})
        };

        let lms = Ipv4Addr::new(127, 19, 1, 1);
        let place = Place { address: lms, mei_path: world.folder.path().join("mei") };
        let config = world.device(AmtVersion::new(19, 0), "drops-listed", Uuid::from_bytes([9; 16]).expect("a UUID"));
        let device = SimulatedDevice::start(&config, place).await.expect("a device");
        let said = provision(world.deployment(profile).await, &device, lms).await.expect("success");
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
            let world = World::with_chain(&shape).await;
            let uuid = Uuid::from_bytes([n + 1; 16]).expect("no placeholder");
            let lms = Ipv4Addr::new(127, 19, 2, n + 1);
            let place = Place { address: lms, mei_path: world.folder.path().join("mei") };
            let config = world.device(AmtVersion::new(19, 0), "keeps-session", uuid);
            let device = SimulatedDevice::start(&config, place).await.expect("a device");
            let deployment = world.deployment(world.profile(|_| {})).await;
            let Err(RelayError::Failure(said)) = provision(deployment, &device, lms).await else {
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
        let place = Place { address: lms, mei_path: world.folder.path().join("mei") };
        let uuid = Uuid::from_bytes([7; 16]).expect("no placeholder");
        let mut config = world.device(AmtVersion::new(19, 0), "keeps-session", uuid);
        config.roots = TrustedRoots::default().with_root("another", stranger.root()).expect("room for a root");
        let device = SimulatedDevice::start(&config, place).await.expect("a device");
        let deployment = world.deployment(world.profile(|_| {})).await;
        let Err(RelayError::Failure(said)) = provision(deployment, &device, lms).await else { panic!("ACM?") };
        assert!(said.to_string().contains("AddNextCertInChain: ReturnValue 4"), "{said}");
        assert!(details(&said).contains("none of the 1 roots that the relay lists is ours"), "{}", details(&said));
        assert_eq!(device.truth().mode, ControlMode::Client);
        device.stop().await;
    });
}
