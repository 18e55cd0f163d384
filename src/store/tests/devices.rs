//! Certificates, the authority, the audit log, outcomes, permits, tombstones.

use amt_provision_fsm::edges::{Edge, edges};
use amt_provision_fsm::fault::Peer;
use amt_provision_fsm::firmware::{ControlMode, KeySuite};
use amt_provision_fsm::policy::{FlowB, Permit};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::time::Timestamp;

use super::*;
use crate::pki::authority::{DeviceKey, Serial};
use crate::simulator::identity::generate_p384_key;

pub(super) fn permit() -> Permit {
    Permit { expect_rom_ca: Some(rom_ca(9)), flow_b: FlowB::Refused, expires: Some(Timestamp(1_800_000_000)) }
}

fn unknown<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::UnknownDevice(of) if of == uuid(1)), "{error}");
}

#[test]
fn of_several_servers_that_start_at_once_all_get_the_same_authority() {
    on_each(async |fleet| {
        let mut stores = Vec::new();
        for _ in 0..4 {
            stores.push(fleet.another().await);
        }
        let made = futures_util::future::join_all(stores.iter().map(|store| store.authority(at(1)))).await;
        let first = made[0].as_ref().unwrap().to_pem();
        for authority in made {
            assert_eq!(authority.unwrap().to_pem().expose(), first.expose());
        }
        assert_eq!(fleet.another().await.authority(at(2)).await.unwrap().to_pem().expose(), first.expose());
        fleet.tamper("UPDATE authority SET pem = $1", &[Value::Bytes(&[0])]).await.unwrap();
        let error = fleet.store().authority(at(3)).await.err().unwrap();
        assert!(matches!(error, StoreError::Damaged { what: Item::Authority, .. }), "never made anew: {error}");
    });
}

#[test]
fn certificates_come_back_newest_first() {
    on_each(async |fleet| {
        let store = fleet.store();
        let authority = store.authority(at(1)).await.unwrap();
        let key = rcgen::PublicKeyData::subject_public_key_info(&generate_p384_key().unwrap());
        let key = DeviceKey::from_der_key(KeySuite::EcP384Sha384, &key).unwrap();
        let issued: Vec<IssuedCertificate> = (0..3)
            .map(|number| {
                let serial = Serial::from_random([number; 16]);
                let der = authority.issue(uuid(1), &key, serial).unwrap();
                IssuedCertificate { serial, spki: key.spki_hash(), der, issued_at: at(u64::from(number)) }
            })
            .collect();
        unknown(store.add_certificate(&tenant(), uuid(1), &issued[0]).await);
        persist(store, 1, &record(1, [])).await.unwrap();
        for certificate in &issued {
            store.add_certificate(&tenant(), uuid(1), certificate).await.unwrap();
        }
        let [oldest, middle, newest] = issued.try_into().unwrap();
        assert_eq!(store.certificates(&tenant(), uuid(1), 2).await.unwrap(), [newest.clone(), middle.clone()]);
        assert_eq!(store.certificates(&tenant(), uuid(1), 9).await.unwrap(), [newest, middle, oldest.clone()]);
        let error = store.add_certificate(&tenant(), uuid(1), &oldest).await.unwrap_err();
        assert!(matches!(error, StoreError::Rejected(_)), "a serial number is used once: {error}");
    });
}

#[test]
fn the_audit_log_is_read_in_the_order_in_which_it_was_written() {
    on_each(async |fleet| {
        let store = fleet.store();
        let taken: Vec<Edge> = edges().take(5).collect();
        let run = Some(RunId(0x0123_4567_89ab_cdef));
        let entry = |(at_second, edge): (u64, &Edge)| AuditEntry {
            stamp: Stamp { run, ..stamp(at_second) },
            event: AuditEvent::Moved(*edge),
        };
        let entries: Vec<AuditEntry> = (10..).zip(&taken).map(entry).collect();
        store.append_audit(&tenant(), uuid(1), &entries[..3]).await.unwrap();
        store.append_audit(&tenant(), uuid(2), &entries[..1]).await.unwrap();
        store.append_audit(&tenant(), uuid(1), &entries[3..]).await.unwrap();
        let first = store.audit(&tenant(), uuid(1), None, 2).await.unwrap();
        let rest = store.audit(&tenant(), uuid(1), Some(first[1].sequence), 9).await.unwrap();
        let read: Vec<Audited> = first.into_iter().chain(rest).collect();
        assert_eq!(
            read.iter().map(|line| line.stamp.clone()).collect::<Vec<_>>(),
            entries.iter().map(|e| e.stamp.clone()).collect::<Vec<_>>()
        );
        assert_eq!(
            read.iter().map(|line| line.event.clone()).collect::<Vec<_>>(),
            taken.iter().map(Edge::to_string).collect::<Vec<_>>()
        );
    });
}

