//! Secrets at rest: what is sealed, under which key, and what becomes of them when keys change.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::sealing::KeyError;

/// A key that no store of these tests has.
fn another_key() -> KeySource {
    KeySource::Given(Key::generate().unwrap())
}

/// A password that a version of before kept in the plain.
async fn keep_plain(fleet: &Fleet) {
    persist(fleet.store(), 1, &record(1, [])).await.unwrap();
    let uuid = uuid(1).to_string();
    fleet
        .tamper(
            "INSERT INTO password (tenant, uuid, account, number, secret, made_at) VALUES ('', $1, 'admin', 0, $2, 1)",
            &[(&uuid).into(), b"C4nary!bird"[..].into()],
        )
        .await
        .unwrap();
}

#[test]
fn what_an_older_version_kept_in_the_plain_is_sealed_when_the_store_is_unlocked() {
    on_each(async |fleet| {
        let store = fleet.store();
        keep_plain(fleet).await;
        let error = admin(store, 1, 0).await.unwrap_err();
        assert!(error.to_string().contains("it is not sealed"), "{error}");
        store.unlock(at(2)).await.unwrap();
        assert_eq!(admin(store, 1, 0).await.unwrap().expose(), "C4nary!bird");
        assert_eq!(fleet.another().await.unwrap_password(1, 0).await, "C4nary!bird");
        let [key] = &store.keys().await.unwrap()[..] else { panic!("one key") };
        assert_eq!((key.secrets, key.made_at, key.retired_at), (1, at(2), None));
        if let Fleet::Sqlite(fleet) = fleet {
            assert!(!fleet.is_in_a_file("C4nary!bird"), "nor in the log");
        }
    });
}

#[test]
fn what_is_written_behind_the_stores_back_in_the_plain_is_not_believed() {
    on_each(async |fleet| {
        fleet.store().unlock(at(1)).await.unwrap();
        keep_plain(fleet).await;
        fleet.store().unlock(at(2)).await.unwrap();
        let error = admin(fleet.store(), 1, 0).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { what: Item::Password(..), .. }), "{error}");
    });
}

#[test]
fn a_secret_that_is_moved_to_another_device_account_or_number_does_not_open_there() {
    on_each(async |fleet| {
        let store = fleet.store();
        let full = [Intent::Activate { exposed: false }, Intent::ChangePassword, Intent::SetMebx];
        persist(store, 1, &record(1, full.clone())).await.unwrap();
        persist(store, 1, &record(2, full)).await.unwrap();
        let (one, other) = (uuid(1).to_string(), uuid(2).to_string());
        for swap in [
            "UPDATE password SET secret = (SELECT secret FROM password WHERE uuid = $2 AND account = 'admin' AND number = 0)
             WHERE uuid = $1 AND account = 'admin' AND number = 0",
            "UPDATE password SET secret = (SELECT secret FROM password WHERE uuid = $1 AND account = 'mebx' AND uuid <> $2)
             WHERE uuid = $1 AND account = 'admin' AND number = 0",
            "UPDATE password SET secret = (SELECT secret FROM password WHERE uuid = $1 AND number = 1 AND uuid <> $2)
             WHERE uuid = $1 AND account = 'admin' AND number = 0",
        ] {
            fleet.tamper(swap, &[(&one).into(), (&other).into()]).await.unwrap();
            let error = admin(store, 1, 0).await.unwrap_err();
            assert!(matches!(error, StoreError::Damaged { what: Item::Password(..), .. }), "{error}");
            assert!(error.to_string().contains("belongs to another place or key"), "{error}");
        }
        assert!(admin(store, 2, 0).await.is_ok());
    });
}

#[test]
fn keys_are_rotated_while_servers_run_and_no_secret_is_lost() {
    on_each(async |fleet| {
        let (store, other) = (fleet.store(), fleet.another().await);
        let authority = store.authority(at(1)).await.unwrap().to_pem();
        for number in 1..=30 {
            persist(store, 1, &record(number, [Intent::Activate { exposed: false }, Intent::SetMebx])).await.unwrap();
        }
        let mut before = Vec::new();
        for number in 1..=30 {
            before.push(other.unwrap_password(number, 0).await);
        }
        let first = store.keys().await.unwrap()[0].clone();
        assert_eq!(first.secrets, 61);

        // The other server goes on writing, with the key that it knows; as long as there are numbers for its devices, as
        // one that never pauses can keep the other from the file for longer.
        let mut numbers = 101..=u8::MAX;
        let done = AtomicBool::new(false);
        let writing = async {
            let mut made = 0_u8;
            while !done.load(Ordering::Relaxed) || made < 5 {
                let Some(number) = numbers.next() else { break };
                made += 1;
                persist(&*other, 1, &activated(number)).await.unwrap();
                smol::future::yield_now().await;
            }
            made
        };
        let rotating = async {
            let rotation = store.rotate_keys(at(5)).await.unwrap();
            done.store(true, Ordering::Relaxed);
            rotation
        };
        let (made, rotation) = futures_util::future::join(writing, rotating).await;
        assert!(rotation.sealed >= 61, "{rotation:?}");
        assert_eq!(rotation.dropped, [first.id], "nothing is sealed under it any more");
        let [key] = &store.keys().await.unwrap()[..] else { panic!("one key") };
        assert_eq!((key.id, key.made_at, key.secrets), (rotation.key, at(5), 61 + u64::from(made)));

        for reader in [store, &*other, &*fleet.another().await] {
            for (number, password) in (1..).zip(&before) {
                assert_eq!(admin(reader, number, 0).await.unwrap().expose(), password);
            }
            for number in 1..=made {
                admin(reader, 100 + number, 0).await.unwrap();
            }
            assert_eq!(reader.authority(at(9)).await.unwrap().to_pem(), authority);
        }
    });
}

