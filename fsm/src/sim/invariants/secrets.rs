//! G1.

use alloc::format;

use super::{Check, check};
use crate::channel::ChannelName;
use crate::edges::Place;
use crate::policy::{Adopt, FirstUseTrust, Profile};
use crate::record::Provenance;
use crate::request::{Class, Login, Request};
use crate::sim::server::Disk;

/// G1: no secret on an unproven channel. Over plain text and over TLS to an unvouched key only passwords that
/// are *stored* as given away are used or set, and no authority; over a first-use pin authority needs the
/// profile's word; the operator's own password is used only where the profile adopts, and to replace itself. A password is given away from the
/// beginning or never: one that was kept may be the fleet's. The core never sees a
/// secret, only its number: that the bytes of none show up where they must not is searched for by canaries on
/// real sockets.
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
    let replaces = match request {
        // Without one, some devices take no change of ours (design.md §3).
        Request::SetAdminPassword { .. } | Request::CommitChanges => true,
        request => request.class() == Class::Read,
    };
    check(replaces || login != Login::Given, "G1", || format!("{request} with the operator's password"))?;
    for id in used.into_iter().flatten().filter(|_| unproven) {
        let exposed = record.as_ref().and_then(|record| record.admin.get(id)).is_some_and(|password| password.exposed);
        let kept = disk.was_kept(id);
        check(exposed && !kept, "G1", || format!("{request} gives password {id:?} away over {place}"))?;
    }
    let allowed = match place.channel {
        ChannelName::PinnedProven => true,
        ChannelName::PinnedFirstUse => profile.first_use == FirstUseTrust::Trusted,
        _ => false,
    };
    check(!request.is_authority() || allowed, "G1", || format!("{request} over {place}"))
}

/// G1, from the listener's side: what a hostile relay reads, in plain text or over TLS to its own key, is never a
/// password that is kept and never authority; and nothing at all of a device that was known before. The one
/// exception is what nobody can exclude: a relay that was hostile at first contact and whose own key was pinned
/// as first-use gets the kept password, and authority where the profile trusts first use.
pub fn nothing_is_overheard(kept: bool, request: &Request, known: bool, profile: &Profile) -> Check {
    let authority = request.is_authority() && (known || profile.first_use == FirstUseTrust::NotTrusted);
    check(!authority, "G1", || format!("{request} is read by the relay"))?;
    let provable = known || profile.minimum >= Provenance::OdcaInterim;
    check(!(kept && provable), "G1", || format!("a password that is kept is read by the relay, with {request}"))
}

impl Request {
    /// Whether it gives away what outlives the device.
    pub(in crate::sim) const fn is_authority(&self) -> bool {
        matches!(self, Self::AddChainCertificate { .. } | Self::UpgradeClientToAdmin { .. } | Self::SetMebxPassword(_))
    }
}
