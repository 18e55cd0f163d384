//! The classes that provisioning needs, a file each: what can be asked of them and what they answer.
//!
//! Every function makes a [`Query`](super::Query) or a [`Listing`](super::Listing); nothing is sent. Each module's
//! `RESOURCE` names the class.
//!
//! ```
//! use amt_provision::wsman::class::host_based_setup;
//! use amt_provision::wsman::envelope::MessageId;
//!
//! let query = host_based_setup::get();
//! assert_eq!(query.call().to_string(), "IPS_HostBasedSetupService.Get");
//! assert!(query.to_request(MessageId(1)).contains("<a:MessageID>1</a:MessageID>"));
//! ```

pub mod authorization;
pub mod certificate;
pub mod concrete_dependency;
pub mod general_settings;
mod handle;
pub mod host_based_setup;
pub mod key_pair;
pub mod public_key_management;
pub mod setup_and_configuration;
#[cfg(test)]
mod tests;
pub mod time_synchronization;
pub mod tls_credential_context;
pub mod tls_setting_data;
