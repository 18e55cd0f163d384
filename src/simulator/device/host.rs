//! The host interface of a device in memory: what a relay on its machine asks over MEI is a call.

use super::Device;
use crate::mei::{FirmwareClient, MeiConnection, MeiError, MeiTransport, READ_TIMEOUT};

/// A connection to one firmware client of a device in memory.
pub struct HostConnection<'a> {
    device: &'a Device,
    client: FirmwareClient,
    answer: Option<Vec<u8>>,
}

impl<'a> MeiTransport for &'a Device {
    type Connection = HostConnection<'a>;

    fn connect(&self, client: FirmwareClient) -> Result<HostConnection<'a>, MeiError> {
        Ok(HostConnection { device: self, client, answer: None })
    }
}

impl MeiConnection for HostConnection<'_> {
    fn write(&mut self, message: &[u8]) -> Result<(), MeiError> {
        self.answer = self.device.answer_host(self.client, message);
        Ok(())
    }

    /// Where the firmware says nothing, nobody waits until it would be too late.
    fn read(&mut self) -> Result<Vec<u8>, MeiError> {
        self.answer.take().ok_or(MeiError::Timeout(READ_TIMEOUT))
    }
}
