//! The built command, as a person or a script meets it.
#![allow(clippy::unwrap_used)] // also its helpers are tests

#[path = "common/keys.rs"]
mod keys;
#[path = "common/postgres.rs"]
mod postgres;
#[path = "common/run.rs"]
mod run;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use amt_provision::fsm::edges::{edges, mermaid};
use amt_provision::fsm::firmware::{ControlMode, KeySuite};
use amt_provision::fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision::fsm::provisioner::Outcome;
use amt_provision::fsm::record::{Generation, Pin, Provenance, Record};
use amt_provision::pki::authority::{DeploymentAuthority, DeviceKey, Serial};
use amt_provision::simulator::identity::{SimulatorAuthority, generate_rsa_key};
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::revocation::ListShape;
use amt_provision::store::{
    Holder, IssuedCertificate, PasswordChoice, PasswordSource, SqliteStore, Store, StoreAddress, Tenant,
};
use rustls::pki_types::UnixTime;
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tempfile::TempDir;

use run::{Ran, command, run};

const PINNED: &str = "4c4c4544-0051-3610-8053-b7c04f4e3033";
const BARE: &str = "5c4c4544-0051-3610-8053-b7c04f4e3033";
const STRANGER: &str = "6c4c4544-0051-3610-8053-b7c04f4e3033";

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A store with a device in ACM and one of which there is no more than a record.
struct Fleet {
    folder: TempDir,
    spki: SpkiHash,
}

impl Fleet {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        let spki = smol::block_on(async { fill(&SqliteStore::open(&path).await.unwrap()).await });
        Self { folder, spki }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("fleet.db")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let path = self.path();
        let mut all = vec![arguments[0], "--store", path.to_str().unwrap()];
        all.extend(&arguments[1..]);
        run(&all)
    }
}

/// Puts the two devices into a store; the pin of the one that has one.
async fn fill(store: &dyn Store) -> SpkiHash {
    let authority = DeploymentAuthority::generate().unwrap();
    let key = generate_rsa_key().unwrap();
    let key = DeviceKey::from_der_key(KeySuite::Rsa2048Sha256, key.public_key_raw()).unwrap();
    let pinned: Uuid = PINNED.parse().unwrap();
    let pin = Pin { spki: key.spki_hash(), provenance: Provenance::OdcaInterim };
    let serial = Serial::from_random([7; 16]);
    let der = authority.issue(pinned, &key, serial).unwrap();
    let certificate = IssuedCertificate { serial, spki: pin.spki, der, issued_at: at(1_800_000_000) };
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let passwords = PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random);
    let tenant = Tenant::default();
    let (server, ttl) = (Holder { server: "server-1".parse().unwrap(), process: 1 }, Duration::from_secs(15));
    let begun = at(1_800_000_000);
    let bare = Record::new(BARE.parse().unwrap());
    let lease = store.acquire(&tenant, bare.uuid, &server, ttl, begun).await.unwrap();
    store.persist(&lease, Generation(1), &bare, &passwords, begun).await.unwrap();
    let mut record = Record::new(pinned);
    record.pins.confirmed = Some(pin);
    record.rom_ca = Some(RomCaHash::from_bytes([0xab; 32]));
    let lease = store.acquire(&tenant, pinned, &server, ttl, begun).await.unwrap();
    store.persist(&lease, Generation(1), &record, &passwords, begun).await.unwrap();
    store.add_certificate(&tenant, pinned, &certificate).await.unwrap();
    let outcome = Outcome::Configured { mode: ControlMode::Admin, pin, short_of: None };
    store.record_outcome(&lease, &outcome, at(1_800_000_001)).await.unwrap();
    pin.spki
}

#[test]
fn help_teaches_every_command_and_every_exit_status() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    let commands =
        ["check-config", "devices", "pins", "audit", "doctor", "keys", "backup", "export", "import", "diagram"];
    for command in commands {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}\n{}", help.stdout);
        let help = run(&[command, "--help"]);
        assert_eq!(help.code, 0, "{command}");
        assert!(help.stdout.contains("Usage: amt-provision"), "{}", help.stdout);
    }
    for status in
        ["  0  done", "  2  the command line", "  3  a person", "  4  the device", "  5  the line", "  6  our"]
    {
        assert!(help.stdout.contains(status), "{status}\n{}", help.stdout);
    }
    for command in ["activate", "deactivate", "maintenance"].iter().chain(&commands[..commands.len() - 1]) {
        assert!(run(&[command, "--help"]).stdout.contains("Examples:\n  amt-provision"), "{command}");
    }
    assert!(!help.stdout.contains('\x1b'), "no colour where there is no terminal");
}

