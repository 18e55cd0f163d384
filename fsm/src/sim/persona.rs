//! How a model device behaves, by name.

use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::firmware::{AmtVersion, ControlMode};
use crate::policy::LocalTls;

/// What a device shows on 16993 once the commit after `Setup` has restarted its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AfterCommit {
    /// No commit is needed, and the session in which `Setup` came lives on.
    Keeps,
    /// Its default key, which it had listed before.
    DefaultListed,
    /// Its default key, which it had not listed before.
    DefaultUnlisted,
    /// Its ODCA chain, still.
    Odca,
}

/// Which requests end the session although they are applied, their replies lost (odca.md §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drops {
    /// None: what restarts the ports is answered first.
    Nothing,
    /// None but the commits.
    Commits,
    /// Commits, `Setup`, `UpgradeClientToAdmin` and the password change.
    Everything,
}

/// How a model device behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Persona {
    /// Its name.
    pub name: &'static str,
    /// Its firmware.
    pub version: AmtVersion,
    /// Whether its local ports have TLS before provisioning.
    pub local_tls: LocalTls,
    /// What it shows after the commit that follows `Setup`.
    pub after_commit: AfterCommit,
    /// Which replies are lost.
    pub drops: Drops,
    /// Whether a commit in ACM wants the MEBx password first (wsman.md §2.3).
    pub mebx_before_commit: bool,
    /// Whether a default certificate is bound from the start (odca.md §2.4, AMT 16 and later).
    pub default_bound: bool,
    /// Whether it refuses every provisioning chain: its root is not among those that the firmware trusts.
    pub takes_no_chain: bool,
    /// The mode in which somebody else left it, if somebody did.
    pub found_in: Option<ControlMode>,
}

impl Persona {
    /// Every persona.
    pub const ALL: [Self; 12] = [
        Self::flow_a("keeps-session", AfterCommit::Keeps, Drops::Commits),
        Self::flow_a("drops-listed", AfterCommit::DefaultListed, Drops::Everything),
        Self::flow_a("drops-odca", AfterCommit::Odca, Drops::Everything),
        Self::flow_a("drops-unlisted", AfterCommit::DefaultUnlisted, Drops::Commits),
        Self { mebx_before_commit: true, ..Self::flow_a("mebx-first", AfterCommit::DefaultListed, Drops::Commits) },
        Self::flow_b("amt-12", AmtVersion::new(12, 0), false, Drops::Commits),
        Self::flow_b("amt-14", AmtVersion::new(14, 0), false, Drops::Nothing),
        Self::flow_b("amt-16", AmtVersion::new(16, 1), true, Drops::Everything),
        Self::flow_b("amt-18", AmtVersion::new(18, 0), true, Drops::Commits),
        Self::flow_b("found-in-ccm", AmtVersion::new(16, 1), true, Drops::Everything).found_in(ControlMode::Client),
        Self::flow_b("found-in-acm", AmtVersion::new(18, 0), true, Drops::Commits).found_in(ControlMode::Admin),
        Self::flow_a("found-with-tls", AfterCommit::DefaultListed, Drops::Everything).found_in(ControlMode::Admin),
    ];

    const fn flow_a(name: &'static str, after_commit: AfterCommit, drops: Drops) -> Self {
        Self {
            name,
            version: AmtVersion::new(19, 0),
            local_tls: LocalTls::On,
            after_commit,
            drops,
            mebx_before_commit: false,
            default_bound: false,
            takes_no_chain: false,
            found_in: None,
        }
    }

    const fn flow_b(name: &'static str, version: AmtVersion, default_bound: bool, drops: Drops) -> Self {
        Self {
            name,
            version,
            local_tls: LocalTls::Off,
            after_commit: AfterCommit::Keeps,
            drops,
            mebx_before_commit: false,
            default_bound,
            takes_no_chain: false,
            found_in: None,
        }
    }

    const fn found_in(mut self, mode: ControlMode) -> Self {
        self.found_in = Some(mode);
        self
    }

    /// The persona of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|persona| persona.name == name)
    }
}

/// By name: a case that is written down means the persona as it is when the case is read.
impl Serialize for Persona {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Self::named(self.name) {
            Some(named) if named == *self => serializer.serialize_str(self.name),
            _ => Err(ser::Error::custom("only personas with a name of their own are written down")),
        }
    }
}

impl<'de> Deserialize<'de> for Persona {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| de::Error::custom("no persona of that name"))
    }
}
