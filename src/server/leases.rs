//! The right to drive a device, for as long as a session lasts (G13).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use amt_provision_fsm::identity::Uuid;
use rustls::pki_types::UnixTime;
use smol::channel::{Receiver, Sender, bounded};
use smol::{Task, Timer};

use crate::store::{Epoch, Holder, Lease, ServerName, Store, StoreError, Tenant};

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// How long a device waits for its next driver after its server is gone without a word.
    ttl: Duration,
    /// How often the leases are renewed.
    renewal: Duration,
    /// A relay that was cut is back sooner than the session before it has noticed, on whichever server that was. So
    /// long is waited for its end before the relay is told `busy`.
    patience: Duration,
}

impl Timing {
    /// Two renewals may fail before a lease is lost.
    pub(super) const DEFAULT: Self =
        Self { ttl: Duration::from_secs(15), renewal: Duration::from_secs(5), patience: Duration::from_secs(2) };
}

/// The first pause between two tries to get a lease; each next one is twice as long.
const AGAIN: Duration = Duration::from_millis(25);

/// The longest pause between two tries.
const AGAIN_LONGEST: Duration = Duration::from_millis(200);

/// The leases of this process. One statement renews all of them, however many devices there are.
pub(super) struct Leases {
    store: Arc<dyn Store>,
    holder: Holder,
    timing: Timing,
    sessions: Mutex<Sessions>,
    renewing: OnceLock<Task<()>>,
}

/// The sessions of this process that have a lease, and the devices of those that ask for one.
#[derive(Default)]
struct Sessions {
    held: BTreeMap<Epoch, Held>,
    /// Each ends when a lease has been given back.
    returning: Vec<Receiver<()>>,
    asking: Vec<(Tenant, Uuid)>,
}

impl Sessions {
    /// Whether nobody here has use for a lease that the store says is ours: its session has ended, and the store did
    /// not hear it, or nobody heard the store.
    fn have_no_use_for(&self, lease: &Lease) -> bool {
        let is_asked = self.asking.iter().any(|(tenant, uuid)| tenant == lease.tenant() && *uuid == lease.uuid());
        !is_asked && !self.held.contains_key(&lease.epoch())
    }
}

/// A lease that a session has.
struct Held {
    /// Until when it is surely ours: its time, counted from before we asked for it.
    until: Instant,
    /// Never sends: that it is dropped tells the session that the lease is lost.
    _tells: Sender<()>,
}

impl Leases {
    /// A process without leases.
    pub(super) fn new(store: Arc<dyn Store>, server: ServerName, timing: Timing) -> Self {
        // Its keys are the operating system's random numbers, so no two processes have the same.
        let process = RandomState::new().build_hasher().finish();
        let holder = Holder { server, process };
        Self { store, holder, timing, sessions: Mutex::default(), renewing: OnceLock::new() }
    }

    /// The lease on a device, as soon as no other session has it.
    ///
    /// # Errors
    /// [`StoreError::Busy`], after some patience; what the store says.
    pub(super) async fn acquire(self: &Arc<Self>, tenant: &Tenant, uuid: Uuid) -> Result<Driving, StoreError> {
        let Timing { ttl, renewal, patience } = self.timing;
        let _asking = Asking::begin(self, tenant, uuid);
        let (begun, mut pause, mut waited) = (Instant::now(), AGAIN, false);
        let (asked, lease) = loop {
            let asked = Instant::now();
            match self.store.acquire(tenant, uuid, &self.holder, ttl, UnixTime::now()).await {
                Ok(lease) => break (asked, lease),
                Err(StoreError::Busy { .. }) if begun.elapsed() < patience => {
                    waited = true;
                    Timer::after(pause).await;
                    pause = (pause * 2).min(AGAIN_LONGEST);
                }
                Err(error) => return Err(error),
            }
        };
        let (tells, lost) = bounded(1);
        self.sessions().held.insert(lease.epoch(), Held { until: asked + ttl, _tells: tells });
        self.renewing.get_or_init(|| smol::spawn(keep(Arc::downgrade(self), renewal)));
        Ok(Driving { leases: Arc::clone(self), lease, lost, waited })
    }

