//! `activate`: the relay, on the device's own operating system.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::error::CliError;
use super::output::Output;

use crate::access::{Token, TokenError};
use crate::mei::MeiAddress;
use crate::protocol::{Command, ProfileName};
use crate::relay::proxy::{ProxyEnvironment, ProxyUrlError};
use crate::relay::{self, ClientCertificate, LmsAddress, Proof, RelayConfig, RelayEvent, ServerUrl};
use crate::secret::Secret;
use crate::store::Tenant;

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
    /// A file with the token that the server wants to see; also AMT_PROVISION_TOKEN, the token itself
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificate (PEM, the leaf first) that the server wants to see
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// The HTTP proxy on the way: http://[USER:PASSWORD@]HOST[:PORT]; for wss:// also HTTPS_PROXY, but for NO_PROXY
    // Judged later than the others: clap would repeat a wrong one with its password.
    #[arg(long, value_name = "URL", value_parser = hidden)]
    proxy: Option<Secret>,
}

/// The environment variable that holds a token.
const TOKEN: &str = "AMT_PROVISION_TOKEN";

fn hidden(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::from(text.to_owned()))
}

impl ActivateArgs {
    /// What the arguments say, and where they say nothing the environment: `variable` is asked for it.
    ///
    /// # Errors
    /// If a file or a variable holds something else than was expected of it.
    fn config(self, variable: impl Fn(&'static str) -> Option<String>) -> Result<RelayConfig, CliError> {
        let wrong = |from| move |source: Box<dyn Error + Send + Sync>| CliError::Token { from, source };
        let token = match (self.token_file, variable(TOKEN).filter(|value| !value.is_empty())) {
            (Some(path), _) => Some(Token::read(&path).map_err(|error| wrong("--token-file")(error.into()))?),
            (None, Some(text)) => {
                Some(Zeroizing::new(text).parse().map_err(|error: TokenError| wrong(TOKEN)(error.into()))?)
            }
            (None, None) => None,
        };
        let certificate = match self.client_cert.zip(self.client_key) {
            Some((certificates, key)) => Some(ClientCertificate::read(&certificates, &key)?),
            None => None,
        };
        let proxy = match self.proxy {
            Some(text) => {
                let proxy = text.expose().parse();
                Some(proxy.map_err(|error: ProxyUrlError| CliError::Usage(format!("--proxy is {error}")))?)
            }
            None => ProxyEnvironment::read(variable)?.proxy(&self.url),
        };
        Ok(RelayConfig {
            url: self.url,
            ca_file: self.ca,
            proof: Proof { token, certificate },
            proxy,
            command: Command::Activate { profile: self.profile },
            mei: self.mei,
            lms_address: self.lms_address,
            hostname: self.hostname,
            dns_suffix: self.dns_suffix,
            tenant: self.tenant.as_str().to_owned(),
            friendly_name: String::new(),
            tls_tunnel: true,
        })
    }
}

/// Runs the relay to its end, telling on stderr what happens.
///
/// # Errors
/// If the output does not take it, or with what the relay ended.
pub fn run(args: ActivateArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    let config = args.config(|name| std::env::var(name).ok())?;
    let tell = |event: RelayEvent| {
        // Where stderr is gone nobody is left to tell.
        let _ = writeln!(anstream::stderr(), "{event}");
    };
    let outcome = smol::block_on(relay::run(config, tell))?;
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

    fn read_with(text: &str, variables: &[(&str, &str)]) -> Result<RelayConfig, String> {
        let words = std::iter::once("activate").chain(text.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
        line.args.config(variable).map_err(|error| error.to_string())
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
        assert_eq!((relay.ca_file, relay.proxy, relay.proof.token), (None, None, None));
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
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
