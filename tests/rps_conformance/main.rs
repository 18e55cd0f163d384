//! Our relay against a server that behaves as RPS 2.40 was measured to (rps.md), with a simulated device behind it, all
//! on real sockets. RPS's waits are there at a two-hundredth of their length.
#![allow(clippy::unwrap_used)] // also its helpers are tests

mod lms;
#[path = "../common/patience.rs"]
mod patience;
mod rps;
mod stage;
mod steps;
mod tunnel;

use amt_provision::fsm::firmware::{ControlMode, Port};
use amt_provision::protocol::{Command, MaintenanceTask, ToRelay};
use amt_provision::relay::{RelayConfig, RelayError};
use amt_provision::secret::Secret;
use amt_provision::wsman::class::{setup_and_configuration, time_synchronization};
use serde_json::{Value, json};

use rps::{Rps, Wait};
use stage::{ADMIN, MEBX, Stage, play};

fn activate(profile: &str) -> Command {
    Command::Activate { profile: profile.parse().unwrap() }
}

/// The names of an object's fields, in their order.
fn fields(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' if depth == 1 && text[..at].ends_with(['{', ',']) => {
                names.extend(text[at + 1..].split('"').next().map(str::to_owned));
            }
            _ => {}
        }
    }
    names
}

#[test]
fn the_first_frame_has_rpc_gos_fields_in_their_order() {
    play(async {
        let stage = Stage::new(16, "keeps-session").await;
        let relay = stage.relay(RelayConfig { tenant: "t1".to_owned(), ..stage.config(activate("labccm")) });
        let rps = Rps::accept(&stage).await;
        let envelope =
            ["method", "apiKey", "appVersion", "protocolVersion", "status", "message", "fqdn", "payload", "tenantId"];
        assert_eq!(fields(&rps.first), envelope);
        let frame: Value = serde_json::from_str(&rps.first).unwrap();
        for (name, value) in [
            ("method", "activate --profile labccm"),
            ("apiKey", "key"),
            ("protocolVersion", "4.0.0"),
            ("status", "ok"),
            ("message", "ok"),
            ("fqdn", ""),
            ("tenantId", "t1"),
        ] {
            assert_eq!(frame[name], value, "{name}");
        }
        let report = [
            "ver",
            "build",
            "sku",
            "features",
            "uuid",
            "username",
            "password",
            "currentMode",
            "hostname",
            "fqdn",
            "client",
            "certHashes",
            "ipConfiguration",
            "hostnameInfo",
            "lmsInstalled",
        ];
        assert_eq!(fields(&rps.report_text), report);
        assert_eq!(rps.report["uuid"], stage.uuid().to_string());
        assert_eq!((&rps.report["username"], &rps.report["client"]), (&json!("$$OsAdmin"), &json!("RPC")));
        assert_eq!(rps.report["currentMode"], 0);
        assert_eq!(rps.report["hostnameInfo"], json!({ "dnsSuffixOS": "example.test", "hostname": "lab-host" }));
        assert_eq!(rps.report["certHashes"].as_array().unwrap().len(), 1);
        let ip = fields(&rps.report["ipConfiguration"].to_string());
        assert_eq!(ip.len(), 8, "{ip:?}");
        rps.fails("No profile of that name").await;
        let error = relay.await.unwrap_err();
        assert!(matches!(error, RelayError::Failure(_)), "{error}");
        assert_eq!(error.to_string(), "the server reports: No profile of that name");
    });
}