    /// Waits until the leases that are being given back are.
    pub(super) async fn settle(&self) {
        let returning = std::mem::take(&mut self.sessions().returning);
        for returned in returning {
            let _ = returned.recv().await;
        }
    }

    async fn renew(&self) {
        // One that is acquired meanwhile may be missing in the answer.
        let before: Vec<Epoch> = self.sessions().held.keys().copied().collect();
        let asked = Instant::now();
        let renewed = self.store.renew(&self.holder, self.timing.ttl, UnixTime::now()).await;
        let renewed = renewed.inspect_err(|why| tracing::warn!(%why, "the leases of this server were not renewed"));
        let orphans = self.take_in(&before, asked, renewed.ok());
        for lease in orphans {
            give_back(&*self.store, &lease).await;
        }
    }

    /// Learns which leases are still ours; those that nobody here has use for.
    fn take_in(&self, before: &[Epoch], asked: Instant, renewed: Option<Vec<Lease>>) -> Vec<Lease> {
        let mut sessions = self.sessions();
        let mut orphans = Vec::new();
        if let Some(renewed) = renewed {
            let ours: BTreeSet<Epoch> = renewed.iter().map(Lease::epoch).collect();
            for epoch in before {
                if !ours.contains(epoch) {
                    sessions.held.remove(epoch);
                } else if let Some(held) = sessions.held.get_mut(epoch) {
                    held.until = asked + self.timing.ttl;
                }
            }
            orphans = renewed.into_iter().filter(|lease| sessions.have_no_use_for(lease)).collect();
        }
        let now = Instant::now();
        sessions.held.retain(|_, held| now < held.until);
        orphans
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that asks for a lease, until it has it or gives up.
struct Asking<'a> {
    leases: &'a Leases,
    device: (Tenant, Uuid),
}

impl<'a> Asking<'a> {
    fn begin(leases: &'a Leases, tenant: &Tenant, uuid: Uuid) -> Self {
        let device = (tenant.clone(), uuid);
        leases.sessions().asking.push(device.clone());
        Self { leases, device }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let asking = &mut self.leases.sessions().asking;
        if let Some(place) = asking.iter().position(|device| *device == self.device) {
            asking.swap_remove(place);
        }
    }
}

async fn give_back(store: &dyn Store, lease: &Lease) {
    if let Err(why) = store.release(lease).await {
        tracing::warn!(device = %lease.uuid(), %why, "a lease was not given back");
    }
}

/// Renews the leases for as long as somebody has use for them.
async fn keep(leases: Weak<Leases>, renewal: Duration) {
    loop {
        Timer::after(renewal).await;
        let Some(leases) = leases.upgrade() else { return };
        leases.renew().await;
    }
}

/// The lease on a device, renewed while it lives and given back when it is dropped. Nothing gives it back for a server
/// that is killed: it runs out.
pub(super) struct Driving {
    leases: Arc<Leases>,
    lease: Lease,
    lost: Receiver<()>,
    /// Whether another session had the device until just now: what a relay saw of it before may be out of date.
    pub(super) waited: bool,
}

impl Driving {
    /// The lease.
    pub(super) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether the lease may be another server's by now: also by our own clock, in case that nothing else ran for a
    /// while.
    pub(super) fn is_lost(&self) -> bool {
        self.leases.sessions().held.get(&self.lease.epoch()).is_none_or(|held| Instant::now() >= held.until)
    }

    /// Comes when the lease is lost.
    pub(super) async fn lost(&self) {
        let _ = self.lost.recv().await;
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        let (returns, returned) = bounded::<()>(1);
        {
            let mut sessions = self.leases.sessions();
            sessions.held.remove(&self.lease.epoch());
            sessions.returning.retain(|returned| !returned.is_closed());
            sessions.returning.push(returned);
        }
        let (store, lease) = (Arc::clone(&self.leases.store), self.lease.clone());
        smol::spawn(async move {
            give_back(&*store, &lease).await;
            drop(returns);
        })
        .detach();
    }
}

#[cfg(test)]
mod tests {
    use sqlx::SqlitePool;

    use super::*;
    use crate::store::SqliteStore;

    const QUICK: Timing =
        Timing { ttl: Duration::from_secs(15), renewal: Duration::from_millis(5), patience: Duration::from_millis(50) };

