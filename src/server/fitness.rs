//! Whether a profile's provisioning certificate fits one device, before the device is touched (wsman.md §2.1).

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::CertificateHash;
use amt_provision_fsm::policy::Goal;
use rustls::pki_types::{CertificateDer, UnixTime};
use sha1::{Digest as _, Sha1};
use sha2::{Digest, Sha256, Sha384};

use super::ServedProfile;
use crate::pki::provisioning::{Finding, Terms, lint};
use crate::protocol::DeviceReport;

/// What a profile's goal is for one device, and what is to be said about its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fitness {
    pub(super) goal: Goal,
    pub(super) findings: Vec<Finding>,
}

/// What the relay reports is a claim: who lies about version or domain keeps a device out of ACM and gains nothing.
pub(super) fn judge(profile: &ServedProfile, report: &DeviceReport, now: UnixTime) -> Fitness {
    let goal = profile.profile.goal;
    let Goal::Admin(_) = goal else { return Fitness { goal, findings: Vec::new() } };
    let chain = profile.provisioning.as_deref().map_or(&[][..], |identity| identity.chain());
    let terms = Terms::of_any_device(now).with_firmware(report.version).with_dns_suffix(&report.dns_suffix);
    let mut findings = lint(chain, &terms);
    findings.extend(chain.last().and_then(|root| unlisted(root, report)));
    let goal = findings.iter().find_map(Finding::flaw).map_or(goal, Goal::Barred);
    // A device in ACM does not need the certificate any more; what is wrong with it is `check-config`'s to say.
    let needed = report.control_mode != ControlMode::Admin;
    Fitness { goal, findings: if needed { findings } else { Vec::new() } }
}

/// A warning if the root is not among those that the relay lists, each by the algorithm that its length tells. It lists
/// inactive ones too, and may lie: the device's answer decides.
fn unlisted(root: &CertificateDer<'_>, report: &DeviceReport) -> Option<Finding> {
    let sha256 = CertificateHash::from_bytes(Sha256::digest(root).into());
    let ours = [hex(&Sha1::digest(root)), hex(sha256.as_bytes()), hex(&Sha384::digest(root))];
    let listed = report.root_hashes.iter().any(|listed| ours.iter().any(|ours| ours == listed.as_hex()));
    (!listed).then_some(Finding::UnlistedRoot { root: sha256, listed: report.root_hashes.len() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use amt_provision_fsm::firmware::AmtVersion;
    use amt_provision_fsm::policy::Profile;
    use amt_provision_fsm::request::{ChainFlaw, ChainLength};

    use sha2::Sha512;

    use super::*;
    use crate::protocol::tests::a_hello;

    use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape};

    use crate::tunnel::channel::ProvisioningCertificate;

    static CHAIN: LazyLock<ProvisioningChain> =
        LazyLock::new(|| ProvisioningChain::mint(&ProvisioningShape::for_domain("corp.example")).unwrap());

    fn admin() -> Goal {
        Goal::Admin(ChainLength::new(3).unwrap())
    }

    fn served(goal: Goal) -> ServedProfile {
        let identity = ProvisioningCertificate::new(CHAIN.certificates().to_vec(), &CHAIN.key().into()).unwrap();
        ServedProfile::new(Profile::cautious(goal), Some(Arc::new(identity)))
    }

    fn report(major: u16, dns_suffix: &str, hashes: &[String]) -> DeviceReport {
        DeviceReport {
            version: AmtVersion::new(major, 0),
            dns_suffix: dns_suffix.into(),
            root_hashes: hashes.iter().map(|hash| hash.parse().unwrap()).collect(),
            ..a_hello().report
        }
    }

    fn in_2027() -> UnixTime {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_798_761_600))
    }

    #[test]
    fn a_fitting_chain_with_a_listed_root_leaves_the_goal_and_says_nothing() {
        let root = CHAIN.root();
        for listed in [hex(&Sha1::digest(root)), hex(&Sha256::digest(root)), hex(&Sha384::digest(root))] {
            let hashes = ["00".repeat(32), listed];
            let fitness = judge(&served(admin()), &report(19, "corp.example", &hashes), in_2027());
            assert_eq!(fitness, Fitness { goal: admin(), findings: Vec::new() });
        }
    }

    #[test]
    fn a_root_that_the_relay_does_not_list_is_a_warning_and_bars_nothing() {
        let ours = CHAIN.root_hash();
        // The right hash by an algorithm that no list has, and hashes of others.
        let sha512 = hex(&Sha512::digest(CHAIN.root()));
        for hashes in [vec![], vec!["00".repeat(20), "ff".repeat(32)], vec![sha512]] {
            let fitness = judge(&served(admin()), &report(19, "corp.example", &hashes), in_2027());
            let expected = Finding::UnlistedRoot { root: ours, listed: hashes.len() };
            assert_eq!(fitness, Fitness { goal: admin(), findings: vec![expected] });
        }
    }

    #[test]
    fn firmware_and_domain_of_the_device_bar_what_they_do_not_take() {
        let listed = [CHAIN.root_hash().to_hex()];
        let goal = |major, suffix| judge(&served(admin()), &report(major, suffix, &listed), in_2027()).goal;
        assert_eq!(goal(19, ""), admin(), "a relay that knows no suffix bars nothing");
        assert_eq!(goal(19, "other.example"), Goal::Barred(ChainFlaw::DnsSuffix));
        assert_eq!(goal(22, "corp.example"), Goal::Barred(ChainFlaw::Signature));
        let nothing = ServedProfile { provisioning: None, ..served(admin()) };
        let judged = judge(&nothing, &report(19, "", &listed), in_2027());
        assert_eq!(judged, Fitness { goal: Goal::Barred(ChainFlaw::Broken), findings: vec![Finding::Length(0)] });
    }

    #[test]
    fn who_needs_no_chain_hears_nothing_of_it() {
        let expired = UnixTime::since_unix_epoch(std::time::Duration::from_secs(4_000_000_000));
        let in_acm = DeviceReport { control_mode: ControlMode::Admin, ..report(19, "", &[]) };
        let judged = judge(&served(admin()), &in_acm, expired);
        assert_eq!(judged, Fitness { goal: Goal::Barred(ChainFlaw::Dates), findings: Vec::new() });
        let judged = judge(&served(Goal::Client), &report(19, "", &[]), expired);
        assert_eq!(judged, Fitness { goal: Goal::Client, findings: Vec::new() });
    }
}
