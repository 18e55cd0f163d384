//! G6, G8, and the protocol's own edges: what happens, happens once, in order, and in time.

use alloc::format;

use super::{Check, check};
use crate::edges::{Edge, Place};
use crate::provisioner::Provisioner;
use crate::sim::device::Device;
use crate::time::Instant;

/// G6: nothing that must not be repeated reaches a device that has applied it. The device counts: `Setup` and
/// `UpgradeClientToAdmin` once per provisioning, and none of the three comes where it was applied already.
pub fn nothing_is_applied_twice(device: &Device) -> Check {
    let counters = device.counters();
    let once = counters.repeated == 0 && counters.setup <= 1 && counters.upgrade <= 1;
    check(once, "G6", || format!("the device counts {counters:?}"))
}

/// G6, where a relay lies: what is applied, is applied once. A relay that hides replies on a channel that proves
/// nothing can have a request sent again; the firmware refuses it then.
pub fn nothing_takes_effect_twice(device: &Device) -> Check {
    let counters = device.counters();
    check(counters.setup <= 1 && counters.upgrade <= 1, "G6", || format!("the device counts {counters:?}"))
}

/// G8: everything ends. A run that has not ended has a deadline; without one, a peer that falls silent would
/// hold it for ever.
pub fn everything_has_a_deadline(run: &Provisioner) -> Check {
    let has = run.outcome().is_some() || run.poll_timeout().is_some();
    check(has, "G8", || format!("{} waits for ever", run.place()))
}

/// G8: time advances. After a deadline was handled, the next one lies ahead; otherwise the driver would turn
/// in place.
pub fn time_advances(now: Instant, next: Option<Instant>) -> Check {
    check(next.is_none_or(|next| next > now), "G8", || format!("due again at once, at {now}"))
}

/// The edges of a run are declared ones, and each begins where the one before has ended.
pub fn edges_are_contiguous(before: Place, edge: Edge) -> Check {
    let declared = crate::edges::edges().any(|declared| declared == edge);
    check(declared && edge.from == before, "edges", || format!("{edge} after {before}"))
}
