//! Records and their generations (G13).

use std::future::Future;
use std::pin::pin as pin_future;
use std::task::{Context, Waker};

use super::*;

#[test]
fn a_record_comes_back_as_it_was_written() {
    on_each(async |fleet| {
        assert_eq!(stored(fleet.store(), 1).await, None);
        let mut record = activated(1);
        for (generation, intent) in
            [Intent::EnrolRomCa(rom_ca(3)), Intent::IntendPin(pin(4)), Intent::ConfirmPin(pin(4))]
                .into_iter()
                .enumerate()
        {
            record.apply(intent);
            let generation = generation as u64 + 1;
            persist(fleet.store(), generation, &record).await.unwrap();
            assert_eq!(stored(fleet.store(), 1).await, Some((generation, record.clone())));
        }
        let ledger = fleet.store().load(&tenant(), uuid(1)).await.unwrap().unwrap();
        assert!(ledger.is_stored() && ledger.is_durable());
    });
}

#[test]
fn g13_a_generation_is_written_over_the_one_before_it_and_over_nothing_else() {
    on_each(async |fleet| {
        for (offered, there) in [(0, None), (2, None), (u64::MAX, None), (1, Some(1)), (3, Some(1)), (0, Some(1))] {
            if there == Some(1) && stored(fleet.store(), 1).await.is_none() {
                persist(fleet.store(), 1, &activated(1)).await.unwrap();
            }
            let error = persist(fleet.store(), offered, &record(1, [])).await.unwrap_err();
            let StoreError::Conflict { uuid: of, offered: named, stored: seen } = error else { panic!("{error}") };
            assert_eq!((of, named.0, seen.map(|seen| seen.0)), (uuid(1), offered, there));
        }
        assert_eq!(stored(fleet.store(), 1).await, Some((1, activated(1))));
    });
}

#[test]
fn g13_of_several_writers_of_one_generation_exactly_one_wins() {
    const WRITERS: u8 = 4;
    const GENERATIONS: u64 = 8;
    on_each(async |fleet| {
        let mut stores = Vec::new();
        for _ in 0..WRITERS {
            stores.push(fleet.another().await);
        }
        // One lease for all: what decides is the generation alone.
        let lease = &lease(fleet.store(), uuid(1)).await;
        for generation in 1..=GENERATIONS {
            let tries = stores.iter().zip(0..).map(|(store, writer)| async move {
                let record = record(1, [Intent::EnrolRomCa(rom_ca(writer))]);
                store.persist(lease, Generation(generation), &record, &random_passwords(), at(1)).await
            });
            let results = futures_util::future::join_all(tries).await;
            let winner: Vec<u8> = results.iter().zip(0..).filter(|(r, _)| r.is_ok()).map(|(_, w)| w).collect();
            let [winner] = winner[..] else { panic!("generation {generation}: {results:?}") };
            assert!(results.iter().flat_map(Result::as_ref).count() == 1);
            for error in results.iter().filter_map(|result| result.as_ref().err()) {
                assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
            }
            let expected = record(1, [Intent::EnrolRomCa(rom_ca(winner))]);
            assert_eq!(stored(fleet.store(), 1).await, Some((generation, expected)));
        }
    });
}

#[test]
fn what_was_acknowledged_is_there_after_a_drop_without_a_close() {
    on_each(async |fleet| {
        let mut last = None;
        for generation in 1..=3 {
            let store = &*fleet.another().await;
            assert_eq!(stored(store, 1).await, last);
            persist(store, generation, &activated(1)).await.unwrap();
            last = Some((generation, activated(1)));
        }
    });
}

#[test]
fn a_persist_that_is_given_up_at_any_point_has_done_all_or_nothing() {
    on_each(async |fleet| {
        let (mut generation, mut finished) = (0, 0);
        let (lease, passwords) = (lease(fleet.store(), uuid(1)).await, random_passwords());
        // Given up later and later, until it is not given up.
        for polls in 0.. {
            if finished == 2 {
                break;
            }
            let wanted = record(1, (0..=generation).map(|_| Intent::ChangePassword));
            {
                let next = Generation(generation + 1);
                let mut persisting = pin_future!(fleet.store().persist(&lease, next, &wanted, &passwords, at(1)));
                for _ in 0..polls {
                    if persisting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                        finished += 1;
                        break;
                    }
                    // The database works on a thread of its own: let it come up with an answer.
                    smol::future::yield_now().await;
                    let _ = fleet.store().load(&tenant(), uuid(2)).await;
                }
            }
            // A write of another device waits for whatever the abandoned one left behind.
            let _ = persist(fleet.store(), u64::MAX, &activated(3)).await;
            if let Some((now, record)) = stored(fleet.store(), 1).await {
                assert!(now == generation || now == generation + 1);
                for mark in record.admin.iter() {
                    admin(fleet.store(), 1, mark.id.0).await.unwrap();
                }
                generation = now;
            }
            let next = u16::try_from(generation).unwrap();
            let unborn = admin(fleet.store(), 1, next).await;
            assert!(matches!(unborn, Err(StoreError::UnknownPassword { .. })), "{unborn:?}");
        }
        assert!(generation > 1, "two of them were done: {generation}");
    });
}

#[test]
fn tenants_do_not_see_each_other() {
    on_each(async |fleet| {
        let store = fleet.store();
        let other: Tenant = "other".parse().unwrap();
        persist(store, 1, &activated(1)).await.unwrap();
        assert_eq!(store.load(&other, uuid(1)).await.unwrap(), None);
        let lease = store.acquire(&other, uuid(1), &holder("server-1"), Duration::from_secs(15), at(1)).await.unwrap();
        store.persist(&lease, Generation(1), &activated(1), &random_passwords(), at(1)).await.unwrap();
        let theirs = store.password(&other, uuid(1), Account::Admin, PasswordId(0)).await.unwrap();
        assert_ne!(theirs, admin(store, 1, 0).await.unwrap());
        store.remove(&other, uuid(1), &stamp(2)).await.unwrap();
        store.forget(&other, uuid(1), &stamp(3)).await.unwrap();
        assert!(stored(store, 1).await.is_some());
        assert!(store.devices(&other, None, 9).await.unwrap().is_empty());
    });
}
