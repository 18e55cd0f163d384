//! No secret is in the log, down to the finest level of the database library (G1).
//!
//! A target of its own, because the database logs from threads of its own: only a subscriber of the whole process
//! hears them.

#![allow(clippy::unwrap_used)] // also its helpers are tests

#[path = "common/keys.rs"]
mod keys;
#[path = "common/log.rs"]
mod log;
#[path = "common/postgres.rs"]
mod postgres;

use std::time::Duration;

use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::record::{Generation, Intent, PasswordId, Record};
use amt_provision::store::{Account, Holder, PasswordChoice, PasswordSource, StoreAddress, Tenant};
use rustls::pki_types::UnixTime;

use log::Log;

const CANARY: &str = "C4nary!bird";

/// Has a store keep and show every kind of secret.
async fn keep_secrets(address: &str) {
    let store = address.parse::<StoreAddress>().unwrap().open(keys::keys()).await.unwrap();
    let fixed = PasswordChoice::Fixed(CANARY.parse().unwrap());
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let passwords = PasswordSource::new(fixed.clone(), fixed, random);
    let uuid: Uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().unwrap();
    let (tenant, now) = (Tenant::default(), UnixTime::since_unix_epoch(Duration::from_secs(1)));
    let mut record = Record::new(uuid);
    record.apply(Intent::Activate { exposed: false });
    record.apply(Intent::SetMebx);
    let server = Holder { server: "server-1".parse().unwrap(), process: 1 };
    let lease = store.acquire(&tenant, uuid, &server, Duration::from_secs(15), now).await.unwrap();
    store.persist(&lease, Generation(1), &record, &passwords, now).await.unwrap();
    store.persist(&lease, Generation(1), &record, &passwords, now).await.unwrap_err();
    for account in [Account::Admin, Account::Mebx] {
        let password = store.password(&tenant, uuid, account, PasswordId(0)).await.unwrap();
        assert_eq!(password.expose(), CANARY);
    }
    assert!(store.authority(now).await.unwrap().to_pem().expose().contains("PRIVATE KEY"));
}

#[test]
fn g1_no_secret_is_in_the_log_at_its_finest_level() {
    // Before the log begins: the tests' own statements tell the database its password.
    let cluster = postgres::cluster();
    let log = Log::begin();

    let folder = tempfile::tempdir().unwrap();
    let mut stores = vec![folder.path().join("fleet.db").to_str().unwrap().to_owned()];
    // The address holds a password as well.
    stores.extend(cluster.map(|cluster| format!("postgres://{}:{CANARY}@{}", postgres::ROLE, cluster.tcp())));
    assert_eq!(postgres::PASSWORD, CANARY);
    smol::block_on(async {
        for store in &stores {
            keep_secrets(store).await;
        }
    });

    let log = String::from_utf8(log.so_far()).unwrap();
    for statement in ["INSERT INTO password", "INSERT INTO authority", "SELECT secret"] {
        let logged = log.matches(statement).count();
        assert!(logged >= stores.len(), "the log has the statements that carry secrets");
    }
    assert!(!log.contains("C4nary") && !log.contains("PRIVATE KEY"), "{log}");
    assert!(!log.contains("67, 52, 110, 97, 114, 121"), "nor as a list of its bytes: {log}");
}