#[test]
fn ccm_in_plain_text() {
    play(async {
        let stage = Stage::new(18, "keeps-session").await;
        let relay = stage.relay(stage.config(activate("labccm")));
        let mut rps = Rps::accept(&stage).await;
        assert!(rps.report.get("tlsEnforced").is_none() && rps.report.get("tlsTunnel").is_none());
        rps.begins_as_the_local_system_account().await;
        rps.sets_up_ccm().await;
        rps.waits(Wait::Activation).await;
        rps.unconfigures().await;
        let written = stage.written();
        rps.says(ToRelay::Progress("features".to_owned())).await;
        rps.says(ToRelay::HeartbeatRequest).await;
        rps.hears_heartbeat().await;
        assert_eq!(stage.written(), written, "neither reaches the device");
        rps.succeeds("Client control mode", None).await;
        let outcome = relay.await.unwrap();
        assert_eq!(outcome.to_string(), "Client control mode; network: Wired Network Configured");
        let truth = stage.device.truth();
        assert_eq!((truth.mode, truth.counters.setups), (ControlMode::Client, 1));
        assert!(truth.admin_password_is(ADMIN));
    });
}

#[test]
fn acm_in_plain_text() {
    play(async {
        let stage = Stage::new(16, "keeps-session").await;
        let relay = stage.relay(stage.config(activate("labacm")));
        let mut rps = Rps::accept(&stage).await;
        rps.begins_as_the_local_system_account().await;
        rps.sets_up_acm(&stage.chain).await;
        rps.waits(Wait::Activation).await;
        rps.sets_mebx_password().await;
        rps.unconfigures().await;
        rps.succeeds("Admin control mode", None).await;
        relay.await.unwrap();
        let truth = stage.device.truth();
        assert_eq!((truth.mode, truth.counters.admin_setups, truth.counters.repeated), (ControlMode::Admin, 1, 0));
        assert!(truth.admin_password_is(ADMIN) && truth.mebx_password_is(MEBX));
        assert_eq!(stage.device.traffic().handshakes, 0);
    });
}

#[test]
fn amt_18_goes_over_to_tls_with_a_port_switch() {
    play(async {
        let stage = Stage::new(18, "keeps-session").await;
        let relay = stage.relay(RelayConfig { tls_tunnel: true, ..stage.config(activate("labacmtls")) });
        let mut rps = Rps::accept(&stage).await;
        assert_eq!((rps.report.get("tlsEnforced"), &rps.report["tlsTunnel"]), (None, &json!(true)));
        rps.begins_as_the_local_system_account().await;
        rps.sets_up_ccm().await;
        rps.waits(Wait::Activation).await;
        let key = rps.provisions_tls(&stage).await;
        rps.switches_port().await;

        assert_eq!(rps.opens_tunnel().await, key, "the certificate that RPS has made");
        rps.upgrades_to_acm(&stage.chain).await;
        rps.sets_mebx_password().await;
        // UNCONFIG: three calls that end in 400, and each of them takes the tunnel down.
        let before = stage.device.traffic().handshakes;
        for _ in 0..3 {
            rps.deletes_what_is_not_there().await;
            assert_eq!(rps.opens_tunnel().await, key);
        }
        assert_eq!(stage.device.traffic().handshakes, before + 3);
        rps.unconfigures().await;
        rps.succeeds("Admin control mode", Some("Configured")).await;
        assert!(relay.await.unwrap().to_string().ends_with("TLS: Configured"));

        let truth = stage.device.truth();
        assert_eq!((truth.mode, truth.port, truth.shown_key), (ControlMode::Admin, Port::Tls, key));
        assert_eq!((truth.counters.setups, truth.counters.upgrades, truth.counters.repeated), (1, 1, 0));
        assert!(truth.admin_password_is(ADMIN) && truth.mebx_password_is(MEBX));
    });
}

