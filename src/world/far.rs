//! Who can be at the far end of a connection.

use std::collections::BTreeMap;

use amt_provision_fsm::identity::{Uuid, UuidError};

use super::site::{Site, SiteError};
use crate::simulator::config::{DeviceConfig, SimulatorError};
use crate::simulator::device::Device;

/// Who that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Far {
    /// The device.
    Device,
    /// Somebody in its place, with its UUID and with an on-die chain that no authority of ours has signed.
    Impostor,
    /// Another genuine device, in the factory's state.
    Other,
}

/// Those that are not the device. Their keys take long to make, so each is made when a relay is connected to it first.
pub(super) struct Strangers {
    config: DeviceConfig,
    uuid: Uuid,
    made: BTreeMap<Far, Device>,
}

impl Strangers {
    pub(super) fn to(config: &DeviceConfig) -> Result<Self, UuidError> {
        let uuid = Uuid::from_bytes(*b"another-device\x00\x01")?;
        Ok(Self { config: config.clone(), uuid, made: BTreeMap::new() })
    }

    /// The UUID of the other device.
    pub(super) const fn uuid(&self) -> Uuid {
        self.uuid
    }

    pub(super) fn make(&mut self, far: Far) -> Result<(), StrangerError> {
        let config = match far {
            Far::Device => return Ok(()),
            Far::Impostor => Site::impostor(&self.config).map_err(SiteError::from)?,
            Far::Other => DeviceConfig { uuid: self.uuid, ..self.config.clone() },
        };
        if let std::collections::btree_map::Entry::Vacant(place) = self.made.entry(far) {
            let stranger = place.insert(Device::new(&config)?);
            if far == Far::Impostor {
                stranger.overhear();
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, far: Far) -> Option<&Device> {
        self.made.get(&far)
    }

    pub(super) fn get_mut(&mut self, far: Far) -> Option<&mut Device> {
        self.made.get_mut(&far)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Device> {
        self.made.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.made.values_mut()
    }
}

/// Why no stranger could be made. This machine's cryptography is to blame.
#[derive(Debug, thiserror::Error)]
pub(super) enum StrangerError {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error(transparent)]
    Device(#[from] SimulatorError),
}
