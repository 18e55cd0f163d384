//! How a simulated device behaves where real firmware differs or nobody has measured it yet, by name.

use std::fmt;
use std::str::FromStr;

use amt_provision_fsm::firmware::AmtVersion;

use super::firmware::{Generation, TlsBits};

/// What a device shows on 16993 once the commit after `Setup` has restarted its ports (odca.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AfterCommit {
    /// Its ODCA chain; the session of `Setup` lives on and no commit is needed.
    Keeps,
    /// Its ODCA chain, although a commit is needed.
    Odca,
    /// Its default key, whose certificate was listed and bound from the start.
    DefaultListed,
    /// Its default key, which nobody could have read before.
    DefaultUnlisted,
}

/// Which requests take the local ports away although they are applied (odca.md §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drops {
    /// Commits and `Unprovision`: the session survives the step to ACM, as nobody has seen one do.
    Commits,
    /// Commits, `Unprovision`, and the step to ACM: nobody has seen a session survive those.
    Restarts,
    /// `Setup` and the change of the admin password too.
    EveryChange,
}

/// What becomes of the reply to a request that takes the local ports away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LastReply {
    /// It gets out whole, and then the connection ends.
    Delivered,
    /// Its first half gets out: `unexpected EOF` inside a record (odca.md §2.4).
    CutInHalf,
    /// Nothing of it gets out.
    Lost,
}

/// Which X.509 version the default certificate has; that of real firmware is not known (odca.md §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultCertificate {
    /// X.509 v3.
    V3,
    /// X.509 v1, without extensions.
    V1,
}

/// Whether the local ports speak TLS over the default key before provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FactoryTls {
    /// As the version has it.
    ByVersion,
    /// They do: somebody has switched TLS on, and the default key is bound. Only firmware that can report it may be so
    /// (16.1 and later: rpc-go.md §2).
    DefaultKey,
}

/// When a commit in ACM is taken (wsman.md §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MebxRule {
    /// At any time.
    Optional,
    /// Only once the MEBx password is set: 2057 until then.
    BeforeCommit,
}

/// How a device behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Persona {
    /// Its name.
    pub name: &'static str,
    /// What it shows after the first commit.
    pub after_commit: AfterCommit,
    /// Which requests take the ports away.
    pub drops: Drops,
    /// What becomes of the replies to those.
    pub last_reply: LastReply,
    /// What its default certificate looks like.
    pub default_certificate: DefaultCertificate,
    /// When it commits in ACM.
    pub mebx: MebxRule,
    /// What its local ports speak before provisioning.
    pub factory_tls: FactoryTls,
}

/// A name that no persona has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no persona is named `{name}`: expected one of {}", known())]
pub struct UnknownPersona {
    /// What was asked for.
    pub name: String,
}

fn known() -> String {
    Persona::ALL.map(|persona| persona.name).join(", ")
}

impl Persona {
    /// Shows its ODCA chain until it has a certificate of its own, and loses nothing.
    pub const KEEPS_SESSION: Self =
        Self::new("keeps-session", AfterCommit::Keeps, Drops::Restarts, LastReply::Delivered);
    /// Shows its default key from the first commit on, and loses nothing.
    pub const DELIVERS_LISTED: Self =
        Self::new("delivers-listed", AfterCommit::DefaultListed, Drops::Restarts, LastReply::Delivered);

    /// Every persona.
    pub const ALL: [Self; 8] = [
        Self::KEEPS_SESSION,
        Self::new("drops-listed", AfterCommit::DefaultListed, Drops::EveryChange, LastReply::Lost),
        Self::new("drops-odca", AfterCommit::Odca, Drops::EveryChange, LastReply::CutInHalf),
        Self::new("drops-unlisted", AfterCommit::DefaultUnlisted, Drops::Restarts, LastReply::Lost),
        Self {
            default_certificate: DefaultCertificate::V1,
            ..Self::new("drops-v1", AfterCommit::DefaultListed, Drops::EveryChange, LastReply::Lost)
        },
        Self {
            mebx: MebxRule::BeforeCommit,
            ..Self::new("mebx-first", AfterCommit::DefaultListed, Drops::Restarts, LastReply::Delivered)
        },
        Self::DELIVERS_LISTED,
        Self {
            factory_tls: FactoryTls::DefaultKey,
            ..Self::new("tls-already-on", AfterCommit::DefaultListed, Drops::Restarts, LastReply::Delivered)
        },
    ];

    const fn new(name: &'static str, after_commit: AfterCommit, drops: Drops, last_reply: LastReply) -> Self {
        Self {
            name,
            after_commit,
            drops,
            last_reply,
            default_certificate: DefaultCertificate::V3,
            mebx: MebxRule::Optional,
            factory_tls: FactoryTls::ByVersion,
        }
    }

    /// How devices of that version are taken to behave: `drops-listed` from AMT 19 on, `keeps-session` before.
    pub const fn usual(version: AmtVersion) -> Self {
        let [keeps_session, drops_listed, ..] = Self::ALL;
        if version.must_have_local_tls() { drops_listed } else { keeps_session }
    }
}

/// A persona that firmware of that version cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "AMT {version} cannot be `{persona}`: it could not tell the host that its local ports speak TLS; take 16.1 or later"
)]
pub struct Misfit {
    /// The version.
    pub version: AmtVersion,
    /// The persona.
    pub persona: Persona,
}

impl Persona {
    /// The same, if firmware of that version can be so.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn fitting(self, version: AmtVersion) -> Result<Self, Misfit> {
        let tells = Generation::of(version).tls_bits == TlsBits::Present;
        match self.factory_tls {
            FactoryTls::DefaultKey if !tells => Err(Misfit { version, persona: self }),
            FactoryTls::DefaultKey | FactoryTls::ByVersion => Ok(self),
        }
    }
}

impl FromStr for Persona {
    type Err = UnknownPersona;

    fn from_str(name: &str) -> Result<Self, UnknownPersona> {
        let found = Self::ALL.into_iter().find(|persona| persona.name == name);
        found.ok_or_else(|| UnknownPersona { name: name.to_owned() })
    }
}

impl fmt::Display for Persona {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personas_are_found_by_name_and_an_unknown_one_lists_them() {
        for persona in Persona::ALL {
            assert_eq!(persona.to_string().parse(), Ok(persona));
        }
        let error = "keeps".parse::<Persona>().unwrap_err().to_string();
        assert!(error.contains("`keeps`") && error.contains("drops-unlisted"), "{error}");
    }

    #[test]
    fn only_firmware_that_can_report_tls_may_have_it_on_before_its_time() {
        let on: Persona = "tls-already-on".parse().unwrap();
        assert_eq!(on.fitting(AmtVersion::new(16, 1)), Ok(on));
        assert!(on.fitting(AmtVersion::new(16, 0)).unwrap_err().to_string().contains("16.1 or later"));
        assert!(Persona::ALL[0].fitting(AmtVersion::new(12, 0)).is_ok());
    }

    #[test]
    fn the_usual_persona_follows_the_firmware() {
        assert_eq!(Persona::usual(AmtVersion::new(19, 0)).name, "drops-listed");
        assert_eq!(Persona::usual(AmtVersion::new(18, 0)).name, "keeps-session");
    }
}
