//! Whether devices take the provisioning certificates today.

use rustls::pki_types::UnixTime;

use super::error::Mistakes;
use super::model::{Config, Domain};
use crate::pki::provisioning::{Finding, Terms, lint};
use crate::tunnel::channel::ProvisioningIdentity;

impl Config {
    /// Judges every provisioning certificate as any device of its domain would at `now`. What one firmware wants beyond
    /// that is judged when a device of it comes.
    ///
    /// # Errors
    /// Every mistake, at the place where the file is named.
    pub fn check(&self, now: UnixTime) -> Result<(), Mistakes> {
        let mut list = Vec::new();
        for domain in &self.domains {
            let source = &domain.source;
            let findings = domain.lint(now).into_iter().filter(|finding| finding.flaw().is_some());
            list.extend(findings.map(|finding| {
                source.place.mistake(format_args!("`{}` names {}: {finding}", source.key, source.path.display()))
            }));
        }
        if list.is_empty() { Ok(()) } else { Err(Mistakes { file: self.file.clone(), list }) }
    }
}

impl Domain {
    /// What is to be said about the certificate at `now`.
    pub(super) fn lint(&self, now: UnixTime) -> Vec<Finding> {
        lint(self.certificate.chain(), &Terms::of_any_device(now).with_dns_suffix(self.dns_suffix.as_ref()))
    }
}