    struct Two {
        _folder: tempfile::TempDir,
        file: SqlitePool,
        one: Arc<Leases>,
        two: Arc<Leases>,
    }

    async fn two_servers(timing: Timing) -> Two {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        let store = Arc::new(SqliteStore::open(&path).await.unwrap());
        let file = SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
        let server =
            |name: &str| Arc::new(Leases::new(Arc::clone(&store) as Arc<dyn Store>, name.parse().unwrap(), timing));
        Two { one: server("server-1"), two: server("server-2"), file, _folder: folder }
    }

    fn uuid(number: u8) -> Uuid {
        Uuid::from_bytes([number; 16]).unwrap()
    }

    impl Leases {
        async fn take(self: &Arc<Self>, number: u8) -> Result<Driving, StoreError> {
            self.acquire(&Tenant::default(), uuid(number)).await
        }
    }

    async fn run(file: &SqlitePool, sql: &'static str) {
        sqlx::query(sql).execute(file).await.unwrap();
    }

    #[test]
    fn g13_every_lease_of_a_server_is_renewed_while_it_lives() {
        smol::block_on(async {
            let Two { file, one, two, .. } = &two_servers(QUICK).await;
            let driving = [one.take(1).await.unwrap(), one.take(2).await.unwrap()];
            run(file, "UPDATE lease SET until = until - 1000000").await;
            let renewed = "SELECT count(*) FROM lease WHERE until > 1000 * unixepoch()";
            while sqlx::query_scalar::<_, i64>(renewed).fetch_one(file).await.unwrap() < 2 {
                Timer::after(QUICK.renewal).await;
            }
            assert!(driving.iter().all(|driving| !driving.is_lost()));
            assert!(matches!(two.take(1).await, Err(StoreError::Busy { .. })));
        });
    }

    #[test]
    fn g13_a_lease_that_somebody_else_took_is_lost_and_the_others_are_not() {
        smol::block_on(async {
            let Two { file, one, .. } = &two_servers(QUICK).await;
            let (taken, kept) = (one.take(1).await.unwrap(), one.take(2).await.unwrap());
            run(file, "UPDATE lease SET process = 'another' WHERE uuid LIKE '01%'").await;
            taken.lost().await;
            assert!(taken.is_lost() && !kept.is_lost());
        });
    }

    #[test]
    fn g13_a_lease_that_cannot_be_renewed_is_lost_when_its_time_is_over() {
        smol::block_on(async {
            let Two { file, one, .. } = &two_servers(Timing { ttl: Duration::from_millis(100), ..QUICK }).await;
            let driving = one.take(1).await.unwrap();
            run(file, "DROP TABLE lease").await;
            driving.lost().await;
            assert!(driving.is_lost());
        });
    }

    #[test]
    fn g13_a_lease_that_could_not_be_given_back_is_given_back_later() {
        smol::block_on(async {
            let Two { file, one, two, .. } = &two_servers(Timing { patience: Duration::from_secs(60), ..QUICK }).await;
            let other = one.take(2).await.unwrap();
            let driving = one.take(1).await.unwrap();
            run(file, "CREATE TRIGGER kept BEFORE DELETE ON lease BEGIN SELECT RAISE(ABORT, 'no'); END").await;
            drop(driving);
            let repaired = async {
                Timer::after(AGAIN).await;
                run(file, "DROP TRIGGER kept").await;
                std::future::pending().await
            };
            let next = smol::future::or(async { two.take(1).await }, repaired).await;
            assert!(!next.unwrap().is_lost() && !other.is_lost());
        });
    }

    #[test]
    fn g13_a_device_goes_to_the_next_server_as_soon_as_its_session_has_ended() {
        smol::block_on(async {
            let Two { one, two, .. } = &two_servers(Timing { patience: Duration::from_secs(60), ..QUICK }).await;
            let driving = one.take(1).await.unwrap();
            let end = async {
                Timer::after(AGAIN).await;
                drop(driving);
                std::future::pending().await
            };
            let begun = Instant::now();
            let next = smol::future::or(async { two.take(1).await }, end).await;
            assert!(!next.unwrap().is_lost() && begun.elapsed() < QUICK.ttl);
        });
    }
}
