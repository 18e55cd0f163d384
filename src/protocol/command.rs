//! The command line in the first message's method: `activate --profile NAME`.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::Flaw;
use crate::secret::Secret;

/// What a relay asks for with its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Bring the device to where the profile says.
    Activate {
        /// The profile of the server's configuration.
        profile: ProfileName,
    },
    /// Unprovision the device.
    Deactivate {
        /// The AMT password, if the command line carries it, as rpc-go's does. Option-like words in it are lost there;
        /// the report's copy is the whole one, and all that our relay sends.
        password: Option<Secret>,
        /// Without looking at the password.
        force: bool,
    },
    /// One small task on an activated device.
    Maintenance {
        /// Which one.
        task: MaintenanceTask,
        /// As for [`Deactivate`](Self::Deactivate).
        password: Option<Secret>,
        /// Without looking at the password.
        force: bool,
    },
}

/// A maintenance task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaintenanceTask {
    /// `--synctime`: set the device's clock.
    SyncTime,
    /// `--syncip`: give the device the operating system's IP settings.
    SyncIp,
    /// `--synchostname`: give the device the operating system's host name.
    SyncHostname,
    /// `--syncdeviceinfo`: report what the device is.
    SyncDeviceInfo,
    /// `--changepassword [NEW]`: set another AMT password; without one the server makes it.
    ChangePassword(Option<Secret>),
}

/// The name of a profile: 1 to 128 bytes without white space and control characters, and not beginning with
/// a dash, so that it stays one word of the command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProfileName(String);

/// A text that is no profile name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile name: expected 1 to 128 bytes without white space, and no dash in front")]
pub struct ProfileNameError;

impl ProfileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(text: &str) -> Result<Self, ProfileNameError> {
        let good = (1..=128).contains(&text.len())
            && !text.starts_with('-')
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if good { Ok(Self(text.to_owned())) } else { Err(ProfileNameError) }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Command {
    /// Reads a method that is a command line; `None` if its first word is no command.
    pub(super) fn parse(method: &str) -> Result<Option<Self>, Flaw> {
        let (name, line) = method.trim().split_once(' ').unwrap_or((method.trim(), ""));
        let options = Options::of(line);
        let force = options.has("force") || options.has("f");
        let password = || options.secret("password");
        Ok(Some(match name {
            "activate" => {
                let missing = Flaw::Command { command: "activate", expected: "--profile and a profile's name" };
                let profile = options.value("profile").and_then(|name| name.parse().ok()).ok_or(missing)?;
                Self::Activate { profile }
            }
            "deactivate" => Self::Deactivate { password: password(), force },
            "maintenance" => {
                let expected = "--synctime, --syncip, --synchostname, --syncdeviceinfo or --changepassword";
                let task = options.task().ok_or(Flaw::Command { command: "maintenance", expected })?;
                Self::Maintenance { task, password: password(), force }
            }
            _ => return Ok(None),
        }))
    }

    /// The command line as RPS reads it. A password is in it only where the command has one: RPS takes the report's
    /// when there is none, whatever its characters are.
    pub(super) fn to_method(&self) -> Zeroizing<String> {
        let secret = |option: &str, secret: &Option<Secret>| match secret {
            Some(secret) => Zeroizing::new(format!(" {option} {}", secret.expose())),
            None => Zeroizing::default(),
        };
        let forced = |force: &bool| if *force { " -f" } else { "" };
        Zeroizing::new(match self {
            Self::Activate { profile } => format!("activate --profile {profile}"),
            Self::Deactivate { password, force } => {
                format!("deactivate{}{}", *secret("--password", password), forced(force))
            }
            Self::Maintenance { task, password, force } => {
                let task = match task {
                    MaintenanceTask::SyncTime => Zeroizing::new(" --synctime".to_owned()),
                    MaintenanceTask::SyncIp => Zeroizing::new(" --syncip".to_owned()),
                    MaintenanceTask::SyncHostname => Zeroizing::new(" --synchostname".to_owned()),
                    MaintenanceTask::SyncDeviceInfo => Zeroizing::new(" --syncdeviceinfo".to_owned()),
                    MaintenanceTask::ChangePassword(None) => Zeroizing::new(" --changepassword".to_owned()),
                    MaintenanceTask::ChangePassword(new) => secret("--changepassword", new),
                };
                format!("maintenance{}{}{}", *secret("-password", password), *task, forced(force))
            }
        })
    }
}

/// Options of a command line: each takes the words behind it, up to the next one. That is how a password
/// with spaces survives, which RPS itself would cut at the first.
struct Options<'a>(Vec<(&'a str, Zeroizing<String>)>);

impl<'a> Options<'a> {
    fn of(line: &'a str) -> Self {
        let mut options: Vec<(&str, Zeroizing<String>)> = Vec::new();
        for word in line.split(' ') {
            if let Some(option) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                let option = option.strip_prefix('-').unwrap_or(option);
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                options.push((name, Zeroizing::new(value.to_owned())));
            } else if let Some((_, value)) = options.last_mut() {
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(word);
            }
        }
        Self(options)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(option, _)| *option == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(option, _)| *option == name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.value(name).map(|value| Secret::from(value.to_owned()))
    }

    fn task(&self) -> Option<MaintenanceTask> {
        self.0.iter().find_map(|&(option, _)| {
            Some(match option {
                "synctime" => MaintenanceTask::SyncTime,
                "syncip" => MaintenanceTask::SyncIp,
                "synchostname" => MaintenanceTask::SyncHostname,
                "syncdeviceinfo" => MaintenanceTask::SyncDeviceInfo,
                "changepassword" => MaintenanceTask::ChangePassword(self.secret("changepassword")),
                _ => return None,
            })
        })
    }
}
