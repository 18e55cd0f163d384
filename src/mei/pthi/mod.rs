//! PTHI commands: the questions about AMT itself that a device report needs, and their answers
//! (rpc-go.md §2).
//!
//! A [`Request`] goes out; the answer comes back as the type that the question has ([`Command::Answer`]).
//! Both directions of both exist, because the simulated device reads the requests and writes the answers.
//! What a firmware sends is checked as Intel LMS checks it (response command, Length, status) and every
//! count and length in it is bounded before it is used.
//!
//! ```
//! use amt_provision::fsm::firmware::ControlMode;
//! use amt_provision::mei::pthi::{Command, GetControlMode, Request, Status, encode_answer};
//!
//! let question = GetControlMode;
//! let bytes = question.request().encode();                        // the host asks,
//! let asked = Request::decode(&bytes)?;                           // the device reads,
//! let answer = encode_answer(asked, &ControlMode::Client);        // and answers;
//! assert_eq!(question.decode(&answer)?, ControlMode::Client);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod command;
mod fields;
mod hashes;
mod message;
mod status;
#[cfg(test)]
mod tests;

pub use answer::{
    Answer, CodeVersion, CodeVersions, DeviceGuid, DhcpMode, DnsSuffix, LanSettings, LinkStatus, LocalSystemAccount,
};
pub use command::{
    Command, EnumerateHashHandles, GetCertHashEntry, GetCodeVersions, GetControlMode, GetLanInterfaceSettings,
    GetLocalSystemAccount, GetPkiFqdnSuffix, GetProvisioningState, GetUuid,
};
pub use fields::{AnswerError, Text};
pub use hashes::{CertificateHash, CertificateHashEntry, HashHandle, HashHandles};
pub use message::{LanInterface, Request, RequestError, encode_answer, encode_refusal};
pub use status::Status;
