use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use smol::channel::Sender;
use smol::{Executor, Task};

use super::lms::{Event, Lms};
use super::mei;
use super::shared::Shared;
use crate::mei::server::MeiListener;
use crate::simulator::config::{DeviceConfig, SimulatorError};
use crate::simulator::device::{Device, Traffic};
use crate::simulator::firmware::Truth;

/// Where a simulated device can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The loopback address on which it has its ports 16992 and 16993.
    pub address: Ipv4Addr,
    /// The socket of its MEI.
    pub mei_path: PathBuf,
}

/// Why a simulated device does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It has no identity.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The address is not 127.x.y.z.
    #[error("{0} is no loopback address: a simulated device listens on 127.x.y.z only")]
    NotLoopback(Ipv4Addr),
    /// Its ports cannot be bound.
    #[error("cannot listen on {address}: {source}; is another device or an LMS there?")]
    Ports {
        /// The address.
        address: Ipv4Addr,
        /// Why not.
        source: io::Error,
    },
    /// Its MEI socket cannot be bound.
    #[error("cannot listen at {}: {source}", path.display())]
    Mei {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A running device. It stops when this is dropped; [`stop`](SimulatedDevice::stop) also waits until its sockets are
/// free again.
pub struct SimulatedDevice {
    place: Place,
    shared: Arc<Shared>,
    events: Sender<Event>,
    task: Task<()>,
}

impl SimulatedDevice {
    /// Starts a device on smol's executor. When this returns, its port and its MEI accept connections.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &DeviceConfig, place: Place) -> Result<Self, StartError> {
        if !place.address.is_loopback() {
            return Err(StartError::NotLoopback(place.address));
        }
        let path = &place.mei_path;
        let listener = MeiListener::bind(path).map_err(|source| StartError::Mei { path: path.clone(), source })?;
        let shared = Arc::new(Shared::new(Device::new(config)?));
        let executor = Executor::new();
        let mut lms = Lms::new(place.address, Arc::clone(&shared));
        let events = lms.sender();
        lms.carry_out(&executor).await.map_err(|source| StartError::Ports { address: place.address, source })?;
        let for_mei = Arc::clone(&shared);
        // The device's tasks live in its own executor, and end with it.
        let task = smol::spawn(async move {
            let ports = lms.run(&executor);
            let host = mei::serve(listener, for_mei, &executor);
            executor.run(smol::future::zip(ports, host)).await;
        });
        Ok(Self { place, shared, events, task })
    }

    /// The address of its ports.
    pub const fn address(&self) -> Ipv4Addr {
        self.place.address
    }

    /// The socket of its MEI.
    pub fn mei_path(&self) -> &Path {
        &self.place.mei_path
    }

    /// What it is at this moment.
    pub fn truth(&self) -> Truth {
        self.shared.look(|device, now| device.truth(now))
    }

    /// What went over its ports so far.
    pub fn traffic(&self) -> Traffic {
        self.shared.look(|device, _| device.traffic())
    }

    /// For how long, since it started, it was busy or its ports were away: time in which nobody else can be blamed
    /// for waiting.
    pub fn occupied(&self) -> Duration {
        let now = self.shared.elapsed();
        self.shared.look(|device, _| device.occupied_until(now))
    }

    /// Somebody at the machine takes it out of provisioning.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub async fn unprovision_locally(&self) -> Result<(), SimulatorError> {
        self.shared.drive(|device, now| device.unprovision_locally(now))?;
        // The driver is gone only when the device is.
        let _ = self.events.send(Event::Changed).await;
        Ok(())
    }

    /// Ends all connections and frees its sockets.
    pub async fn stop(self) {
        self.task.cancel().await;
    }
}