#[test]
fn no_line_of_the_audit_log_can_be_changed_or_cut() {
    on_each(async |fleet| {
        let store = fleet.store();
        let entry = AuditEntry { stamp: stamp(1), event: AuditEvent::Removed };
        store.append_audit(&tenant(), uuid(1), &[entry]).await.unwrap();
        for sql in ["UPDATE audit SET event = ''", "DELETE FROM audit"] {
            let error = fleet.tamper(sql, &[]).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        assert_eq!(store.audit(&tenant(), uuid(1), None, 9).await.unwrap().len(), 1);
    });
}

#[test]
fn an_outcome_is_kept_with_the_mode_that_was_last_seen() {
    on_each(async |fleet| {
        let store = fleet.store();
        let configured = Outcome::Configured { mode: ControlMode::Admin, pin: pin(1), short_of: None };
        let failed = Outcome::Failed(Peer::LockedOut.into());
        let lease = lease(store, uuid(1)).await;
        unknown(store.record_outcome(&lease, &configured, at(1)).await);
        store.persist(&lease, Generation(1), &record(1, []), &random_passwords(), at(1)).await.unwrap();
        for (outcome, ending, mode) in [
            (&failed, Ending::Failed, None),
            (&configured, Ending::Configured, Some(ControlMode::Admin)),
            (&Outcome::Quarantined(Peer::Downgrade.into()), Ending::Quarantined, Some(ControlMode::Admin)),
            (&Outcome::Unprovisioned, Ending::Unprovisioned, Some(ControlMode::PreProvisioning)),
            (&failed, Ending::Failed, Some(ControlMode::PreProvisioning)),
        ] {
            store.record_outcome(&lease, outcome, at(7)).await.unwrap();
            let device = store.device(&tenant(), uuid(1)).await.unwrap().unwrap();
            assert_eq!(device.outcome, Some(LastOutcome { ending, text: outcome.to_string(), at: at(7) }));
            assert_eq!((device.mode, device.generation), (mode, Generation(1)));
        }
    });
}

#[test]
fn devices_are_listed_page_by_page() {
    on_each(async |fleet| {
        let store = fleet.store();
        for number in [5, 1, 4, 2, 3] {
            persist(store, 1, &record(number, [Intent::EnrolRomCa(rom_ca(number))])).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = store.devices(&tenant(), after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 2);
            after = Some(last.uuid);
            seen.extend(page.iter().map(|device| (device.uuid, device.record.as_ref().unwrap().rom_ca)));
        }
        assert_eq!(seen, [1, 2, 3, 4, 5].map(|number| (uuid(number), Some(rom_ca(number)))));
        assert!(store.device(&tenant(), uuid(6)).await.unwrap().is_none());
    });
}

#[test]
fn g5_a_permit_is_a_generation_of_its_own_and_audited() {
    on_each(async |fleet| {
        let store = fleet.store();
        unknown(store.permit(&tenant(), uuid(1), permit(), &stamp(1)).await);
        assert!(store.audit(&tenant(), uuid(1), None, 9).await.unwrap().is_empty());

        let mut record = activated(1);
        persist(store, 1, &record).await.unwrap();
        store.permit(&tenant(), uuid(1), permit(), &stamp(2)).await.unwrap();
        let running = persist(store, 2, &record).await;
        assert!(matches!(running, Err(StoreError::Conflict { stored: Some(Generation(2)), .. })), "{running:?}");

        record.permit = Some(permit());
        assert_eq!(stored(store, 1).await, Some((2, record.clone())));
        record.apply(Intent::UsePermit);
        persist(store, 3, &record).await.unwrap();
        let (_, used) = stored(store, 1).await.unwrap();
        assert_eq!((used.permit, used.rom_ca), (None, Some(rom_ca(9))), "used once");
        let log = store.audit(&tenant(), uuid(1), None, 9).await.unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(
            log[0].event,
            format!("permitted to start over, with ROM-CA {}, until 2027-01-15T08:00:00Z", rom_ca(9))
        );
    });
}

#[test]
fn g7_a_removed_device_keeps_everything_until_it_is_forgotten() {
    on_each(async |fleet| {
        let store = fleet.store();
        unknown(store.remove(&tenant(), uuid(1), &stamp(1)).await);
        let record =
            record(1, [Intent::Activate { exposed: false }, Intent::EnrolRomCa(rom_ca(1)), Intent::IntendPin(pin(1))]);
        persist(store, 1, &record).await.unwrap();
        let password = admin(store, 1, 0).await.unwrap();
        let error = store.forget(&tenant(), uuid(1), &stamp(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::InService(_)), "{error}");

        store.remove(&tenant(), uuid(1), &stamp(3)).await.unwrap();
        store.remove(&tenant(), uuid(1), &stamp(4)).await.unwrap();
        assert_eq!(store.device(&tenant(), uuid(1)).await.unwrap().unwrap().removed_at, Some(at(3)));
        assert_eq!(stored(store, 1).await, Some((1, record.clone())), "it is still itself");
        assert_eq!(admin(store, 1, 0).await.unwrap(), password);

        store.forget(&tenant(), uuid(1), &stamp(5)).await.unwrap();
        assert_eq!(stored(store, 1).await, None);
        assert!(matches!(admin(store, 1, 0).await, Err(StoreError::UnknownPassword { .. })));
        unknown(store.forget(&tenant(), uuid(1), &stamp(6)).await);
        let log = store.audit(&tenant(), uuid(1), None, 9).await.unwrap();
        assert_eq!(log.iter().map(|line| &line.event[..]).collect::<Vec<_>>(), ["removed", "removed", "forgotten"]);

        persist(store, 1, &activated(1)).await.unwrap();
        assert_ne!(admin(store, 1, 0).await.unwrap(), password, "it is a stranger");
    });
}

#[test]
fn g7_a_removed_device_that_comes_back_is_in_service_again() {
    on_each(async |fleet| {
        let store = fleet.store();
        let removed = async || store.device(&tenant(), uuid(1)).await.unwrap().unwrap().removed_at.is_some();
        persist(store, 1, &activated(1)).await.unwrap();
        store.remove(&tenant(), uuid(1), &stamp(2)).await.unwrap();
        assert!(removed().await);
        persist(store, 2, &activated(1)).await.unwrap();
        assert!(!removed().await);
        store.remove(&tenant(), uuid(1), &stamp(3)).await.unwrap();
        store.permit(&tenant(), uuid(1), permit(), &stamp(4)).await.unwrap();
        assert!(!removed().await);
    });
}
