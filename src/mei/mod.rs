//! The host's side of MEI, the Management Engine Interface: how the relay asks the firmware what it is
//! before anybody has talked to it over the network, and how the simulated device answers.
//!
//! ```text
//! Mei::survey ──▶ Pthi commands, watchdog byte ──▶ MeiTransport ──▶ AF_UNIX SOCK_SEQPACKET ──▶ server::MeiListener
//!   (what to ask)      (codecs, both directions)       (one message out, one in)                 (simulated device)
//! ```
//!
//! * [`pthi`] and [`watchdog`] are codecs: bytes in, typed values out, and back.
//! * [`MeiTransport`] connects to one [`FirmwareClient`] and carries whole messages. It blocks, and is used
//!   through `smol::unblock`: the kernel's MEI driver blocks in `connect` and `write` whatever one asks for,
//!   the relay asks about a dozen short questions before it does anything else, and a plain call is what
//!   tests and other drivers implement most easily.
//! * [`SeqpacketMei`] is the transport of this build; [`MeiAddress`] is how an operator names one.
//! * [`server`] is the other end of that socket. It is asynchronous, because one simulator plays many devices.
//! * [`Mei::survey`] asks everything in order and returns a [`Survey`].
//!
//! What the firmware says here is good for the relay's report, which the server treats as a claim; nothing
//! the server stores rests on it (design: "the relay is untrusted").
//!
//! ```no_run
//! use amt_provision::mei::{Mei, MeiAddress};
//!
//! let address: MeiAddress = "unix:/run/amt/mei0.sock".parse()?;
//! let survey = Mei::new(address.open()?).survey()?;
//! println!("AMT {} in {}", survey.version, survey.control_mode);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod ask;
mod client;
pub mod pthi;
mod seqpacket;
pub mod server;
mod survey;
#[cfg(test)]
pub(crate) mod tests;
mod transport;
pub mod watchdog;

pub use address::{MeiAddress, MeiAddressError};
pub use ask::{AskError, BUSY_WAITS, Mei};
pub use client::{ClientGuid, FirmwareClient};
pub use seqpacket::{SeqpacketConnection, SeqpacketMei};
pub use survey::{LocalTls, Sku, Survey, SurveyError};
pub use transport::{MAX_MESSAGE, MeiConnection, MeiError, MeiTransport, READ_TIMEOUT};
