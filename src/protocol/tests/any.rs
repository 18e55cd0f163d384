//! Any message: what is read is what was written, and no part of a message is one.

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::time::Millis;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::protocol::*;
use crate::secret::Secret;

pub(in crate::protocol) fn report() -> impl Strategy<Value = DeviceReport> {
    let texts = vec("\\PC{0,20}", 16);
    let hash = prop::sample::select(vec![32, 40, 56, 64, 96, 128]).prop_flat_map(|digits| vec("[0-9a-f]", digits));
    let flags = any::<[bool; 6]>();
    let uuid = any::<[u8; 16]>().prop_filter_map("placeholder", |bytes| Uuid::from_bytes(bytes).ok());
    (texts, vec(hash, 0..=DeviceReport::MAX_ROOT_HASHES), flags, uuid, any::<[u16; 3]>(), 0_u32..3).prop_map(
        |(mut texts, hashes, flags, uuid, [major, minor, hotfix], mode)| {
            let mut text = || texts.pop().unwrap();
            DeviceReport {
                version: AmtVersion { major, minor, hotfix },
                build: text(),
                sku: text(),
                features: text(),
                uuid,
                username: text(),
                password: Secret::from(text()),
                control_mode: ControlMode::from_code(mode).unwrap(),
                hostname: text(),
                dns_suffix: text(),
                client: format!("R{}", text()),
                root_hashes: hashes.iter().map(|hash| hash.concat().parse().unwrap()).collect(),
                ip: IpConfiguration {
                    dhcp: flags[0],
                    is_static: flags[1],
                    ip_sync: flags[2],
                    ip_address: text(),
                    netmask: text(),
                    gateway: text(),
                    primary_dns: text(),
                    secondary_dns: text(),
                },
                hostname_info: HostnameInfo { dns_suffix_os: text(), hostname: text() },
                friendly_name: text(),
                tls_enforced: flags[3],
                tls_tunnel: flags[4],
                lms_installed: flags[5],
            }
        },
    )
}

pub(in crate::protocol) fn command() -> impl Strategy<Value = Command> {
    // Words without a dash in front and single spaces: what a command line can carry whole.
    let word = || "[!-,.-~][!-~]{0,20}( [!-,.-~][!-~]{0,8}){0,2}".prop_map(|word| Some(Secret::from(word)));
    let maybe = move || prop_oneof![Just(None), word()];
    let task = prop_oneof![
        Just(MaintenanceTask::SyncTime),
        Just(MaintenanceTask::SyncIp),
        Just(MaintenanceTask::SyncHostname),
        Just(MaintenanceTask::SyncDeviceInfo),
        Just(MaintenanceTask::ChangePassword(None)),
        word().prop_map(MaintenanceTask::ChangePassword),
    ];
    prop_oneof![
        "[^\\s\\p{C}-][^\\s\\p{C}]{0,30}".prop_map(|name| Command::Activate { profile: name.parse().unwrap() }),
        (maybe(), any::<bool>()).prop_map(|(password, force)| Command::Deactivate { password, force }),
        (task, maybe(), any::<bool>()).prop_map(|(task, password, force)| Command::Maintenance {
            task,
            password,
            force
        }),
    ]
}

pub(in crate::protocol) fn data() -> impl Strategy<Value = Data> {
    vec(any::<u8>(), 0..300).prop_map(Data)
}

/// As much as one message carries.
fn much_data() -> impl Strategy<Value = Data> {
    (any::<u8>(), prop_oneof![0..=MAX_DATA, MAX_DATA - 3..=MAX_DATA])
        .prop_map(|(byte, length)| Data(vec![byte; length]))
}

pub(in crate::protocol) fn hello() -> impl Strategy<Value = Hello> {
    (command(), "\\PC{0,20}", report()).prop_map(|(command, tenant, report)| Hello { command, tenant, report })
}

