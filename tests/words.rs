//! What people write and read, as one word: any value is read as it was printed, and any text is one or an error.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use amt_provision::access::{Token, TokenHash, TokenName};
use amt_provision::fsm::firmware::{AmtVersion, ControlMode, Port, ProvisioningState};
use amt_provision::fsm::identity::{CertificateHash, RomCaHash, SpkiHash, Uuid};
use amt_provision::fsm::time::Millis;
use amt_provision::mei::{MeiAddress, Sku};
use amt_provision::protocol::{ProfileName, RootHash};
use amt_provision::relay::proxy::ProxyUrl;
use amt_provision::relay::{LmsAddress, ServerUrl};
use amt_provision::sealing::{KeyId, VaultAddress};
use amt_provision::simulator::firmware::Action;
use amt_provision::simulator::persona::Persona;
use amt_provision::simulator::switches::{MAX_SLOW, Slow};
use amt_provision::store::{ServerName, StoreAddress, Tenant};
use proptest::prelude::*;

/// Whether a beginning of a word may be another word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Refused,
    Others,
}

/// The text reads as something that prints as it, and so does every beginning of it that is not refused.
fn is_read_as_printed<T: FromStr + Display + PartialEq + Debug>(text: &str, parts: Parts)
where
    T::Err: Display,
{
    let read = text.parse::<T>().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(read.to_string(), text);
    for part in (0..text.len()).filter_map(|end| text.get(..end)) {
        match part.parse::<T>() {
            Ok(other) => {
                assert!(parts == Parts::Others, "{part} of {text} is {other:?}");
                assert_eq!(other.to_string().parse().ok(), Some(other), "{part} of {text}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Any text is refused, or what it is read as is read again as the same.
fn is_one_or_an_error<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(read) => assert_eq!(read.to_string().parse().ok(), Some(read), "{text}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

const HOST: &str = "[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?";

proptest! {
    #[test]
    fn any_uuid_hash_and_version_is_read_as_it_is_printed(
        uuid in any::<[u8; 16]>().prop_filter_map("a placeholder", |bytes| Uuid::from_bytes(bytes).ok()),
        hash: [u8; 32], version: [u16; 3], sku: u32,
    ) {
        is_read_as_printed::<Uuid>(&uuid.to_string(), Parts::Refused);
        prop_assert_eq!(Uuid::from_guid(uuid.to_guid()), Ok(uuid));
        prop_assert_eq!(uuid.to_string().to_uppercase().parse(), Ok(uuid));
        let text = SpkiHash::from_bytes(hash).to_hex();
        prop_assert_eq!(SpkiHash::from_hex(&text), Some(SpkiHash::from_bytes(hash)));
        prop_assert_eq!(RomCaHash::from_hex(&text), Some(RomCaHash::from_bytes(hash)));
        prop_assert_eq!(CertificateHash::from_hex(&text.to_uppercase()), Some(CertificateHash::from_bytes(hash)));
        prop_assert!((0..text.len()).all(|end| SpkiHash::from_hex(&text[..end]).is_none()));
        is_read_as_printed::<TokenHash>(&text, Parts::Refused);
        let [major, minor, hotfix] = version;
        is_read_as_printed::<AmtVersion>(&AmtVersion { major, minor, hotfix }.to_string(), Parts::Others);
        is_read_as_printed::<Sku>(&Sku(sku).to_string(), Parts::Others);
    }

    #[test]
    fn any_root_hash_is_read_as_it_is_printed(digits in "[0-9a-f]{128}", length in prop::sample::select(vec![32, 40, 56, 64, 96, 128])) {
        is_read_as_printed::<RootHash>(&digits[..length], Parts::Others);
    }

    #[test]
    fn any_name_is_read_as_it_is_printed(name in "[!-~]{1,64}", profile in "[^\\s\\p{C}-][^\\s\\p{C}]{0,30}", id: u64) {
        is_read_as_printed::<Tenant>(&name, Parts::Others);
        is_read_as_printed::<ServerName>(&name, Parts::Others);
        is_read_as_printed::<TokenName>(&name, Parts::Others);
        is_read_as_printed::<ProfileName>(&profile, Parts::Others);
        is_read_as_printed::<KeyId>(&format!("{id:016x}"), Parts::Refused);
    }

    #[test]
    fn any_token_is_read_whole_and_no_shorter_one_than_the_least(text in "[A-Za-z0-9._~+/-]{1,500}={0,12}") {
        let read = text.parse::<Token>();
        prop_assert_eq!(read.is_ok(), (Token::MIN..=Token::MAX).contains(&text.len()));
        if let Ok(token) = read {
            for end in 0..text.len() {
                let part = text[..end].parse::<Token>();
                prop_assert_eq!(part.is_ok(), end >= Token::MIN);
                prop_assert!(part.is_ok_and(|part| part == token || part.hash() != token.hash()) || end < Token::MIN);
            }
        }
    }

    #[test]
    fn any_url_of_a_server_is_read_as_it_is_printed(
        tls: bool, host in prop_oneof![HOST, Just("[::1]".to_owned())], port in proptest::option::of(any::<u16>()), path in "(/[a-z0-9._~-]{0,12}){0,2}",
    ) {
        let scheme = if tls { "wss" } else { "ws" };
        let place = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let text = format!("{scheme}://{place}{path}");
        is_read_as_printed::<ServerUrl>(&text, Parts::Others);
        let url: ServerUrl = text.parse().expect("it was read");
        let expected = (host.trim_matches(['[', ']']), port.unwrap_or(if tls { 443 } else { 80 }), tls);
        prop_assert_eq!((url.host(), url.port(), url.is_tls()), expected);
        is_read_as_printed::<ProxyUrl>(&format!("http://{host}:{}", port.unwrap_or(80)), Parts::Others);
        let vault = if host.starts_with('[') { "http" } else { "https" };
        is_read_as_printed::<VaultAddress>(&format!("{vault}://{place}"), Parts::Others);
    }

    #[test]
    fn any_address_of_firmware_and_lms_is_read_as_it_is_printed(number: u32, path in "\\PC{1,30}", last: [u8; 3]) {
        is_read_as_printed::<MeiAddress>(&format!("/dev/mei{number}"), Parts::Others);
        is_read_as_printed::<MeiAddress>(&format!("unix:{path}"), Parts::Others);
        let [a, b, c] = last;
        is_read_as_printed::<LmsAddress>(&format!("127.{a}.{b}.{c}"), Parts::Others);
    }

    #[test]
    fn any_address_of_a_store_shows_where_it_is(file in "[A-Za-z0-9/._-]{1,30}", user in "[a-z]{1,8}", port: u16, database in "[a-z0-9_]{1,12}") {
        for text in [file.clone(), format!("sqlite:{file}")] {
            // SQLite's own addresses have two slashes, which are no part of the path.
            let shown = text.strip_prefix("sqlite://").unwrap_or(&file);
            prop_assert_eq!(text.parse::<StoreAddress>().map(|read| read.to_string()).ok(), Some(shown.to_owned()).filter(|it| !it.is_empty()));
        }
        let text = format!("postgres://{user}@localhost:{port}/{database}");
        prop_assert_eq!(text.parse::<StoreAddress>().map(|read| read.to_string()), Ok(text.clone()));
        for end in 0..text.len() {
            let part = text[..end].parse::<StoreAddress>().map(|read| read.to_string());
            prop_assert!(part.is_err() || part.is_ok_and(|shown| !shown.is_empty()));
        }
    }

    #[test]
    fn any_slowness_is_read_and_no_part_of_it_is_longer(at: prop::sample::Index, time in 0..=MAX_SLOW) {
        let action = *at.get(&Action::all().collect::<Vec<_>>());
        for (what, slow) in [("every".to_owned(), Slow::Every(Millis(time))), (action.to_string(), Slow::Action(action, Millis(time)))] {
            let text = format!("{what}={time}");
            prop_assert_eq!(text.parse::<Slow>(), Ok(slow));
            for end in 0..text.len() {
                match text[..end].parse::<Slow>() {
                    Ok(Slow::Every(Millis(part)) | Slow::Action(_, Millis(part))) => prop_assert!(end > what.len() + 1 && part <= time / 10),
                    Err(_) => prop_assert!(end <= what.len() + 1, "{} of {}", &text[..end], text),
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_word_or_an_error(text in prop_oneof!["\\PC{0,40}", any::<String>(), "(wss?|https?|unix|sqlite|postgres)://[!-~]{0,20}"]) {
        is_one_or_an_error::<Uuid>(&text);
        is_one_or_an_error::<AmtVersion>(&text);
        is_one_or_an_error::<Sku>(&text);
        is_one_or_an_error::<RootHash>(&text);
        is_one_or_an_error::<Tenant>(&text);
        is_one_or_an_error::<ServerName>(&text);
        is_one_or_an_error::<TokenName>(&text);
        is_one_or_an_error::<ProfileName>(&text);
        is_one_or_an_error::<TokenHash>(&text);
        is_one_or_an_error::<KeyId>(&text);
        is_one_or_an_error::<ServerUrl>(&text);
        is_one_or_an_error::<VaultAddress>(&text);
        is_one_or_an_error::<MeiAddress>(&text);
        is_one_or_an_error::<LmsAddress>(&text);
        is_one_or_an_error::<Action>(&text);
        is_one_or_an_error::<Persona>(&text);
        let _ = (text.parse::<Token>().is_ok(), text.parse::<ProxyUrl>().is_ok(), text.parse::<StoreAddress>().is_ok());
        let _ = (text.parse::<Slow>().is_ok(), SpkiHash::from_hex(&text));
    }

    #[test]
    fn any_code_is_read_as_it_is_written(code in prop_oneof![0..5_u32, any::<u32>()], number: u16) {
        prop_assert!(ControlMode::from_code(code).is_none_or(|mode| mode.code() == code));
        prop_assert!(ProvisioningState::from_code(code).is_none_or(|state| state.code() == code));
        prop_assert!(Port::from_number(number).is_none_or(|port| port.number() == number));
    }
}

#[test]
fn whatever_has_a_name_or_a_code_is_read_as_it_is_printed() {
    Persona::ALL.iter().for_each(|persona| is_read_as_printed::<Persona>(persona.name, Parts::Refused));
    Action::all().for_each(|action| is_read_as_printed::<Action>(&action.to_string(), Parts::Others));
    for mode in [ControlMode::PreProvisioning, ControlMode::Client, ControlMode::Admin] {
        assert_eq!(ControlMode::from_code(mode.code()), Some(mode));
    }
    for state in [ProvisioningState::Pre, ProvisioningState::In, ProvisioningState::Post] {
        assert_eq!(ProvisioningState::from_code(state.code()), Some(state));
    }
    for port in [Port::Plain, Port::Tls] {
        assert_eq!(Port::from_number(port.number()), Some(port));
    }
}
