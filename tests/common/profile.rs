//! The profiles that the tests' servers serve, and whose silicon they trust.

#![allow(dead_code, reason = "no test target asks for everything")]

use std::sync::Arc;

use amt_provision::fsm::policy::{FirstUseTrust, FlowB, Goal, Profile};
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::request::ChainLength;
use amt_provision::pki::odca::OdcaTrust;
use amt_provision::server::ServedProfile;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::provisioning::ProvisioningChain;
use amt_provision::store::{PasswordChoice, PasswordSource};
use amt_provision::tunnel::channel::ProvisioningCertificate;

/// To ACM with that chain, as cautiously as can be.
pub(crate) fn to_acm(chain: &ProvisioningChain) -> Profile {
    let length = ChainLength::new(chain.certificates().len()).expect("a chain's length");
    Profile::cautious(Goal::Admin(length))
}

/// Lets a device come by flow B too, and trusts the key that it shows first.
pub(crate) fn open_flow_b(profile: &mut Profile) {
    profile.flow_b = FlowB::Allowed;
    profile.minimum = Provenance::FirstUse;
    profile.first_use = FirstUseTrust::Trusted;
}

/// `profile` as it is served with that chain, with random passwords.
pub(crate) fn served(profile: Profile, chain: &ProvisioningChain) -> ServedProfile {
    let identity = ProvisioningCertificate::new(chain.certificates().to_vec(), &chain.key().into());
    ServedProfile::new(profile, Some(Arc::new(identity.expect("an identity"))))
}

/// The same passwords for every device.
pub(crate) fn fixed_passwords(admin: &str, mebx: &str) -> PasswordSource {
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let fixed = |text: &str| PasswordChoice::Fixed(text.parse().expect("a password that AMT takes"));
    PasswordSource::new(fixed(admin), fixed(mebx), random)
}

/// Production's silicon, and that of the simulator.
pub(crate) fn trust(authority: &SimulatorAuthority) -> Arc<OdcaTrust> {
    Arc::new(authority.trusted_as("simulator").expect("another root than production's"))
}
