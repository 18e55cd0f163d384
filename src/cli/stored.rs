//! The store that a command works on.

use std::path::PathBuf;
use std::sync::Arc;

use amt_provision_fsm::identity::Uuid;
use clap::Args;

use super::error::CliError;
use crate::config::Config;
use crate::sealing::{KeySource, KeySources};
use crate::secret::Secret;
use crate::store::{KnownDevice, Store, StoreAddress, StoreError, Tenant};

/// How many devices are read at once.
const PAGE: u32 = 500;

/// Which store, and whose devices.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// The server's configuration, which names the store
    #[arg(long, global = true, value_name = "FILE", env = "AMT_PROVISION_CONFIG")]
    config: Option<PathBuf>,
    /// The store itself, whatever the configuration names: the path of a file or postgres://...
    #[arg(long, global = true, value_name = "STORE")]
    store: Option<Secret>,
    /// The key file of the store's secrets, whatever the configuration names
    ///
    /// Without it: what the configuration names, else the file beside a SQLite file, `.key` behind its name.
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Whose devices; the default tenant has no name
    #[arg(long, global = true, value_name = "NAME", default_value = "")]
    tenant: Tenant,
}

/// A store that is open.
pub(super) struct Stored<'a> {
    pub(super) store: Arc<dyn Store>,
    pub(super) tenant: &'a Tenant,
}

impl StoreArgs {
    pub(super) async fn open(&self) -> Result<Stored<'_>, CliError> {
        let (address, keys) = match (&self.store, &self.config) {
            // Not by the parser of the command line, which would repeat an address that is none, with its password.
            (Some(text), _) => {
                let address: StoreAddress =
                    text.expose().parse().map_err(|error| CliError::Usage(format!("--store: {error}")))?;
                let keys = address.own_keys();
                (address, keys)
            }
            (None, Some(config)) => {
                let config = Config::load(config)?;
                (config.store, config.keys)
            }
            (None, None) => {
                return Err(CliError::Usage("which store? Give --config FILE or --store STORE".to_owned()));
            }
        };
        let keys = match &self.key_file {
            Some(file) => KeySources::new(KeySource::File(file.clone())),
            None => keys,
        };
        // Opening would make an empty one, and a mistyped name would look like an empty fleet.
        if let StoreAddress::Sqlite(path) = &address
            && !path.is_file()
        {
            return Err(CliError::NoStore(path.clone()));
        }
        Ok(Stored { store: address.open(keys).await?, tenant: &self.tenant })
    }
}

impl Stored<'_> {
    pub(super) async fn device(&self, uuid: Uuid) -> Result<KnownDevice, StoreError> {
        self.store.device(self.tenant, uuid).await?.ok_or(StoreError::UnknownDevice(uuid))
    }

    /// Hands every device to `each`, ordered by UUID, without having them all in memory.
    pub(super) async fn each_device(
        &self,
        mut each: impl FnMut(&KnownDevice) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let mut after = None;
        loop {
            let page = self.store.devices(self.tenant, after, PAGE).await?;
            page.iter().try_for_each(&mut each)?;
            match page.last() {
                Some(last) => after = Some(last.uuid),
                None => return Ok(()),
            }
        }
    }
}