/// With TLS 1.2, as AMT 19 and 20 have it, and with 1.3, where RPS throws early records away (odca.md §2.5).
#[test]
fn amt_19_is_tls_from_the_first_byte_and_a_new_tunnel_after_each_wait() {
    for major in [19, 21] {
        play(async {
            let stage = Stage::new(major, "keeps-session").await;
            let relay = stage.relay(stage.config(activate("labacmtls")));
            let mut rps = Rps::accept(&stage).await;
            assert_eq!((&rps.report["tlsEnforced"], rps.report.get("tlsTunnel")), (&json!(true), None));

            rps.opens_tunnel().await;
            rps.begins_as_the_local_system_account().await;
            rps.sets_up_ccm().await;
            rps.commits().await;
            rps.waits(Wait::Activation).await;
            rps.waits(Wait::Tls).await;
            rps.opens_tunnel().await;
            let key = rps.provisions_tls(&stage).await;
            rps.waits(Wait::Tls).await;
            assert_eq!(rps.opens_tunnel().await, key);
            rps.reads_general_settings().await;
            rps.waits(Wait::Tls).await;
            assert_eq!(rps.opens_tunnel().await, key);
            rps.upgrades_to_acm(&stage.chain).await;
            rps.waits(Wait::Tls).await;
            assert_eq!(rps.opens_tunnel().await, key);
            rps.sets_mebx_password().await;
            rps.deletes_what_is_not_there().await;
            assert_eq!(rps.opens_tunnel().await, key);
            rps.unconfigures().await;
            rps.succeeds("Admin control mode", Some("Configured")).await;
            relay.await.unwrap();

            let truth = stage.device.truth();
            assert_eq!((truth.mode, truth.shown_key, truth.counters.repeated), (ControlMode::Admin, key, 0));
            assert!(truth.admin_password_is(ADMIN) && truth.mebx_password_is(MEBX));
            assert_eq!(stage.device.traffic().plain_requests, 0);
        });
    }
}

/// RPS counts on it: after a reset it drops everything until it has begun a new tunnel, and waits first.
#[test]
fn a_close_is_one_reset_and_what_was_on_its_way_is_dropped() {
    play(async {
        let stage = Stage::new(19, "drops-listed").await;
        let relay = stage.relay(stage.config(activate("labacmtls")));
        let mut rps = Rps::accept(&stage).await;
        rps.opens_tunnel().await;
        rps.begins_as_the_local_system_account().await;
        // This firmware takes its ports away at Setup, and the reply with them.
        rps.loses_the_reply_to_setup().await;
        let written = stage.written();
        rps.says_into_the_lost_tunnel(&[0x17, 3, 3, 0, 4, 1, 2, 3, 4]).await;
        rps.says(ToRelay::HeartbeatRequest).await;
        rps.hears_heartbeat().await;
        assert_eq!(stage.written(), written, "nothing reaches the device before a ClientHello");
        rps.waits(Wait::Tls).await;
        rps.opens_tunnel().await;
        rps.reads_general_settings().await;
        rps.succeeds("Client control mode", None).await;
        relay.await.unwrap();
        assert_eq!(stage.device.truth().mode, ControlMode::Client);
    });
}

/// A device in CCM, by the first relay; what `command` is then asked of it, by the second.
async fn provisioned(
    command: Command,
) -> (Stage, Rps, smol::Task<Result<amt_provision::protocol::Outcome, RelayError>>) {
    let stage = Stage::new(16, "keeps-session").await;
    let relay = stage.relay(stage.config(activate("labccm")));
    let mut rps = Rps::accept(&stage).await;
    rps.begins_as_the_local_system_account().await;
    rps.sets_up_ccm().await;
    rps.succeeds("Client control mode", None).await;
    relay.await.unwrap();
    let password = Some(Secret::from(ADMIN.to_owned()));
    let relay = stage.relay(RelayConfig { amt_password: password, ..stage.config(command) });
    let mut rps = Rps::accept(&stage).await;
    assert_eq!((&rps.report["currentMode"], &rps.report["password"]), (&json!(1), &json!(ADMIN)));
    rps.logs_in("admin", ADMIN);
    (stage, rps, relay)
}

