//! The demo's world: one server, and for each device a simulated firmware and a relay, each on its own sockets.

use std::collections::{BTreeMap, btree_map};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use amt_provision_fsm::edges::Edge;
use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::{FirstUseTrust, FlowB, Goal, Profile};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Pin, Record};
use amt_provision_fsm::request::ChainLength;
use amt_provision_fsm::time::Millis;
use rustls::pki_types::UnixTime;
use smol::channel::Sender;
use smol::future::FutureExt;

use super::args::{DemoOptions, PeerStyle, PinTrust, PlannedDevice, PlannedGoal};
use super::report::{DemoFailure, DeviceOutcome, DeviceResult};
use crate::cli::exit::ExitStatus;
use crate::mei::MeiAddress;
use crate::protocol::{Command, ProfileName};
use crate::relay::sequential::{self, Timing};
use crate::relay::{self, LmsAddress, RelayConfig, RelayError, ServerUrl};
use crate::server::{Deployment, Listener, Observer, ServedProfile, Traffic, serve};
use crate::simulator::config::DeviceConfig;
use crate::simulator::firmware::TrustedRoots;
use crate::simulator::identity::SimulatorAuthority;
use crate::simulator::keys::KeyPool;
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape, ProvisioningStrength};
use crate::simulator::running::{Place, SimulatedDevice};
use crate::store::{Account, SqliteStore, Store, Tenant};
use crate::tunnel::channel::ProvisioningCertificate;

/// The domain of its provisioning certificate and of its devices' network.
const DOMAIN: &str = "demo.example";

/// The first loopback address of all demos.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 64, 0, 0);

/// What happens while a demo goes on.
#[derive(Debug)]
pub enum Progress {
    /// A device's run took an edge, so long after the demo's start.
    Moved(Uuid, Millis, Edge),
    /// A device has come to its end.
    Finished(Box<DeviceResult>),
}

/// Why there is no demo: this machine's sockets, disk or cryptography.
#[derive(Debug, thiserror::Error)]
#[error("the demo cannot be set up: {0}")]
pub struct SetUpError(Box<dyn std::error::Error + Send + Sync>);

