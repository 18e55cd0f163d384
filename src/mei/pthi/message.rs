//! The messages themselves: a 12-byte header, then arguments, or a status and an answer.
//!
//! `[0]` major 1, `[1]` minor 1, `[2..4)` reserved, `[4..8)` u32 command, `[8..12)` u32 Length of what
//! follows. A response has bit 23 set in the command and begins with a u32 status.

use super::fields::Fields;
use super::{Answer, AnswerError, HashHandle, Status};

const VERSION: [u8; 2] = [1, 1];
const RESPONSE: u32 = 0x0080_0000;
const HEADER: usize = 12;
/// Arguments of GetLocalSystemAccount: forty reserved bytes.
const ACCOUNT_RESERVED: usize = 40;

/// Which network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LanInterface {
    /// Index 0.
    Wired,
    /// Index 1.
    Wireless,
}

/// A question to the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Which versions of what there are.
    GetCodeVersions,
    /// The system UUID.
    GetUuid,
    /// Not provisioned, CCM or ACM.
    GetControlMode,
    /// Before, in or after provisioning.
    GetProvisioningState,
    /// The account `$$OsAdmin` and its password.
    GetLocalSystemAccount,
    /// The handles of the trusted root hashes.
    EnumerateHashHandles,
    /// One trusted root hash.
    GetCertHashEntry(HashHandle),
    /// The DNS suffix set in the MEBx.
    GetPkiFqdnSuffix,
    /// The settings of one network interface.
    GetLanInterfaceSettings(LanInterface),
}

/// Why bytes are no request. The host is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not even a header of version 1.1.
    #[error("the host sent {0} bytes without a PTHI 1.1 header: expected at least {HEADER}")]
    NoHeader(usize),
    /// The command is not one that this project knows.
    #[error("the host sent command {0:#010x}, which is not known here")]
    UnknownCommand(u32),
    /// The arguments are too short, too long or have no meaning.
    #[error("the host sent command {0:#010x} with arguments of the wrong length or value")]
    WrongArguments(u32),
}

impl RequestError {
    /// The answer that a firmware gives; `None` where there is no command that it could answer.
    pub fn refusal(self) -> Option<Vec<u8>> {
        match self {
            Self::NoHeader(_) => None,
            Self::UnknownCommand(code) => Some(encode(code | RESPONSE, &Status::INVALID_PARAMETER.0.to_le_bytes())),
            Self::WrongArguments(code) => {
                Some(encode(code | RESPONSE, &Status::INVALID_MESSAGE_LENGTH.0.to_le_bytes()))
            }
        }
    }
}

impl Request {
    /// The command word of the request.
    pub const fn code(self) -> u32 {
        match self {
            Self::GetProvisioningState => 0x0400_0011,
            Self::GetCodeVersions => 0x0400_001A,
            Self::EnumerateHashHandles => 0x0400_002C,
            Self::GetCertHashEntry(_) => 0x0400_002D,
            Self::GetPkiFqdnSuffix => 0x0400_0036,
            Self::GetLanInterfaceSettings(_) => 0x0400_0048,
            Self::GetUuid => 0x0400_005C,
            Self::GetLocalSystemAccount => 0x0400_0067,
            Self::GetControlMode => 0x0400_006B,
        }
    }

    /// The message that asks.
    pub fn encode(self) -> Vec<u8> {
        match self {
            Self::GetLocalSystemAccount => encode(self.code(), &[0; ACCOUNT_RESERVED]),
            Self::GetCertHashEntry(HashHandle(handle)) => encode(self.code(), &handle.to_le_bytes()),
            Self::GetLanInterfaceSettings(LanInterface::Wired) => encode(self.code(), &0_u32.to_le_bytes()),
            Self::GetLanInterfaceSettings(LanInterface::Wireless) => encode(self.code(), &1_u32.to_le_bytes()),
            _ => encode(self.code(), &[]),
        }
    }

    /// Reads what a host asks.
    ///
    /// # Errors
    /// [`RequestError`], which also knows what a firmware answers to it.
    pub fn decode(message: &[u8]) -> Result<Self, RequestError> {
        let no_header = RequestError::NoHeader(message.len());
        let (code, length, arguments) = split(message).map_err(|_| no_header)?;
        if !message.starts_with(&VERSION) {
            return Err(no_header);
        }
        let wrong = RequestError::WrongArguments(code);
        if !is_length(length, arguments) {
            return Err(wrong);
        }
        let number = || arguments.try_into().map(u32::from_le_bytes).map_err(|_| wrong);
        let request = match code {
            0x0400_0011 => Self::GetProvisioningState,
            0x0400_001A => Self::GetCodeVersions,
            0x0400_002C => Self::EnumerateHashHandles,
            0x0400_002D => Self::GetCertHashEntry(HashHandle(number()?)),
            0x0400_0036 => Self::GetPkiFqdnSuffix,
            0x0400_0048 => match number()? {
                0 => Self::GetLanInterfaceSettings(LanInterface::Wired),
                1 => Self::GetLanInterfaceSettings(LanInterface::Wireless),
                _ => return Err(wrong),
            },
            0x0400_005C => Self::GetUuid,
            0x0400_0067 => Self::GetLocalSystemAccount,
            0x0400_006B => Self::GetControlMode,
            other => return Err(RequestError::UnknownCommand(other)),
        };
        let expected = match request {
            Self::GetLocalSystemAccount => ACCOUNT_RESERVED,
            Self::GetCertHashEntry(_) | Self::GetLanInterfaceSettings(_) => 4,
            _ => 0,
        };
        if arguments.len() == expected { Ok(request) } else { Err(wrong) }
    }
}

/// The answer to `request`.
pub fn encode_answer(request: Request, answer: &impl Answer) -> Vec<u8> {
    let mut body = Status::SUCCESS.0.to_le_bytes().to_vec();
    answer.write(&mut body);
    encode(request.code() | RESPONSE, &body)
}

/// The answer to a `request` that the firmware does not carry out.
pub fn encode_refusal(request: Request, status: Status) -> Vec<u8> {
    encode(request.code() | RESPONSE, &status.0.to_le_bytes())
}

/// Reads the answer to `request`, with the checks that Intel LMS makes.
pub(super) fn decode_answer<A: Answer>(request: Request, message: &[u8]) -> Result<A, AnswerError> {
    let (got, announced, body) = split(message)?;
    let expected = request.code() | RESPONSE;
    if got != expected {
        return Err(AnswerError::OtherCommand { expected, got });
    }
    if !is_length(announced, body) {
        return Err(AnswerError::WrongLength { announced, got: body.len() });
    }
    let mut fields = Fields::new(body);
    match Status(fields.u32("status")?) {
        // Bytes behind the last field are a firmware's padding: it may send its arrays whole.
        Status::SUCCESS => A::read(&mut fields),
        refused => Err(AnswerError::Refused(refused)),
    }
}

fn encode(code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(VERSION);
    message.extend([0, 0]);
    message.extend(code.to_le_bytes());
    message.extend(length.to_le_bytes());
    message.extend(body);
    message
}

/// Command, Length, and what follows the header.
fn split(message: &[u8]) -> Result<(u32, u32, &[u8]), AnswerError> {
    let mut fields = Fields::new(message);
    fields.array::<4>("version")?;
    let code = fields.u32("command")?;
    let length = fields.u32("length")?;
    Ok((code, length, fields.bytes("body", message.len() - HEADER)?))
}

fn is_length(announced: u32, body: &[u8]) -> bool {
    usize::try_from(announced) == Ok(body.len())
}