#[test]
fn a_rotation_that_was_interrupted_is_finished_by_the_next() {
    on_each(async |fleet| {
        let store = fleet.store();
        persist(store, 1, &activated(1)).await.unwrap();
        let password = admin(store, 1, 0).await.unwrap();
        // As far as the first transaction of one: no key is in use, and then a new one is.
        fleet.tamper("UPDATE data_key SET in_use = NULL, retired_at = 4", &[]).await.unwrap();
        let other = fleet.another().await;
        other.unlock(at(5)).await.unwrap();
        let keys = store.keys().await.unwrap();
        assert_eq!(
            keys.iter().map(|key| (key.retired_at, key.secrets)).collect::<Vec<_>>(),
            [(Some(at(4)), 1), (None, 0)]
        );
        assert_eq!(admin(&*other, 1, 0).await.unwrap(), password, "the old key still opens");
        let rotation = store.rotate_keys(at(6)).await.unwrap();
        assert_eq!((rotation.sealed, rotation.dropped.len()), (1, 2));
        assert_eq!(admin(&*other, 1, 0).await.unwrap(), password);
    });
}

#[test]
fn another_key_opens_no_secret_changes_nothing_and_hides_no_device() {
    on_each(async |fleet| {
        persist(fleet.store(), 1, &activated(1)).await.unwrap();
        let (keys, password) = (fleet.store().keys().await.unwrap(), admin(fleet.store(), 1, 0).await.unwrap());
        for (wrong, said) in [
            (KeySources::new(another_key()), "the configuration names"),
            (KeySources::none(), "no key is named for the store's secrets"),
        ] {
            let stranger = fleet.with_keys(wrong).await;
            let mut record = activated(1);
            record.apply(Intent::ChangePassword);
            for error in [
                stranger.unlock(at(2)).await.unwrap_err(),
                stranger.rotate_keys(at(2)).await.unwrap_err(),
                admin(&*stranger, 1, 0).await.unwrap_err(),
                persist(&*stranger, 2, &record).await.unwrap_err(),
            ] {
                assert!(matches!(error, StoreError::Key(_)), "{error}");
                assert!(error.to_string().contains(said), "{error}");
            }
            assert_eq!(stranger.devices(&tenant(), None, 9).await.unwrap().len(), 1);
            assert!(stranger.device(&tenant(), uuid(1)).await.unwrap().is_some());
            assert_eq!(stranger.keys().await.unwrap(), keys);
        }
        assert_eq!(stored(fleet.store(), 1).await, Some((1, activated(1))));
        assert_eq!(admin(fleet.store(), 1, 0).await.unwrap(), password);
    });
}

#[test]
fn a_rotation_takes_the_store_from_one_operators_key_to_another() {
    on_each(async |fleet| {
        let old = another_key();
        let before = fleet.with_keys(KeySources::new(old.clone())).await;
        persist(&*before, 1, &activated(1)).await.unwrap();
        let password = admin(&*before, 1, 0).await.unwrap();
        let new = another_key();
        let moving = fleet.with_keys(KeySources::new(new.clone()).with_older(vec![old])).await;
        moving.rotate_keys(at(3)).await.unwrap();
        let after = fleet.with_keys(KeySources::new(new)).await;
        after.unlock(at(4)).await.unwrap();
        assert_eq!(admin(&*after, 1, 0).await.unwrap(), password, "the old key is not needed any more");
        let late = fleet.with_keys(KeySources::none()).await;
        assert!(late.unlock(at(5)).await.is_err());
    });
}

#[test]
fn a_changed_byte_of_a_stored_key_is_damage_and_no_other_key() {
    on_each(async |fleet| {
        persist(fleet.store(), 1, &activated(1)).await.unwrap();
        fleet.tamper("UPDATE data_key SET wrapped = $1", &[[1_u8; 61][..].into()]).await.unwrap();
        let error = fleet.another().await.unlock(at(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Key(KeyError::Damaged { .. })), "{error}");
    });
}

#[test]
fn the_key_file_is_made_for_the_first_secret_and_missed_ever_after() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        let file = SqliteStore::key_file(&fleet.path());
        persist(&fleet.store, 1, &record(1, [])).await.unwrap();
        assert!(!file.exists(), "a record is no secret");
        persist(&fleet.store, 1, &activated(2)).await.unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        let error = fleet.another().await.unlock(at(2)).await.unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        std::fs::rename(&file, fleet.folder.path().join("elsewhere")).unwrap();
        let error = fleet.another().await.unlock(at(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Key(KeyError::NoFile(_))), "{error}");
        assert!(!file.exists(), "another key would be of no use");
    });
}

#[test]
fn a_backup_that_is_made_while_a_server_writes_is_a_store_of_its_own() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        for number in 1..=20 {
            persist(&fleet.store, 1, &activated(number)).await.unwrap();
        }
        let copy = fleet.folder.path().join("backup.db");
        let other = fleet.another().await;
        let writing = async {
            for generation in 2..=20 {
                persist(&other, generation, &activated(1)).await.unwrap();
            }
        };
        let (copied, ()) = futures_util::future::join(fleet.store.back_up(&copy), writing).await;
        copied.unwrap();
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        let keys = KeySources::new(KeySource::File(SqliteStore::key_file(&fleet.path())));
        let restored = open(&copy).await.with_keys(keys);
        for number in 1..=20 {
            assert_eq!(admin(&restored, number, 0).await.unwrap(), admin(&fleet.store, number, 0).await.unwrap());
        }
        let error = fleet.store.back_up(&copy).await.unwrap_err();
        assert!(error.to_string().contains("exists"), "it overwrites nothing: {error}");
    });
}
