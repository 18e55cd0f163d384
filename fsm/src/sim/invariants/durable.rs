//! G2, G3, G7, G13: the store, and what the device has of it.

use alloc::format;
use alloc::string::String;

use super::{Check, check};
use crate::firmware::ControlMode;
use crate::policy::{FirstUseTrust, Goal, Profile};
use crate::provisioner::Provisioner;
use crate::request::{Class, Request};
use crate::sim::device::{Device, Shown, key_spki};
use crate::sim::server::Disk;

/// G2: credentials first. A request that sets an admin or MEBx password exists only after the store has that
/// password: should everything be lost behind it, whoever comes next can log in.
pub fn credentials_are_durable_first(request: &Request, disk: &Disk) -> Check {
    let stored = match request {
        Request::Setup { password, .. } | Request::SetAdminPassword { password, .. } => disk.has_admin(*password),
        Request::SetMebxPassword(password) => disk.has_mebx(*password),
        _ => true,
    };
    check(stored, "G2", || format!("{request} with a password that is not stored"))
}

/// G6, its durable half: a request that must not be applied twice exists only after the store has the doubt
/// whether it was. A server that dies with the request under way leaves that doubt to the next one, which
/// looks before it asks.
pub fn doubt_is_durable_first(request: &Request, disk: &Disk) -> Check {
    match request.class() {
        Class::Once(once) => {
            let doubted = disk.record().is_some_and(|record| record.doubt == Some(once));
            check(doubted, "G6", || format!("{request} without a stored doubt"))
        }
        _ => Ok(()),
    }
}

/// G3: pin first. The hash of a key that the device shows because of us is stored, confirmed or intended;
/// otherwise the next handshake would show a stranger.
pub fn a_shown_key_is_stored(device: &Device, disk: &Disk) -> Check {
    let Shown::Key(n) = device.truth().shown else { return Ok(()) };
    let spki = key_spki(device.report().uuid, n);
    let pins = disk.record().map(|record| record.pins).unwrap_or_default();
    let stored = [pins.confirmed, pins.intended].into_iter().flatten().any(|pin| pin.spki == spki);
    check(stored, "G3", || format!("the device shows {spki:?}, and the store has {pins:?}"))
}

/// G7: nothing is lost. At the end of a good run the device is what the store says: its mode, its key, its
/// passwords; nothing is in doubt, and in ACM its clock was set. That a run which did not end well is finished
/// by the next one is what the world's second half, after it was healed, shows.
pub fn store_and_device_agree(device: &Device, disk: &Disk, mode: ControlMode) -> Check {
    let truth = device.truth();
    let Some(record) = disk.record() else {
        return check(false, "G7", || String::from("a device was configured and nothing is stored"));
    };
    check(truth.mode == mode, "G7", || format!("reported {mode}, and the device is in {}", truth.mode))?;
    let confirmed = record.pins.confirmed.map(|pin| pin.spki);
    check(confirmed == Some(device.shows().spki), "G7", || {
        format!("stored {:?}, shown {:?}", record.pins, truth.shown)
    })?;
    let admin = record.admin.confirmed();
    check(admin.map(|password| password.id) == truth.admin, "G7", || format!("{:?} against {truth:?}", record.admin))?;
    check(admin.is_some_and(|password| !password.exposed), "G1", || {
        String::from("the password that stays was given away")
    })?;
    check(record.doubt.is_none(), "G7", || format!("{:?} is still in doubt", record.doubt))?;
    if mode == ControlMode::Admin {
        check(record.mebx.map(|mebx| mebx.id) == truth.mebx, "G7", || format!("{:?} against {truth:?}", record.mebx))?;
        check(truth.clock_set, "G7", || String::from("ACM with a clock that nobody has set"))?;
    }
    Ok(())
}

/// G13: one driver per device. When a request leaves that must not be applied twice, the generation that its
/// run has seen stored is the store's newest: a server whose lease another one has taken finds out at the
/// compare-and-swap before the request, and stops. The lease row, its epoch and "busy" are the adapter's.
pub fn one_driver(run: &Provisioner, request: &Request, disk: &Disk) -> Check {
    let once = matches!(request.class(), Class::Once(_));
    let (seen, newest) = (run.ledger().generation(), disk.ledger().generation());
    check(!once || seen == newest, "G13", || format!("{request} at generation {seen:?}, and the store has {newest:?}"))
}

/// The mode that this profile ends in with a pin of that provenance.
pub const fn goal_of(profile: &Profile, proven: bool) -> ControlMode {
    match (profile.goal, profile.first_use, proven) {
        (Goal::Admin(_), FirstUseTrust::Trusted, _) | (Goal::Admin(_), _, true) => ControlMode::Admin,
        _ => ControlMode::Client,
    }
}
