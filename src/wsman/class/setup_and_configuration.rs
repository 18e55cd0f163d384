//! `AMT_SetupAndConfigurationService` (wsman.md §2.3): state, identity, commit, MEBx password, the way back.

use amt_provision_fsm::firmware::ProvisioningState;
use amt_provision_fsm::identity::Uuid;
use zeroize::Zeroizing;

use crate::wsman::call::{Call, Operation, Parameter};
use crate::wsman::properties::{Properties, PropertyError};
use crate::wsman::query::Query;
use crate::wsman::resource::ResourceUri;
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_SetupAndConfigurationService");

/// The one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupAndConfiguration {
    /// How far provisioning is; the control mode alone lies in the half state (odca.md §2.4).
    pub provisioning_state: ProvisioningState,
    /// 1 ACM, 4 CCM; only the state and the control mode are relied upon.
    pub provisioning_mode: Option<u32>,
    /// The DNS suffix that DHCP gave, which the provisioning certificate must match.
    pub dhcp_dns_suffix: Option<String>,
    /// The DNS suffix that was set in the MEBx.
    pub trusted_dns_suffix: Option<String>,
}

/// Reads the state.
pub fn get() -> Query<SetupAndConfiguration> {
    Query::new(Call::new(RESOURCE, Operation::Get), |body| {
        let service = Properties::of_instance(body.as_ref(), &RESOURCE)?;
        Ok(SetupAndConfiguration {
            provisioning_state: service.code("ProvisioningState", "0, 1 or 2", ProvisioningState::from_code)?,
            provisioning_mode: service.optional_number("ProvisioningMode")?,
            dhcp_dns_suffix: service.optional_text("DhcpDNSSuffix"),
            trusted_dns_suffix: service.optional_text("TrustedDNSSuffix"),
        })
    })
}

/// Asks the device who it is.
pub fn get_uuid() -> Query<Result<Uuid, PtStatus>> {
    Query::new(Call::invoke(RESOURCE, "GetUuid", []), |body| {
        let output = Properties::of_output(body.as_ref(), &RESOURCE, "GetUuid")?;
        match output.return_value(PtStatus::from_code)? {
            Ok(()) => match Uuid::from_guid(output.byte_array("UUID")?) {
                Ok(uuid) => Ok(Ok(uuid)),
                Err(_) => Err(output.error("UUID", "a UUID that no other board has")),
            },
            Err(status) => Ok(Err(status)),
        }
    })
}

/// Makes everything that was staged take effect. Every connection may drop although it succeeds.
pub fn commit_changes() -> Query<Result<(), PtStatus>> {
    Query::new(Call::invoke(RESOURCE, "CommitChanges", []), |body| returned(body, "CommitChanges"))
}

/// Sets the password of the firmware's own menu, in plain text inside the tunnel; ACM only.
pub fn set_mebx_password(password: &Zeroizing<String>) -> Query<Result<(), PtStatus>> {
    let call = Call::invoke(RESOURCE, "SetMEBxPassword", [("Password", Parameter::Text(password.clone()))]);
    Query::new(call, |body| returned(body, "SetMEBxPassword"))
}

/// Takes the device back to pre-provisioning. The mode is always "enterprise".
pub fn unprovision() -> Query<Result<(), PtStatus>> {
    const ENTERPRISE: u32 = 1;
    let call = Call::invoke(RESOURCE, "Unprovision", [("ProvisioningMode", Parameter::from(ENTERPRISE))]);
    Query::new(call, |body| returned(body, "Unprovision"))
}

fn returned(body: Option<Node>, method: &str) -> Result<Result<(), PtStatus>, PropertyError> {
    Properties::of_output(body.as_ref(), &RESOURCE, method)?.return_value(PtStatus::from_code)
}
