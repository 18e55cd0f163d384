//! What the firmware tells the host over MEI (rpc-go.md §2).

use amt_provision_fsm::firmware::ControlMode;

use super::accounts::LOCAL_SYSTEM_USER;
use super::{Firmware, TlsBits};
use crate::mei::FirmwareClient;
use crate::mei::pthi::{
    CodeVersion, CodeVersions, DeviceGuid, DhcpMode, DnsSuffix, LanInterface, LanSettings, LinkStatus,
    LocalSystemAccount, Request, Status, Text, encode_answer, encode_refusal,
};
use crate::mei::watchdog::{IS_CHANGE_TO_AMT_ENABLED, StateIndependence};

impl Firmware {
    /// The answer to one message; `None` where a firmware says nothing, and the caller runs into its timeout.
    pub fn answer_host(&self, client: FirmwareClient, message: &[u8]) -> Option<Vec<u8>> {
        match client {
            FirmwareClient::Watchdog => {
                (message == IS_CHANGE_TO_AMT_ENABLED).then(|| self.state_independence().encode().to_vec())
            }
            FirmwareClient::Pthi => match Request::decode(message) {
                Ok(request) => Some(self.answer_pthi(request)),
                Err(error) => error.refusal(),
            },
        }
    }

    /// Bit 6 says what the local ports speak now; bits 6 and 7 exist from 16.1 on (rpc-go.md §2).
    fn state_independence(&self) -> StateIndependence {
        const OPERATIONAL: u8 = 0x02;
        const TRANSITION_ALLOWED: u8 = 0x01;
        const TLS_ON_LOCAL_PORTS: u8 = 0x40;
        const NEW_INTERFACE: u8 = 0x80;
        let mut bits = OPERATIONAL;
        if self.mode == ControlMode::PreProvisioning {
            bits |= TRANSITION_ALLOWED;
        }
        if self.generation.tls_bits == TlsBits::Present {
            bits |= NEW_INTERFACE;
            if self.tls.local.enabled {
                bits |= TLS_ON_LOCAL_PORTS;
            }
        }
        StateIndependence::from_bits(bits)
    }

    fn answer_pthi(&self, request: Request) -> Vec<u8> {
        match request {
            Request::GetCodeVersions => encode_answer(request, &self.code_versions()),
            Request::GetUuid => encode_answer(request, &DeviceGuid(self.uuid.to_guid())),
            Request::GetControlMode => encode_answer(request, &self.mode),
            Request::GetProvisioningState => encode_answer(request, &self.state),
            Request::GetLocalSystemAccount => {
                let user = Text::new(LOCAL_SYSTEM_USER).unwrap_or_default();
                let password = self.accounts.local_system.clone();
                encode_answer(request, &LocalSystemAccount { user, password })
            }
            Request::EnumerateHashHandles => encode_answer(request, &self.roots.handles()),
            Request::GetCertHashEntry(handle) => match self.roots.entry(handle) {
                Some(entry) => encode_answer(request, entry),
                None => encode_refusal(request, Status::INVALID_HANDLE),
            },
            Request::GetPkiFqdnSuffix => {
                let suffix = self.dns_suffix.as_deref().and_then(Text::new);
                encode_answer(request, &DnsSuffix(suffix.unwrap_or_default()))
            }
            Request::GetLanInterfaceSettings(LanInterface::Wired) => encode_answer(request, &self.wired()),
            Request::GetLanInterfaceSettings(LanInterface::Wireless) => encode_refusal(request, Status::NOT_FOUND),
        }
    }

    fn code_versions(&self) -> CodeVersions {
        let text = |text: &str| Text::new(text).unwrap_or_default();
        let list = [("AMT", self.version.to_string().as_str()), ("Sku", "16392"), ("Build Number", "2124")]
            .map(|(name, value)| CodeVersion { name: text(name), value: text(value) });
        CodeVersions::new(Text::new("SIMULATED").unwrap_or_default(), list.to_vec()).unwrap_or_default()
    }

    fn wired(&self) -> LanSettings {
        // A locally administered address that differs from device to device.
        let [.., a, b, c, d] = *self.uuid.as_bytes();
        LanSettings {
            enabled: true,
            ipv4: [192, 0, 2, 2].into(),
            dhcp_enabled: true,
            dhcp_mode: DhcpMode::Passive,
            link: LinkStatus::Up,
            mac: [0x02, 0x86, a, b, c, d],
        }
    }
}
