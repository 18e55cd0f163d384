//! Two servers over one database: a device has one driver at a time (G13), and whichever server its relay reaches goes
//! on where the other one left it (G7).

#[path = "common/keys.rs"]
mod keys;
#[path = "common/patience.rs"]
mod patience;
#[path = "common/postgres.rs"]
mod postgres;
#[path = "common/profile.rs"]
mod profile;
#[path = "common/relay.rs"]
mod relay;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use amt_provision::fsm::edges::Edge;
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::Profile;
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::stage::StageName;
use amt_provision::limits::Deadlines;
use amt_provision::relay::{RelayError, run};
use amt_provision::server::{Deployment, Listener, Observer, ServedProfile, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Holder, Lease, Store, StoreAddress, StoreError, Tenant};
use rustls::pki_types::UnixTime;
use smol::LocalExecutor;
use smol::channel::{Receiver, Sender, unbounded};
use smol::future::FutureExt;

use patience::in_time;
use profile::{served, to_acm, trust};

/// Tells a test how far a server's runs are.
struct Watcher(Sender<StageName>);

impl Observer for Watcher {
    fn moved(&self, _: Uuid, edge: &Edge) {
        let _ = self.0.try_send(edge.to.stage);
    }
}

/// A server of the fleet, with connections of its own to the database.
struct Server {
    address: SocketAddr,
    database: String,
    stages: Receiver<StageName>,
    store: Arc<dyn Store>,
}

/// One device, and what its servers share.
struct World {
    authority: Arc<SimulatorAuthority>,
    chain: ProvisioningChain,
    database: String,
}

impl World {
    fn new(database: String) -> Self {
        let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).expect("a chain");
        Self { authority: Arc::new(SimulatorAuthority::generate().expect("an authority")), chain, database }
    }

    async fn device(&self, folder: &tempfile::TempDir, address: Ipv4Addr) -> SimulatedDevice {
        let mut config = DeviceConfig::new(uuid(), AmtVersion::new(19, 0), Arc::clone(&self.authority));
        config.persona = "keeps-session".parse().expect("a persona of that name");
        config.roots = TrustedRoots::default().with_root("test", self.chain.root()).expect("room for a root");
        config.dns_suffix = Some("example.test".into());
        let place = Place { address, mei_path: folder.path().join("mei") };
        SimulatedDevice::start(&config, place).await.expect("a device")
    }

    fn profile(&self) -> ServedProfile {
        served(Profile { minimum: Provenance::Odca, ..to_acm(&self.chain) }, &self.chain)
    }

    async fn serve(&self, executor: &LocalExecutor<'_>, name: &str) -> Server {
        let store =
            self.database.parse::<StoreAddress>().expect("an address").open(keys::keys()).await.expect("a store");
        let authority = store.authority(UnixTime::now()).await.expect("an authority");
        let profiles = BTreeMap::from([("office".to_owned(), self.profile())]);
        let (moved, stages) = unbounded();
        let name = name.parse().expect("a name");
        let mut deployment = Deployment::new(name, Arc::clone(&store), authority, trust(&self.authority), profiles);
        deployment.deadlines = Deadlines::shared();
        let deployment = Arc::new(deployment.watched_by(Watcher(moved)));
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.expect("a free port");
        let address = listener.address().expect("a bound address");
        executor.spawn(async { panic!("the listener ended: {}", serve(deployment, listener).await) }).detach();
        Server { address, database: self.database.clone(), stages, store }
    }
}

impl Server {
    /// Comes when a run of this server is at `stage`.
    async fn reaches(&self, stage: StageName) {
        while self.stages.recv().await.expect("the server lives") != stage {}
    }

    /// What a relay that takes the device to this server is told in the end.
    async fn relay(&self, device: &SimulatedDevice) -> Result<String, RelayError> {
        run(relay::config(self.address, device), |_| {}).await.map(|outcome| outcome.to_string())
    }

    /// A lease without a run.
    async fn acquire(&self, name: &str, ttl: Duration) -> Result<Lease, StoreError> {
        let holder = Holder { server: name.parse().expect("a name"), process: 0 };
        self.store.acquire(&Tenant::default(), uuid(), &holder, ttl, UnixTime::now()).await
    }
}