impl SetUpError {
    fn from(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// What the server tells, for the screen and for the results.
struct Watcher {
    begun: Instant,
    progress: Sender<Progress>,
    ended: Sender<(Uuid, Traffic)>,
}

impl Observer for Watcher {
    fn moved(&self, uuid: Uuid, edge: &Edge) {
        // Nobody listens only when the demo is over.
        let _ = self.progress.try_send(Progress::Moved(uuid, since(self.begun), *edge));
    }

    fn ended(&self, uuid: Uuid, _: &Outcome, traffic: Traffic) {
        let _ = self.ended.try_send((uuid, traffic));
    }
}

/// Everything that the demo's devices share.
struct Fleet {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    authority: Arc<SimulatorAuthority>,
    keys: Arc<KeyPool>,
    /// Provisioning certificates of the strengths that the devices take.
    chains: BTreeMap<ProvisioningStrength, ProvisioningChain>,
    server: SocketAddr,
    trust: PinTrust,
}

/// Provisions every device of `options` at once, and tells `progress` what happens.
///
/// # Errors
/// [`SetUpError`]; a device that fails is a result and no error.
pub async fn provision(options: DemoOptions, progress: Sender<Progress>) -> Result<(), SetUpError> {
    let folder = tempfile::tempdir().map_err(SetUpError::from)?;
    let store = Arc::new(SqliteStore::open(&folder.path().join("fleet.db")).await.map_err(SetUpError::from)?);
    let authority = Arc::new(SimulatorAuthority::generate().map_err(SetUpError::from)?);
    let keys = Arc::new(KeyPool::default());
    // A default key and a key pair of its own for each; real firmware makes them in hardware.
    keys.prepare(2 * options.devices.len()).map_err(SetUpError::from)?;
    let mut chains = BTreeMap::new();
    for strength in options.devices.iter().map(strength) {
        if let btree_map::Entry::Vacant(entry) = chains.entry(strength) {
            let shape = ProvisioningShape { strength, ..ProvisioningShape::for_domain(DOMAIN) };
            entry.insert(ProvisioningChain::mint(&shape).map_err(SetUpError::from)?);
        }
    }
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.map_err(SetUpError::from)?;
    let server = listener.address().map_err(SetUpError::from)?;
    let (ended, traffic) = smol::channel::unbounded();
    let watcher = Watcher { begun: Instant::now(), progress: progress.clone(), ended };
    let fleet = Fleet { folder, store, authority, keys, chains, server, trust: options.trust };
    let deployment = Arc::new(fleet.deployment().await?.watched_by(watcher));

    let all = async {
        let runs = options.devices.iter().enumerate();
        let runs = runs.map(|(number, planned)| fleet.run(number, planned, options.peer_style));
        let mut traffics = BTreeMap::new();
        let mut results = Vec::new();
        // All at once; each result is told when all its figures are there.
        let executor = smol::LocalExecutor::new();
        let tasks: Vec<_> = runs.map(|run| executor.spawn(run)).collect();
        executor
            .run(async {
                for task in tasks {
                    results.push(task.await?);
                }
                Ok::<(), SetUpError>(())
            })
            .await?;
        while let Ok((uuid, traffic)) = traffic.try_recv() {
            traffics.insert(uuid, traffic);
        }
        for mut result in results {
            let sent = traffics.get(&result.uuid).copied().unwrap_or_default();
            result.messages_sent = u32::try_from(sent.messages).unwrap_or(u32::MAX);
            result.bytes_sent = sent.bytes;
            let _ = progress.try_send(Progress::Finished(Box::new(result)));
        }
        Ok(())
    };
    let served = async { Err(SetUpError::from(serve(deployment, listener).await)) };
    all.or(served).await
}

impl Fleet {
    async fn deployment(&self) -> Result<Deployment, SetUpError> {
        let trust = self.authority.trusted_as("demo").map_err(SetUpError::from)?;
        let authority = self.store.authority(UnixTime::now()).await.map_err(SetUpError::from)?;
        let mut profiles = BTreeMap::new();
        for (strength, chain) in &self.chains {
            for goal in [PlannedGoal::Ccm, PlannedGoal::Acm] {
                profiles.insert(profile_name(goal, *strength).to_owned(), profile(goal, chain, self.trust)?);
            }
        }
        let server = "demo".parse().map_err(SetUpError::from)?;
        Ok(Deployment::new(server, Arc::clone(&self.store) as Arc<dyn Store>, authority, Arc::new(trust), profiles))
    }

    async fn run(&self, number: usize, planned: &PlannedDevice, style: PeerStyle) -> Result<DeviceResult, SetUpError> {
        let number = u32::try_from(number).map_err(SetUpError::from)?;
        let uuid = uuid(number)?;
        let mut config = DeviceConfig::new(uuid, planned.version, Arc::clone(&self.authority));
        config.persona = planned.persona;
        config.keys = Arc::clone(&self.keys);
        config.dns_suffix = Some(DOMAIN.to_owned());
        let chain = self.chains.get(&strength(planned)).ok_or_else(|| SetUpError::from("no chain"))?;
        let roots = TrustedRoots::default().with_root("demo", chain.root());
        config.roots = roots.ok_or_else(|| SetUpError::from("the device has no room for a root"))?;
        planned.switches.apply_to(&mut config);
        let address = address(number);
        let mei_path = self.folder.path().join(format!("mei{number}"));
        let device = SimulatedDevice::start(&config, Place { address, mei_path }).await.map_err(SetUpError::from)?;

        let (begun, occupied) = (Instant::now(), device.occupied());
        let relay = self.relay(&device, planned)?;
        let relayed = match style {
            PeerStyle::Own => relay::run(relay, |_| {}).await,
            PeerStyle::RpcGo => sequential::run(relay, Timing::LMS).await,
        };
        let (elapsed, occupied) = (begun.elapsed(), device.occupied().saturating_sub(occupied));

        let ledger = self.store.load(&Tenant::default(), uuid).await.map_err(SetUpError::from)?;
        let record = ledger.as_ref().map(|ledger| ledger.record());
        let judged = self.judge(&device, planned, record, relayed).await;
        let (truth, traffic) = (device.truth(), device.traffic());
        device.stop().await;
        let millis = |time: std::time::Duration| Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Ok(DeviceResult {
            uuid,
            amt: planned.version,
            persona: planned.persona,
            flow: planned.flow(),
            outcome: if judged.is_ok() { truth.mode.into() } else { DeviceOutcome::Failed },
            pin: record.and_then(|record| record.pins.confirmed),
            rom_ca_sha256: record.and_then(|record| record.rom_ca),
            tls_sessions: u32::try_from(traffic.handshakes).unwrap_or(u32::MAX),
            requests: u32::try_from(traffic.requests).unwrap_or(u32::MAX),
            plain_requests: u32::try_from(traffic.plain_requests).unwrap_or(u32::MAX),
            messages_sent: 0,
            bytes_sent: 0,
            elapsed_ms: millis(elapsed),
            // A round trip over loopback is taken as nothing: the figure is an upper bound.
            waited_ms: millis(elapsed.saturating_sub(occupied)),
            failure: judged.err(),
        })
    }

    fn relay(&self, device: &SimulatedDevice, planned: &PlannedDevice) -> Result<RelayConfig, SetUpError> {
        let url: ServerUrl = format!("ws://{}/activate", self.server).parse().map_err(SetUpError::from)?;
        let mei: MeiAddress = format!("unix:{}", device.mei_path().display()).parse().map_err(SetUpError::from)?;
        let lms_address: LmsAddress = device.address().to_string().parse().map_err(SetUpError::from)?;
        let profile: ProfileName = profile_name(planned.goal, strength(planned)).parse().map_err(SetUpError::from)?;
        Ok(RelayConfig {
            lms_address,
            hostname: Some("demo-pc".to_owned()),
            dns_suffix: Some(DOMAIN.to_owned()),
            ..RelayConfig::new(url, Command::Activate { profile }, mei)
        })
    }

    /// The mode that the profile ends in with the pin that is stored.
    fn goal(&self, planned: &PlannedDevice, record: &Record) -> ControlMode {
        let proven = record.pins.confirmed.is_some_and(|pin| pin.provenance.is_proven());
        match planned.goal {
            PlannedGoal::Acm if proven || self.trust.first_use == FirstUseTrust::Trusted => ControlMode::Admin,
            PlannedGoal::Acm | PlannedGoal::Ccm => ControlMode::Client,
        }
    }

    /// Holds what the server reported and stored against the device itself.
    async fn judge(
        &self,
        device: &SimulatedDevice,
        planned: &PlannedDevice,
        record: Option<&Record>,
        relayed: Result<crate::protocol::Outcome, RelayError>,
    ) -> Result<(), DemoFailure> {
        relayed.map_err(|error| DemoFailure { text: error.to_string(), status: ExitStatus::of_relay(&error) })?;
        let truth = device.truth();
        let uuid = truth.uuid;
        let disagree = |what: &str| DemoFailure {
            text: format!("the server reported success, and the device does not agree: {what}"),
            status: ExitStatus::Ours,
        };
        let record = record.ok_or_else(|| disagree("nothing is stored"))?;
        if truth.mode != self.goal(planned, record) {
            return Err(disagree("it is in another mode"));
        }
        if truth.counters.repeated > 0 {
            return Err(disagree("it was asked twice for what must not be repeated"));
        }
        if record.pins.confirmed.map(|Pin { spki, .. }| spki) != Some(truth.shown_key) {
            return Err(disagree("it shows another key than the pinned one"));
        }
        if !truth.tls.remote.enabled || !truth.tls.local.enabled {
            return Err(disagree("TLS is off"));
        }
        if !truth.clock_was_set {
            return Err(disagree("its clock was not set"));
        }
        let tenant = Tenant::default();
        let admin = record.admin.confirmed().ok_or_else(|| disagree("no password is confirmed"))?;
        let password = self.store.password(&tenant, uuid, Account::Admin, admin.id).await;
        if !password.is_ok_and(|password| truth.admin_password_is(password.expose())) {
            return Err(disagree("the stored admin password is not its own"));
        }
        if truth.mode == ControlMode::Admin {
            let mebx = record.mebx.ok_or_else(|| disagree("no MEBx password is stored"))?;
            let password = self.store.password(&tenant, uuid, Account::Mebx, mebx.id).await;
            if !password.is_ok_and(|password| truth.mebx_password_is(password.expose())) {
                return Err(disagree("the stored MEBx password is not its own"));
            }
        }
        Ok(())
    }
}

/// The provisioning certificate that a device takes.
fn strength(planned: &PlannedDevice) -> ProvisioningStrength {
    ProvisioningStrength::of(planned.version.suite())
}

const fn profile_name(goal: PlannedGoal, strength: ProvisioningStrength) -> &'static str {
    match (goal, strength) {
        (PlannedGoal::Ccm, ProvisioningStrength::Rsa2048Sha256) => "ccm",
        (PlannedGoal::Ccm, ProvisioningStrength::Rsa3072Sha384) => "ccm-sha384",
        (PlannedGoal::Acm, ProvisioningStrength::Rsa2048Sha256) => "acm",
        (PlannedGoal::Acm, ProvisioningStrength::Rsa3072Sha384) => "acm-sha384",
    }
}

/// To the goal by any flow.
fn profile(goal: PlannedGoal, chain: &ProvisioningChain, trust: PinTrust) -> Result<ServedProfile, SetUpError> {
    let length = ChainLength::new(chain.certificates().len()).ok_or_else(|| SetUpError::from("no chain"))?;
    let identity = ProvisioningCertificate::new(chain.certificates().to_vec(), &chain.key().into());
    let goal = match goal {
        PlannedGoal::Ccm => Goal::Client,
        PlannedGoal::Acm => Goal::Admin(length),
    };
    let profile = Profile {
        flow_b: FlowB::Allowed,
        minimum: trust.minimum,
        first_use: trust.first_use,
        ..Profile::cautious(goal)
    };
    Ok(ServedProfile::new(profile, Some(Arc::new(identity.map_err(SetUpError::from)?))))
}

fn since(begun: Instant) -> Millis {
    Millis(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// The loopback address of the `number`th device: away from an LMS that this machine may have, and from the devices of
/// another demo that runs at the same time.
fn address(number: u32) -> Ipv4Addr {
    const BLOCK: u32 = 1024;
    let block = std::process::id() % (Ipv4Addr::new(127, 128, 0, 0).to_bits() - FIRST.to_bits()).div_euclid(BLOCK);
    Ipv4Addr::from_bits(FIRST.to_bits() + block * BLOCK + number % BLOCK)
}

/// The UUID of the `number`th device.
fn uuid(number: u32) -> Result<Uuid, SetUpError> {
    let mut bytes = *b"\xde\x50\0\0\0\0\x40\0\x80\0\0\0\0\0\0\0";
    bytes[2..6].copy_from_slice(&(number + 1).to_be_bytes());
    Uuid::from_bytes(bytes).map_err(SetUpError::from)
}
