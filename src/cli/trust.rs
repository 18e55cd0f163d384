//! What simulated devices and a server have to know of each other, as files of one folder.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::simulator::firmware::TrustedRoots;
use crate::simulator::identity::{IdentityError, SimulatorAuthority};
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape, ProvisioningStrength};
use crate::simulator::revocation::{INDIRECT_LIST, ListShape, PRODUCT_LIST, ROOT_LIST};
use crate::simulator::running::StartError;

/// The domain of the devices' network and of the provisioning certificate.
pub(super) const DOMAIN: &str = "simulated.example";

const AUTHORITY: &str = "simulator-authority.pem";
const ODCA: &str = "odca.pem";
const CHAIN: &str = "provisioning-chain.pem";
const KEY: &str = "provisioning-key.pem";
const CRLS: &str = "crls";
const CONFIG: &str = "server.toml";

/// A server's configuration for a first try, beside the files that it names.
const FIRST_TRY: &str = r#"# Written by `amt-provision simulate`: a server for its devices. Not for anything else.
[server]
listen = "127.0.0.1:8080"

[store]
path = "fleet.db"

[[domains]]
dns_suffix = "simulated.example"
certificates = "provisioning-chain.pem"
key = "provisioning-key.pem"

[[profiles]]
name = "office"
goal = "acm"
domain = "simulated.example"
flow_b = true
minimum_provenance = "first-use"
trust_first_use = true

[odca]
revocation = "if-present"
crl_directory = "crls"

[[odca.trust]]
name = "simulator"
certificates = "odca.pem"
"#;

/// Why there are no simulated devices.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A key or a certificate could not be made or read.
    #[error("the simulator's keys and certificates: {0}")]
    Identity(#[from] IdentityError),
    /// A certificate file cannot be read.
    #[error("{ODCA}, {CHAIN} or {KEY} cannot be read: {0}; remove the folder to have them made anew")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// A file cannot be read or written.
    #[error("the folder for trust material: {0}")]
    Io(#[from] io::Error),
    /// A device does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no root in the chain.
    #[error("{CHAIN} has no root that a device could trust; remove the folder to have it made anew")]
    NoRoot,
}

/// Who signs the devices' chains, and whose provisioning certificates they take.
pub(super) struct Trust {
    pub(super) authority: Arc<SimulatorAuthority>,
    roots: TrustedRoots,
}

impl Trust {
    /// What the folder has, made now where it has nothing, of that strength; without a folder, for this run only.
    pub(super) fn open(folder: Option<&Path>, strength: ProvisioningStrength) -> Result<Self, SimulateError> {
        let Some(folder) = folder else {
            let chain = mint(strength)?;
            return Self::new(SimulatorAuthority::generate()?, chain.root());
        };
        std::fs::create_dir_all(folder)?;
        if !folder.join(AUTHORITY).exists() {
            write_all(folder, strength)?;
        }
        let authority = SimulatorAuthority::from_pem(&std::fs::read_to_string(folder.join(AUTHORITY))?)?;
        let chain = CertificateDer::pem_file_iter(folder.join(CHAIN))?.collect::<Result<Vec<_>, _>>()?;
        Self::new(authority, chain.last().ok_or(SimulateError::NoRoot)?)
    }

    fn new(authority: SimulatorAuthority, root: &CertificateDer<'_>) -> Result<Self, SimulateError> {
        let roots = TrustedRoots::default().with_root("simulated", root).ok_or(SimulateError::NoRoot)?;
        Ok(Self { authority: Arc::new(authority), roots })
    }

    pub(super) fn roots(&self) -> TrustedRoots {
        self.roots.clone()
    }
}

fn mint(strength: ProvisioningStrength) -> Result<ProvisioningChain, IdentityError> {
    ProvisioningChain::mint(&ProvisioningShape { strength, ..ProvisioningShape::for_domain(DOMAIN) })
}

/// The authority's file comes last: where it is, all are.
fn write_all(folder: &Path, strength: ProvisioningStrength) -> Result<(), SimulateError> {
    let authority = SimulatorAuthority::generate()?;
    let chain = mint(strength)?;
    std::fs::create_dir_all(folder.join(CRLS))?;
    let nobody = ListShape::default();
    for (name, list) in [
        (ROOT_LIST, authority.root_list(&nobody)?),
        (PRODUCT_LIST, authority.product_list(&nobody)?),
        (INDIRECT_LIST, authority.indirect_list(&nobody)?),
    ] {
        write(&folder.join(CRLS), name, &pem::encode(&pem::Pem::new("X509 CRL", &list[..])))?;
    }
    write(folder, ODCA, &authority.certificates_pem())?;
    write(folder, CHAIN, &chain.certificates_pem())?;
    write(folder, KEY, &chain.key_pem())?;
    write(folder, CONFIG, FIRST_TRY)?;
    write(folder, AUTHORITY, &authority.to_pem())
}

/// Keys are for this user only, and so is everything beside them.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), SimulateError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name))?;
    Ok(file.write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::UnixTime;

    use super::*;
    use crate::config::Config;
    use crate::server::CrlDirectory;

    #[test]
    fn the_folder_is_made_once_and_its_configuration_has_no_mistakes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust");
        let first = Trust::open(Some(&path), ProvisioningStrength::Rsa2048Sha256).unwrap();
        let second = Trust::open(Some(&path), ProvisioningStrength::Rsa2048Sha256).unwrap();
        assert_eq!(first.authority.to_pem(), second.authority.to_pem(), "the keys are those of the first start");
        let config = Config::load(&path.join(CONFIG)).unwrap();
        assert_eq!(config.profiles.len(), 1);
        let lists = CrlDirectory::open(config.revocation.unwrap(), config.odca);
        assert_eq!((lists.lists().len(), lists.findings(UnixTime::now())), (3, Vec::new()));
    }
}