#[test]
fn deactivation_unprovisions_the_device() {
    play(async {
        let (stage, mut rps, relay) = provisioned(Command::Deactivate { password: None, force: false }).await;
        assert_eq!(rps.method(), "deactivate");
        assert_eq!(rps.asks(&setup_and_configuration::unprovision()).await, Ok(()));
        rps.succeeds("Deactivated", None).await;
        relay.await.unwrap();
        assert_eq!(stage.device.truth().mode, ControlMode::PreProvisioning);
    });
}

#[test]
fn maintenance_sets_the_clock_and_the_password() {
    play(async {
        let task = Command::Maintenance { task: MaintenanceTask::SyncTime, password: None, force: true };
        let (stage, mut rps, relay) = provisioned(task).await;
        assert_eq!(rps.method(), "maintenance --synctime -f");
        let low = rps.asks(&time_synchronization::get_low_accuracy()).await.unwrap();
        assert_eq!(rps.asks(&time_synchronization::set_high_accuracy(low, low, low)).await, Ok(()));
        rps.succeeds("synctime completed succesfully", None).await;
        assert!(relay.await.unwrap().to_string().starts_with("synctime completed succesfully"));
        assert!(stage.device.truth().clock_was_set);

        let new = Some(Secret::from("N3w!password".to_owned()));
        let task = Command::Maintenance { task: MaintenanceTask::ChangePassword(new), password: None, force: false };
        let (stage, mut rps, relay) = provisioned(task).await;
        assert_eq!(rps.method(), "maintenance --changepassword N3w!password");
        rps.changes_admin_password("N3w!password").await;
        rps.succeeds("changepassword completed succesfully", None).await;
        relay.await.unwrap();
        assert!(stage.device.truth().admin_password_is("N3w!password"));
    });
}

/// The same by the command, as a person or a script meets it.
#[test]
fn the_command_deactivates_with_a_password_from_a_file_and_says_how_it_ended() {
    play(async {
        for (status, code) in [("success", 0), ("error", 4)] {
            let (stage, rps, relay) = provisioned(Command::Deactivate { password: None, force: false }).await;
            // The relay of the library has shown what it sends; this one is only asked to leave.
            rps.fails("Failed").await;
            relay.await.unwrap_err();
            let command = stage.command(&["deactivate", "--force"]);
            let output = smol::unblock(move || {
                let mut command = command;
                command.output().unwrap()
            });
            let output = smol::spawn(output);
            let mut rps = Rps::accept(&stage).await;
            assert_eq!((rps.method(), &rps.report["password"]), ("deactivate -f", &json!(ADMIN)));
            rps.logs_in("admin", ADMIN);
            if status == "success" {
                assert_eq!(rps.asks(&setup_and_configuration::unprovision()).await, Ok(()));
                rps.succeeds("Deactivated", None).await;
            } else {
                rps.fails("Failed").await;
            }
            let output = output.await;
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(code), "{out}{err}");
            assert_eq!(out.contains("Deactivated"), code == 0, "{out}");
            assert_eq!(err.contains("the server reports: Failed"), code == 4, "{err}");
            assert!(!err.contains(ADMIN) && !out.contains(ADMIN));
        }
    });
}

#[test]
fn what_rps_never_says_ends_the_line_and_is_not_written_to_the_device() {
    play(async {
        for frame in [
            r#"{"method":"port_switch","protocolVersion":"4.0.0","payload":"{\"port\":\"22\",\"delay\":0}"}"#,
            r#"{"method":"port_switch","protocolVersion":"4.0.0","payload":"{\"port\":\"16994\",\"delay\":0}"}"#,
            r#"{"method":"shell","protocolVersion":"4.0.0","payload":"cm0gLXJmIC8="}"#,
        ] {
            let stage = Stage::new(16, "keeps-session").await;
            let relay = stage.relay(stage.config(activate("labccm")));
            let rps = Rps::accept(&stage).await;
            rps.says_text_and_is_left(frame).await;
            assert!(matches!(relay.await, Err(RelayError::Unreadable(_))), "{frame}");
            assert_eq!(stage.written(), 0, "{frame}");
        }
    });
}