#[test]
fn a_wrong_command_line_is_told_on_stderr_with_status_2() {
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["check-config"],
        &["devices", "list"],
        &["devices", "--store", "a", "show", "not-a-uuid"],
        &["devices", "--store", "a", "show", "00000000-0000-0000-0000-000000000000"],
        &["devices", "--store", "a", "re-enrol", PINNED, "--expect-rom", "abc"],
        &["devices", "--store", "a", "--tenant", "a b", "list"],
        &["devices", "--store", "a", "forget", PINNED, "--by", ""],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(!ran.stderr.is_empty());
    }
    let stderr = run(&["devices", "--store", "a", "show", "00000000-0000-0000-0000-000000000000"]).stderr;
    assert!(stderr.contains("placeholder UUID"), "{stderr}");
    assert_eq!(run(&["devices", "list"]).stderr, "error: which store? Give --config FILE or --store STORE\n");
}

#[test]
fn a_password_that_nobody_can_be_asked_for_is_the_operators_to_give() {
    for arguments in [&["deactivate"][..], &["maintenance", "synctime"]] {
        let ran = run(&[arguments, &["--url", "ws://127.0.0.1:1"]].concat());
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("--amt-password-file or AMT_PASSWORD"), "{}", ran.stderr);
    }
    assert_eq!(run(&["deactivate", "--url", "ws://s", "--amt-password", "x"]).code, 2, "never on the command line");
}

#[test]
fn the_diagram_is_the_edge_list_and_its_json_has_every_edge() {
    assert_eq!(run(&["diagram"]).stdout, mermaid());
    let lines = run(&["diagram", "--json"]).json();
    assert_eq!(lines.len(), edges().count());
    assert_eq!(lines[0]["from"]["stage"], "Probe");
    assert_eq!(lines[0]["on"], "ReportAccepted");
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn check_config_tells_every_mistake_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "amt.toml",
        "[server]\nlisten = \"0.0.0.0:80\"\n[store]\npath = \"x.db\"\n[[profiles]]\nname = \"office\"\ngoal = \"acn\"\nflowb = true\n",
    );
    let ran = run(&["check-config", &file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    let expected = format!(
        "error: {file}:2:10: `listen` is 0.0.0.0:80, which others can reach, and relays are not authenticated: listen \
         on 127.0.0.1, name tokens or a client_ca in [server.auth], or write allow_unauthenticated = true if something \
         in front authenticates them\n\
         {file}:7:8: `goal` is \"acn\": expected \"acm\" or \"ccm\"\n\
         {file}:8:1: `flowb` is no key of [[profiles]]: did you mean `flow_b`?\n"
    );
    assert_eq!(ran.stderr, expected);

    let ran = run(&["check-config", &file, "--json"]);
    assert_eq!(ran.code, 3);
    let places: Vec<_> = ran.json().iter().map(|it| (it["line"].as_u64(), it["column"].as_u64())).collect();
    assert_eq!(places, [(Some(2), Some(10)), (Some(7), Some(8)), (Some(8), Some(1))]);
    assert_eq!(ran.stderr, "", "the mistakes are the result");

    let missing = run(&["check-config", "/nowhere/amt.toml"]);
    assert_eq!(
        (missing.code, missing.stderr.as_str()),
        (3, "error: /nowhere/amt.toml: No such file or directory (os error 2)\n")
    );
}

#[test]
fn check_config_says_what_a_good_file_allows_that_has_a_price() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "amt.toml",
        "[server]\nlisten = \"127.0.0.1:8080\"\n[store]\npath = \"x.db\"\n[[profiles]]\nname = \"old\"\ngoal = \"ccm\"\nflow_b = true\nminimum_provenance = \"first-use\"\n",
    );
    let store = folder.path().join("x.db").display().to_string();
    let ran = run(&["check-config", &file]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        format!(
            "{file}: no mistakes\n  profile old: CCM, first-use or better\n  limits: 4096 connections; of one address 256, and 600 a minute new; 30 a minute runs of one device\n  store {store}: its secrets are sealed under a key in the \
             file {store}.key\n  revocation: off, no list is consulted about a \
             device's silicon and firmware\nwarning: profile `old` allows flow B: a relay \
             that is hostile at first contact can play the device\n"
        )
    );
    assert_eq!(run(&["check-config", &file, "--json"]).json()[0]["profiles"][0], "old");
    assert!(!folder.path().join("x.db").exists(), "nothing is started");
}

