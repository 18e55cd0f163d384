//! `doctor`: whether a server would start, and whether it would still in a month.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rustls::pki_types::UnixTime;
use serde_json::json;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::error::CliError;
use super::exit::ExitStatus;
use super::output::Output;
use super::revocation;
use super::view::moment;
use crate::config::{Config, ConfigError};
use crate::pki::odca::revocation::RevocationPolicy;
use crate::store::{Store, StoreAddress, StoreError, Tenant};

/// How long certificates have to be good for.
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// Look after a server: its configuration, store, key, certificates, revocation lists and port
///
/// Every finding is fine, a warning, or an error, and says what to do. Nothing is made or changed, but an older store is
/// brought into its newest shape, as any command does. The status is 0 without an error and 3 with one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision doctor --config /etc/amt-provision.toml
  amt-provision doctor --config amt-provision.toml --json | jq 'select(.severity == \"error\")'")]
pub(super) struct DoctorArgs {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE", env = "AMT_PROVISION_CONFIG")]
    config: PathBuf,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    /// It is as it should be.
    Fine,
    /// It is not yet in the way of anything.
    Warning,
    /// A server does not start, or no device is provisioned.
    Error,
}

impl Severity {
    const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

struct Finding {
    about: &'static str,
    severity: Severity,
    text: String,
}

/// What was found, in the order in which it was looked for.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, about: &'static str, severity: Severity, text: impl ToString) {
        self.0.push(Finding { about, severity, text: text.to_string() });
    }

    fn tell(&self, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
        for Finding { about, severity, text } in &self.0 {
            let name = severity.name();
            let value = json!({ "about": about, "severity": name, "text": text });
            out.either(&value, |to| writeln!(to, "{name:<7}  {about}: {text}"))?;
        }
        let worst = self.0.iter().map(|finding| finding.severity).max();
        Ok(if worst == Some(Severity::Error) { ExitStatus::Operator } else { ExitStatus::Done })
    }
}

pub(super) fn run(args: &DoctorArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let (now, mut findings) = (UnixTime::now(), Findings::default());
    match Config::load(&args.config) {
        Ok(config) => {
            findings.add("configuration", Severity::Fine, "no mistakes");
            for warning in config.warnings(now) {
                findings.add("configuration", Severity::Warning, warning);
            }
            provisioning(&config, now, &mut findings);
            smol::block_on(store(&config, now, &mut findings));
            lists(&config, now, &mut findings);
            port(&config, &mut findings);
        }
        // Nothing is known of what it names.
        Err(ConfigError::Mistakes(mistakes)) => {
            for mistake in &mistakes.list {
                let place = format!("{}:{}:{}", mistakes.file.display(), mistake.line, mistake.column);
                findings.add("configuration", Severity::Error, format!("{place}: {}", mistake.message));
            }
        }
        Err(error) => findings.add("configuration", Severity::Error, error),
    }
    findings.tell(out)
}

fn provisioning(config: &Config, now: UnixTime, findings: &mut Findings) {
    const ABOUT: &str = "provisioning certificates";
    let later = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + MONTH);
    match (config.check(now), config.check(later)) {
        (Err(mistakes), _) => findings.add(ABOUT, Severity::Error, mistakes),
        (Ok(()), Err(mistakes)) => {
            findings.add(ABOUT, Severity::Warning, format!("within 30 days: {mistakes}; have them renewed"));
        }
        (Ok(()), Ok(())) if config.domains.is_empty() => findings.add(ABOUT, Severity::Fine, "none is configured"),
        (Ok(()), Ok(())) => findings.add(ABOUT, Severity::Fine, "good for 30 more days"),
    }
}

async fn store(config: &Config, now: UnixTime, findings: &mut Findings) {
    const ABOUT: &str = "store";
    if let StoreAddress::Sqlite(path) = &config.store
        && !path.exists()
    {
        return findings.add(ABOUT, Severity::Warning, format!("{} is made at the first start", path.display()));
    }
    let reached = async {
        let store = config.store.open(config.keys.clone()).await?;
        store.devices(&Tenant::default(), None, 1).await?;
        Ok::<_, StoreError>(store)
    };
    match reached.await {
        Ok(store) => {
            findings.add(ABOUT, Severity::Fine, format!("{} is reached", config.store));
            keys(config, &*store, now, findings).await;
        }
        Err(error) => findings.add(ABOUT, Severity::Error, error),
    }
}

async fn keys(config: &Config, store: &dyn Store, now: UnixTime, findings: &mut Findings) {
    const ABOUT: &str = "key of the secrets";
    let place = config.keys.current().map(ToString::to_string).unwrap_or_default();
    match store.keys().await {
        // Unlocking would make one.
        Ok(keys) if keys.is_empty() => {
            findings.add(
                ABOUT,
                Severity::Warning,
                format!("nothing is sealed yet: {place} is used from the first start on"),
            );
        }
        Ok(keys) => match store.unlock(now).await {
            Ok(()) => {
                findings.add(ABOUT, Severity::Fine, format!("{place} opens the store's secrets"));
                if keys.len() > 1 {
                    findings.add(ABOUT, Severity::Warning, "a rotation was interrupted: `keys rotate` finishes it");
                }
                authority(store, now, findings).await;
            }
            Err(error) => findings.add(ABOUT, Severity::Error, error),
        },
        Err(error) => findings.add(ABOUT, Severity::Error, error),
    }
}

/// A server makes it at its first start, right behind the key.
async fn authority(store: &dyn Store, now: UnixTime, findings: &mut Findings) {
    const ABOUT: &str = "deployment's authority";
    let authority = match store.authority(now).await {
        Ok(authority) => authority,
        Err(error) => return findings.add(ABOUT, Severity::Error, error),
    };
    match Certificate::from_der(authority.certificate()) {
        Ok(certificate) => {
            let end = UnixTime::since_unix_epoch(certificate.tbs_certificate().validity().not_after.to_unix_duration());
            let good = end.as_secs() > now.as_secs() + MONTH.as_secs();
            let severity = if good { Severity::Fine } else { Severity::Error };
            findings.add(ABOUT, severity, format!("its certificate ends {}", moment(end)));
        }
        Err(error) => findings.add(ABOUT, Severity::Error, format!("its certificate cannot be read: {error}")),
    }
}

fn lists(config: &Config, now: UnixTime, findings: &mut Findings) {
    const ABOUT: &str = "revocation lists";
    let Some(directory) = revocation::directory(config) else {
        return findings.add(ABOUT, Severity::Fine, "none is consulted");
    };
    let severity = match directory.policy() {
        RevocationPolicy::Required => Severity::Error,
        RevocationPolicy::IfPresent => Severity::Warning,
    };
    let found = directory.findings(now);
    for finding in &found {
        findings.add(ABOUT, severity, finding);
    }
    if found.is_empty() {
        let text = format!("{} in {}, none of them stale", directory.lists().len(), directory.path().display());
        findings.add(ABOUT, Severity::Fine, text);
    }
}

fn port(config: &Config, findings: &mut Findings) {
    const ABOUT: &str = "port";
    let address = config.listener.address;
    match TcpListener::bind(address) {
        Ok(_) => findings.add(ABOUT, Severity::Fine, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            findings.add(ABOUT, Severity::Warning, format!("{address} is in use: by the server, if it runs"));
        }
        Err(error) => findings.add(ABOUT, Severity::Error, format!("{address}: {error}")),
    }
}
