//! The profile that lets everything happen.

use crate::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Profile, WithoutAcm};
use crate::record::Provenance;
use crate::request::ChainLength;

/// The most daring profile, to ACM with a chain of two: every persona comes there, and every edge is open to it. The
/// opposite of [`Profile::cautious`], and for simulated devices only.
pub fn daring() -> Profile {
    Profile {
        goal: ChainLength::new(2).map_or(Goal::Client, Goal::Admin),
        flow_b: FlowB::Allowed,
        minimum: Provenance::FirstUse,
        first_use: FirstUseTrust::Trusted,
        activation_commit: ActivationCommit::Auto,
        adopt: Adopt::Allowed,
        without_acm: WithoutAcm::Keep,
    }
}
