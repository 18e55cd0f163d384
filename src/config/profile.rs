//! `[[profiles]]`: what devices can be brought to.

use std::sync::Arc;

use amt_provision_fsm::policy::{self, ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, WithoutAcm};
use amt_provision_fsm::record::Provenance;

use super::adoption;
use super::domain::Named;
use super::model::{Domain, Profile};
use super::read::{Section, Value};
use crate::password::{Password, PasswordLength};
use crate::protocol::ProfileName;
use crate::secret::Secret;
use crate::store::PasswordChoice;
use crate::tunnel::tls::TlsVersion;

const KEYS: &[&str] = &[
    "name",
    "goal",
    "domain",
    "flow_b",
    "minimum_provenance",
    "trust_first_use",
    "activation_commit",
    "adopt",
    "without_acm",
    "admin_password",
    "mebx_password",
    "max_tls",
];

/// `domains` is `None` where a mistake among them has been told: then they cannot be looked up.
pub(super) fn read(value: Value<'_>, domains: Option<&[Named]>) -> Option<Vec<Profile>> {
    let sections = value.sections("[[profiles]]", KEYS)?;
    if sections.is_empty() {
        return value.mistake("is empty: without a profile no device can be provisioned");
    }
    let mut names: Vec<ProfileName> = Vec::new();
    let mut profiles = Vec::new();
    for section in &sections {
        let name = section.required("name", "name = \"office\"").and_then(|value| {
            let name: ProfileName = value.parse()?;
            if names.contains(&name) {
                return value.mistake(format_args!("is \"{name}\" for the second time: relays ask by name"));
            }
            names.push(name.clone());
            Some(name)
        });
        profiles.extend(profile(section, name, domains));
    }
    // One that is missing here has told its mistake.
    (profiles.len() == sections.len()).then_some(profiles)
}

fn profile(section: &Section<'_>, name: Option<ProfileName>, domains: Option<&[Named]>) -> Option<Profile> {
    let goal = goal(section, domains);
    let flow_b = section.or("flow_b", FlowB::Refused, |value| {
        value.flag().map(|allowed| if allowed { FlowB::Allowed } else { FlowB::Refused })
    });
    let minimum = section.or("minimum_provenance", Provenance::OdcaInterim, |value| {
        use Provenance as P;
        value
            .word(&[P::Odca, P::OdcaInterim, P::Provisional, P::Adopted, P::FirstUse].map(|known| (word(known), known)))
    });
    let first_use = section.or("trust_first_use", FirstUseTrust::NotTrusted, |value| {
        value.flag().map(|trusted| if trusted { FirstUseTrust::Trusted } else { FirstUseTrust::NotTrusted })
    });
    let activation_commit = section.or("activation_commit", ActivationCommit::Auto, |value| {
        value.word(&[("auto", ActivationCommit::Auto), ("always", ActivationCommit::Always)])
    });
    let max_tls = section
        .or("max_tls", TlsVersion::V1_3, |value| value.word(&[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)]));
    let admin_password = section.or("admin_password", PasswordChoice::default(), |value| password(&value));
    let mebx_password = section.or("mebx_password", PasswordChoice::default(), |value| {
        let choice = password(&value);
        if matches!(goal, Some((Goal::Client, _))) {
            return value.mistake("has no effect in CCM: leave it out, or write goal = \"acm\"");
        }
        choice
    });
    let without_acm = section.or("without_acm", WithoutAcm::Keep, |value| {
        value.word(&[("keep", WithoutAcm::Keep), ("unprovision", WithoutAcm::Unprovision)])
    });
    let adoption = section.or("adopt", None, |value| adoption::read(&value).map(|passwords| Some(Arc::new(passwords))));
    let adopts = adoption.as_ref().is_some_and(Option::is_some);
    explain_contradictions(section, flow_b, minimum, first_use, adopts);

    let (goal, domain) = goal?;
    let policy = policy::Profile {
        goal,
        flow_b: flow_b?,
        minimum: minimum?,
        first_use: first_use?,
        activation_commit: activation_commit?,
        without_acm: without_acm?,
        adopt: if adopts { Adopt::Allowed } else { Adopt::Refused },
    };
    Some(Profile {
        name: name?,
        policy,
        domain,
        admin_password: admin_password?,
        mebx_password: mebx_password?,
        adoption: adoption?,
        max_tls: max_tls?,
    })
}

