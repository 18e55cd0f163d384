//! `activate`: the relay, on the device's own operating system.

use clap::Args;

use super::amt_password::AmtPasswordArgs;
use super::error::CliError;
use super::exit::ExitStatus;
use super::line::{self, LineArgs, Variables};
use super::output::Output;
use crate::protocol::{Command, ProfileName};
use crate::relay::RelayConfig;
use crate::secret::Secret;

/// Connect this device to a server, which provisions it
///
/// Runs on the device, as root, beside Intel LMS. It asks the firmware what it is, dials one of AMT's two local ports
/// and carries bytes; it holds no password and cannot read what it carries.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision activate --url wss://provisioning.corp.example --profile office
  amt-provision activate --url wss://provisioning.corp.example --profile office \\
      --token-file /etc/amt-provision/token --proxy http://proxy.corp.example:3128
  amt-provision activate --url ws://127.0.0.1:8080 --profile office --mei unix:/tmp/amt.mei
  amt-provision activate --url wss://rps.corp.example/activate --profile acmtls --tls-tunnel")]
pub struct ActivateArgs {
    /// What the device is to become, by a name in the server's configuration
    #[arg(long, value_name = "NAME")]
    profile: ProfileName,
    #[command(flatten)]
    line: LineArgs,
    /// Ask an RPS server to go on over TLS once the device can, on AMT 18 and earlier; our own server does anyway
    #[arg(long)]
    tls_tunnel: bool,
    #[command(flatten)]
    password: AmtPasswordArgs,
    /// Ask for the AMT password, which an RPS server wants for a device that is provisioned already
    #[arg(long)]
    ask_amt_password: bool,
}

impl ActivateArgs {
    fn relay(self, amt_password: Option<Secret>, variable: impl Variables) -> Result<RelayConfig, CliError> {
        let command = Command::Activate { profile: self.profile };
        Ok(RelayConfig { tls_tunnel: self.tls_tunnel, ..self.line.relay(command, amt_password, variable)? })
    }
}

/// Runs the relay to its end, telling on stderr what happens.
///
/// # Errors
/// If there is no password although one is asked for, the output does not take the result, or with what the relay
/// ended.
pub fn run(args: ActivateArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let password = if args.ask_amt_password { Some(args.password.needed()?) } else { args.password.given()? };
    line::run(args.relay(password, line::environment)?, out)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::relay::LmsAddress;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ActivateArgs,
    }

    fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<RelayConfig, String> {
        let words = std::iter::once("activate").chain(text.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
        line.args.relay(None, variable).map_err(|error| error.to_string())
    }

    fn read(text: &str) -> Result<RelayConfig, String> {
        read_with(text, &[])
    }

    #[test]
    fn a_url_and_a_profile_are_enough() {
        let relay = read("--url wss://s.example --profile office").unwrap();
        assert_eq!(relay.command, Command::Activate { profile: "office".parse().unwrap() });
        assert_eq!(relay.mei, "/dev/mei0".parse().unwrap());
        assert_eq!(relay.lms_address, LmsAddress::default());
        assert_eq!((relay.tenant.as_str(), relay.hostname, relay.dns_suffix), ("", None, None));
        assert_eq!((relay.ca_file, relay.amt_password, relay.tls_tunnel), (None, None, false));
        assert_eq!((relay.proxy, relay.proof.token), (None, None));
        assert!(relay.proof.certificate.is_none());
    }

    #[test]
    fn a_token_and_a_proxy_come_from_the_arguments_or_else_from_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from-the-file-0123456789\n").unwrap();
        let set = [("AMT_PROVISION_TOKEN", "from-the-environment-01"), ("HTTPS_PROXY", "http://env.example:1")];
        let asked = "--url wss://s.example --profile p";
        let relay = read_with(asked, &set).unwrap();
        assert_eq!(relay.proof.token, Some("from-the-environment-01".parse().unwrap()));
        assert_eq!(relay.proxy, Some("http://env.example:1".parse().unwrap()));
        let given = format!("{asked} --token-file {} --proxy http://u:hunter2@flag.example:2", file.display());
        let relay = read_with(&given, &[set[0], set[1], ("NO_PROXY", "*")]).unwrap();
        assert_eq!(relay.proof.token, Some("from-the-file-0123456789".parse().unwrap()));
        assert_eq!(relay.proxy, Some("http://u:hunter2@flag.example:2".parse().unwrap()));
        let shown = format!("{relay:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("0123456789"), "{shown}");
        assert_eq!(read_with(asked, &[("AMT_PROVISION_TOKEN", "")]).unwrap().proof.token, None);
    }

    #[test]
    fn what_is_wrong_with_a_token_or_a_proxy_is_told_without_them() {
        let asked = "--url wss://s.example --profile p";
        for (arguments, variables, reason) in [
            ("--proxy https://u:hunter2@p", [("", "")], "--proxy is no proxy's URL"),
            ("", [("HTTPS_PROXY", "hunter2@p:1")], "HTTPS_PROXY names no proxy's URL"),
            ("", [("AMT_PROVISION_TOKEN", "hunter2")], "AMT_PROVISION_TOKEN: a token has 22 to 512"),
            ("--token-file /nowhere/token", [("", "")], "--token-file: /nowhere/token: No such file"),
            ("--client-cert a.pem", [("", "")], "--client-key"),
            ("--client-key a.pem", [("", "")], "--client-cert"),
            ("--client-cert /nowhere/a --client-key /nowhere/b", [("", "")], "/nowhere/a"),
        ] {
            let error = read_with(&format!("{asked} {arguments}"), &variables).unwrap_err();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{arguments}: {error}");
        }
    }

    #[test]
    fn every_option_arrives() {
        let relay = read(
            "--url ws://s --profile p --mei unix:/tmp/m --lms-address 127.1.2.3 \
             --dns-suffix corp.example --hostname pc1 --tenant acme --ca ca.pem --tls-tunnel --friendly-name desk",
        )
        .unwrap();
        assert_eq!(relay.mei, "unix:/tmp/m".parse().unwrap());
        assert_eq!((relay.url.to_string().as_str(), relay.lms_address.to_string().as_str()), ("ws://s", "127.1.2.3"));
        assert_eq!((relay.dns_suffix.as_deref(), relay.hostname.as_deref()), (Some("corp.example"), Some("pc1")));
        assert_eq!((relay.tenant.as_str(), relay.ca_file), ("acme", Some("ca.pem".into())));
        assert_eq!((relay.friendly_name.as_str(), relay.tls_tunnel), ("desk", true));
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
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
