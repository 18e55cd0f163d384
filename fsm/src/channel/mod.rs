//! Channels: what the bytes run over, as a type. A channel is named by what proved the peer's key, and
//! the type decides what may travel on it (G1, G4).
//!
//! | channel | the peer's key is |
//! |---|---|
//! | [`Plain`] | unknown: plain text, flow B before the port switch |
//! | [`Odca`] | proven by an on-die CA chain in this very session |
//! | [`Interim`] | the device's default key, whose hash was read *inside* an ODCA session |
//! | [`Provisional`] | a self-signed key that nobody vouches for |
//! | [`Pinned<Proven>`](Pinned) | the stored hash, learnt over proven sessions only |
//! | [`Pinned<FirstUse>`](Pinned) | the stored hash, learnt where nobody vouched |
//!
//! What each may carry is the list of [`Carries`] in `table.rs`. Only [`classify`] makes a TLS channel,
//! from a handshake that the TLS stack authenticated and from what is stored about the device.

mod classify;
mod kinds;
mod names;
mod secrecy;
mod table;

pub use classify::{Recognised, Stranger, classify};
pub use kinds::{
    Assurance, Connected, FirstUse, Interim, Odca, Pinned, PinnedChannel, Plain, Proven, Provisional, Unconnected,
    Unpinned,
};
pub use names::{Channel, ChannelName};
pub use secrecy::{Authority, Carries, OneOff, PasswordKind, PasswordRef, Public, Real, Secrecy};
pub use table::{Grant, Grants, TrustFirstUse};
