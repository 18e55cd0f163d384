//! The server of the world: a provisioner, the disk under it, and what its channel layer would do.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::identity::Uuid;
use crate::peer::{Expectation, OdcaExpectation, Peer, Unvouched, Voucher};
use crate::policy::{DeviceReport, Order, Permit, Profile};
use crate::provisioner::Provisioner;
use crate::record::{Generation, Ledger, PasswordId, Record, Snapshot};
use crate::stage::TlsFault;
use crate::time::Instant;

/// What survives a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Disk {
    uuid: Uuid,
    stored: Option<(Generation, Vec<u8>)>,
    admin: BTreeSet<PasswordId>,
    kept: BTreeSet<PasswordId>,
    mebx: BTreeSet<PasswordId>,
}

impl Disk {
    /// An empty disk for the device with this UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self { uuid, stored: None, admin: BTreeSet::new(), kept: BTreeSet::new(), mebx: BTreeSet::new() }
    }

    /// The record, as a server finds it.
    ///
    /// # Panics
    /// When what was stored cannot be read: the world stores nothing else.
    pub fn record(&self) -> Option<Record> {
        let (_, bytes) = self.stored.as_ref()?;
        Some(Snapshot::decode(bytes).expect("the world stores snapshots only"))
    }

    /// The record as `run` has to know it: the store's; or, once another server has taken the device over, as it
    /// was then.
    pub fn record_for(&self, run: &Provisioner) -> Option<Record> {
        let lost = run.ledger().generation() != self.ledger().generation();
        if lost { Some(run.ledger().durable().clone()) } else { self.record() }
    }

    /// The ledger that a run begins with.
    pub fn ledger(&self) -> Ledger {
        match (self.record(), &self.stored) {
            (Some(record), Some((generation, _))) => Ledger::stored(record, *generation),
            _ => Ledger::unknown(Record::new(self.uuid)),
        }
    }

    /// Compares and swaps; passwords that are named for the first time are made in the same transaction.
    /// False when `generation` does not follow the stored one.
    pub fn store(&mut self, generation: Generation, record: &Record) -> bool {
        let before = self.stored.as_ref().map_or(Generation(0), |(generation, _)| *generation);
        if generation != before.next() {
            return false;
        }
        let Ok(bytes) = Snapshot::encode(record) else { return false };
        for password in record.admin.iter() {
            if self.admin.insert(password.id) && !password.exposed {
                self.kept.insert(password.id);
            }
        }
        self.mebx.extend(record.mebx.map(|password| password.id));
        self.stored = Some((generation, bytes));
        true
    }

    /// Another server takes the device over, and writes the record as it finds it (G13).
    pub fn take_over(&mut self) {
        let record = self.record().unwrap_or_else(|| Record::new(self.uuid));
        let next = self.stored.as_ref().map_or(Generation(0), |(generation, _)| *generation).next();
        self.store(next, &record);
    }

    /// The operator permits the device to start over.
    pub fn permit(&mut self, permit: Permit) {
        if let (Some(mut record), Some((generation, _))) = (self.record(), &self.stored) {
            record.permit = Some(permit);
            let next = generation.next();
            self.store(next, &record);
        }
    }

    /// Whether the disk has this admin password.
    pub fn has_admin(&self, id: PasswordId) -> bool {
        self.admin.contains(&id)
    }

    /// Whether this admin password was made to be kept.
    pub fn was_kept(&self, id: PasswordId) -> bool {
        self.kept.contains(&id)
    }

    /// Whether the disk has this MEBx password.
    pub fn has_mebx(&self, id: PasswordId) -> bool {
        self.mebx.contains(&id)
    }
}

/// The server: at most one run, and the disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// The run that goes on.
    pub run: Option<Provisioner>,
    /// What survives.
    pub disk: Disk,
}

impl Server {
    /// A server with an empty disk.
    pub const fn new(uuid: Uuid) -> Self {
        Self { run: None, disk: Disk::new(uuid) }
    }

    /// Begins a run with what the disk has.
    pub fn begin(&mut self, now: Instant, profile: Profile, order: Order, report: DeviceReport) {
        self.run = Some(Provisioner::new(now, self.disk.ledger(), profile, order, report));
    }
}

/// What a TLS client that enforces `expected` during the handshake says of `peer`.
pub(super) fn handshake(peer: Peer, expected: &Expectation) -> Result<Peer, TlsFault> {
    if expected.pins.contains(&peer.spki) {
        return Ok(peer);
    }
    match (peer.voucher, expected.odca) {
        (Voucher::Odca(_), OdcaExpectation::AnyDevice) => Ok(peer),
        (Voucher::Odca(shown), OdcaExpectation::Enrolled(known)) if shown == known => Ok(peer),
        (Voucher::Odca(shown), OdcaExpectation::Enrolled(_)) => Err(TlsFault::StrangeRomCa(shown)),
        (Voucher::Nobody, _) if expected.unvouched != Unvouched::Refused => Ok(peer),
        _ => Err(TlsFault::Stranger(Some(peer.spki))),
    }
}
