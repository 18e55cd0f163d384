//! Nothing of a secret is in a text of ours, nor left in the file when it is forgotten.

use super::*;

const CANARY: &str = "C4nary!bird";

fn canaries() -> PasswordSource {
    let fixed = PasswordChoice::Fixed(CANARY.parse().unwrap());
    PasswordSource::new(fixed.clone(), fixed, random())
}

#[test]
fn g1_no_secret_is_in_a_debug_text_or_an_error() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        let (store, passwords) = (&fleet.store, canaries());
        let mut record = activated(1);
        persist_with(store, 1, &record, &passwords).await.unwrap();
        let pem = store.authority(at(1)).await.unwrap().to_pem();
        let mut texts = format!("{store:?} {passwords:?} {pem:?} {:?}", store.device(&tenant(), uuid(1)).await);

        // The stored secrets are changed, and no password is taken.
        fleet.tamper("UPDATE password SET secret = CAST('C4nary!bird:' AS BLOB)").await;
        fleet.tamper("UPDATE authority SET pem = CAST(substr(pem, 1, length(pem) - 60) AS BLOB)").await;
        fleet.tamper("CREATE TRIGGER t BEFORE INSERT ON password BEGIN SELECT RAISE(ABORT, 'no'); END").await;
        let not_sealed = admin(store, 1, 0).await.unwrap_err();
        fleet.tamper("UPDATE password SET secret = zeroblob(60)").await;
        let changed = admin(store, 1, 0).await.unwrap_err();
        for error in [&not_sealed, &changed] {
            assert!(matches!(error, StoreError::Damaged { what: Item::Password(..), .. }), "{error}");
        }
        let authority = store.authority(at(1)).await.err().unwrap();
        record.apply(Intent::ChangePassword);
        let refused = persist_with(store, 2, &record, &passwords).await.unwrap_err();
        for error in [not_sealed, changed, authority, refused] {
            texts += &format!(" {error} {error:?}");
        }
        assert!(!texts.contains("C4nary") && !texts.contains("PRIVATE KEY"), "{texts}");
        assert!(!texts.contains("67, 52, 110, 97, 114, 121"), "nor as a list of its bytes: {texts}");
    });
}

#[test]
fn what_is_forgotten_is_not_in_the_file_and_before_that_it_is_sealed() {
    smol::block_on(async {
        let fleet = SqliteFleet::new().await;
        let store = &fleet.store;
        persist_with(store, 1, &activated(1), &canaries()).await.unwrap();
        let sealed: Vec<u8> =
            sqlx::query_scalar("SELECT secret FROM password").fetch_one(&store.database.writer).await.unwrap();
        let found = async |what: &[u8]| {
            fleet.tamper("PRAGMA wal_checkpoint(TRUNCATE)").await;
            find(&std::fs::read(fleet.path()).unwrap(), what)
        };
        assert!(found(&sealed).await);
        assert!(!found(CANARY.as_bytes()).await);
        store.remove(&tenant(), uuid(1), &stamp(2)).await.unwrap();
        store.forget(&tenant(), uuid(1), &stamp(3)).await.unwrap();
        assert!(!found(&sealed).await);
    });
}
