//! Any sequence of calls behaves like a map from devices to generations, records and passwords.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use amt_provision_fsm::record::{Ledger, Password as Mark};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// One call. Generations are told relative to the one that follows.
#[derive(Clone, Debug)]
enum Call {
    Persist { device: u8, off_by: i64, lease: Which, intents: Vec<Intent> },
    TakeOver { device: u8 },
    Permit { device: u8 },
    Remove { device: u8 },
    Forget { device: u8 },
    Reopen,
}

/// Under which lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Current,
    Lost,
}

fn intent() -> impl Strategy<Value = Intent> {
    select(vec![
        Intent::ChangePassword,
        Intent::Activate { exposed: true },
        Intent::SetMebx,
        Intent::ConfirmMebx,
        Intent::EnrolRomCa(rom_ca(1)),
        Intent::IntendPin(pin(2)),
        Intent::ConfirmPin(pin(2)),
        Intent::Settle,
        Intent::UsePermit,
        Intent::Reset,
    ])
}

fn call() -> impl Strategy<Value = Call> {
    let device = 1u8..4;
    let off_by = prop_oneof![6 => Just(0i64), 1 => -2i64..3];
    let lease = prop_oneof![6 => Just(Which::Current), 1 => Just(Which::Lost)];
    prop_oneof![
        12 => (device.clone(), off_by, lease, prop::collection::vec(intent(), 0..3))
            .prop_map(|(device, off_by, lease, intents)| Call::Persist { device, off_by, lease, intents }),
        2 => device.clone().prop_map(|device| Call::TakeOver { device }),
        2 => device.clone().prop_map(|device| Call::Permit { device }),
        2 => device.clone().prop_map(|device| Call::Remove { device }),
        2 => device.prop_map(|device| Call::Forget { device }),
        1 => Just(Call::Reopen),
    ]
}

/// What a device should have in the store.
struct Expected {
    generation: u64,
    record: Record,
    removed: bool,
    passwords: BTreeMap<(Account, PasswordId), Password>,
}

/// The numbers that `record` names.
fn named(record: &Record) -> Vec<(Account, PasswordId)> {
    let admin = record.admin.iter().map(|mark| (Account::Admin, mark.id));
    admin.chain(record.mebx.iter().map(|mark| (Account::Mebx, mark.id))).collect()
}

async fn acquire(store: &dyn Store, tenant: &Tenant, device: u8) -> Result<Lease, StoreError> {
    store.acquire(tenant, uuid(device), &holder("server-1"), Duration::from_secs(15), at(1)).await
}