/// Settings of which one takes away what the other gives.
fn explain_contradictions(
    section: &Section<'_>,
    flow_b: Option<FlowB>,
    minimum: Option<Provenance>,
    first_use: Option<FirstUseTrust>,
    adopts: bool,
) {
    let Some(minimum) = minimum else { return };
    if let Some(value) = section.optional("adopt").filter(|_| adopts)
        && minimum > Provenance::Adopted
    {
        let _: Option<()> = value.mistake(format_args!(
            "takes over devices that show keys which nobody vouches for, and the minimum provenance is \"{minimum}\": write \
             minimum_provenance = \"adopted\", or \"first-use\" for devices that still speak plain text"
        ));
    }
    if let (Some(value), Some(FlowB::Allowed)) = (section.optional("flow_b"), flow_b)
        && minimum > Provenance::FirstUse
    {
        let _: Option<()> = value.mistake(format_args!(
            "is true, and the minimum provenance is \"{minimum}\", which no flow-B device can reach: write \
             minimum_provenance = \"first-use\", or leave flow_b out"
        ));
    }
    if let (Some(value), Some(FirstUseTrust::Trusted)) = (section.optional("trust_first_use"), first_use)
        && minimum.is_proven()
    {
        let _: Option<()> = value.mistake(format_args!(
            "is true, and the minimum provenance is \"{minimum}\", so that no pin is ever learnt at first use: leave it out, \
             or write minimum_provenance = \"provisional\" or \"first-use\""
        ));
    }
}

fn goal(section: &Section<'_>, domains: Option<&[Named]>) -> Option<(Goal, Option<Arc<Domain>>)> {
    #[derive(Clone, Copy)]
    enum Mode {
        Client,
        Admin,
    }
    let mode = section
        .required("goal", "goal = \"acm\" or goal = \"ccm\"")?
        .word(&[("acm", Mode::Admin), ("ccm", Mode::Client)])?;
    match (mode, section.optional("domain")) {
        (Mode::Client, None) => Some((Goal::Client, None)),
        (Mode::Client, Some(domain)) => domain.mistake("has no effect in CCM: leave it out, or write goal = \"acm\""),
        (Mode::Admin, None) => {
            section.mistake(
                "[[profiles]] with goal = \"acm\" has no `domain`: name the dns_suffix of a [[domains]], whose \
                 certificate the device wants to see",
            );
            None
        }
        (Mode::Admin, Some(value)) => {
            let suffix = value.text()?.to_ascii_lowercase();
            match domains?.iter().find(|domain| domain.dns_suffix == suffix) {
                Some(Named { domain, .. }) => {
                    let (length, domain) = domain.as_ref()?;
                    Some((Goal::Admin(*length), Some(Arc::clone(domain))))
                }
                None => value.mistake(format_args!("is \"{suffix}\", and no [[domains]] has that dns_suffix: add it")),
            }
        }
    }
}

/// `{ length = 20 }` or `{ fixed = "…" }`.
fn password(value: &Value<'_>) -> Option<PasswordChoice> {
    const FORMS: &str = "{ length = 16 } for a random one for each device, or { fixed = \"…\" }";
    if !value.is_table() {
        return value.expected(FORMS);
    }
    let section = value.section("a password", &["length", "fixed"])?;
    match (section.optional("length"), section.optional("fixed")) {
        (Some(length), None) => match PasswordLength::new(length.count()?) {
            Some(length) => Some(PasswordChoice::Random(length)),
            None => length.mistake(format_args!(
                "is out of range: an AMT password has {} to {} characters",
                PasswordLength::MIN,
                PasswordLength::MAX
            )),
        },
        (None, Some(fixed)) => match Password::new(Secret::from(fixed.text()?.to_owned())) {
            Ok(password) => Some(PasswordChoice::Fixed(password)),
            Err(rule) => fixed.mistake(format_args!("is refused: {rule}")),
        },
        (Some(_), Some(_)) => value.mistake(format_args!("has both a length and a fixed password: expected {FORMS}")),
        (None, None) if section.is_misspelt() => None,
        (None, None) => value.mistake(format_args!("says nothing: expected {FORMS}")),
    }
}

/// The word of `Display`, which is not constant.
const fn word(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Odca => "odca",
        Provenance::OdcaInterim => "odca-interim",
        Provenance::Provisional => "provisional",
        Provenance::Adopted => "adopted",
        Provenance::FirstUse => "first-use",
    }
}