pub(in crate::protocol) fn to_server() -> impl Strategy<Value = ToServer> {
    prop_oneof![
        hello().prop_map(|hello| ToServer::Hello(Box::new(hello))),
        data().prop_map(ToServer::Response),
        data().prop_map(ToServer::TlsData),
        Just(ToServer::PortSwitchAck),
        Just(ToServer::ConnectionReset(ResetReason::Closed)),
        Just(ToServer::ConnectionReset(ResetReason::Failed)),
        Just(ToServer::HeartbeatResponse),
    ]
}

pub(in crate::protocol) fn outcome() -> impl Strategy<Value = Outcome> {
    let text = || proptest::option::of("\\PC{0,20}");
    let result = prop_oneof![
        Just(ComponentResult::Success),
        Just(ComponentResult::Failure),
        Just(ComponentResult::NotApplicable)
    ];
    let component = (result, text(), text()).prop_map(|(result, mode, details)| Component { result, mode, details });
    let components = proptest::collection::btree_map("[A-Za-z]{1,8}", component, 0..4);
    prop_oneof![
        "[A-Za-z ][^{]{0,40}".prop_map(|text| Outcome::Text(format!("Error: {text}"))),
        (text(), text(), text(), text(), components).prop_map(
            |(status, network, cira_connection, tls_configuration, components)| {
                Outcome::Report(StatusReport { status, network, cira_connection, tls_configuration, components })
            }
        ),
    ]
}

pub(in crate::protocol) fn to_relay() -> impl Strategy<Value = ToRelay> {
    let port = prop_oneof![Just(Port::Plain), Just(Port::Tls)];
    prop_oneof![
        data().prop_map(ToRelay::Wsman),
        data().prop_map(ToRelay::TlsData),
        (port, 0_u64..=60)
            .prop_map(|(port, delay)| ToRelay::PortSwitch(PortSwitch { port, delay: Millis::from_secs(delay) })),
        Just(ToRelay::HeartbeatRequest),
        "\\PC{0,40}".prop_map(ToRelay::Progress),
        outcome().prop_map(ToRelay::Success),
        outcome().prop_map(ToRelay::Error),
    ]
}

