//! Commits and the way out of provisioning: `AMT_SetupAndConfigurationService` (wsman.md §2.3).

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};

use super::instance::{Instance, number, output, to_base64};
use super::refusal::Invoked;
use super::store::Purpose;
use super::{Class, Firmware};
use crate::simulator::persona::{AfterCommit, MebxRule};
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;

impl Firmware {
    pub(super) fn setup_and_configuration_service(&self) -> Node {
        let name = "Intel(r) AMT Setup and Configuration Service";
        let provisioning_mode = if self.mode == ControlMode::Client { 4 } else { 1 };
        let instance = Instance::service(Class::SetupAndConfigurationService, name, name)
            .with("EnabledState", 5)
            .with("PasswordModel", 1)
            .with("ProvisioningMode", provisioning_mode)
            .with("ProvisioningServerOTP", to_base64(&[0; 32]))
            .with("ProvisioningState", self.state.code())
            .with("RequestedState", 12)
            .with("ZeroTouchConfigurationEnabled", true);
        match &self.dns_suffix {
            Some(suffix) => instance.with("DhcpDNSSuffix", suffix).finish(),
            None => instance.finish(),
        }
    }

    pub(super) fn get_uuid(&mut self) -> Invoked {
        let uuid = self.mischief.uuid.take().unwrap_or(self.uuid);
        Ok(vec![output(Class::SetupAndConfigurationService, "UUID", &to_base64(&uuid.to_guid()))])
    }

    /// Puts in force what is staged.
    pub(super) fn commit_changes(&mut self) -> Invoked {
        let wants_mebx = self.persona.mebx == MebxRule::BeforeCommit && self.mode == ControlMode::Admin;
        if (wants_mebx && self.accounts.mebx.is_none()) || !self.staged_tls_is_complete() {
            return Err(PtStatus::DataMissing.into());
        }
        if self.persona.after_commit == AfterCommit::DefaultUnlisted && self.store.bound().is_none() {
            self.list_default_certificate()?;
        }
        self.shown = self.factory.chosen_by(self.store.bound()).map_err(|_| PtStatus::InternalError)?;
        self.state = if self.stuck { ProvisioningState::In } else { ProvisioningState::Post };
        self.tls = self.staged_tls.clone();
        self.counters.commits += 1;
        Ok(Vec::new())
    }

    pub(super) fn unprovision_method(&mut self, input: &Node) -> Invoked {
        if self.mode == ControlMode::PreProvisioning {
            self.counters.repeated += 1;
            return Err(PtStatus::InvalidProvisioningState.into());
        }
        if !matches!(number(input, "ProvisioningMode"), Some(0..=3)) {
            return Err(PtStatus::InvalidParameter.into());
        }
        self.leave_provisioning().map_err(|_| PtStatus::InternalError)?;
        self.counters.unprovisions += 1;
        Ok(Vec::new())
    }

    pub(super) fn list_default_certificate(&mut self) -> Result<(), PtStatus> {
        let der = self.factory.default.chain.first().map(|der| der.to_vec()).unwrap_or_default();
        let handle = self.store.add_certificate(der, Purpose::Default)?;
        self.store.bind(handle);
        Ok(())
    }
}
