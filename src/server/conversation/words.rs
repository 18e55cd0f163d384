//! The last words of a run.

use amt_provision_fsm::provisioner::Outcome;

use crate::pki::provisioning::Finding;
use crate::protocol::{self, Component, ComponentResult, StatusReport, ToRelay};

/// How it ended, in the words that the relay shows to a person; what was found about the provisioning certificate is
/// among the details.
pub(super) fn last_words(outcome: &Outcome, findings: &[Finding]) -> ToRelay {
    let (result, mode, remark) = match outcome {
        Outcome::Configured { mode, short_of, .. } => {
            (ComponentResult::Success, Some(mode.to_string()), short_of.map(|short_of| short_of.to_string()))
        }
        Outcome::Unprovisioned => (ComponentResult::Success, None, None),
        Outcome::Quarantined(fault) | Outcome::Failed(fault) => {
            (ComponentResult::Failure, None, Some(fault.to_string()))
        }
    };
    let details: Vec<String> = remark.into_iter().chain(findings.iter().map(Finding::to_string)).collect();
    let details = (!details.is_empty()).then(|| details.join("; "));
    let components = [("Activation".to_owned(), Component { result, mode, details })].into();
    let status = Some(outcome.to_string());
    let report = protocol::Outcome::Report(StatusReport { status, components, ..StatusReport::default() });
    match result {
        ComponentResult::Failure => ToRelay::Error(report),
        ComponentResult::Success | ComponentResult::NotApplicable => ToRelay::Success(report),
    }
}
