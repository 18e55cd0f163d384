//! Who answers what, and what is allowed when.

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::time::Instant;

use super::instance::is_selected;
use super::refusal::{Invoked, ReturnValue, Written, no_such_instance, not_permitted, not_supported};
use super::{Class, Firmware};
use crate::http::digest::Login;
use crate::simulator::persona::Drops;
use crate::wsman::envelope::{Fault, FaultKind, enumerate_reply, method_reply};
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;
use crate::wsman::{Call, Operation, Selector};

/// What a request does to the local ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// Nothing.
    None,
    /// They go away for a while, with every connection, and the reply perhaps does not get out.
    Restart,
}

/// The answer to one call.
#[derive(Debug)]
pub struct Answer {
    /// The Body, or a fault.
    pub outcome: Result<Option<Node>, Fault>,
    /// What it does to the ports.
    pub aftermath: Aftermath,
}

impl Firmware {
    /// Answers a call of somebody who has logged in.
    pub fn answer(&mut self, login: &Login, call: &Call, now: Instant) -> Answer {
        let aftermath = Aftermath::None;
        let Some(class) = Class::of(&call.resource) else {
            // A class that does not exist on this machine (wsman.md §1.4).
            return Answer { outcome: Err(Fault::new(FaultKind::DestinationUnreachable)), aftermath };
        };
        *self.requests.entry(class).or_default() += 1;
        if let Operation::Invoke { method, input } = &call.operation {
            return self.invoked(login, call, (class, method, input), now);
        }
        let outcome = self.accessed(login, class, call);
        if outcome.is_ok() && !matches!(call.operation, Operation::Get | Operation::Enumerate | Operation::Pull(_)) {
            self.counters.changes += 1;
        }
        Answer { outcome, aftermath }
    }

    fn accessed(&mut self, login: &Login, class: Class, call: &Call) -> Written {
        match &call.operation {
            Operation::Get => {
                let mut found = self.instances(login, class)?;
                found.retain(|instance| is_selected(instance, &call.selectors));
                match <[Node; 1]>::try_from(found) {
                    Ok([instance]) => Ok(Some(instance)),
                    Err(_) => Err(no_such_instance()),
                }
            }
            Operation::Enumerate => {
                let instances = self.instances(login, class)?;
                Ok(Some(enumerate_reply(&self.lists.begin(class, instances))))
            }
            Operation::Pull(context) => self.lists.pull(class, context, self.page).map(Some),
            // The local system account reads and sets up, and no more (wsman.md §1.6).
            _ if self.mode == ControlMode::PreProvisioning => Err(not_permitted()),
            Operation::Put(instance) => self.put(class, &call.selectors, instance),
            Operation::Create(instance) if class == Class::TlsCredentialContext => {
                self.create_credential_context(instance)
            }
            Operation::Delete => self.delete(class, &call.selectors),
            Operation::Create(_) | Operation::Invoke { .. } => Err(not_supported()),
        }
    }

    fn instances(&mut self, login: &Login, class: Class) -> Result<Vec<Node>, Fault> {
        Ok(match class {
            Class::GeneralSettings => vec![self.general.clone()],
            Class::HostBasedSetupService => vec![self.host_based_setup_service(&login.nonce)?],
            Class::SetupAndConfigurationService => vec![self.setup_and_configuration_service()],
            Class::PublicKeyManagementService => vec![self.public_key_management_service()],
            Class::TimeSynchronizationService => vec![self.time_synchronization_service()],
            Class::AuthorizationService => vec![self.authorization_service()],
            Class::PublicPrivateKeyPair => self.store.key_instances(),
            Class::PublicKeyCertificate => self.store.certificate_instances(),
            Class::ConcreteDependency => self.store.dependency_instances(),
            Class::TlsCredentialContext => self.store.context_instances(),
            Class::TlsSettingData => self.tls_setting_data(),
        })
    }

    fn put(&mut self, class: Class, selectors: &[Selector], instance: &Node) -> Written {
        match class {
            Class::GeneralSettings => self.put_general_settings(instance),
            Class::TlsSettingData => self.put_tls_setting_data(selectors, instance),
            Class::TlsCredentialContext => self.put_credential_context(instance),
            _ => Err(not_supported()),
        }
    }

