//! What must never be otherwise. Each function is one guarantee of design.md §4, checked where it could
//! break: at every request that leaves, at every change of the device, after every event.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::device::{Device, Shown, key_spki};
use super::server::Disk;
use crate::channel::ChannelName;
use crate::edges::{Edge, Place};
use crate::firmware::ControlMode;
use crate::policy::{Adopt, FirstUseTrust, Goal, Profile};
use crate::provisioner::Provisioner;
use crate::relay::{Limits, Relay, RelayState};
use crate::request::{Class, Login, Once, Request};
use crate::time::Instant;

/// A guarantee that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Its number and name.
    pub guarantee: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: {}", self.guarantee, self.seen)
    }
}

type Check = Result<(), Violation>;

fn check(holds: bool, guarantee: &'static str, seen: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation { guarantee, seen: seen() }) }
}

/// G1: no secret on an unproven channel. Written down a second time, as a plain table and from the disk's
/// point of view, so that a mistake in the types does not hide itself: over plain text and over TLS to an
/// unvouched key only passwords that are *stored* as given away are used or set, and no authority; over a
/// first-use pin authority needs the profile's word.
pub fn no_secret_on_an_unproven_channel(
    place: Place,
    login: Login,
    request: &Request,
    disk: &Disk,
    profile: &Profile,
) -> Check {
    let unproven = matches!(place.channel, ChannelName::Plain | ChannelName::Provisional);
    let record = disk.record();
    let used = [
        match login {
            Login::Admin(id) => Some(id),
            Login::LocalSystem | Login::Given => None,
        },
        match request {
            Request::Setup { password, .. } | Request::SetAdminPassword { password, .. } => Some(*password),
            _ => None,
        },
    ];
    let given = login == Login::Given && profile.adopt == Adopt::Refused;
    check(!given, "G1", || format!("{request} with the operator's password, and the profile adopts nothing"))?;
    for id in used.into_iter().flatten().filter(|_| unproven) {
        let exposed = record.as_ref().and_then(|record| record.admin.get(id)).is_some_and(|password| password.exposed);
        check(exposed, "G1", || format!("{request} gives password {id:?} away over {place}"))?;
    }
    let authority = matches!(
        request,
        Request::AddChainCertificate { .. } | Request::UpgradeClientToAdmin { .. } | Request::SetMebxPassword(_)
    );
    let allowed = match place.channel {
        ChannelName::PinnedProven => true,
        ChannelName::PinnedFirstUse => profile.first_use == FirstUseTrust::Trusted,
        _ => false,
    };
    check(!authority || allowed, "G1", || format!("{request} over {place}"))
}

/// G2: credentials first. A request that sets a password exists only after the store has the password;
/// one that must not be applied twice only after the store has the doubt (G6).
pub fn credentials_and_doubt_are_durable_first(request: &Request, disk: &Disk) -> Check {
    let stored = match request {
        Request::Setup { password, .. } | Request::SetAdminPassword { password, .. } => disk.has_admin(*password),
        Request::SetMebxPassword(password) => disk.has_mebx(*password),
        _ => true,
    };
    check(stored, "G2", || format!("{request} with a password that is not stored"))?;
    match request.class() {
        Class::Once(once) => {
            let doubted = disk.record().is_some_and(|record| record.doubt == Some(once));
            check(doubted, "G6", || format!("{request} without a stored doubt"))
        }
        _ => Ok(()),
    }
}

/// G3: pin first. The hash of a key that the device shows because of us is stored.
pub fn a_shown_key_is_stored(device: &Device, disk: &Disk) -> Check {
    let Shown::Key(n) = device.truth().shown else { return Ok(()) };
    let spki = key_spki(device.report().uuid, n);
    let pins = disk.record().map(|record| record.pins).unwrap_or_default();
    let stored = [pins.confirmed, pins.intended].into_iter().flatten().any(|pin| pin.spki == spki);
    check(stored, "G3", || format!("the device shows {spki:?}, and the store has {pins:?}"))
}

/// G5: no downgrade. A device with a confirmed pin is spoken to over that pin, or over ODCA with the
/// enrolled ROM-CA hash.
pub fn no_downgrade(place: Place, disk: &Disk) -> Check {
    let Some(record) = disk.record().filter(|record| record.pins.binding().is_some()) else { return Ok(()) };
    let deactivating = record.doubt == Some(Once::Unprovision);
    let held = match place.channel {
        ChannelName::PinnedProven | ChannelName::PinnedFirstUse => true,
        ChannelName::Odca => record.rom_ca.is_some() || deactivating,
        ChannelName::Plain => deactivating,
        ChannelName::Interim | ChannelName::Provisional | ChannelName::Unconnected => false,
    };
    check(held, "G5", || format!("a device with a confirmed pin is asked over {place}"))
}

/// G6: nothing that must not be repeated reaches a device that has applied it.
pub fn nothing_is_applied_twice(device: &Device) -> Check {
    let counters = device.counters();
    let once = counters.repeated == 0 && counters.setup <= 1 && counters.upgrade <= 1;
    check(once, "G6", || format!("the device counts {counters:?}"))
}

/// G8: everything ends. A run that has not ended has a deadline, and one that is due is not due again.
pub fn everything_has_a_deadline(run: &Provisioner) -> Check {
    let has = run.outcome().is_some() || run.poll_timeout().is_some();
    check(has, "G8", || format!("{} waits for ever", run.place()))
}

/// G8: time advances. After a deadline was handled, the next one lies ahead.
pub fn time_advances(now: Instant, next: Option<Instant>) -> Check {
    check(next.is_none_or(|next| next > now), "G8", || format!("due again at once, at {now}"))
}

/// G10: bounded. What a relay holds never exceeds its limits.
pub fn the_relay_is_bounded(relay: &Relay, limits: Limits) -> Check {
    let bounded = relay.line_credit().is_none_or(|credit| credit <= limits.to_device)
        && relay.device_credit().is_none_or(|credit| credit <= limits.to_server);
    check(bounded, "G10", || format!("{:?}", relay.state()))?;
    let open = matches!(relay.state(), RelayState::Closed(_)) || relay.poll_timeout().is_some();
    check(open, "G8", || format!("the relay waits for ever in {:?}", relay.state()))
}

/// The edges of a run are declared ones, and each begins where the one before has ended.
pub fn edges_are_contiguous(before: Place, edge: Edge) -> Check {
    let declared = crate::edges::edges().any(|declared| declared == edge);
    check(declared && edge.from == before, "edges", || format!("{edge} after {before}"))
}

/// G7: nothing is lost. At the end of a good run the device is what the store says: its mode, its key,
/// its passwords.
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

/// The mode that this profile ends in with a pin of that provenance.
pub const fn goal_of(profile: &Profile, proven: bool) -> ControlMode {
    match (profile.goal, profile.first_use, proven) {
        (Goal::Admin(_), FirstUseTrust::Trusted, _) | (Goal::Admin(_), _, true) => ControlMode::Admin,
        _ => ControlMode::Client,
    }
}
