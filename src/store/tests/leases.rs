//! One driver for each device (G13).

use std::collections::BTreeSet;

use amt_provision_fsm::fault::Peer;
use amt_provision_fsm::provisioner::{Outcome, StoreFault};

use super::*;

/// Lets every lease run out.
async fn run_out(fleet: &Fleet) {
    fleet.tamper("UPDATE lease SET until = 0", &[]).await.unwrap();
}

#[test]
fn g13_a_device_that_is_driven_is_busy_until_its_lease_is_given_back() {
    on_each(async |fleet| {
        let (one, other) = (fleet.store(), &*fleet.another().await);
        let first = acquire(one, uuid(1), "server-1").await.unwrap();
        let error = acquire(other, uuid(1), "server-2").await.unwrap_err();
        let StoreError::Busy { uuid: of, by, left } = &error else { panic!("{error}") };
        assert_eq!((*of, by.as_ref().map(ServerName::as_str)), (uuid(1), Some("server-1")));
        assert!((Duration::from_secs(10)..=Duration::from_secs(16)).contains(left), "{left:?}");
        assert!(error.to_string().starts_with("busy: server-1 drives device"), "{error}");
        assert!(acquire(one, uuid(1), "server-1").await.is_err(), "nor for another session of the same server");
        acquire(other, uuid(2), "server-2").await.unwrap();

        one.release(&first).await.unwrap();
        let second = acquire(other, uuid(1), "server-2").await.unwrap();
        assert!(second.epoch() > first.epoch());
        one.release(&first).await.unwrap();
        assert!(acquire(one, uuid(1), "server-1").await.is_err(), "it is no longer the first one's to give back");
    });
}

#[test]
fn g13_a_lease_that_has_run_out_is_taken_over_and_its_holder_writes_nothing_more() {
    on_each(async |fleet| {
        let (one, other) = (fleet.store(), &*fleet.another().await);
        let old = acquire(one, uuid(1), "server-1").await.unwrap();
        one.persist(&old, Generation(1), &activated(1), &random_passwords(), at(1)).await.unwrap();
        run_out(fleet).await;
        let new = acquire(other, uuid(1), "server-2").await.unwrap();
        assert!(new.epoch() > old.epoch());

        let mut record = activated(1);
        record.apply(Intent::ChangePassword);
        let error = one.persist(&old, Generation(2), &record, &random_passwords(), at(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::LeaseLost(of) if of == uuid(1)), "{error}");
        assert_eq!(error.fault(), StoreFault::LeaseLost);
        let outcome = Outcome::Failed(Peer::LockedOut.into());
        let error = one.record_outcome(&old, &outcome, at(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::LeaseLost(_)), "{error}");
        assert_eq!(stored(other, 1).await, Some((1, activated(1))), "nothing of it was written");
        assert!(matches!(admin(other, 1, 1).await, Err(StoreError::UnknownPassword { .. })));
        assert_eq!(other.device(&tenant(), uuid(1)).await.unwrap().unwrap().outcome, None);

        other.persist(&new, Generation(2), &record, &random_passwords(), at(1)).await.unwrap();
    });
}

#[test]
fn g13_a_process_renews_all_of_its_leases_at_once_and_hears_which_it_still_has() {
    on_each(async |fleet| {
        let (store, ttl) = (fleet.store(), Duration::from_secs(15));
        let (mine, others) = (holder("server-1"), Holder { process: 2, ..holder("server-1") });
        let mut epochs = Vec::new();
        for (number, holder) in [(1, &mine), (2, &mine), (3, &mine), (4, &others)] {
            let lease = store.acquire(&tenant(), uuid(number), holder, ttl, at(1)).await.unwrap();
            epochs.push(lease.epoch());
        }
        run_out(fleet).await;
        let taken = store.acquire(&tenant(), uuid(3), &others, ttl, at(1)).await.unwrap();
        let renewed = async |holder| {
            let leases = store.renew(holder, ttl, at(1)).await.unwrap();
            leases.iter().map(Lease::epoch).collect::<BTreeSet<Epoch>>()
        };
        assert_eq!(renewed(&mine).await, epochs[..2].iter().copied().collect());
        for number in 1..=2 {
            assert!(acquire(store, uuid(number), "server-2").await.is_err(), "good again: {number}");
        }
        acquire(store, uuid(4), "server-2").await.expect("a server that was started again is another holder");
        assert_eq!(renewed(&others).await, [taken.epoch()].into());
    });
}

#[test]
fn g13_a_persist_renews_a_lease_that_has_run_out_and_that_nobody_took() {
    on_each(async |fleet| {
        let store = fleet.store();
        let lease = lease(store, uuid(1)).await;
        run_out(fleet).await;
        store.persist(&lease, Generation(1), &record(1, []), &random_passwords(), at(1)).await.unwrap();
        assert!(acquire(store, uuid(1), "server-2").await.is_err());
    });
}

#[test]
fn g13_of_several_servers_that_ask_at_once_exactly_one_gets_the_lease() {
    const SERVERS: usize = 4;
    on_each(async |fleet| {
        let mut stores = Vec::new();
        for _ in 0..SERVERS {
            stores.push(fleet.another().await);
        }
        let mut epochs = Vec::new();
        for _ in 0..8 {
            let tries = stores.iter().map(|store| acquire(&**store, uuid(1), "server-1"));
            let results = futures_util::future::join_all(tries).await;
            let won: Vec<&Lease> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
            let [winner] = won[..] else { panic!("{results:?}") };
            let busy = results.iter().filter(|result| matches!(result, Err(StoreError::Busy { .. })));
            assert_eq!(busy.count(), SERVERS - 1);
            epochs.push(winner.epoch());
            run_out(fleet).await;
        }
        assert!(epochs.is_sorted_by(|one, next| one < next), "{epochs:?}");
    });
}

#[test]
fn a_lease_is_good_for_its_own_device_only() {
    on_each(async |fleet| {
        let store = fleet.store();
        let lease = acquire(store, uuid(1), "server-1").await.unwrap();
        let error = store.persist(&lease, Generation(1), &activated(2), &random_passwords(), at(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::LeaseLost(of) if of == uuid(2)), "{error}");
        assert_eq!(stored(store, 2).await, None);
    });
}

#[test]
fn in_a_file_the_callers_clock_ends_a_lease_and_never_early() {
    smol::block_on(async {
        let SqliteFleet { store, .. } = &SqliteFleet::new().await;
        let acquire = async |second| {
            store.acquire(&tenant(), uuid(1), &holder("server-1"), Duration::from_secs(15), at(second)).await
        };
        acquire(100).await.unwrap();
        assert!(acquire(115).await.is_err(), "100 may have been 100.9");
        store.renew(&holder("server-1"), Duration::from_secs(15), at(110)).await.unwrap();
        assert!(acquire(125).await.is_err());
        acquire(126).await.unwrap();
    });
}
