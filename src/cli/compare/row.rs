//! The table as it was measured (pair.md §1, §3, §4), and the device of each row.

use std::fmt;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::time::Millis;
use serde::Serialize;

use crate::cli::demo::{PlannedDevice, PlannedGoal};
use crate::simulator::config::ConnectionHabit;
use crate::simulator::firmware::Action;
use crate::simulator::persona::Persona;
use crate::simulator::switches::{Slow, Switches};
use crate::tunnel::tls::TlsVersion;

/// What the existing pair came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It succeeded.
    Success,
    /// It failed, and said so.
    Failure,
    /// It said that it had succeeded: the device is short of the goal, and its password is lost.
    FalseSuccess,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Success => "done",
            Self::Failure => "failed",
            Self::FalseSuccess => "failed, said done",
        })
    }
}

/// What the existing pair came to, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// The result.
    pub verdict: Verdict,
    /// From the start of its relay to its end.
    pub took: Millis,
}

/// What carries the firmware's ports on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// LMS.
    Lms,
    /// Nothing: the relay has to speak to LME itself.
    Lme,
}

/// A row: a device, and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name of the run that was measured.
    pub name: &'static str,
    /// What the device does.
    pub device: &'static str,
    /// What carries its ports.
    pub host: Host,
    /// What the existing pair came to.
    pub existing: Existing,
    version: AmtVersion,
    goal: PlannedGoal,
    persona: Persona,
    switches: fn() -> Switches,
}

const A: AmtVersion = AmtVersion::new(19, 0);
const B: AmtVersion = AmtVersion::new(18, 0);

