//! Who gets in: how many relays at a time, and how often (G10).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use amt_provision_fsm::identity::Uuid;
use smol::channel::{Receiver, Sender, bounded};

use crate::limits::{Buckets, Limits, Neighbourhood};
use crate::store::Tenant;

#[cfg(test)]
mod tests;

/// How many of those who are turned away are told so at a time; the others see their connection closed.
const TOLD: usize = 64;

/// After how long somebody who found no room may try again.
const LATER: Duration = Duration::from_secs(10);

/// The pause after which what is said again and again is said anew.
const QUIET: Duration = Duration::from_secs(60);

/// What all connections of one server are counted by.
pub(super) struct Gate {
    limits: Limits,
    counts: Mutex<Counts>,
    /// Ends when nobody is inside, and nobody can come.
    left: Receiver<()>,
}

struct Counts {
    /// What each connection gets a clone of; `None` once nobody is let in any more.
    open: Option<Sender<()>>,
    inside: usize,
    tally: Tally,
    telling: usize,
    of_address: BTreeMap<Neighbourhood, usize>,
    arrivals: Buckets<Neighbourhood>,
    runs: Buckets<(Tenant, Uuid, IpAddr)>,
    unsaid: Unsaid,
    unsaid_of_devices: Unsaid,
}

/// Why somebody is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The server has as many connections as it may have.
    Full,
    /// The address has.
    AddressFull,
    /// The address has made as many within a minute as it may make.
    AddressTooOften(Duration),
}

impl Refusal {
    /// After how long it makes sense to come back, in whole seconds.
    fn retry_after(self) -> u64 {
        match self {
            Self::Full | Self::AddressFull => LATER.as_secs(),
            Self::AddressTooOften(wait) => whole_seconds(wait),
        }
    }

    /// What is said in HTTP, before anything is read (RFC 6585 §4, RFC 9110 §15.6.4).
    pub(super) fn response(self) -> String {
        let status = match self {
            Self::Full => "503 Service Unavailable",
            Self::AddressFull | Self::AddressTooOften(_) => "429 Too Many Requests",
        };
        let after = self.retry_after();
        format!("HTTP/1.1 {status}\r\nRetry-After: {after}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the server has `connections` of them, as many as [server.limits] allows",
            Self::AddressFull => "its address has `address_connections`, as many as [server.limits] allows",
            Self::AddressTooOften(_) => {
                "its address comes more often than `address_connections_per_minute` in [server.limits] allows"
            }
        })
    }
}

/// A device that its relay brings too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device {uuid} is brought more often than this server takes it: come back in {} s", whole_seconds(*.wait))]
pub struct TooOften {
    uuid: Uuid,
    wait: Duration,
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// What a flood would say in the log: the first of it, and then each minute how much it was.
#[derive(Default)]
struct Unsaid {
    said: Option<Instant>,
    count: u64,
}

impl Unsaid {
    /// How many have not been said since the last one that was, if this one is to be said.
    fn say(&mut self, now: Instant) -> Option<u64> {
        if self.said.is_some_and(|said| now.duration_since(said) < QUIET) {
            self.count += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

/// What became of those who came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Relays that were let in.
    pub served: u64,
    /// Connections that were turned away because of a limit.
    pub turned_away: u64,
    /// Sessions that were open when the server was told to stop.
    pub stopped: usize,
    /// Of these, those whose device had been asked something, and did not answer in time.
    pub unheard: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { served, turned_away, stopped, unheard } = self;
        write!(f, "{served} served, {turned_away} turned away, {stopped} ended early")?;
        if *unheard > 0 { write!(f, ", {unheard} of them without the answer that they waited for") } else { Ok(()) }
    }
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        let (open, left) = bounded(1);
        let counts = Counts {
            open: Some(open),
            inside: 0,
            tally: Tally::default(),
            telling: 0,
            of_address: BTreeMap::new(),
            arrivals: Buckets::new(limits.address_rate),
            runs: Buckets::new(limits.device_rate),
            unsaid: Unsaid::default(),
            unsaid_of_devices: Unsaid::default(),
        };
        Self { limits, counts: Mutex::new(counts), left }
    }

    /// Lets a connection from `address` in.
    ///
    /// # Errors
    /// [`Refusal`]: the connection counts for nothing.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Pass, Refusal> {
        let address = address.to_canonical();
        let counted = self.limits.counted(address);
        let mut counts = self.counts();
        match counts.enter(&self.limits, counted) {
            Ok(inside) => Ok(Pass { gate: Arc::clone(self), address, counted, _inside: inside }),
            Err(refusal) => {
                counts.tally.turned_away += 1;
                if let Some(unsaid) = counts.unsaid.say(Instant::now()) {
                    tracing::warn!(%address, %refusal, unsaid, "a relay was turned away");
                }
                Err(refusal)
            }
        }
    }

    /// A place among those who are told that they are turned away, if there is one left.
    pub(super) fn tell(self: &Arc<Self>) -> Option<Telling> {
        let mut counts = self.counts();
        (counts.telling < TOLD).then(|| {
            counts.telling += 1;
            Telling(Arc::clone(self))
        })
    }

    /// Lets nobody in from now on.
    pub(super) fn close(&self) {
        let mut counts = self.counts();
        counts.open = None;
        counts.tally.stopped = counts.inside;
    }

    /// Comes when the last connection has ended, once nobody is let in any more.
    pub(super) async fn everybody_left(&self) {
        let _ = self.left.recv().await;
    }

    /// What became of those who came.
    pub(super) fn tally(&self) -> Tally {
        self.counts().tally
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn enter(&mut self, limits: &Limits, counted: Option<Neighbourhood>) -> Result<Sender<()>, Refusal> {
        let inside = self.open.clone().filter(|_| self.inside < limits.connections.get()).ok_or(Refusal::Full)?;
        if let Some(counted) = counted {
            if self.of_address.get(&counted).is_some_and(|count| *count >= limits.address_connections.get()) {
                return Err(Refusal::AddressFull);
            }
            self.arrivals.take(&counted, Instant::now()).map_err(Refusal::AddressTooOften)?;
            *self.of_address.entry(counted).or_default() += 1;
        }
        self.inside += 1;
        self.tally.served += 1;
        Ok(inside)
    }
}

/// A connection that was let in, until it is dropped.
pub(super) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
    counted: Option<Neighbourhood>,
    _inside: Sender<()>,
}

impl Pass {
    /// Lets a device's run begin.
    ///
    /// # Errors
    /// [`TooOften`], before the store has been asked for anything.
    pub(super) fn run(&self, tenant: &Tenant, uuid: Uuid) -> Result<(), TooOften> {
        let mut counts = self.gate.counts();
        let now = Instant::now();
        counts.runs.take(&(tenant.clone(), uuid, self.address), now).map_err(|wait| {
            if let Some(unsaid) = counts.unsaid_of_devices.say(now) {
                tracing::warn!(
                    device = %uuid, address = %self.address, unsaid,
                    "a device comes more often than `device_runs_per_minute` in [server.limits] allows"
                );
            }
            TooOften { uuid, wait }
        })
    }

    /// The session ends without the answer that it waited for.
    pub(super) fn is_unheard(&self) {
        self.gate.counts().tally.unheard += 1;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts();
        counts.inside -= 1;
        if let Some(counted) = self.counted
            && let Some(count) = counts.of_address.get_mut(&counted)
        {
            *count -= 1;
            if *count == 0 {
                counts.of_address.remove(&counted);
            }
        }
    }
}

/// Somebody who is told that he is turned away.
pub(super) struct Telling(Arc<Gate>);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.counts().telling -= 1;
    }
}
