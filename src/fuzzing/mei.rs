//! Bytes are what a host or a firmware says over MEI.

use std::fmt::Debug;

use crate::mei::pthi::{
    Answer, Command, EnumerateHashHandles, GetCertHashEntry, GetCodeVersions, GetControlMode, GetLanInterfaceSettings,
    GetLocalSystemAccount, GetPkiFqdnSuffix, GetProvisioningState, GetUuid, HashHandle, LanInterface, Request,
    encode_answer,
};
use crate::mei::watchdog::StateIndependence;

/// Reads a message as a host's request and as the answer to the question that the first byte names, and panics when
/// what is written again is another one.
pub fn mei_message(data: &[u8]) {
    let Some((&question, message)) = data.split_first() else { return };
    match Request::decode(message) {
        Ok(request) => assert_eq!(Request::decode(&request.encode()), Ok(request)),
        Err(error) => {
            if let Some(refusal) = error.refusal() {
                assert!(refusal.len() < 64, "{} bytes of refusal", refusal.len());
            }
        }
    }
    if let Ok(answer) = StateIndependence::decode(message) {
        assert_eq!(answer.encode(), message);
    }
    match question % 9 {
        0 => answer(&GetCodeVersions, message),
        1 => answer(&GetUuid, message),
        2 => answer(&GetControlMode, message),
        3 => answer(&GetProvisioningState, message),
        4 => answer(&GetLocalSystemAccount, message),
        5 => answer(&EnumerateHashHandles, message),
        6 => answer(&GetCertHashEntry(HashHandle(1)), message),
        7 => answer(&GetPkiFqdnSuffix, message),
        _ => answer(&GetLanInterfaceSettings(LanInterface::Wired), message),
    }
}

fn answer<C: Command<Answer: Answer + PartialEq + Debug>>(question: &C, message: &[u8]) {
    let Ok(answer) = question.decode(message) else { return };
    let again = encode_answer(question.request(), &answer);
    assert_eq!(question.decode(&again), Ok(answer));
}
