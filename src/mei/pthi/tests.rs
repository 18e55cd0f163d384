use std::fmt::Debug;

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::secret::Secret;

fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    vec(0x20_u8..=0x7e, 0..=MAX).prop_map(|bytes| Text::new(std::str::from_utf8(&bytes).unwrap()).unwrap())
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::GetCodeVersions),
        Just(Request::GetUuid),
        Just(Request::GetControlMode),
        Just(Request::GetProvisioningState),
        Just(Request::GetLocalSystemAccount),
        Just(Request::EnumerateHashHandles),
        any::<u32>().prop_map(|handle| Request::GetCertHashEntry(HashHandle(handle))),
        Just(Request::GetPkiFqdnSuffix),
        Just(Request::GetLanInterfaceSettings(LanInterface::Wired)),
        Just(Request::GetLanInterfaceSettings(LanInterface::Wireless)),
    ]
}

fn versions() -> impl Strategy<Value = CodeVersions> {
    let version = (text(), text()).prop_map(|(name, value)| CodeVersion { name, value });
    (text(), vec(version, 0..=CodeVersions::LIMIT)).prop_map(|(bios, list)| CodeVersions::new(bios, list).unwrap())
}

fn account() -> impl Strategy<Value = LocalSystemAccount> {
    (text(), "[ -~]{0,32}").prop_map(|(user, password)| LocalSystemAccount { user, password: Secret::from(password) })
}

fn entry() -> impl Strategy<Value = CertificateHashEntry> {
    let hash = prop_oneof![
        any::<[u8; 16]>().prop_map(CertificateHash::Md5),
        any::<[u8; 20]>().prop_map(CertificateHash::Sha1),
        any::<[u8; 32]>().prop_map(CertificateHash::Sha256),
        vec(any::<u8>(), 48).prop_map(|bytes| CertificateHash::Sha384(bytes.try_into().unwrap())),
        any::<[u8; 28]>().prop_map(CertificateHash::Sha224),
        vec(any::<u8>(), 64).prop_map(|bytes| CertificateHash::Sha512(bytes.try_into().unwrap())),
    ];
    (hash, any::<bool>(), any::<bool>(), text()).prop_map(|(hash, is_default, is_active, name)| CertificateHashEntry {
        hash,
        is_default,
        is_active,
        name,
    })
}

fn lan() -> impl Strategy<Value = LanSettings> {
    (any::<bool>(), any::<u32>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<[u8; 6]>()).prop_map(
        |(enabled, ipv4, dhcp_enabled, active, up, mac)| LanSettings {
            enabled,
            ipv4: ipv4.into(),
            dhcp_enabled,
            dhcp_mode: if active { DhcpMode::Active } else { DhcpMode::Passive },
            link: if up { LinkStatus::Up } else { LinkStatus::Down },
            mac,
        },
    )
}