#[test]
fn check_config_tells_of_each_revocation_list_and_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = SimulatorAuthority::generate().unwrap();
    write(folder.path(), "odca.pem", &authority.certificates_pem());
    let crls = folder.path().join("crls");
    std::fs::create_dir(&crls).unwrap();
    let ended = rcgen::date_time_ymd(2020, 7, 1);
    let stale = ListShape { next_update: Some(ended), ..ListShape::revoking([authority.root().clone()]) };
    std::fs::write(crls.join("root.crl"), authority.root_list(&ListShape::default()).unwrap()).unwrap();
    std::fs::write(crls.join("stale.crl"), authority.indirect_list(&stale).unwrap()).unwrap();
    write(&crls, "broken.crl", "not a list");
    let file = write(
        folder.path(),
        "amt.toml",
        "[server]\nlisten = \"127.0.0.1:8080\"\n[store]\npath = \"x.db\"\n[[profiles]]\nname = \"new\"\ngoal = \"ccm\"\n\
         [odca]\nrevocation = \"required\"\ncrl_directory = \"crls\"\n\
         [[odca.trust]]\nname = \"lab\"\ncertificates = \"odca.pem\"\n",
    );
    let ran = run(&["check-config", &file]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let (_, told) = ran.stdout.split_once("odca-interim or better\n").unwrap();
    let (told, warnings) = told.split_once("warning: ODCA trust set").unwrap();
    assert_eq!(
        told,
        format!(
            "  limits: 4096 connections; of one address 256, and 600 a minute new; 30 a minute runs of one device\n  store {0}/x.db: its secrets are sealed under a key in the file {0}/x.db.key\n  revocation: required, a revoked device is refused, and so is one with a certificate whose list is missing \
             or stale\n  2 revocation list(s) in {1}\n    root.crl: direct, `OnDie CA Root Cert Signing`, 0 revoked, of \
             2020-03-19T00:00:00Z, next by 2049-12-31T23:59:59Z, signature verified\n    stale.crl: indirect, `ODCA CA2 \
             CSME Intermediate CA`, 1 revoked, of 2020-03-19T00:00:00Z, STALE since 2020-07-01T00:00:00Z, signature \
             verified\n",
            folder.path().display(),
            crls.display()
        )
    );
    let warnings: Vec<_> = warnings.lines().skip(1).collect();
    assert_eq!(
        warnings,
        [
            "warning: revocation list broken.crl is not used: it is no revocation list of version 2: expected DER, or PEM \
             with `-----BEGIN X509 CRL-----`",
            "warning: revocation list stale.crl of `ODCA CA2 CSME Intermediate CA` is stale since 2020-07-01: get the \
             next one, devices may have been revoked since",
        ]
    );
    let json = &run(&["check-config", &file, "--json"]).json()[0];
    assert_eq!(json["revocation"]["policy"], "required");
    assert_eq!(json["revocation"]["lists"][1]["stale"], true);

    // And so does a server at its start, in its log.
    let text = std::fs::read_to_string(&file).unwrap().replace("127.0.0.1:8080", "127.0.0.1:0");
    let file = write(folder.path(), "serve.toml", &text);
    let mut server =
        command(&["serve", "--config", &file]).env_remove("RUST_LOG").stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<_> = log.filter(|line| line.contains("WARN")).take(warnings.len()).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(told.len(), warnings.len());
    for (told, expected) in told.iter().zip(&warnings) {
        assert!(told.ends_with(expected.strip_prefix("warning: ").unwrap()), "{told}");
    }
}

