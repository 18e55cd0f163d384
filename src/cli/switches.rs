//! What one can switch on a simulated device: the options that `simulate` and `demo` share.

use amt_provision_fsm::time::Millis;
use clap::{Args, ValueEnum};

use crate::simulator::config::ConnectionHabit;
use crate::simulator::switches::{Slow, Switches};
use crate::tunnel::tls::TlsVersion;

/// The options.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Switches of the simulated device")]
pub struct SwitchArgs {
    /// What takes so many milliseconds: Class.Action=MS, or every=MS; can be given again
    #[arg(long, value_name = "WHAT=MS")]
    slow: Vec<Slow>,
    /// When it closes a connection with its reply
    #[arg(long, value_enum, value_name = "WHEN")]
    close: Option<Close>,
    /// Close connections on which nothing was said for so many milliseconds
    #[arg(long, value_name = "MS")]
    idle_close: Option<u64>,
    /// The highest TLS version that it speaks
    #[arg(long, value_enum, value_name = "VERSION")]
    tls: Option<Tls>,
    /// Take the ports away only so many milliseconds after the reply to a commit, or to what else takes them away
    #[arg(long, value_name = "MS")]
    drop_after: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Close {
    /// When the client asks for it
    Honor,
    /// Never, whatever the client asks for
    Never,
    /// After every refusal
    Refusals,
    /// After every reply
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tls {
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.3")]
    V1_3,
}

impl From<SwitchArgs> for Switches {
    fn from(args: SwitchArgs) -> Self {
        let SwitchArgs { slow, close, idle_close, tls, drop_after } = args;
        Self {
            slow,
            close: close.map(|close| match close {
                Close::Honor => ConnectionHabit::Honors,
                Close::Never => ConnectionHabit::Never,
                Close::Refusals => ConnectionHabit::AfterRefusals,
                Close::Always => ConnectionHabit::Always,
            }),
            idle_close: idle_close.map(Millis),
            max_tls: tls.map(|tls| match tls {
                Tls::V1_2 => TlsVersion::V1_2,
                Tls::V1_3 => TlsVersion::V1_3,
            }),
            drop_after: drop_after.map(Millis),
        }
    }
}
