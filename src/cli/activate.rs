//! `activate`: the relay, on the device's own operating system.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::output::Output;

use crate::mei::MeiAddress;
use crate::protocol::{Command, ProfileName};
use crate::relay::{self, LmsAddress, RelayConfig, RelayEvent, ServerUrl};
use crate::store::Tenant;

/// Connect this device to a server, which provisions it
///
/// Runs on the device, as root, beside Intel LMS. It asks the firmware what it is, dials one of AMT's two local ports
/// and carries bytes; it holds no password and cannot read what it carries.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision activate --url wss://provisioning.corp.example --profile office
  amt-provision activate --url ws://127.0.0.1:8080 --profile office --mei unix:/tmp/amt.mei")]
pub struct ActivateArgs {
    /// The server: ws://HOST[:PORT][/PATH] or wss://HOST[:PORT][/PATH]
    #[arg(long)]
    url: ServerUrl,
    /// What the device is to become, by a name in the server's configuration
    #[arg(long, value_name = "NAME")]
    profile: ProfileName,
    /// Where the firmware is asked what it is: /dev/meiN, or unix:PATH for a simulated device
    #[arg(long, value_name = "ADDRESS", default_value = "/dev/mei0")]
    mei: MeiAddress,
    /// The loopback address where LMS listens
    #[arg(long, value_name = "127.x.y.z", default_value_t)]
    lms_address: LmsAddress,
    /// The DNS suffix to report, in place of the firmware's
    #[arg(long, value_name = "SUFFIX")]
    dns_suffix: Option<String>,
    /// The host name to report, in place of the operating system's
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Whose device it is; the default tenant has no name
    #[arg(long, value_name = "NAME", default_value = "")]
    tenant: Tenant,
    /// The certificates (PEM) that the server's chain may end in, in place of the platform's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl From<ActivateArgs> for RelayConfig {
    fn from(args: ActivateArgs) -> Self {
        Self {
            url: args.url,
            ca_file: args.ca,
            command: Command::Activate { profile: args.profile },
            mei: args.mei,
            lms_address: args.lms_address,
            hostname: args.hostname,
            dns_suffix: args.dns_suffix,
            tenant: args.tenant.as_str().to_owned(),
            friendly_name: String::new(),
            tls_tunnel: true,
        }
    }
}

/// Runs the relay to its end, telling on stderr what happens.
///
/// # Errors
/// If the output does not take it, or with what the relay ended.
pub fn run(args: ActivateArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    let tell = |event: RelayEvent| {
        // Where stderr is gone nobody is left to tell.
        let _ = writeln!(anstream::stderr(), "{event}");
    };
    let outcome = smol::block_on(relay::run(args.into(), tell))?;
    let status = json!({ "outcome": outcome.to_string() });
    Ok(out.either(&status, |to| writeln!(to, "{outcome}"))?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ActivateArgs,
    }

    fn read(text: &str) -> Result<RelayConfig, clap::Error> {
        let words = std::iter::once("activate").chain(text.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args.into())
    }

    #[test]
    fn a_url_and_a_profile_are_enough() {
        let relay = read("--url wss://s.example --profile office").unwrap();
        assert_eq!(relay.command, Command::Activate { profile: "office".parse().unwrap() });
        assert_eq!(relay.mei, "/dev/mei0".parse().unwrap());
        assert_eq!(relay.lms_address, LmsAddress::default());
        assert_eq!((relay.tenant.as_str(), relay.hostname, relay.dns_suffix), ("", None, None));
        assert_eq!(relay.ca_file, None);
    }

    #[test]
    fn every_option_arrives() {
        let relay = read(
            "--url ws://s --profile p --mei unix:/tmp/m --lms-address 127.1.2.3 \
             --dns-suffix corp.example --hostname pc1 --tenant acme --ca ca.pem",
        )
        .unwrap();
        assert_eq!(relay.mei, "unix:/tmp/m".parse().unwrap());
        assert_eq!((relay.url.to_string().as_str(), relay.lms_address.to_string().as_str()), ("ws://s", "127.1.2.3"));
        assert_eq!((relay.dns_suffix.as_deref(), relay.hostname.as_deref()), (Some("corp.example"), Some("pc1")));
        assert_eq!((relay.tenant.as_str(), relay.ca_file), ("acme", Some("ca.pem".into())));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        for (text, reason) in [
            ("--profile office", "--url"),
            ("--url ws://s", "--profile"),
            ("--url ws://s --profile=-x", "no dash in front"),
            ("--url http://s --profile p", "expected ws://HOST"),
            ("--url ws://s --profile p --lms-address 10.0.0.1", "no loopback address"),
            ("--url ws://s --profile p --mei /dev/sda", "expected /dev/meiN or unix:PATH"),
            ("--url ws://s --profile p --tenant é", "of ASCII"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