async fn run(fleet: &Fleet, tenant: &Tenant, calls: Vec<Call>) -> Result<(), TestCaseError> {
    let mut map: BTreeMap<u8, Expected> = BTreeMap::new();
    // The newest lease of each device, and the one before it.
    let mut leases: BTreeMap<u8, (Lease, Option<Lease>)> = BTreeMap::new();
    for device in 1..4 {
        leases.insert(device, (acquire(fleet.store(), tenant, device).await.unwrap(), None));
    }
    let mut reopened = None;
    for call in calls {
        let store = reopened.as_deref().unwrap_or(fleet.store());
        match call {
            Call::TakeOver { device } => {
                let held = acquire(store, tenant, device).await;
                prop_assert!(matches!(held, Err(StoreError::Busy { .. })), "{:?}", held);
                let run_out = "UPDATE lease SET until = 0 WHERE tenant = $1 AND uuid = $2";
                let of = uuid(device).to_string();
                fleet.tamper(run_out, &[tenant.as_str().into(), (&of).into()]).await.unwrap();
                let taken = acquire(store, tenant, device).await.unwrap();
                let (before, _) = leases.remove(&device).unwrap();
                prop_assert!(taken.epoch() > before.epoch());
                leases.insert(device, (taken, Some(before)));
            }
            Call::Persist { device, off_by, lease, intents } => {
                let (current, before) = &leases[&device];
                let lost = before.as_ref().filter(|_| lease == Which::Lost);
                let known = map.get(&device);
                let follows = known.map_or(1, |known| known.generation + 1);
                let mut wanted = known.map_or_else(|| Record::new(uuid(device)), |known| known.record.clone());
                let marks = named(&wanted);
                for intent in intents {
                    // As the core does it: a password is confirmed or retired only after the store has it.
                    let unborn = |mebx: &Mark| !marks.contains(&(Account::Mebx, mebx.id));
                    let moves_on = matches!(intent, Intent::ConfirmMebx | Intent::Reset | Intent::Activate { .. });
                    let early = moves_on && wanted.mebx.as_ref().is_some_and(unborn);
                    if !early {
                        wanted.apply(intent);
                    }
                }
                let generation = Generation(follows.saturating_add_signed(off_by));
                let lease = lost.unwrap_or(current);
                let written = store.persist(lease, generation, &wanted, &random_passwords(), at(1)).await;
                if lost.is_some() {
                    prop_assert!(matches!(written, Err(StoreError::LeaseLost(_))), "{:?}", written);
                } else if generation.0 != follows {
                    let conflict = matches!(written, Err(StoreError::Conflict { .. }));
                    prop_assert!(conflict, "{:?}", written);
                } else {
                    prop_assert!(written.is_ok(), "{:?}", written);
                    let mut passwords = map.remove(&device).map(|known| known.passwords).unwrap_or_default();
                    for (account, id) in named(&wanted) {
                        let password = store.password(tenant, uuid(device), account, id).await;
                        passwords.entry((account, id)).or_insert(password.unwrap());
                    }
                    map.insert(device, Expected { generation: follows, record: wanted, removed: false, passwords });
                }
            }
            Call::Permit { device } => {
                let permit = devices::permit();
                let permitted = store.permit(tenant, uuid(device), permit, &stamp(1)).await;
                prop_assert_eq!(permitted.is_ok(), map.contains_key(&device));
                if let Some(known) = map.get_mut(&device) {
                    known.generation += 1;
                    known.record.permit = Some(permit);
                    known.removed = false;
                }
            }
            Call::Remove { device } => {
                let removed = store.remove(tenant, uuid(device), &stamp(1)).await;
                prop_assert_eq!(removed.is_ok(), map.contains_key(&device));
                map.entry(device).and_modify(|known| known.removed = true);
            }
            Call::Forget { device } => {
                let forgotten = store.forget(tenant, uuid(device), &stamp(1)).await;
                prop_assert_eq!(forgotten.is_ok(), map.get(&device).is_some_and(|known| known.removed));
                if forgotten.is_ok() {
                    map.remove(&device);
                }
            }
            Call::Reopen => reopened = Some(fleet.another().await),
        }
    }
    let store = reopened.as_deref().unwrap_or(fleet.store());
    for device in 1..4 {
        let known = map.get(&device);
        let ledger = known.map(|known| Ledger::stored(known.record.clone(), Generation(known.generation)));
        prop_assert_eq!(store.load(tenant, uuid(device)).await.unwrap(), ledger);
        for ((account, id), password) in known.iter().flat_map(|known| &known.passwords) {
            prop_assert_eq!(&store.password(tenant, uuid(device), *account, *id).await.unwrap(), password);
        }
    }
    let listed = store.devices(tenant, None, 9).await.unwrap();
    let listed: Vec<(Uuid, bool)> = listed.iter().map(|device| (device.uuid, device.removed_at.is_some())).collect();
    prop_assert_eq!(listed, map.iter().map(|(device, known)| (uuid(*device), known.removed)).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn any_sequence_of_calls_behaves_like_a_map_with_generations() {
    // Each case has a tenant of its own, so that one store serves all.
    let cases = AtomicU64::new(0);
    on_each(async |fleet| {
        let config = ProptestConfig { cases: 48, ..ProptestConfig::default() };
        proptest!(config, |(calls in prop::collection::vec(call(), 1..24))| {
            let tenant: Tenant = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed)).parse().unwrap();
            smol::block_on(run(fleet, &tenant, calls))?;
        });
    });
}