fn uuid() -> Uuid {
    Uuid::from_bytes([7; 16]).expect("no placeholder")
}

/// Runs `test` with a device and two servers over one database.
fn with_two_servers(address: Ipv4Addr, test: impl AsyncFn(&SimulatedDevice, &Server, &Server)) {
    let Some(database) = postgres::server() else { return };
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let schema = database.schema().await;
        let world = World::new(schema.url());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let device = world.device(&folder, address).await;
        let (one, two) = (world.serve(&executor, "server-1").await, world.serve(&executor, "server-2").await);
        in_time(test(&device, &one, &two)).await;
        device.stop().await;
    }));
}

fn assert_acm(device: &SimulatedDevice, said: &Result<String, RelayError>) {
    assert!(said.as_ref().is_ok_and(|said| said.contains("ACM")), "{said:?}");
    let truth = device.truth();
    assert_eq!(truth.mode, ControlMode::Admin);
    assert_eq!((truth.counters.setups, truth.counters.upgrades, truth.counters.repeated), (1, 1, 0));
}

#[test]
fn g13_a_device_is_busy_for_other_servers_while_one_drives_it_and_goes_on_there_when_its_relay_is_cut() {
    with_two_servers(Ipv4Addr::new(127, 21, 0, 1), async |device, one, two| {
        {
            let mut relaying = pin!(one.relay(device));
            let ended = async { panic!("before its time: {:?}", relaying.as_mut().await) };
            one.reaches(StageName::Activated).or(ended).await;
            // The relay stands still in the middle of the run, and its line is up.
            let told = two.relay(device).await.expect_err("server 1 drives it");
            assert!(told.to_string().contains("busy: server-1 drives device"), "{told}");
        }
        // The relay is cut, and another one is there at once.
        let said = two.relay(device).await;
        assert_acm(device, &said);
        let log = two.store.audit(&Tenant::default(), uuid(), None, 100).await.expect("readable");
        assert!(log.iter().any(|line| line.stamp.server.as_str() == "server-2"), "{log:?}");
    });
}

#[test]
fn a_relay_that_is_cut_and_comes_back_to_its_server_does_not_wait_for_the_lease() {
    with_two_servers(Ipv4Addr::new(127, 21, 0, 2), async |device, one, _| {
        for stage in [StageName::Activated, StageName::CertStaged] {
            let cut = async {
                let told = one.relay(device).await;
                panic!("before its time: {told:?}")
            };
            one.reaches(stage).or(cut).await;
        }
        let said = one.relay(device).await;
        assert_acm(device, &said);
    });
}

#[test]
fn g13_a_server_whose_lease_is_taken_sends_nothing_more_to_the_device() {
    with_two_servers(Ipv4Addr::new(127, 21, 0, 3), async |device, one, two| {
        let mut relaying = pin!(one.relay(device));
        let ended = async { panic!("before its time: {:?}", relaying.as_mut().await) };
        one.reaches(StageName::Activated).or(ended).await;
        let before = (device.truth().counters, device.traffic().handshakes);

        // For as long as a lease lasts, server 1 has not come to renew it.
        postgres::run(&two.database, "UPDATE lease SET until = 0".to_owned()).await;
        let lease = two.acquire("server-2", Duration::from_secs(15)).await.expect("its time is over");

        let told = relaying.await.expect_err("server 1 has lost it");
        assert!(told.to_string().contains("another server drives this device"), "{told}");
        let after = (device.truth().counters, device.traffic().handshakes);
        assert_eq!(after, before);
        two.store.release(&lease).await.expect("ours to give back");
        let said = two.relay(device).await;
        assert_acm(device, &said);
    });
}

#[test]
fn g13_a_server_that_is_killed_is_waited_for_no_longer_than_its_lease_lasts() {
    with_two_servers(Ipv4Addr::new(127, 21, 0, 4), async |device, one, two| {
        one.acquire("server-1", Duration::ZERO).await.expect("nobody drives it");
        let held = two.acquire("server-2", Duration::ZERO).await;
        assert!(matches!(held, Err(StoreError::Busy { .. })), "{held:?}");
        let said = two.relay(device).await;
        assert_acm(device, &said);
    });
}