#[test]
fn check_config_and_serve_refuse_a_provisioning_certificate_whose_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let good = ProvisioningShape::for_domain("corp.example");
    let past = good.not_before + (good.not_after - good.not_before) / 12;
    let lines = "[server]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"x.db\"\n[[domains]]\n\
                 dns_suffix = \"corp.example\"\ncertificates = \"both.pem\"\nkey = \"both.pem\"\n[[profiles]]\n\
                 name = \"office\"\ngoal = \"acm\"\ndomain = \"corp.example\"\n";
    let file = write(folder.path(), "amt.toml", lines);
    let has = |shape: &ProvisioningShape| {
        write(folder.path(), "both.pem", &ProvisioningChain::mint(shape).unwrap().to_pem());
    };

    has(&good);
    assert_eq!(run(&["check-config", &file]).code, 0);

    has(&ProvisioningShape { not_after: past, ..good });
    let pem = folder.path().join("both.pem").display().to_string();
    let ran = run(&["check-config", &file]);
    let expected = format!("{file}:7:16: `certificates` names {pem}: the leaf ended on 2024-12-31: renew it");
    assert_eq!((ran.code, ran.stderr.lines().next().unwrap()), (3, format!("error: {expected}").as_str()));
    let json = &run(&["check-config", &file, "--json"]).json()[0];
    assert_eq!((json["line"].as_u64(), json["column"].as_u64()), (Some(7), Some(16)), "{json}");
    let served = run(&["serve", "--config", &file]);
    assert_eq!((served.code, served.stderr), (ran.code, ran.stderr));
    assert!(!folder.path().join("x.db").exists(), "nothing is started");
}

#[test]
fn the_password_of_a_pfx_file_comes_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let pfx = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pki/provisioning/tests/legacy.pfx");
    let lines = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"x.db\"\n[[domains]]\ndns_suffix = \"corp.example\"\n\
         pfx = \"{pfx}\"\npassword_env = \"OUR_PFX_PASSWORD\"\n[[profiles]]\nname = \"office\"\ngoal = \"ccm\"\n"
    );
    let file = write(folder.path(), "amt.toml", &lines);
    let with = |password: &str| command(&["check-config", &file]).env("OUR_PFX_PASSWORD", password).output().unwrap();
    assert_eq!(with("P@ssw0rd").status.code(), Some(0));
    let wrong = with("Hunter2");
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(3));
    assert!(told.contains(":8:16: `password_env` does not fit"), "{told}");
    assert!(!told.contains("Hunter2"), "{told}");
}