/// What is written is read again, a firmware's padding changes nothing, and no cut is taken for an answer.
fn round_trips<C: Command<Answer: Debug + PartialEq>>(command: &C, answer: &C::Answer) {
    let message = encode_answer(command.request(), answer);
    assert_eq!(command.decode(&message).as_ref(), Ok(answer));

    for end in 0..message.len() {
        assert!(command.decode(&message[..end]).is_err(), "cut to {end} of {}", message.len());
        if let Some(body) = message[..end].get(12..) {
            let mut consistent = message[..end].to_vec();
            consistent[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
            assert!(command.decode(&consistent).is_err(), "cut to {end} of {}, with its Length", message.len());
        }
    }

    let mut padded = message;
    padded.extend([0; 40]);
    let length = (padded.len() - 12) as u32;
    padded[8..12].copy_from_slice(&length.to_le_bytes());
    assert_eq!(command.decode(&padded).as_ref(), Ok(answer));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn requests_round_trip(request in request()) {
        let message = request.encode();
        prop_assert_eq!(Request::decode(&message), Ok(request));
        for end in 0..message.len() {
            prop_assert!(Request::decode(&message[..end]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(bytes in vec(any::<u8>(), 0..80)) {
        let _ = Request::decode(&bytes).map_err(RequestError::refusal);
    }

    #[test]
    fn versions_round_trip(answer in versions()) {
        round_trips(&GetCodeVersions, &answer);
    }

    #[test]
    fn accounts_round_trip(answer in account()) {
        round_trips(&GetLocalSystemAccount, &answer);
    }

    #[test]
    fn hash_entries_round_trip(answer in entry()) {
        round_trips(&GetCertHashEntry(HashHandle(7)), &answer);
    }

    #[test]
    fn handles_round_trip(handles in vec(any::<u32>().prop_map(HashHandle), 0..=HashHandles::LIMIT)) {
        round_trips(&EnumerateHashHandles, &HashHandles::new(handles).unwrap());
    }

    #[test]
    fn suffixes_round_trip(suffix in text()) {
        round_trips(&GetPkiFqdnSuffix, &DnsSuffix(suffix));
    }

    #[test]
    fn guids_round_trip(guid: [u8; 16]) {
        round_trips(&GetUuid, &DeviceGuid(guid));
    }

    #[test]
    fn lan_settings_round_trip(answer in lan()) {
        round_trips(&GetLanInterfaceSettings(LanInterface::Wired), &answer);
    }

    /// An answer's body of any bytes ends in a value or in an error.
    #[test]
    fn any_body_is_an_answer_or_an_error(body in vec(any::<u8>(), 0..200)) {
        fn read<A: Answer>(body: &[u8]) {
            let _ = A::read(&mut fields::Fields::new(body));
        }
        read::<CodeVersions>(&body);
        read::<LocalSystemAccount>(&body);
        read::<CertificateHashEntry>(&body);
        read::<HashHandles>(&body);
        read::<DnsSuffix>(&body);
        read::<LanSettings>(&body);
        read::<DeviceGuid>(&body);
        read::<ControlMode>(&body);
        read::<ProvisioningState>(&body);
    }
}

#[test]
fn modes_states_and_guids_round_trip() {
    for mode in [ControlMode::PreProvisioning, ControlMode::Client, ControlMode::Admin] {
        round_trips(&GetControlMode, &mode);
    }
    for state in [ProvisioningState::Pre, ProvisioningState::In, ProvisioningState::Post] {
        round_trips(&GetProvisioningState, &state);
    }
    round_trips(&GetUuid, &DeviceGuid(std::array::from_fn(|i| i as u8)));
}

/// The bytes of a real activation (rpc-go.md §2, "Bytes on the wire").
#[test]
fn a_request_has_the_bytes_that_devices_know() {
    let bytes = Request::GetControlMode.encode();
    assert_eq!(bytes, [1, 1, 0, 0, 0x6b, 0, 0, 4, 0, 0, 0, 0]);
    let account = Request::GetLocalSystemAccount.encode();
    assert_eq!((account.len(), account[8]), (52, 40));
    assert_eq!(Request::GetCertHashEntry(HashHandle(2)).encode()[8..], [4, 0, 0, 0, 2, 0, 0, 0]);
}

/// Offsets of rpc-go.md §2, written out by hand.
#[test]
fn fields_are_where_devices_put_them() {
    let mut answer = vec![1, 1, 0, 0, 0x1a, 0, 0x80, 4];
    answer.extend(117_u32.to_le_bytes()); // 4 status, 65 BIOS, 4 count, 44 one version
    answer.extend([0; 4]);
    answer.extend(b"LENOVO 1.2\0\0\0");
    answer.resize(81, 0);
    answer.extend(1_u32.to_le_bytes());
    answer.extend(*b"\x03\0AMT");
    answer.resize(85 + 22, 0);
    answer.extend(*b"\x06\x0019.0.5");
    answer.resize(85 + 44, 0);
    let versions = GetCodeVersions.decode(&answer).unwrap();
    assert_eq!((versions.bios(), versions.get("AMT")), ("LENOVO 1.2", Some("19.0.5")));

    let full =
        CodeVersions::new(Text::default(), vec![CodeVersion { name: Text::default(), value: Text::default() }; 50]);
    assert_eq!(encode_answer(Request::GetCodeVersions, &full.unwrap()).len(), 2285);

    let entry = CertificateHashEntry {
        hash: CertificateHash::Sha256([9; 32]),
        is_default: true,
        is_active: false,
        name: Text::new("root").unwrap(),
    };
    let bytes = encode_answer(Request::GetCertHashEntry(HashHandle(0)), &entry);
    assert_eq!((bytes[16], bytes[20], bytes[24], bytes[55], bytes[56], bytes[88], bytes[89]), (1, 0, 9, 9, 0, 2, 4));
    assert_eq!(&bytes[91..], b"root");

    let account = LocalSystemAccount { user: Text::new("$$OsAdmin").unwrap(), password: Secret::from("pw".to_owned()) };
    let bytes = encode_answer(Request::GetLocalSystemAccount, &account);
    assert_eq!((bytes.len(), &bytes[16..26], &bytes[49..52]), (82, &b"$$OsAdmin\0"[..], &b"pw\0"[..]));
}

#[test]
fn what_lms_checks_is_checked() {
    let good = encode_answer(Request::GetControlMode, &ControlMode::Client);
    let decode = |bytes: &[u8]| GetControlMode.decode(bytes).unwrap_err();

    let other = encode_answer(Request::GetUuid, &DeviceGuid([0; 16]));
    assert_eq!(decode(&other), AnswerError::OtherCommand { expected: 0x0480_006B, got: 0x0480_005C });

    let mut request = good.clone();
    request[6] = 0; // without the response bit: our own question come back
    assert!(matches!(decode(&request), AnswerError::OtherCommand { .. }));

    let mut padded = good.clone();
    padded.extend([0; 8]); // what a reader gets who hands on the whole buffer
    assert_eq!(decode(&padded), AnswerError::WrongLength { announced: 8, got: 16 });

    let refused = encode_refusal(Request::GetControlMode, Status::NOT_READY);
    assert_eq!(decode(&refused), AnswerError::Refused(Status::NOT_READY));
    assert_eq!(decode(&refused).to_string(), "the firmware refused: status 2 (NOT_READY)");

    let mut unknown = good;
    unknown[16] = 3;
    assert_eq!(decode(&unknown), AnswerError::Unknown { field: "control mode", got: 3 });
}

#[test]
fn counts_and_lengths_are_bounded_at_the_limit() {
    fn patched<A: Answer>(request: Request, answer: &A, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut message = encode_answer(request, answer);
        message[at..at + bytes.len()].copy_from_slice(bytes);
        message
    }
    let over = |field, limit, got| AnswerError::OverLimit { field, limit, got };

    let one = CodeVersions::new(Text::default(), vec![CodeVersion { name: Text::default(), value: Text::default() }])
        .unwrap();
    for (at, value, error) in [
        (81, 51, over("versions count", 50, 51)),
        (85, 21, over("version name", 20, 21)),
        (107, 21, over("version value", 20, 21)),
    ] {
        let message = patched(Request::GetCodeVersions, &one, at, &[value]);
        assert_eq!(GetCodeVersions.decode(&message), Err(error));
    }
    let handles = HashHandles::new(vec![HashHandle(0); 33]).unwrap();
    let message = patched(Request::EnumerateHashHandles, &handles, 16, &34_u32.to_le_bytes());
    assert_eq!(EnumerateHashHandles.decode(&message), Err(over("hash handles count", 33, 34)));
    let message = patched(Request::EnumerateHashHandles, &handles, 16, &u32::MAX.to_le_bytes());
    assert_eq!(EnumerateHashHandles.decode(&message), Err(over("hash handles count", 33, u32::MAX as usize)));

    let message = patched(Request::GetPkiFqdnSuffix, &DnsSuffix::default(), 16, &1001_u16.to_le_bytes());
    assert_eq!(GetPkiFqdnSuffix.decode(&message), Err(over("DNS suffix", 1000, 1001)));

    assert_eq!(HashHandles::new(vec![HashHandle(0); 34]), None);
    assert_eq!(Text::<20>::new(&"x".repeat(21)), None);
}

#[test]
fn an_account_must_end_inside_its_field() {
    let account = LocalSystemAccount { user: Text::new("u").unwrap(), password: Secret::from("p".to_owned()) };
    let mut message = encode_answer(Request::GetLocalSystemAccount, &account);
    message[49..82].fill(b'p');
    assert_eq!(GetLocalSystemAccount.decode(&message), Err(AnswerError::NotText("account password")));
    // What stands behind the NUL is not part of the password.
    message[50] = 0;
    assert_eq!(GetLocalSystemAccount.decode(&message), Ok(account));
}

#[test]
fn a_device_refuses_what_it_does_not_know_with_a_status() {
    let decode = |bytes: &[u8]| Request::decode(bytes).unwrap_err();
    let mut unknown = Request::GetControlMode.encode();
    unknown[4] = 0xee;
    assert_eq!(decode(&unknown), RequestError::UnknownCommand(0x0400_00ee));
    assert_eq!(decode(&unknown).refusal().unwrap()[6], 0x80);

    let mut index = Request::GetLanInterfaceSettings(LanInterface::Wired).encode();
    index[12] = 2;
    assert_eq!(decode(&index), RequestError::WrongArguments(0x0400_0048));

    let mut version = Request::GetControlMode.encode();
    version[0] = 9;
    assert_eq!(decode(&version).refusal(), None);
}
