//! Passwords are made with the record that names them first, once, and kept (G2, G7).

use std::sync::Mutex;

use rustls::crypto::GetRandomFailed;

use super::*;
use crate::password::PasswordLength;

fn fixed(text: &str) -> PasswordChoice {
    PasswordChoice::Fixed(text.parse().unwrap())
}

#[test]
fn g2_a_password_is_made_exactly_once() {
    on_each(async |fleet| {
        let store = fleet.store();
        let mut record = activated(1);
        persist(store, 1, &record).await.unwrap();
        let first = admin(store, 1, 0).await.unwrap();
        record.apply(Intent::ConfirmPassword(PasswordId(0)));
        persist(store, 2, &record).await.unwrap();
        record.apply(Intent::ChangePassword);
        record.apply(Intent::SetMebx);
        persist(store, 3, &record).await.unwrap();
        let mebx = store.password(&tenant(), uuid(1), Account::Mebx, PasswordId(0)).await.unwrap();
        let all = [admin(store, 1, 0).await.unwrap(), admin(store, 1, 1).await.unwrap(), mebx];
        assert_eq!(all[0], first);
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    });
}

#[test]
fn g7_passwords_that_the_record_no_longer_names_are_kept() {
    on_each(async |fleet| {
        let store = fleet.store();
        let mut record = record(1, []);
        let mut made = Vec::new();
        for number in 0..12 {
            record.apply(Intent::ChangePassword);
            persist(store, u64::from(number) + 1, &record).await.unwrap();
            made.push(admin(store, 1, number).await.unwrap());
        }
        assert!(record.admin.get(PasswordId(0)).is_none(), "the record has dropped it");
        for (number, password) in made.iter().enumerate() {
            assert_eq!(admin(store, 1, number as u16).await.unwrap(), *password);
        }
    });
}

#[test]
fn a_conflict_makes_no_password() {
    on_each(async |fleet| {
        let store = fleet.store();
        persist(store, 2, &activated(1)).await.unwrap_err();
        assert!(matches!(admin(store, 1, 0).await, Err(StoreError::UnknownPassword { .. })));
    });
}

/// Works as often as it says and then fails.
#[derive(Debug)]
struct Failing(Mutex<u32>);

impl SecureRandom for Failing {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        let mut left = self.0.lock().unwrap();
        *left = left.checked_sub(1).ok_or(GetRandomFailed)?;
        random().fill(buffer)
    }
}

#[test]
fn g2_when_a_password_cannot_be_made_neither_it_nor_the_record_is_stored() {
    on_each(async |fleet| {
        let store = fleet.store();
        let both = record(1, [Intent::Activate { exposed: false }, Intent::SetMebx]);
        let choice = PasswordChoice::Random(PasswordLength::new(PasswordLength::MAX).unwrap());
        let mut draws = 0;
        // The source fails at its first draw, at its second, and so on, until it is good for both passwords.
        loop {
            let failing: &'static Failing = Box::leak(Box::new(Failing(Mutex::new(draws))));
            let passwords = PasswordSource::new(choice.clone(), choice.clone(), failing);
            match persist_with(store, 1, &both, &passwords).await {
                Ok(()) => break,
                Err(error) => assert!(matches!(error, StoreError::Password(_)), "{error}"),
            }
            assert_eq!(stored(store, 1).await, None);
            assert!(matches!(admin(store, 1, 0).await, Err(StoreError::UnknownPassword { .. })));
            draws += 1;
        }
        assert!(draws >= 2, "it takes a draw for each: {draws}");
        assert!(admin(store, 1, 0).await.is_ok());
    });
}

#[test]
fn g1_a_password_that_is_given_away_is_never_the_profiles_own() {
    on_each(async |fleet| {
        let store = fleet.store();
        let passwords = PasswordSource::new(fixed("Fixed!Adm1n"), fixed("Fixed!Meb3"), random());
        let mut record = record(1, [Intent::Activate { exposed: true }]);
        persist_with(store, 1, &record, &passwords).await.unwrap();
        record.apply(Intent::ChangePassword);
        record.apply(Intent::SetMebx);
        persist_with(store, 2, &record, &passwords).await.unwrap();
        assert_ne!(admin(store, 1, 0).await.unwrap().expose(), "Fixed!Adm1n");
        assert_eq!(admin(store, 1, 1).await.unwrap().expose(), "Fixed!Adm1n");
        let mebx = store.password(&tenant(), uuid(1), Account::Mebx, PasswordId(0)).await.unwrap();
        assert_eq!(mebx.expose(), "Fixed!Meb3");
    });
}

#[test]
fn no_password_is_made_up_for_a_device_that_has_taken_one() {
    on_each(async |fleet| {
        let store = fleet.store();
        let taken = record(1, [Intent::ChangePassword, Intent::ConfirmPassword(PasswordId(0))]);
        let error = persist(store, 1, &taken).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { what: Item::Password(..), .. }), "{error}");
        assert_eq!(stored(store, 1).await, None);
    });
}
