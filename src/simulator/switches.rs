//! What one can switch on a simulated device by itself, beside its version and its persona.

use std::str::FromStr;

use amt_provision_fsm::time::Millis;

use super::config::{ConnectionHabit, DeviceConfig, RestartDelay};
use super::firmware::{Action, UnknownAction};
use crate::tunnel::tls::TlsVersion;

/// Something that takes longer than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// Every request without a line of its own.
    Every(Millis),
    /// This one.
    Action(Action, Millis),
}

/// A text that does not say what takes how long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlowError {
    /// Not of that form.
    #[error("expected Class.Action=MS or every=MS, in milliseconds up to {MAX_SLOW}, got `{0}`")]
    Form(String),
    /// Nothing that can be asked.
    #[error(transparent)]
    Action(#[from] UnknownAction),
}

/// The longest that a request may be made to take, in milliseconds: an hour, beyond every deadline of ours.
pub const MAX_SLOW: u64 = 3_600_000;

impl FromStr for Slow {
    type Err = SlowError;

    fn from_str(text: &str) -> Result<Self, SlowError> {
        let (what, time) = text.split_once('=').ok_or_else(|| SlowError::Form(text.to_owned()))?;
        let time = time.parse().ok().filter(|time| *time <= MAX_SLOW).map(Millis);
        let time = time.ok_or_else(|| SlowError::Form(text.to_owned()))?;
        if what == "every" { Ok(Self::Every(time)) } else { Ok(Self::Action(what.parse()?, time)) }
    }
}

/// What is switched; the default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// What takes longer; of two that say something of the same, the later one counts.
    pub slow: Vec<Slow>,
    /// When connections are closed with replies.
    pub close: Option<ConnectionHabit>,
    /// After how long connections are closed on which nothing is asked.
    pub idle_close: Option<Millis>,
    /// The highest TLS version.
    pub max_tls: Option<TlsVersion>,
    /// How long after the reply the ports go away, for a request that takes them away.
    pub drop_after: Option<Millis>,
}

impl Switches {
    /// Changes `config` so.
    pub fn apply_to(&self, config: &mut DeviceConfig) {
        for slow in &self.slow {
            match *slow {
                Slow::Every(time) => config.timings.request = time,
                Slow::Action(action, time) => {
                    config.timings.slow.insert(action, time);
                }
            }
        }
        config.connections = self.close.unwrap_or(config.connections);
        config.idle_close = self.idle_close.or(config.idle_close);
        config.max_tls = self.max_tls.unwrap_or(config.max_tls);
        config.restart_delay = self.drop_after.map_or(config.restart_delay, RestartDelay::After);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slow_is_read_by_name_and_time_and_what_cannot_be_asked_is_refused_with_what_can() {
        let commit = "AMT_SetupAndConfigurationService.CommitChanges";
        let expected = Slow::Action(commit.parse().unwrap(), Millis(2500));
        assert_eq!(format!("{commit}=2500").parse(), Ok(expected));
        assert_eq!("every=7".parse(), Ok(Slow::Every(Millis(7))));
        for (text, says) in [
            ("AMT_SetupAndConfigurationService.Commit=1", "CommitChanges, SetMEBxPassword"),
            ("AMT_Setup.CommitChanges=1", "AMT_SetupAndConfigurationService"),
            ("every", "Class.Action=MS"),
            ("every=1.5", "Class.Action=MS"),
            ("every=3600001", "3600000"),
        ] {
            let error = text.parse::<Slow>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
