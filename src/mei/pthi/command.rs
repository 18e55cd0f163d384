//! Questions whose type says what the answer is.

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};

use super::message::decode_answer;
use super::{
    Answer, AnswerError, CertificateHashEntry, CodeVersions, DeviceGuid, DnsSuffix, HashHandle, HashHandles,
    LanInterface, LanSettings, LocalSystemAccount, Request,
};

/// A question to the firmware and the type of its answer.
pub trait Command {
    /// What the firmware answers.
    type Answer: Answer;

    /// The message that asks.
    fn request(&self) -> Request;

    /// Reads the answer to this question.
    ///
    /// # Errors
    /// [`AnswerError`]: the firmware refused, or what came is not the answer.
    fn decode(&self, message: &[u8]) -> Result<Self::Answer, AnswerError> {
        decode_answer(self.request(), message)
    }
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident $(($argument:ident))? -> $answer:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name $((
            /// Which one.
            pub $argument
        ))?;

        impl Command for $name {
            type Answer = $answer;

            fn request(&self) -> Request {
                Request::$name $((commands!(@argument self $argument)))?
            }
        }
    )*};
    (@argument $this:ident $argument:ident) => { $this.0 };
}

commands! {
    /// Which versions of what there are.
    GetCodeVersions -> CodeVersions;
    /// The system UUID.
    GetUuid -> DeviceGuid;
    /// Not provisioned, CCM or ACM.
    GetControlMode -> ControlMode;
    /// Before, in or after provisioning.
    GetProvisioningState -> ProvisioningState;
    /// The account `$$OsAdmin` and its password.
    GetLocalSystemAccount -> LocalSystemAccount;
    /// The handles of the trusted root hashes.
    EnumerateHashHandles -> HashHandles;
    /// One trusted root hash.
    GetCertHashEntry(HashHandle) -> CertificateHashEntry;
    /// The DNS suffix set in the MEBx.
    GetPkiFqdnSuffix -> DnsSuffix;
    /// The settings of one network interface.
    GetLanInterfaceSettings(LanInterface) -> LanSettings;
}
