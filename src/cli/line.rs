//! The device's side of a line to a server: what `activate`, `deactivate` and `maintenance` share.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::error::CliError;
use super::exit::ExitStatus;
use super::output::{DIMMED, Output};
use crate::access::{Token, TokenError};
use crate::mei::MeiAddress;
use crate::protocol::{Command, Outcome};
use crate::relay::proxy::{ProxyEnvironment, ProxyUrlError};
use crate::relay::{self, ClientCertificate, LmsAddress, Proof, RelayConfig, RelayEvent, ServerUrl};
use crate::secret::Secret;
use crate::store::Tenant;

/// Which server, which device.
#[derive(Debug, Args)]
pub(super) struct LineArgs {
    /// The server: ws://HOST[:PORT][/PATH] or wss://HOST[:PORT][/PATH]
    #[arg(long)]
    url: ServerUrl,
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
    /// What people call the device
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    friendly_name: String,
    /// Whose device it is; the default tenant has no name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
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
    /// Speak JSON messages, also with a server that could do with compact frames
    #[arg(long)]
    json_messages: bool,
}

/// The environment variable that holds a token.
const TOKEN: &str = "AMT_PROVISION_TOKEN";

fn hidden(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::from(text.to_owned()))
}

/// Where the variables of an environment are looked up.
pub(super) trait Variables: Fn(&'static str) -> Option<String> {}
impl<F: Fn(&'static str) -> Option<String>> Variables for F {}

/// The environment of this process.
pub(super) fn environment(name: &'static str) -> Option<String> {
    std::env::var(name).ok()
}

impl LineArgs {
    /// The relay that does `command`: what the arguments say, and where they say nothing the environment.
    ///
    /// # Errors
    /// If a file or a variable holds something else than was expected of it.
    pub(super) fn relay(
        self,
        command: Command,
        amt_password: Option<Secret>,
        variable: impl Variables,
    ) -> Result<RelayConfig, CliError> {
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
            command,
            amt_password,
            mei: self.mei,
            lms_address: self.lms_address,
            hostname: self.hostname,
            dns_suffix: self.dns_suffix,
            tenant: self.tenant.as_str().to_owned(),
            friendly_name: self.friendly_name,
            json_messages: self.json_messages,
            tls_tunnel: false,
        })
    }
}

/// Runs a relay to its end, telling on stderr what happens and on stdout what came of it.
pub(super) fn run(config: RelayConfig, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    if !config.url.is_tls() && !config.url.is_loopback() {
        writeln!(anstream::stderr(), "warning: ws:// shows the device's passwords to the network: use wss://")?;
    }
    let tell = |event: RelayEvent| {
        // Where stderr is gone nobody is left to tell.
        let _ = writeln!(anstream::stderr(), "{event}");
    };
    let outcome = smol::block_on(relay::run(config, tell))?;
    show(&outcome, out)?;
    Ok(if outcome.shortfalls().next().is_some() { ExitStatus::Peer } else { ExitStatus::Done })
}

/// What the server said, in plain words: the status, and what it did not reach in spite of it.
fn show(outcome: &Outcome, out: &mut Output<'_>) -> Result<(), CliError> {
    let shortfalls: Vec<_> = outcome.shortfalls().collect();
    let value = json!({
        "outcome": outcome.to_string(),
        "not_reached": shortfalls.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
    });
    Ok(out.either(&value, |to| {
        writeln!(to, "{outcome}")?;
        shortfalls.iter().try_for_each(|(name, why)| writeln!(to, "  {DIMMED}not reached:{DIMMED:#} {name} ({why})"))
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Form;
    use crate::protocol::ToRelay;

    fn shown(message: &str, form: Form) -> String {
        let frame = json!({ "method": "success", "protocolVersion": "4.0.0", "message": message }).to_string();
        let ToRelay::Success(outcome) = ToRelay::parse(&frame).unwrap() else { panic!() };
        let mut text = Vec::new();
        show(&outcome, &mut Output::new(form, &mut text)).unwrap();
        anstream::adapter::strip_bytes(&text).into_vec().try_into().unwrap()
    }

    /// RPS reports `success` for a device whose TLS it could not set up (pair.md §3, Aodca).
    const HALF: &str = r#"{"Status":"CCM (Phase 1)","Network":"Wired Network Configured","TLSConfiguration":"Failed",
        "Components":{"Activation":{"Result":"Success","Mode":"CCM"},"CIRAConnection":{"Result":"NotApplicable"},
        "TLS":{"Result":"Failure","Details":"Tunnel closed"}}}"#;

    #[test]
    fn a_success_that_fell_short_says_of_what() {
        assert_eq!(
            shown(HALF, Form::People),
            "CCM (Phase 1); network: Wired Network Configured; TLS: Failed\n  not reached: TLS (Tunnel closed)\n"
        );
        let json: serde_json::Value = serde_json::from_str(&shown(HALF, Form::Json)).unwrap();
        assert_eq!(json["not_reached"], json!(["TLS"]));
    }

    #[test]
    fn a_plain_text_is_shown_as_it_is_but_for_control_characters() {
        assert_eq!(shown("all\u{1b}[2J good", Form::People), "all [2J good\n");
    }
}
