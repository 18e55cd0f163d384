//! What may be asked of a device, and what it may answer.
//!
//! One [`Request`] is one question or one change; the channel layer turns it into WS-Management. Requests
//! that give something away are made only by the typed values in `ask.rs`, which the channel's type must
//! be able to carry; [`Class`] says what a lost reply means (G6).

mod ask;
mod class;
mod kinds;
mod reply;

pub use ask::{Ask, Mebx, NewPassword, Plainly, Setup, Upgrade};
pub use class::{Class, Once};
pub use kinds::{Login, Request, RequestId, TlsInterface};
pub use reply::{
    Certificate, CertificateHandle, ChainFlaw, ChainLength, DigestRealm, FirmwareNonce, KeyHandle, KeyPair, Refusal,
    Reply, StoredCertificate, TlsSettings,
};