impl Row {
    /// The table.
    pub const ALL: [Self; 28] = [
        Self {
            name: "CCM",
            device: "the device itself, AMT 18",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(12_600) },
            version: B,
            goal: PlannedGoal::Ccm,
            persona: Persona::DELIVERS_LISTED,
            switches: tls_1_3,
        },
        Self {
            name: "B",
            device: "the device itself, AMT 18",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(106_900) },
            version: B,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: tls_1_3,
        },
        Self {
            name: "A",
            device: "the device itself, AMT 19",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(226_500) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: tls_1_3,
        },
        Self {
            name: "ccm19",
            device: "CCM on AMT 19",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(153_900) },
            version: A,
            goal: PlannedGoal::Ccm,
            persona: Persona::DELIVERS_LISTED,
            switches: tls_1_3,
        },
        Self {
            name: "Atls12",
            device: "speaks TLS 1.2 only",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(226_200) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { max_tls: Some(TlsVersion::V1_2), ..Switches::default() },
        },
        Self {
            name: "Aidle10",
            device: "closes TLS on which nothing is said for 10 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(226_400) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { idle_close: Some(Millis(10_000)), ..tls_1_3() },
        },
        Self {
            name: "Arst",
            device: "drops all TLS 20 ms after each CommitChanges",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(220_300) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { drop_after: Some(Millis(20)), ..tls_1_3() },
        },
        Self {
            name: "ccmnever",
            device: "keeps plain connections although it is asked to close",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(15_100) },
            version: B,
            goal: PlannedGoal::Ccm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Never), ..tls_1_3() },
        },
        Self {
            name: "Bnever",
            device: "keeps plain connections although it is asked to close",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(108_900) },
            version: B,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Never), ..tls_1_3() },
        },
        Self {
            name: "Aodca",
            device: "shows its ODCA chain also after Setup",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::FalseSuccess, took: Millis(75_300) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::KEEPS_SESSION,
            switches: tls_1_3,
        },
        Self {
            name: "Aclose3",
            device: "closes TLS after every answer",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Failure, took: Millis(290_000) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Always), ..tls_1_3() },
        },
        Self {
            name: "Bclose2",
            device: "closes after every answer",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Failure, took: Millis(93_800) },
            version: B,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Always), ..tls_1_3() },
        },
        Self {
            name: "Aslowkey18",
            device: "GenerateKeyPair answers after 2.8 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::FalseSuccess, took: Millis(115_300) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::GENERATE_KEY_PAIR, 2800),
        },
        Self {
            name: "Aslowkey3",
            device: "GenerateKeyPair answers after 3.1 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::FalseSuccess, took: Millis(115_300) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::GENERATE_KEY_PAIR, 3100),
        },
        Self {
            name: "Aslowkey10",
            device: "GenerateKeyPair answers after 10.1 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::FalseSuccess, took: Millis(115_600) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::GENERATE_KEY_PAIR, 10_100),
        },
        Self {
            name: "Bslowkey5",
            device: "GenerateKeyPair answers after 5 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Failure, took: Millis(78_400) },
            version: B,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::GENERATE_KEY_PAIR, 5000),
        },
        Self {
            name: "Apart",
            device: "CommitChanges answers after 2.5 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Failure, took: Millis(56_300) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::COMMIT_CHANGES, 2500),
        },
        Self {
            name: "Aslowmebx",
            device: "SetMEBxPassword answers after 3 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Failure, took: Millis(251_200) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::SET_MEBX_PASSWORD, 3000),
        },
        Self {
            name: "Aslowupg",
            device: "UpgradeClientToAdmin answers after 3 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(238_000) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::UPGRADE, 3000),
        },
        Self {
            name: "ccmslow5",
            device: "Setup answers after 5 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Success, took: Millis(78_400) },
            version: B,
            goal: PlannedGoal::Ccm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::SETUP, 5000),
        },
        Self {
            name: "Aslowall25",
            device: "every answer after 2.5 s",
            host: Host::Lms,
            existing: Existing { verdict: Verdict::Failure, took: Millis(68_300) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { slow: vec![Slow::Every(Millis(2500))], ..tls_1_3() },
        },
        Self {
            name: "ccmlme",
            device: "without LMS, closes",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::Success, took: Millis(12_500) },
            version: B,
            goal: PlannedGoal::Ccm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Always), ..tls_1_3() },
        },
        Self {
            name: "ccmlmenever",
            device: "without LMS, keeps connections although it is asked to close",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::Failure, took: Millis(4100) },
            version: B,
            goal: PlannedGoal::Ccm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Never), ..tls_1_3() },
        },
        Self {
            name: "Alme",
            device: "without LMS",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::Success, took: Millis(213_000) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: tls_1_3,
        },
        Self {
            name: "Blme",
            device: "without LMS",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::Success, took: Millis(100_000) },
            version: B,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: tls_1_3,
        },
        Self {
            name: "Almeslowkey4",
            device: "without LMS, GenerateKeyPair answers after 4 s",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::FalseSuccess, took: Millis(113_400) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || slow(Action::GENERATE_KEY_PAIR, 4000),
        },
        Self {
            name: "Almeclose3",
            device: "without LMS, closes after every answer",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::Failure, took: Millis(360_900) },
            version: A,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Always), ..tls_1_3() },
        },
        Self {
            name: "Blmeclose2",
            device: "without LMS, closes after every answer",
            host: Host::Lme,
            existing: Existing { verdict: Verdict::Success, took: Millis(645_500) },
            version: B,
            goal: PlannedGoal::Acm,
            persona: Persona::DELIVERS_LISTED,
            switches: || Switches { close: Some(ConnectionHabit::Always), ..tls_1_3() },
        },
    ];

    /// The device to be taken.
    pub fn planned(&self) -> PlannedDevice {
        let Self { version, goal, persona, switches, .. } = *self;
        PlannedDevice { version, goal, persona, switches: switches() }
    }
}

/// The table's devices speak TLS 1.3, whatever their version, where nothing else is said.
fn tls_1_3() -> Switches {
    Switches { max_tls: Some(TlsVersion::V1_3), ..Switches::default() }
}

fn slow(action: Action, milliseconds: u64) -> Switches {
    Switches { slow: vec![Slow::Action(action, Millis(milliseconds))], ..tls_1_3() }
}
