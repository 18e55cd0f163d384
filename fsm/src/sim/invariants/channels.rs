//! G4, G5: what a channel is, and which may be spoken over.

use alloc::format;

use super::{Check, check};
use crate::channel::ChannelName;
use crate::edges::Place;
use crate::peer::{Peer, Voucher};
use crate::record::{Pins, Record};
use crate::request::Once;
use crate::sim::device::Device;

/// G4: every TLS session is typed by what proved its peer. A pinned channel showed a stored hash, and is
/// called proven only where that pin is; an ODCA channel showed a chain, of the enrolled silicon if there is
/// one; an interim channel showed the key that was listed inside an ODCA session. There is no other way to a
/// typed channel. That the chain is verified, and is the one that the TLS stack authenticated, is the channel
/// layer's part.
pub fn a_channel_is_what_its_handshake_proved(place: Place, peer: &Peer, record: &Record) -> Check {
    let pin = [record.pins.confirmed, record.pins.intended].into_iter().flatten().find(|pin| pin.spki == peer.spki);
    let proved = match place.channel {
        ChannelName::PinnedProven => pin.is_some_and(|pin| pin.provenance.is_proven()),
        ChannelName::PinnedFirstUse => pin.is_some_and(|pin| !pin.provenance.is_proven()),
        ChannelName::Odca => match peer.voucher {
            Voucher::Odca(shown) => record.rom_ca.is_none_or(|enrolled| enrolled == shown),
            Voucher::Nobody => false,
        },
        ChannelName::Interim => record.pins.interim == Some(peer.spki),
        ChannelName::Provisional => pin.is_none(),
        ChannelName::Plain => false,
        ChannelName::Unconnected => true,
    };
    check(proved, "G4", || format!("{place} after a handshake that showed {peer:?}"))
}

/// G5: the UUID first. A genuine device that is not the one which was announced gets nothing changed: it is
/// asked for its UUID before anything else is asked of it or stored about it.
pub fn another_device_is_left_alone(other: &Device) -> Check {
    let factory = Device::new(other.persona, other.report().uuid);
    check(other.truth() == factory.truth() && other.counters() == factory.counters(), "G5", || {
        format!("another device became {:?}", other.truth())
    })
}

/// G5: the pins of a known device stay. Without a rotation, an unprovisioning or an operator's permit nothing that a
/// relay does changes what a device is held to.
pub fn pins_of_a_known_device_stay(known: &Pins, now: &Pins) -> Check {
    check(known == now, "G5", || format!("{known:?} became {now:?}"))
}

/// G5: no downgrade. A device with a confirmed pin is spoken to over that pin, or over ODCA with the enrolled
/// ROM-CA hash. Only the question whether our own `Unprovision` was applied may be asked elsewhere, because the
/// device may have nothing left to prove itself with. `record` is what the store has; for a server that has lost
/// its lease, what it had then: whatever it wants to store or to do once, ends it (G13).
pub fn no_downgrade(place: Place, record: Option<&Record>) -> Check {
    let Some(record) = record.filter(|record| record.pins.binding().is_some()) else { return Ok(()) };
    let deactivating = record.doubt == Some(Once::Unprovision);
    let held = match place.channel {
        ChannelName::PinnedProven | ChannelName::PinnedFirstUse => true,
        ChannelName::Odca => record.rom_ca.is_some() || deactivating,
        ChannelName::Plain => deactivating,
        ChannelName::Interim | ChannelName::Provisional | ChannelName::Unconnected => false,
    };
    check(held, "G5", || format!("a device with a confirmed pin is asked over {place}"))
}
