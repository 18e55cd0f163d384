//! What a store keeps, against any history of a device and any damage.

use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::record::{Intent, KeyMark, PasswordId, Pin, Provenance, Record, Snapshot, SnapshotError};
use amt_provision_fsm::request::{KeyHandle, Once};
use amt_provision_fsm::sim::{Case, Fault, FaultPlan, NoCase, Persona, Rng, Trace, When, World};
use proptest::collection::vec;
use proptest::prelude::*;

fn intent() -> impl Strategy<Value = Intent> {
    let provenance = || {
        prop::sample::select(vec![
            Provenance::FirstUse,
            Provenance::Adopted,
            Provenance::Provisional,
            Provenance::OdcaInterim,
            Provenance::Odca,
        ])
    };
    let pin = move || {
        (any::<[u8; 32]>(), provenance())
            .prop_map(|(hash, provenance)| Pin { spki: SpkiHash::from_bytes(hash), provenance })
    };
    let once = prop::sample::select(vec![Once::Setup, Once::Upgrade, Once::Unprovision]);
    let known = vec("\\PC{0,20}".prop_map(KeyHandle), 0..3);
    let none = vec![
        Intent::UsePermit,
        Intent::Hold,
        Intent::ChangePassword,
        Intent::Settle,
        Intent::CommitActivation,
        Intent::CommitAdmin,
        Intent::SetMebx,
        Intent::ConfirmMebx,
        Intent::Reset,
    ];
    prop_oneof![
        4 => prop::sample::select(none),
        1 => any::<[u8; 32]>().prop_map(|hash| Intent::EnrolRomCa(RomCaHash::from_bytes(hash))),
        1 => any::<[u8; 32]>().prop_map(|hash| Intent::EnrolInterim(SpkiHash::from_bytes(hash))),
        1 => any::<bool>().prop_map(|exposed| Intent::Activate { exposed }),
        1 => any::<bool>().prop_map(|exposed| Intent::Adopt { exposed }),
        1 => (0u8..4).prop_map(|id| Intent::ConfirmPassword(PasswordId(id.into()))),
        1 => once.prop_map(Intent::Doubt),
        1 => (known, provenance()).prop_map(|(known, provenance)| Intent::Generate(KeyMark { known, provenance })),
        1 => pin().prop_map(Intent::IntendPin),
        1 => pin().prop_map(Intent::ConfirmPin),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    (any::<[u8; 16]>(), vec(intent(), 0..24)).prop_filter_map("a placeholder is no UUID", |(uuid, intents)| {
        let mut record = Record::new(Uuid::from_bytes(uuid).ok()?);
        intents.into_iter().for_each(|intent| record.apply(intent));
        Some(record)
    })
}

proptest! {
    #[test]
    fn whatever_happened_to_a_device_is_read_as_it_was_written_and_no_part_of_it_is(record in record()) {
        let bytes = Snapshot::encode(&record).expect("a record is encoded");
        prop_assert_eq!(Snapshot::decode(&bytes), Ok(record));
        for length in 0..bytes.len() {
            prop_assert_eq!(Snapshot::decode(&bytes[..length]), Err(SnapshotError::Unreadable));
        }
    }

    /// A damaged snapshot may still be one; then it is that one and no other.
    #[test]
    fn damage_panics_nobody_and_what_is_read_is_written_again_the_same(
        record in record(), at in any::<prop::sample::Index>(), with in any::<u8>(), noise in vec(any::<u8>(), 0..60),
    ) {
        let mut bytes = Snapshot::encode(&record).expect("a record is encoded");
        let at = at.index(bytes.len());
        bytes[at] = with;
        for bytes in [bytes, noise] {
            if let Ok(read) = Snapshot::decode(&bytes) {
                let again = Snapshot::encode(&read).expect("a record is encoded");
                prop_assert_eq!(Snapshot::decode(&again), Ok(read));
            }
        }
    }

    #[test]
    fn a_case_of_the_world_is_read_as_it_was_written(seed in any::<u64>(), at in any::<prop::sample::Index>()) {
        let mut rng = Rng::new(seed);
        let mut plan = vec![(When::Step(7), Fault::CutLine)];
        plan.truncate(at.index(2));
        let case = Case {
            seed,
            persona: *rng.pick(&Persona::ALL),
            profile: amt_provision_fsm::policy::Profile::cautious(amt_provision_fsm::policy::Goal::Client),
            orders: Vec::new(),
            faults: FaultPlan::new(plan),
        };
        let word = case.to_string();
        prop_assert_eq!(word.parse(), Ok(case.clone()));
        for length in 0..word.len() {
            prop_assert_eq!(word[..length].parse::<Case>(), Err(NoCase));
        }
        let trace = World::new(case.clone(), true).run().trace.to_string();
        prop_assert_eq!(Trace::case_of(&trace), Some(case));
    }
}