    fn delete(&mut self, class: Class, selectors: &[Selector]) -> Written {
        match class {
            Class::PublicPrivateKeyPair => self.delete_key_pair(selectors),
            Class::PublicKeyCertificate => self.delete_certificate(selectors),
            Class::TlsCredentialContext => self.delete_credential_context(),
            _ => Err(not_supported()),
        }
    }

    fn invoked(&mut self, login: &Login, call: &Call, request: (Class, &str, &Node), now: Instant) -> Answer {
        let (class, method, _) = request;
        let changes = !matches!(method, "GetUuid" | "GetLowAccuracyTimeSynch");
        let refused = self.mischief.refusals.pop_front_if(|_| changes).map(Err);
        let result = match refused.or_else(|| self.invoke(login, request, now)) {
            Some(result) => result,
            None => return Answer { outcome: Err(not_supported()), aftermath: Aftermath::None },
        };
        let aftermath = if result.is_ok() { self.aftermath(class, method) } else { Aftermath::None };
        self.counters.changes += u32::from(result.is_ok() && changes);
        let (outputs, ReturnValue(code)) = match result {
            Ok(outputs) => (outputs, ReturnValue(0)),
            Err(code) => (Vec::new(), code),
        };
        Answer { outcome: Ok(Some(method_reply(call, outputs, code))), aftermath }
    }

    /// `None` for a method that the class does not have.
    fn invoke(&mut self, login: &Login, request: (Class, &str, &Node), now: Instant) -> Option<Invoked> {
        let (class, method, input) = request;
        if self.mode == ControlMode::PreProvisioning && !is_open_before_provisioning(class, method) {
            return Some(Err(PtStatus::NotPermitted.into()));
        }
        Some(match (class, method) {
            (Class::HostBasedSetupService, "Setup") => self.set_up(input),
            (Class::HostBasedSetupService, "AddNextCertInChain") => {
                self.add_next_cert_in_chain(&login.nonce, input, now)
            }
            (Class::HostBasedSetupService, "AdminSetup") => self.admin_setup(&login.nonce, input),
            (Class::HostBasedSetupService, "UpgradeClientToAdmin") => self.upgrade_client_to_admin(&login.nonce, input),
            (Class::SetupAndConfigurationService, "GetUuid") => self.get_uuid(),
            (Class::SetupAndConfigurationService, "CommitChanges") => self.commit_changes(),
            (Class::SetupAndConfigurationService, "SetMEBxPassword") => self.set_mebx_password(input),
            (Class::SetupAndConfigurationService, "Unprovision") => self.unprovision_method(input),
            (Class::AuthorizationService, "SetAdminAclEntryEx") => self.set_admin_acl_entry_ex(input),
            (Class::PublicKeyManagementService, "GenerateKeyPair") => self.generate_key_pair(input),
            (Class::PublicKeyManagementService, "AddCertificate") => self.add_certificate(input),
            (Class::PublicKeyManagementService, "AddTrustedRootCertificate") => {
                self.add_trusted_root_certificate(input)
            }
            (Class::TimeSynchronizationService, "GetLowAccuracyTimeSynch") => self.get_low_accuracy_time_synch(now),
            (Class::TimeSynchronizationService, "SetHighAccuracyTimeSynch") => {
                self.set_high_accuracy_time_synch(input, now)
            }
            _ => return None,
        })
    }

    /// What a method that was applied does to the ports (odca.md §2.4).
    fn aftermath(&self, class: Class, method: &str) -> Aftermath {
        let restarts = match (class, method) {
            (Class::SetupAndConfigurationService, "CommitChanges" | "Unprovision") => true,
            (Class::HostBasedSetupService, "AdminSetup" | "UpgradeClientToAdmin") => {
                self.persona.drops != Drops::Commits
            }
            (Class::HostBasedSetupService, "Setup") | (Class::AuthorizationService, "SetAdminAclEntryEx") => {
                self.persona.drops == Drops::EveryChange
            }
            _ => false,
        };
        if restarts { Aftermath::Restart } else { Aftermath::None }
    }
}

/// What the local system account may call: it reads and sets up, and no more (wsman.md §1.6). `Unprovision` answers
/// for itself that there is nothing to leave.
fn is_open_before_provisioning(class: Class, method: &str) -> bool {
    match class {
        Class::HostBasedSetupService => true,
        Class::SetupAndConfigurationService => matches!(method, "GetUuid" | "Unprovision"),
        Class::TimeSynchronizationService => method == "GetLowAccuracyTimeSynch",
        _ => false,
    }
}
