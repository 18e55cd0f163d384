//! One device, one server and somebody in between.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::protocol::Outcome;
use amt_provision::relay::{RelayConfig, RelayError, run};
use amt_provision::server::{Deployment, Listener, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::running::SimulatedDevice;
use smol::Task;

use crate::cutter::{Cut, Cutter, Passed};
use crate::provisioning::patience::within;
use crate::provisioning::profile::open_flow_b;
use crate::provisioning::{World, relay};

/// For a run that is cut a hundred times, on a machine that is busy elsewhere.
const PATIENCE: Duration = Duration::from_secs(300);

/// Which flow, and with it which firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    A,
    B,
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) said: Result<Outcome, RelayError>,
    pub(crate) passed: Passed,
    /// TLS handshakes at the device.
    pub(crate) handshakes: u64,
    /// TCP connections there.
    pub(crate) connections: u64,
    /// What a person saw.
    pub(crate) seen: Vec<String>,
}

/// A device in its factory state, and what it needs.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) flow: Flow,
    pub(crate) device: SimulatedDevice,
}

pub(crate) fn play<T>(test: impl Future<Output = T>) -> T {
    smol::block_on(within(PATIENCE, test))
}

impl Rig {
    /// Each test has a place of its own.
    pub(crate) async fn new(flow: Flow, place: u8) -> Self {
        let world = World::new().await;
        let config = Self::config(&world, flow, place);
        let lms = Ipv4Addr::new(127, 23, 0, place);
        let device = world.start(&config, lms).await;
        Self { world, flow, device }
    }

    fn config(world: &World, flow: Flow, place: u8) -> DeviceConfig {
        let version = match flow {
            Flow::A => AmtVersion::new(19, 0),
            Flow::B => AmtVersion::new(18, 0),
        };
        world.device(version, "keeps-session", Uuid::from_bytes([place; 16]).expect("no placeholder"))
    }

    pub(crate) async fn deployment(&self) -> Arc<Deployment> {
        let version = self.device.truth().version;
        let profile = World::profile(version, |profile| {
            if self.flow == Flow::B {
                open_flow_b(profile);
            }
        });
        self.world.deployment(profile).await
    }

    pub(crate) fn relay(&self, server: SocketAddr) -> RelayConfig {
        relay::config(server, &self.device)
    }

    /// One run through the cutter, and what came of it.
    pub(crate) async fn run(&self, json: bool, cut: impl Fn(usize) -> Cut + Send + Sync + 'static) -> Ran {
        let (server, _serving) = start(self.deployment().await).await;
        let cutter = Cutter::start(server, cut).await;
        let config = RelayConfig { json_messages: json, ..self.relay(cutter.address) };
        self.ends(config, &cutter).await
    }

    pub(crate) async fn ends(&self, config: RelayConfig, cutter: &Cutter) -> Ran {
        let seen = Mutex::new(Vec::new());
        let said = run(config, |event| seen.lock().expect("no panic").push(event.to_string())).await;
        let traffic = self.device.traffic();
        Ran {
            said,
            passed: cutter.passed(),
            handshakes: traffic.handshakes,
            connections: traffic.connections,
            seen: seen.into_inner().expect("no panic"),
        }
    }

    /// The device is in ACM, and nothing was done to it twice.
    pub(crate) fn assert_acm(&self, ran: &Ran) {
        let said = ran.said.as_ref().map(ToString::to_string);
        assert!(said.as_ref().is_ok_and(|said| said.contains("ACM")), "{said:?}; {:#?}", ran.seen);
        let truth = self.device.truth();
        assert_eq!(truth.mode, ControlMode::Admin);
        assert_eq!((truth.counters.setups, truth.counters.upgrades, truth.counters.repeated), (1, 1, 0));
    }
}

/// A server, until the task is dropped.
pub(crate) async fn start(deployment: Arc<Deployment>) -> (SocketAddr, Task<()>) {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.expect("a free port");
    let address = listener.address().expect("a bound address");
    (address, smol::spawn(async { panic!("the listener ended: {}", serve(deployment, listener).await) }))
}
