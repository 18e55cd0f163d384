//! Revocation lists as `check-config` and `serve` show them.

use std::io::{self, Write};
use std::sync::Arc;

use rustls::pki_types::UnixTime;
use serde::Serialize;

use super::view::moment;
use crate::config::Config;
use crate::pki::odca::OdcaTrust;
use crate::pki::odca::revocation::{Kind, RevocationList, RevocationPolicy};
use crate::server::CrlDirectory;

/// The folder of revocation lists that a configuration names, read.
pub(super) fn directory(config: &Config) -> Option<CrlDirectory> {
    let source = config.revocation.clone()?;
    Some(CrlDirectory::open(source, Arc::clone(&config.odca)))
}

/// What a server's revocation lists mean for devices.
#[derive(Serialize)]
pub(super) struct CrlView {
    policy: String,
    meaning: &'static str,
    directory: String,
    lists: Vec<ListView>,
}

#[derive(Serialize)]
struct ListView {
    file: String,
    issuer: String,
    kind: &'static str,
    revoked: usize,
    this_update: String,
    next_update: String,
    stale: bool,
    /// Whether its signature has been verified; otherwise a device has to come whose chain has the key.
    verified: bool,
}

impl CrlView {
    pub(super) fn of(directory: &CrlDirectory, trust: &OdcaTrust, now: UnixTime) -> Self {
        let meaning = match directory.policy() {
            RevocationPolicy::IfPresent => {
                "a revoked device is refused; a list that is missing or stale holds no device up"
            }
            RevocationPolicy::Required => {
                "a revoked device is refused, and so is one with a certificate whose list is missing or stale"
            }
        };
        Self {
            policy: directory.policy().to_string(),
            meaning,
            directory: directory.path().display().to_string(),
            lists: directory.lists().iter().map(|list| ListView::of(list, trust, now)).collect(),
        }
    }

    pub(super) fn tell(&self, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "  revocation: {}, {}", self.policy, self.meaning)?;
        writeln!(to, "  {} revocation list(s) in {}", self.lists.len(), self.directory)?;
        self.lists.iter().try_for_each(|list| {
            let ListView { file, issuer, kind, revoked, this_update, next_update, stale, verified } = list;
            let until = if *stale { "STALE since" } else { "next by" };
            let proof =
                if *verified { "signature verified" } else { "signature to be verified when a device shows its CA" };
            writeln!(
                to,
                "    {file}: {kind}, `{issuer}`, {revoked} revoked, of {this_update}, {until} {next_update}, {proof}"
            )
        })
    }
}

impl ListView {
    fn of(list: &RevocationList, trust: &OdcaTrust, now: UnixTime) -> Self {
        Self {
            file: list.file().to_owned(),
            issuer: list.issuer().to_string(),
            kind: match list.kind() {
                Kind::Direct => "direct",
                Kind::Indirect => "indirect",
            },
            revoked: list.len(),
            this_update: moment(list.this_update()),
            next_update: moment(list.next_update()),
            stale: list.is_stale(now),
            verified: trust.recognises(list) == Ok(true),
        }
    }
}
