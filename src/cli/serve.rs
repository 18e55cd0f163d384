//! `serve`: the provisioning server.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_signal::{Signal, Signals};
use clap::Args;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;
use smol::stream::StreamExt;

use super::error::CliError;
use super::revocation;
use crate::access::Access;
use crate::config::{Config, ConfigError, ProfileRefusal};
use crate::protocol::ProfileName;
use crate::server::{Deployment, Listener, Profiles, ServedProfile, serve_until};
use crate::store::{PasswordSource, Tenant};

/// Run the server: relays connect to it, and it takes their devices to where a profile says
///
/// It listens until it is stopped (SIGTERM, Ctrl-C); then it hears what devices were asked already to its end, and asks no
/// more. What a configuration may hold, and what is wrong with yours, `check-config` tells.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision serve --config amt-provision.toml
  RUST_LOG=info amt-provision serve --config amt-provision.toml

A configuration for a first try:
  [server]
  listen = \"127.0.0.1:8080\"

  [store]
  path = \"fleet.db\"

  [[profiles]]
  name = \"office\"
  goal = \"ccm\"")]
pub struct ServeArgs {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE", env = "AMT_PROVISION_CONFIG")]
    config: PathBuf,
}

impl ServeArgs {
    /// The configuration that the arguments name.
    ///
    /// # Errors
    /// [`CliError::Config`].
    pub fn config(&self) -> Result<Config, CliError> {
        Ok(Config::load(&self.config)?)
    }
}

/// Says what is served where, and at what price, to whoever starts the server. `address` is the bound one.
///
/// # Errors
/// If `to` does not take it.
pub fn announce(config: &Config, address: SocketAddr, now: UnixTime, to: &mut dyn Write) -> io::Result<()> {
    let scheme = if config.listener.tls.is_some() { "wss" } else { "ws" };
    let names: Vec<&str> = config.profiles.iter().map(|profile| profile.name.as_str()).collect();
    let asked = if config.listener.access == Access::Anybody { "" } else { ", relays prove who they are" };
    writeln!(to, "listening on {scheme}://{address}{asked}, profiles: {}", names.join(", "))?;
    config.warnings(now).iter().try_for_each(|warning| writeln!(to, "warning: {warning}"))
}

/// Runs the server until it is told to stop, and until that is done.
///
/// # Errors
/// If the configuration, the store or the address is no good, or if it is told twice.
pub fn run(args: &ServeArgs) -> Result<(), CliError> {
    let config = args.config()?;
    config.check(UnixTime::now()).map_err(ConfigError::from)?;
    smol::block_on(async {
        let store = config.store.open(config.keys.clone()).await?;
        store.unlock(UnixTime::now()).await?;
        let authority = store.authority(UnixTime::now()).await?;
        let listener = Listener::bind(config.listener.address, config.listener.tls.clone()).await?;
        let listener = listener.admitting(config.listener.access.clone());
        announce(&config, listener.address()?, UnixTime::now(), &mut anstream::stderr())?;
        let directory = revocation::directory(&config);
        if let Some(directory) = &directory {
            // What is wrong with the lists is logged, now and whenever it changes.
            directory.current(UnixTime::now());
        }
        let (name, trust) = (config.name.clone(), Arc::clone(&config.odca));
        let (limits, deadlines) = (config.listener.limits.clone(), config.listener.deadlines);
        let profiles = Configured(config);
        let mut deployment = Deployment::new(name, store, authority, trust, profiles);
        deployment.limits = limits;
        deployment.deadlines = deadlines;
        if let Some(directory) = directory {
            deployment = deployment.with_revocation(directory);
        }
        let mut signals = Signals::new([Signal::Term, Signal::Int])?;
        let (asked, stop) = smol::channel::bounded::<()>(1);
        let told = async {
            signals.next().await;
            drop(asked);
            tell(format_args!("stopping: what devices were asked is heard to its end; once more ends it at once"))?;
            signals.next().await;
            Err(CliError::Stopped)
        };
        let served = async {
            let stopped = async {
                let _ = stop.recv().await;
            };
            let tally = serve_until(Arc::new(deployment), listener, stopped).await?;
            Ok(tell(format_args!("stopped: {tally}"))?)
        };
        told.or(served).await
    })
}

fn tell(line: fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(anstream::stderr(), "{line}")
}

/// The configuration as the server asks it.
struct Configured(Config);

impl Profiles for Configured {
    fn profile(&self, tenant: &Tenant, name: &ProfileName) -> Result<ServedProfile, ProfileRefusal> {
        let profile = self.0.profile(tenant, name)?;
        let random = aws_lc_rs::default_provider().secure_random;
        let (admin, mebx) = (profile.admin_password.clone(), profile.mebx_password.clone());
        let provisioning = profile.domain.as_ref().map(|domain| Arc::clone(&domain.certificate) as Arc<_>);
        Ok(ServedProfile {
            passwords: PasswordSource::new(admin, mebx, random),
            adoption: profile.adoption.clone(),
            max_tls: profile.max_tls,
            ..ServedProfile::new(profile.policy.clone(), provisioning)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    #[test]
    fn the_example_of_the_help_is_a_configuration_without_mistakes() {
        use clap::CommandFactory;
        let help = Line::command().render_help().to_string();
        let (_, example) = help.split_once("for a first try:\n").unwrap();
        let config = Config::parse(Path::new("amt.toml"), example).unwrap();
        let mut told = Vec::new();
        announce(&config, config.listener.address, UnixTime::now(), &mut told).unwrap();
        assert_eq!(String::from_utf8(told).unwrap(), "listening on ws://127.0.0.1:8080, profiles: office\n");
    }

    #[test]
    fn a_configuration_is_read_when_it_is_asked_for() {
        let line = Line::try_parse_from(["serve", "--config", "/nowhere/amt.toml"]).unwrap();
        let error = line.args.config().unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/amt.toml: No such file or directory (os error 2)");
        assert_eq!(error.status(), crate::cli::ExitStatus::Operator);
    }
}
