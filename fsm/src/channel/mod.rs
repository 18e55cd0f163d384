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
//! What each may carry is the list of [`Carries`] in `secrecy.rs`. Only [`classify`] makes a TLS channel,
//! from a handshake that the TLS stack authenticated and from what is stored about the device.

mod classify;
mod kinds;
mod secrecy;

pub use classify::{Recognised, Stranger, classify};
pub use kinds::{
    Assurance, Channel, ChannelName, Connected, FirstUse, Interim, Odca, Pinned, PinnedChannel, Plain, Proven,
    Provisional, Unconnected, Unpinned,
};
pub use secrecy::{
    Authority, Carries, Grant, Grants, OneOff, PasswordKind, PasswordRef, Public, Real, Secrecy, TrustFirstUse,
};
