//! What is provisioned, and to what end.

use std::fmt;

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::policy::{FirstUseTrust, FlowB, Goal, Profile};
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::request::ChainLength;
use amt_provision::server::ServedProfile;
use amt_provision::simulator::config::{ConnectionHabit, DeviceConfig};
use amt_provision::simulator::persona::Persona;
use amt_provision::world::Site;

/// A device and a profile.
pub(crate) struct Setting {
    version: AmtVersion,
    persona: &'static str,
    connections: ConnectionHabit,
    profile: Profile,
}

/// How good a pin the device can give.
#[derive(Clone, Copy)]
enum Known {
    Proven,
    Provisional,
    FirstUse,
}

impl Setting {
    /// Every persona, most in flow A, AMT 16 and 18 in flow B, and in each flow one that closes each connection with its
    /// first reply; to ACM and to CCM.
    pub(crate) fn all(site: &Site) -> Vec<Self> {
        use ConnectionHabit::{Always, Honors};
        let devices = [
            ("keeps-session", 19, Known::Proven, Honors),
            ("drops-listed", 20, Known::Proven, Honors),
            ("drops-listed", 19, Known::Proven, Always),
            ("drops-odca", 21, Known::Proven, Honors),
            ("drops-unlisted", 19, Known::Provisional, Honors),
            ("drops-v1", 19, Known::Proven, Honors),
            ("mebx-first", 21, Known::Proven, Honors),
            ("delivers-listed", 20, Known::Proven, Honors),
            ("tls-already-on", 19, Known::Provisional, Honors),
            ("keeps-session", 16, Known::FirstUse, Honors),
            ("keeps-session", 18, Known::FirstUse, Honors),
            ("drops-listed", 18, Known::FirstUse, Always),
        ];
        let covered = |persona: &Persona| devices.iter().any(|(name, ..)| *name == persona.name);
        assert!(Persona::ALL.iter().all(covered), "a persona that the matrix does not know");
        let admin = Goal::Admin(ChainLength::new(site.chain_length()).unwrap());
        let with = |goal| devices.map(|(persona, major, known, habit)| Self::new((persona, major, habit), known, goal));
        [with(admin), with(Goal::Client)].into_iter().flatten().collect()
    }

    fn new((persona, major, connections): (&'static str, u16, ConnectionHabit), known: Known, goal: Goal) -> Self {
        let mut profile = Profile::cautious(goal);
        match known {
            Known::Proven => {}
            Known::Provisional => profile.minimum = Provenance::Provisional,
            Known::FirstUse => (profile.minimum, profile.flow_b) = (Provenance::FirstUse, FlowB::Allowed),
        }
        if !matches!(known, Known::Proven) {
            profile.first_use = FirstUseTrust::Trusted;
        }
        Self { version: AmtVersion::new(major, 0), persona, connections, profile }
    }

    pub(crate) fn device(&self, site: &Site) -> DeviceConfig {
        DeviceConfig { connections: self.connections, ..site.device(self.version, self.persona.parse().unwrap()) }
    }

    pub(crate) fn profile(&self, site: &Site) -> ServedProfile {
        site.profile(self.profile.clone())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = if self.profile.goal == Goal::Client { "CCM" } else { "ACM" };
        let closing = if self.connections == ConnectionHabit::Always { " closing" } else { "" };
        write!(f, "AMT {} {}{closing} to {goal}", self.version.major, self.persona)
    }
}