#[test]
fn devices_are_listed_and_shown() {
    let fleet = Fleet::new();
    let hash = fleet.spki.to_hex();
    let list = fleet.run(&["devices", "list"]);
    assert_eq!((list.code, list.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = list.stdout.lines().collect();
    let expected =
        format!("{PINNED}  ACM               configured     odca-interim {}  2027-01-15T08:00:00Z", &hash[..16]);
    assert_eq!(lines[1], expected);
    assert!(lines[2].starts_with(BARE) && lines.len() == 3, "{lines:?}");

    let json = fleet.run(&["devices", "list", "--json"]).json();
    assert_eq!(json[0]["record"]["pins"]["confirmed"]["sha256"], *hash);
    assert_eq!(json[0]["mode"], "ACM");
    assert_eq!(json[1]["record"]["pins"]["confirmed"], Value::Null);

    let shown = fleet.run(&["devices", "show", PINNED]).stdout;
    for piece in [
        "device 4c4c4544-",
        &hash,
        "odca-interim: made and committed over the device's default key",
        &"ab".repeat(32),
        "certificate",
    ] {
        assert!(shown.contains(piece), "{piece}\n{shown}");
    }
}

#[test]
fn a_permit_a_removal_and_an_oblivion_are_done_and_audited() {
    let fleet = Fleet::new();
    let permit = fleet.run(&["devices", "re-enrol", PINNED, "--flow-b", "--expect-rom", &"cd".repeat(32)]);
    let told =
        format!("device {PINNED}: permitted to start over, with ROM-CA {}, in plain text, until ", "cd".repeat(32));
    assert!(permit.code == 0 && permit.stdout.starts_with(&told), "{}", permit.stdout);
    let json = &fleet.run(&["devices", "show", PINNED, "--json"]).json()[0];
    assert_eq!(json["record"]["permit"]["flow_b"], true);
    assert_eq!(json["record"]["permit"]["expect_rom_ca_sha256"], *"cd".repeat(32));
    assert!(json["record"]["permit"]["expires"].is_string(), "{json}");
    let endless = fleet.run(&["devices", "re-enrol", PINNED, "--ttl", "0h"]);
    assert_eq!(endless.code, 2);
    assert!(endless.stderr.contains("expected a whole number with s, m, h or d behind it"), "{}", endless.stderr);

    let early = fleet.run(&["devices", "forget", PINNED]);
    assert_eq!(early.code, 3);
    assert!(early.stderr.contains("in service: remove it first"), "{}", early.stderr);
    assert_eq!(
        fleet.run(&["devices", "remove", PINNED, "--by", "grace"]).stdout,
        format!("device {PINNED}: removed\n")
    );
    let audit = fleet.run(&["audit", PINNED, "--json"]).json();
    let events: Vec<_> =
        audit.iter().map(|line| (line["by"].as_str().unwrap(), line["event"].as_str().unwrap())).collect();
    assert_eq!(events[0].0, "ada");
    assert_eq!(events[1], ("grace", "removed"));
    assert!(fleet.run(&["devices", "list"]).stdout.contains("removed"));
    let forgotten = fleet.run(&["devices", "forget", PINNED, "--json"]);
    assert_eq!(forgotten.json()[0]["event"], "forgotten");
    assert_eq!(fleet.run(&["devices", "show", PINNED]).code, 3);
}

#[test]
fn pins_are_listed_shown_and_exported() {
    let fleet = Fleet::new();
    let hash = fleet.spki.to_hex();
    let list = fleet.run(&["pins", "list"]).stdout;
    assert_eq!(list.lines().nth(1).unwrap(), format!("{PINNED}  confirmed  odca-interim  {hash}"));
    assert_eq!(list.lines().count(), 2, "a device without a pin has no line");
    assert_eq!(fleet.run(&["pins", "list", "--json"]).json().len(), 2);
    assert!(fleet.run(&["pins", "show", PINNED]).stdout.contains("over the device's default key"));
    assert!(fleet.run(&["pins", "show", BARE]).stdout.contains("none yet"));
    let exported = fleet.run(&["pins", "export"]).json();
    assert_eq!(exported.len(), 1);
    assert_eq!(exported[0]["sha256"], *hash);
    assert_eq!(exported[0]["provenance"], "odca-interim");
    assert!(exported[0]["pinned_pubkey"].as_str().unwrap().starts_with("sha256//"));
    assert!(exported[0]["certificate"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"));
}

#[test]
fn unknown_devices_and_missing_stores_are_the_operators() {
    let fleet = Fleet::new();
    for arguments in [
        &["devices", "show", STRANGER][..],
        &["devices", "re-enrol", STRANGER],
        &["devices", "remove", STRANGER],
        &["pins", "show", STRANGER],
    ] {
        let ran = fleet.run(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}");
        assert!(ran.stderr.starts_with(&format!("error: device {STRANGER} is not known")), "{}", ran.stderr);
    }
    let missing = fleet.folder.path().join("fleeet.db");
    let ran = run(&["devices", "--store", missing.to_str().unwrap(), "list"]);
    assert_eq!(ran.code, 3);
    assert_eq!(
        ran.stderr,
        format!("error: there is no store at {}: name the file that a server's [store] names\n", missing.display())
    );
    assert!(!missing.exists(), "a mistyped name makes no store");
    let json = run(&["devices", "--store", missing.to_str().unwrap(), "list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.stderr).unwrap()["status"], 3);
    let garbage = write(fleet.folder.path(), "garbage.db", &"no database at all ".repeat(100));
    assert_eq!(run(&["pins", "--store", &garbage, "list"]).code, 6);
}

#[test]
fn a_configuration_names_the_store_also_by_environment() {
    let fleet = Fleet::new();
    let file = write(
        fleet.folder.path(),
        "amt.toml",
        "[server]\nlisten = \"127.0.0.1:8080\"\n[store]\npath = \"fleet.db\"\n[[profiles]]\nname = \"a\"\ngoal = \"ccm\"\n",
    );
    let by_option = run(&["pins", "list", "--config", &file]).stdout;
    let by_environment = command(&["pins", "list"]).env("AMT_PROVISION_CONFIG", &file).output().unwrap();
    assert!(by_option.contains(PINNED));
    assert_eq!(String::from_utf8(by_environment.stdout).unwrap(), by_option);
    let path = fleet.path();
    let by_store = command(&["pins", "list", "--store", path.to_str().unwrap()])
        .env("AMT_PROVISION_CONFIG", "/nowhere/amt.toml")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(by_store.stdout).unwrap(), by_option, "--store needs no configuration");
}

#[test]
fn a_database_is_a_store_like_a_file() {
    let Some(server) = postgres::server() else { return };
    let schema = smol::block_on(server.schema());
    let address: StoreAddress = schema.url().parse().unwrap();
    let spki = smol::block_on(async { fill(&*address.open(keys::keys()).await.unwrap()).await });
    let list = run(&["devices", "list", "--store", &schema.url()]);
    assert_eq!((list.code, list.stderr.as_str()), (0, ""));
    assert!(list.stdout.contains(PINNED) && list.stdout.contains(BARE), "{}", list.stdout);
    let pin = run(&["pins", "show", PINNED, "--store", &schema.url()]);
    assert!(pin.stdout.contains(&spki.to_string()), "{}", pin.stdout);
}

#[test]
fn g1_no_password_of_an_address_is_shown() {
    for (address, code, said) in [
        ("postgres://amt:C4nary@db.example/fleet", 2, "add ?sslmode=verify-full"),
        ("postgres://amt:C4nary@localhost:99999/fleet", 2, "expected postgres://USER@HOST/DATABASE"),
        ("postgres://amt:C4nary@localhost:1/fleet", 6, "see that the database runs"),
    ] {
        let ran = run(&["devices", "list", "--store", address]);
        assert_eq!(ran.code, code, "{address}: {}", ran.stderr);
        assert!(ran.stderr.contains(said) && !ran.stderr.contains("C4nary"), "{}", ran.stderr);
    }
}

/// Another tenant's devices are another tenant's.
#[test]
fn a_tenant_sees_its_own_devices() {
    let fleet = Fleet::new();
    assert_eq!(fleet.run(&["devices", "list", "--tenant", "acme", "--json"]).stdout, "");
    assert_eq!(fleet.run(&["devices", "show", PINNED, "--tenant", "acme"]).code, 3);
}

#[test]
fn a_damaged_record_hides_no_other_device() {
    let fleet = Fleet::new();
    smol::block_on(async {
        let mut file = SqliteConnection::connect(fleet.path().to_str().unwrap()).await.unwrap();
        let damage = "UPDATE device SET snapshot = x'00' WHERE uuid LIKE '4c4c4544%'";
        assert_eq!(sqlx::query(damage).execute(&mut file).await.unwrap().rows_affected(), 1);
        file.close().await.unwrap();
    });
    let list = fleet.run(&["devices", "list"]);
    assert_eq!((list.code, list.stdout.lines().count()), (0, 3));
    assert!(list.stdout.lines().nth(1).unwrap().contains("  damaged "), "{}", list.stdout);
    let json = &fleet.run(&["devices", "show", PINNED, "--json"]).json()[0];
    assert_eq!(json["record"], Value::Null);
    assert!(json["damage"].as_str().unwrap().contains("restore the store from a backup"), "{json}");
    let pins = fleet.run(&["pins", "list", "--json"]);
    assert_eq!((pins.code, pins.json().len()), (0, 1));
    assert!(pins.stderr.contains(&format!("the record of device {PINNED}")), "told in the log: {}", pins.stderr);
    assert_eq!(fleet.run(&["pins", "show", PINNED]).code, 6);
}

/// `devices list | head -1`: whoever reads may have seen enough.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let fleet = Fleet::new();
    let path = fleet.path();
    let mut child = command(&["devices", "--store", path.to_str().unwrap(), "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), stderr), (Some(0), Vec::new()));
}

/// rpc-go.md §6.10: a file that happens to lie where somebody works must not steer a program that runs as root.
#[test]
fn no_file_of_the_working_folder_is_read_unless_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.yaml", "amt-provision.toml", "config.toml", ".env", "fleet.db"] {
        write(folder.path(), name, "url: ws://127.0.0.1:1\nAMT_PROVISION_CONFIG=amt-provision.toml\n");
    }
    for (arguments, wanted) in [
        (&["devices", "list"][..], "--config"),
        (&["serve"], "--config"),
        (&["activate", "--profile", "office"], "--url"),
    ] {
        let output = command(arguments).current_dir(folder.path()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && told.contains(wanted), "{arguments:?}: {told}");
    }
}