/// Every beginning of it, and itself.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    (0..=text.len()).filter_map(|end| text.get(..end))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_to_a_server_round_trip(message in to_server()) {
        let text = message.encode().unwrap();
        prop_assert_eq!(ToServer::parse(&text), Ok(message));
    }

    #[test]
    fn messages_to_a_relay_round_trip(message in to_relay()) {
        let text = message.encode().unwrap();
        prop_assert_eq!(ToRelay::parse(&text), Ok(message));
    }

    #[test]
    fn as_much_data_as_a_message_carries_round_trips(data in much_data()) {
        for message in [ToServer::Response(data.clone()), ToServer::TlsData(data.clone())] {
            prop_assert_eq!(ToServer::parse(&message.encode().unwrap()), Ok(message));
        }
        for message in [ToRelay::Wsman(data.clone()), ToRelay::TlsData(data)] {
            prop_assert_eq!(ToRelay::parse(&message.encode().unwrap()), Ok(message));
        }
    }

    /// Base64 says where it ends with every fourth letter only; the JSON around it says it at every byte.
    #[test]
    fn base64_that_is_cut_is_refused_or_whole_bytes_of_the_same(bytes in vec(any::<u8>(), 0..60)) {
        for part in parts(&BASE64_STANDARD.encode(&bytes)) {
            let frame = json!({"method": "tls_data", "protocolVersion": "4.0.0", "payload": part}).to_string();
            match ToRelay::parse(&frame) {
                Ok(ToRelay::TlsData(Data(read))) => prop_assert!(part.len() % 4 == 0 && bytes.starts_with(&read)),
                other => prop_assert!(part.len() % 4 != 0 && other.is_err(), "{:?}", other),
            }
        }
    }

    /// A command line does not say where it ends: one that is cut may be another one.
    #[test]
    fn a_command_line_is_read_as_it_was_written_and_no_part_of_it_panics(command in command()) {
        let line = command.to_method();
        prop_assert_eq!(Command::parse(&line), Ok(Some(command)));
        for part in parts(&line) {
            if let Ok(Some(command)) = Command::parse(part) {
                prop_assert_eq!(Command::parse(&command.to_method()), Ok(Some(command)));
            }
        }
    }

    #[test]
    fn a_port_switch_is_never_early_or_longer_than_the_limit_and_no_part_of_it_is_one(
        tls in any::<bool>(), millis in prop_oneof![0..120_000_u64, any::<u64>()],
    ) {
        let port = if tls { Port::Tls } else { Port::Plain };
        let json = PortSwitch { port, delay: Millis(millis) }.to_json();
        let read = PortSwitch::from_json(&json).unwrap();
        prop_assert_eq!(read.port, port);
        let wanted = millis.min(PortSwitch::MAX_DELAY.0);
        prop_assert!((wanted..wanted + 1000).contains(&read.delay.0), "{:?}", read.delay);
        prop_assert_eq!(PortSwitch::from_json(&read.to_json()), Ok(read));
        for part in parts(&json).filter(|part| part.len() < json.len()) {
            prop_assert!(PortSwitch::from_json(part).is_err(), "{}", part);
        }
    }

    /// Any text is an outcome; the status JSON is a report only when it is whole.
    #[test]
    fn an_outcome_is_read_as_it_was_written_and_a_part_of_a_report_is_a_text(outcome in outcome(), text in any::<String>()) {
        let message = outcome.to_message();
        prop_assert_eq!(Outcome::from_message(&message), outcome);
        for part in parts(&message).filter(|part| part.len() < message.len()) {
            prop_assert_eq!(Outcome::from_message(part), Outcome::Text(part.to_owned()));
        }
        let read = Outcome::from_message(&text);
        prop_assert_eq!(Outcome::from_message(&read.to_message()), read);
    }

    #[test]
    fn a_remark_is_short_fit_for_a_terminal_and_a_remark_already(text in "(?s:.){0,500}") {
        let remark = Remark::new(&text);
        let shown = remark.to_string();
        prop_assert!(shown.chars().count() == text.chars().count().min(Remark::LIMIT));
        prop_assert!(!shown.chars().any(char::is_control));
        prop_assert_eq!(Remark::new(&shown), remark);
        for part in parts(&text) {
            prop_assert!(shown.starts_with(&Remark::new(part).to_string()));
        }
    }

    #[test]
    fn any_text_is_a_message_or_an_error(
        method in "(activate|deactivate|maintenance|response|tls_data|port_switch|connection_reset|success)?\\PC{0,30}",
        message in "\\PC{0,40}",
        payload in "\\PC{0,60}",
    ) {
        let frame = json!({"method": method, "protocolVersion": "4.0.0", "message": message, "payload": payload});
        for error in [ToServer::parse(&frame.to_string()).err(), ToRelay::parse(&frame.to_string()).err()] {
            let _ = error.map(|error| (error.to_string(), error.rps_text()));
        }
        let encoded = BASE64_STANDARD.encode(&payload);
        let frame = json!({"method": method, "protocolVersion": "4.0.0", "payload": encoded});
        let _ = ToServer::parse(&frame.to_string());
    }
}

proptest! {
    // Read as often as it has bytes.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_message_cut_anywhere_is_no_message(up in to_server(), down in to_relay()) {
        let (up, down) = (up.encode().unwrap(), down.encode().unwrap());
        for part in parts(&up).filter(|part| part.len() < up.len()) {
            prop_assert!(ToServer::parse(part).is_err(), "{}", part);
        }
        for part in parts(&down).filter(|part| part.len() < down.len()) {
            prop_assert!(ToRelay::parse(part).is_err(), "{}", part);
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written_and_no_part_of_it_is_one(report in report()) {
        let json = report.to_json();
        for length in 0..json.len() {
            prop_assert!(DeviceReport::from_json(&json.as_bytes()[..length]).is_err(), "{} bytes", length);
        }
        prop_assert_eq!(DeviceReport::from_json(json.as_bytes()), Ok(report));
    }
}
