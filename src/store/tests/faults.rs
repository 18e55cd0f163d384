//! Files that are not as they should be, and disks that do not do what they should.

use std::os::unix::fs::PermissionsExt;

use amt_provision_fsm::provisioner::StoreFault;

use super::*;

#[test]
fn only_the_owner_can_read_the_file_and_its_companions() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        persist(&fleet.store, 1, &activated(1)).await.unwrap();
        let mut files = 0;
        for entry in std::fs::read_dir(fleet.folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
            files += 1;
        }
        assert_eq!(files, 4, "the database, its log and its index, and the key of its secrets");
    });
}

#[test]
fn opening_again_and_at_once_changes_nothing() {
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        let opened = futures_util::future::join_all((0..6).map(|_| SqliteStore::open(&path))).await;
        let stores: Vec<SqliteStore> = opened.into_iter().map(Result::unwrap).collect();
        persist(&stores[0], 1, &activated(1)).await.unwrap();
        assert_eq!(stored(&open(&path).await, 1).await, Some((1, activated(1))));
    });
}

#[test]
fn durability_is_switched_on() {
    smol::block_on(async {
        let SqliteFleet { store, .. } = &SqliteFleet::new().await;
        let number = async |pragma: &'static str| {
            sqlx::query_scalar::<_, i64>(pragma).fetch_one(&store.database.writer).await.unwrap()
        };
        assert_eq!(number("PRAGMA synchronous").await, 2, "FULL");
        assert_eq!(number("PRAGMA foreign_keys").await, 1);
        assert_eq!(number("PRAGMA secure_delete").await, 1);
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.database.writer).await.unwrap();
        assert_eq!(mode, "wal");
    });
}

#[test]
fn a_name_that_sqlite_gives_a_meaning_to_is_a_file_like_any_other() {
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        for name in ["file:x?mode=memory", ":memory:", "a b%20?.db"] {
            let path = folder.path().join(name);
            persist(&open(&path).await, 1, &activated(1)).await.unwrap();
            assert!(path.is_file(), "{name}");
            assert!(stored(&open(&path).await, 1).await.is_some(), "{name}");
        }
    });
}

/// Persists over `damage`, which must be reported as an outage, and again after `repair`.
async fn outage(damage: &'static str, repair: &'static str, advice: &str) {
    let fleet = SqliteFleet::new().await;
    persist(&fleet.store, 1, &activated(1)).await.unwrap();
    fleet.tamper(damage).await;
    // Large enough to need pages that are not there.
    let mut big = activated(1);
    big.apply(Intent::Generate(amt_provision_fsm::record::KeyMark {
        known: vec![amt_provision_fsm::request::KeyHandle("k".repeat(100_000)); 8],
        provenance: Provenance::Odca,
    }));
    big.apply(Intent::ChangePassword);
    let error = persist(&fleet.store, 2, &big).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(advice), "{error}");
    assert_eq!(error.fault(), StoreFault::Failed);
    assert_eq!(stored(&fleet.store, 1).await, Some((1, activated(1))));
    assert!(matches!(admin(&fleet.store, 1, 1).await, Err(StoreError::UnknownPassword { .. })));
    fleet.tamper(repair).await;
    persist(&fleet.store, 2, &big).await.unwrap();
    assert!(admin(&fleet.store, 1, 1).await.is_ok());
}

#[test]
fn a_full_disk_is_an_outage_that_passes_when_there_is_space_again() {
    smol::block_on(outage("PRAGMA max_page_count = 20", "PRAGMA max_page_count = 100000", "free some space"));
}

#[test]
fn a_read_only_file_is_an_outage() {
    smol::block_on(outage("PRAGMA query_only = ON", "PRAGMA query_only = OFF", "make it writable"));
}

#[test]
fn a_folder_that_is_not_there_is_an_outage_that_names_it() {
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let error = SqliteStore::open(&folder.path().join("no/fleet.db")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(
            error.to_string().contains("no/fleet.db") && error.to_string().contains("create the folder"),
            "{error}"
        );
        let error = SqliteStore::open(folder.path()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    });
}

#[test]
fn a_lock_that_another_process_keeps_is_an_outage() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        let other = fleet.another().await;
        sqlx::query("PRAGMA busy_timeout = 1").execute(&other.database.writer).await.unwrap();
        let lock = fleet.store.database.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let error = persist(&other, 1, &activated(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        drop(lock);
        assert_eq!(stored(&other, 1).await, None);
    });
}

#[test]
fn a_changed_byte_anywhere_in_a_snapshot_is_damage() {
    smol::block_on(async {
        let SqliteFleet { store, .. } = &SqliteFleet::new().await;
        let whole = record(1, [Intent::Activate { exposed: false }, Intent::IntendPin(pin(7))]);
        persist(store, 1, &whole).await.unwrap();
        let snapshot: Vec<u8> =
            sqlx::query_scalar("SELECT snapshot FROM device").fetch_one(&store.database.writer).await.unwrap();
        let write = async |bytes: &[u8]| {
            sqlx::query("UPDATE device SET snapshot = ?1").bind(bytes).execute(&store.database.writer).await.unwrap();
        };
        for place in 0..snapshot.len() {
            let mut damaged = snapshot.clone();
            damaged[place] ^= 1;
            write(&damaged).await;
            let error = store.load(&tenant(), uuid(1)).await.unwrap_err();
            assert!(matches!(error, StoreError::Damaged { what: Item::Record(of), .. } if of == uuid(1)), "{error}");
        }
        write(&snapshot[1..]).await;
        let error = store.permit(&tenant(), uuid(1), devices::permit(), &stamp(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "nothing is built on it: {error}");
        write(&snapshot).await;
        assert_eq!(stored(store, 1).await, Some((1, whole)));
    });
}

#[test]
fn a_record_under_another_devices_name_is_damage() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        persist(&fleet.store, 1, &record(1, [])).await.unwrap();
        persist(&fleet.store, 1, &record(2, [])).await.unwrap();
        fleet
            .tamper("UPDATE device SET (snapshot, checksum) = (SELECT snapshot, checksum FROM device ORDER BY uuid LIMIT 1)")
            .await;
        assert!(stored(&fleet.store, 1).await.is_some());
        let error = fleet.store.load(&tenant(), uuid(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { what: Item::Record(_), .. }), "{error}");
    });
}

#[test]
fn a_damaged_record_does_not_hide_the_other_devices() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        for number in 1..=3 {
            persist(&fleet.store, 1, &record(number, [])).await.unwrap();
        }
        fleet.tamper("UPDATE device SET snapshot = x'00' WHERE uuid LIKE '02%'").await;
        let devices = fleet.store.devices(&tenant(), None, 9).await.unwrap();
        assert_eq!(devices.iter().map(|device| device.record.is_ok()).collect::<Vec<_>>(), [true, false, true]);
    });
}

#[test]
fn a_file_that_is_no_database_is_damage() {
    smol::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        std::fs::write(&path, "no database at all ".repeat(1000)).unwrap();
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { what: Item::Database, .. }), "{error}");
    });
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        fleet
            .tamper(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (99, 'later', TRUE, x'00', 0)",
            )
            .await;
        let error = SqliteStore::open(&fleet.path()).await.unwrap_err();
        assert!(matches!(error, StoreError::TooNew(99)), "{error}");
    });
}
