//! A case of the core's world, with the device and the profile that it means here.

use std::sync::Arc;

use amt_provision_fsm::policy::{Goal, Profile};
use amt_provision_fsm::request::ChainLength;
use amt_provision_fsm::sim;

use super::machine::{World, WorldError};
use super::site::Site;
use crate::config::AdoptionPasswords;
use crate::password::{Password, PasswordRule};
use crate::simulator::config::{ConnectionHabit, DeviceConfig};
use crate::simulator::persona::{AfterCommit, DefaultCertificate, Drops, FactoryTls, LastReply, MebxRule, Persona};
use crate::store::{PasswordChoice, PasswordSource};

/// The password of whoever had the device before.
pub(super) const THEIRS: &str = "Th3ir-Passw0rd!";
/// What a profile fixes. Some characters are other ones in XML.
const FIXED_ADMIN: &str = "C4nary<admin>&'x";
const FIXED_MEBX: &str = "C4nary<mebx>&'y";

impl World {
    /// The world of a case, with its device as it is found. Most profiles fix their passwords: what is the same for a
    /// fleet must never be given away.
    ///
    /// # Errors
    /// [`WorldError`]: this machine's cryptography is to blame.
    pub fn of(site: &Site, case: &sim::Case) -> Result<Self, WorldError> {
        let theirs = password(THEIRS)?;
        let mut profile = site.profile(profile(site, &case.profile));
        profile.adoption = Some(Arc::new(AdoptionPasswords::of_every_device(theirs.clone())));
        if !case.seed.is_multiple_of(5) {
            profile.passwords = fixed()?;
        }
        let mut world = Self::new(site, &device(site, case), profile, case.seed)?;
        if let Some(mode) = case.persona.found_in {
            world.device.be_found_in(mode, &theirs)?;
            world.found = Some(mode);
            world.device_went_on();
        }
        world.script = case.faults.clone();
        Ok(world)
    }
}

/// The same, with the chain that there is.
fn profile(site: &Site, wanted: &Profile) -> Profile {
    let chain = ChainLength::new(site.chain_length());
    let goal = match (wanted.goal, chain) {
        (Goal::Admin(_), Some(chain)) => Goal::Admin(chain),
        (goal, _) => goal,
    };
    Profile { goal, ..wanted.clone() }
}

fn fixed() -> Result<PasswordSource, PasswordRule> {
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let choice = |text| password(text).map(PasswordChoice::Fixed);
    Ok(PasswordSource::new(choice(FIXED_ADMIN)?, choice(FIXED_MEBX)?, random))
}

fn password(text: &str) -> Result<Password, PasswordRule> {
    text.parse()
}

/// The model's persona, said of a simulated device. What the model leaves to chance is chosen by the seed: what becomes of
/// replies to requests that take the ports away, and, once in eight, that each connection ends with its first reply.
fn device(site: &Site, case: &sim::Case) -> DeviceConfig {
    let model = case.persona;
    let replies = [LastReply::Lost, LastReply::Delivered, LastReply::CutInHalf];
    let last_reply = usize::try_from(case.seed % 3).ok().and_then(|n| replies.get(n)).copied();
    let last_reply = last_reply.filter(|_| model.drops != sim::Drops::Nothing);
    let persona = Persona {
        name: model.name,
        after_commit: match model.after_commit {
            sim::AfterCommit::Keeps => AfterCommit::Keeps,
            sim::AfterCommit::DefaultListed => AfterCommit::DefaultListed,
            sim::AfterCommit::DefaultUnlisted => AfterCommit::DefaultUnlisted,
            sim::AfterCommit::Odca => AfterCommit::Odca,
        },
        drops: match model.drops {
            sim::Drops::Nothing | sim::Drops::Commits => Drops::Commits,
            sim::Drops::Everything => Drops::EveryChange,
        },
        last_reply: last_reply.unwrap_or(LastReply::Delivered),
        default_certificate: DefaultCertificate::V3,
        mebx: if model.mebx_before_commit { MebxRule::BeforeCommit } else { MebxRule::Optional },
        factory_tls: FactoryTls::ByVersion,
    };
    let connections = if case.seed % 8 == 7 { ConnectionHabit::Always } else { ConnectionHabit::Honors };
    let mut config = DeviceConfig { connections, ..site.device(model.version, persona) };
    if model.takes_no_chain {
        config.roots = Default::default();
    }
    config
}
