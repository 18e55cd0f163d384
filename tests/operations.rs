//! What operators do to a fleet with the built command: credentials, keys, backups, moves, and a look at the whole.
#![allow(clippy::unwrap_used)] // also its helpers are tests

#[path = "common/run.rs"]
mod run;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use amt_provision::fsm::identity::{RomCaHash, SpkiHash};
use amt_provision::fsm::record::{Generation, Intent, PasswordId, Pin, Provenance, Record};
use amt_provision::store::{Holder, PasswordChoice, PasswordSource, SqliteStore, Store, Tenant};
use rustls::pki_types::UnixTime;
use tempfile::TempDir;

use run::{Ran, run};

const DONE: &str = "4c4c4544-0051-3610-8053-b7c04f4e3033";
const BEGUN: &str = "5c4c4544-0051-3610-8053-b7c04f4e3033";

const ADMIN: &str = "C4nary!admin";
const MEBX: &str = "C4nary!mebx1";

/// A configuration with its store: a device whose passwords are confirmed and one whose password is in doubt.
struct Fleet {
    folder: TempDir,
}

impl Fleet {
    fn new() -> Self {
        let fleet = Self { folder: tempfile::tempdir().unwrap() };
        fleet.configure("127.0.0.1:0", "");
        smol::block_on(async { fill(&SqliteStore::open(&fleet.store()).await.unwrap()).await });
        fleet
    }

    fn configure(&self, listen: &str, key: &str) {
        let text = format!(
            "[server]\nlisten = \"{listen}\"\n[store]\npath = \"fleet.db\"\n{key}\n[[profiles]]\nname = \"office\"\ngoal = \"ccm\"\n"
        );
        fs::write(self.config(), text).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.at("amt.toml")
    }

    fn store(&self) -> PathBuf {
        self.at("fleet.db")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let config = self.config();
        let mut all = vec![arguments[0], "--config", config.to_str().unwrap()];
        all.extend(&arguments[1..]);
        run(&all)
    }
}

fn pin() -> Pin {
    Pin { spki: SpkiHash::from_bytes([0xcd; 32]), provenance: Provenance::Odca }
}

async fn fill(store: &SqliteStore) {
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let fixed = |text: &str| PasswordChoice::Fixed(text.parse().unwrap());
    let passwords = PasswordSource::new(fixed(ADMIN), fixed(MEBX), random);
    let (server, at) = (
        Holder { server: "server-1".parse().unwrap(), process: 1 },
        UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)),
    );
    let mut done = Record::new(DONE.parse().unwrap());
    done.rom_ca = Some(RomCaHash::from_bytes([0xab; 32]));
    let mut begun = Record::new(BEGUN.parse().unwrap());
    for record in [&mut done, &mut begun] {
        let lease = store.acquire(&Tenant::default(), record.uuid, &server, Duration::from_secs(15), at).await.unwrap();
        record.apply(Intent::Activate { exposed: false });
        store.persist(&lease, Generation(1), record, &passwords, at).await.unwrap();
        if record.uuid.to_string() == DONE {
            record.apply(Intent::ConfirmPassword(PasswordId(0)));
            record.apply(Intent::SetMebx);
            record.pins.confirmed = Some(pin());
            store.persist(&lease, Generation(2), record, &passwords, at).await.unwrap();
        }
        store.release(&lease).await.unwrap();
    }
    store.authority(at).await.unwrap();
}

#[test]
fn credentials_are_printed_when_somebody_stands_for_it_and_never_without_a_line_in_the_audit_log() {
    let fleet = Fleet::new();
    let asked = fleet.run(&["devices", "credentials", DONE]);
    assert_eq!((asked.code, asked.stdout.as_str()), (2, ""));
    assert!(asked.stderr.contains("add --yes"), "{}", asked.stderr);
    assert!(fleet.run(&["audit", DONE]).done().stdout.is_empty(), "nothing was shown");

    let shown = fleet.run(&["devices", "credentials", DONE, "--yes", "--by", "grace", "--json"]).done();
    let credentials = shown.json()[0]["credentials"].clone();
    assert_eq!((&credentials[0]["account"], &credentials[0]["password"]), (&"admin".into(), &ADMIN.into()));
    assert_eq!((&credentials[1]["account"], &credentials[1]["password"]), (&"MEBx".into(), &MEBX.into()));
    let audit = fleet.run(&["audit", DONE, "--json"]).done().json();
    assert_eq!((&audit[0]["by"], &audit[0]["event"]), (&"grace".into(), &"passwords shown".into()));
    assert_eq!(audit.len(), 1);

    let doubtful = fleet.run(&["devices", "credentials", BEGUN, "--yes"]).done().stdout;
    assert!(doubtful.contains(ADMIN) && doubtful.contains("intended: the device may have it"), "{doubtful}");

    // The log of the device is not to be had: then neither are its passwords.
    smol::block_on(async {
        use sqlx::Connection;
        let mut file = sqlx::SqliteConnection::connect(fleet.store().to_str().unwrap()).await.unwrap();
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END";
        sqlx::query(refuse).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    });
    let unlogged = fleet.run(&["devices", "credentials", DONE, "--yes"]);
    assert_eq!((unlogged.code, unlogged.stdout.as_str()), (6, ""));
}

#[test]
fn show_tells_state_history_and_what_happens_next() {
    let fleet = Fleet::new();
    let shown = fleet.run(&["devices", "show", BEGUN]).done().stdout;
    for piece in
        ["in doubt: each that it may have is kept", "Setup was applied is not known", "its first run has not ended"]
    {
        assert!(shown.contains(piece), "{piece}\n{shown}");
    }
    for _ in 0..7 {
        fleet.run(&["devices", "re-enrol", DONE]).done();
    }
    let shown = fleet.run(&["devices", "show", DONE]).done().stdout;
    assert!(shown.contains("7 lines, of which these are the last"), "{shown}");
    assert_eq!(shown.matches("ada: permitted to start over").count(), 5, "{shown}");
    assert!(shown.contains("the next run uses it up"), "{shown}");
    assert_eq!(fleet.run(&["audit", DONE]).done().stdout.lines().count(), 7);
    let json = &fleet.run(&["devices", "show", DONE, "--json"]).done().json()[0];
    assert!(json["next"][0].as_str().unwrap().starts_with("permitted to start over"), "{json}");
    assert!(!shown.contains("C4nary") && !json.to_string().contains("C4nary"));
}

#[test]
fn without_its_key_a_store_lists_its_devices_and_says_what_it_misses() {
    let fleet = Fleet::new();
    let key = fleet.at("fleet.db.key");
    let aside = fleet.at("aside");
    fs::rename(&key, &aside).unwrap();
    assert!(fleet.run(&["devices", "list"]).done().stdout.contains(DONE));
    assert!(fleet.run(&["devices", "show", DONE]).done().stdout.contains("admin password"));
    assert_eq!(fleet.run(&["keys", "list"]).done().stdout.lines().count(), 2);
    for arguments in [&["devices", "credentials", DONE, "--yes"][..], &["keys", "rotate"], &["serve"]] {
        let ran = fleet.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{arguments:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("fleet.db.key: there is no key file, and the store's secrets are sealed"),
            "{}",
            ran.stderr
        );
    }
    assert!(!key.exists(), "another key would be of no use");

    fs::write(&key, "C4naryC4naryC4naryC4naryC4naryC4naryC4nary4=\n").unwrap();
    fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let wrong = fleet.run(&["devices", "credentials", DONE, "--yes"]);
    assert_eq!(wrong.code, 3);
    assert!(wrong.stderr.contains("is sealed under the key ") && !wrong.stderr.contains("C4nary"), "{}", wrong.stderr);
    fs::remove_file(&key).unwrap();
    let named = aside.to_str().unwrap();
    fleet.run(&["devices", "credentials", DONE, "--yes", "--key-file", named]).done();
}

#[test]
fn a_rotation_to_another_key_file_makes_the_old_one_useless() {
    let fleet = Fleet::new();
    let before = fleet.run(&["keys", "list", "--json"]).done().json();
    assert_eq!(before[0]["secrets"], 4, "three passwords and the authority");
    fleet.configure("127.0.0.1:0", "key = { file = \"new.key\" }\nold_keys = [{ file = \"fleet.db.key\" }]");
    let rotated = fleet.run(&["keys", "rotate", "--json"]).done().json();
    assert_eq!((&rotated[0]["sealed"], &rotated[0]["destroyed"][0]), (&4.into(), &before[0]["key"]));
    assert_eq!(fs::metadata(fleet.at("new.key")).unwrap().permissions().mode() & 0o777, 0o600);
    fleet.configure("127.0.0.1:0", "key = { file = \"new.key\" }");
    fs::remove_file(fleet.at("fleet.db.key")).unwrap();
    assert!(fleet.run(&["devices", "credentials", DONE, "--yes"]).done().stdout.contains(ADMIN));
    let after = fleet.run(&["keys", "list", "--json"]).done().json();
    assert_eq!((after.len(), &after[0]["key"], &after[0]["secrets"]), (1, &rotated[0]["key"], &4.into()));
    assert_ne!(after[0]["sealed_under"], before[0]["sealed_under"]);
}

#[test]
fn a_backup_is_restored_with_its_key_and_is_no_secret_without() {
    let fleet = Fleet::new();
    let copy = fleet.at("copy.db");
    fleet.run(&["backup", copy.to_str().unwrap()]).done();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&copy).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"C4nary"));
    for name in ["fleet.db", "fleet.db-wal", "fleet.db-shm"] {
        fs::remove_file(fleet.at(name)).ok();
    }
    fs::rename(&copy, fleet.store()).unwrap();
    assert!(fleet.run(&["devices", "credentials", DONE, "--yes"]).done().stdout.contains(ADMIN));
    let again = fleet.run(&["backup", fleet.store().to_str().unwrap()]);
    assert_eq!(again.code, 6, "it overwrites nothing: {}", again.stderr);
}

fn export(fleet: &Fleet) -> PathBuf {
    let path = fleet.at("identities.jsonl");
    fs::write(&path, fleet.run(&["export"]).done().stdout).unwrap();
    path
}

fn import(fleet: &Fleet, file: &Path) -> Ran {
    fleet.run(&["import", file.to_str().unwrap(), "--json"])
}

#[test]
fn identities_and_pins_move_to_another_deployment_without_a_secret() {
    let old = Fleet::new();
    let file = export(&old);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("C4nary") && text.lines().count() == 2, "{text}");

    let new = Fleet { folder: tempfile::tempdir().unwrap() };
    new.configure("127.0.0.1:0", "");
    smol::block_on(async { drop(SqliteStore::open(&new.store()).await.unwrap()) });
    let imported = import(&new, &file).done().json();
    assert_eq!((&imported[0]["imported"], &imported[0]["known"]), (&2.into(), &0.into()));
    let pin_shown = new.run(&["pins", "show", DONE]).done().stdout;
    assert!(pin_shown.contains(&pin().spki.to_hex()) && pin_shown.contains("odca"), "{pin_shown}");
    assert_eq!(new.run(&["export"]).done().stdout, text, "what comes out is what went in");
    assert_eq!(new.run(&["audit", DONE, "--json"]).done().json()[0]["event"], "imported");
    let none = new.run(&["devices", "credentials", DONE, "--yes"]).done().stdout;
    assert!(none.contains("none yet"), "{none}");

    assert_eq!(import(&new, &file).done().json()[0]["known"], 2, "again changes nothing");
    fs::write(&file, text.replace(&pin().spki.to_hex(), &"ef".repeat(32))).unwrap();
    let other = import(&new, &file);
    assert_eq!((other.code, &other.json()[0]["held_to_something_else"][0]), (3, &DONE.into()));
    assert!(new.run(&["pins", "show", DONE]).done().stdout.contains(&pin().spki.to_hex()), "a pin is not replaced");
}

#[test]
fn a_line_that_is_no_identity_changes_nothing_and_is_told_with_its_place() {
    let old = Fleet::new();
    let text = fs::read_to_string(export(&old)).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    let new = Fleet { folder: tempfile::tempdir().unwrap() };
    new.configure("127.0.0.1:0", "");
    smol::block_on(async { drop(SqliteStore::open(&new.store()).await.unwrap()) });
    let file = new.at("lines");
    let long = format!("{{\"format\":\"{}\"}}", "x".repeat(5000));
    for (wrong, said) in [
        (second.replace("identity 1", "identity 2"), "`format` is"),
        (second.replace("5c4c", "5c4"), "`uuid`: "),
        (second.replace("\"adopted\"", "\"adobted\""), "unknown field `adobted`"),
        (first.replace(&"cd".repeat(32), "cd"), "`pin.sha256`: expected 64 hexadecimal digits"),
        (first.replace("\"odca\"", "\"hearsay\""), "`pin.provenance` is \"hearsay\""),
        ("no JSON".to_owned(), "expected ident"),
        (long, "EOF while parsing"),
    ] {
        fs::write(&file, format!("{first}\n{wrong}\n")).unwrap();
        let ran = import(&new, &file);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{wrong}");
        assert!(
            ran.stderr.contains("lines:2: ") && ran.stderr.replace('\\', "").contains(said),
            "{said}\n{}",
            ran.stderr
        );
        assert_eq!(new.run(&["devices", "list", "--json"]).done().stdout, "", "{wrong}");
    }
}

/// The severity of what a doctor said about something, the worst first.
fn worst(ran: &Ran, about: &str) -> Option<String> {
    let found = ran.json().into_iter().filter(|finding| finding["about"] == about);
    let severities: Vec<String> = found.map(|finding| finding["severity"].as_str().unwrap().to_owned()).collect();
    ["error", "warning", "fine"].into_iter().find(|name| severities.iter().any(|it| it == name)).map(str::to_owned)
}

#[test]
fn a_doctor_finds_what_is_in_the_way_and_what_will_be_and_says_so_by_its_status() {
    let fleet = Fleet::new();
    let look = || fleet.run(&["doctor", "--json"]);
    let healthy = look().done();
    for about in [
        "configuration",
        "store",
        "key of the secrets",
        "deployment's authority",
        "provisioning certificates",
        "revocation lists",
        "port",
    ] {
        assert_eq!(worst(&healthy, about).as_deref(), Some("fine"), "{about}\n{}", healthy.stdout);
    }
    let text = fleet.run(&["doctor"]).done().stdout;
    assert!(text.contains("fine     store: ") && text.contains("ends 2049-12-31"), "{text}");

    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    fleet.configure(&taken.local_addr().unwrap().to_string(), "");
    assert_eq!(worst(&look().done(), "port").as_deref(), Some("warning"));
    fleet.configure("127.0.0.1:0", "[odca]\nrevocation = \"required\"\ncrl_directory = \"crls\"");
    fs::create_dir(fleet.at("crls")).unwrap();
    fs::write(fleet.at("crls/broken.crl"), "no list").unwrap();
    let broken = look();
    assert_eq!((broken.code, worst(&broken, "revocation lists").as_deref()), (3, Some("error")), "{}", broken.stdout);
    fleet.configure("127.0.0.1:0", "[odca]\nrevocation = \"if-present\"\ncrl_directory = \"crls\"");
    assert_eq!(worst(&look().done(), "revocation lists").as_deref(), Some("warning"));
    fleet.configure("127.0.0.1:0", "kee = 1");
    let mistaken = look();
    assert_eq!((mistaken.code, worst(&mistaken, "configuration").as_deref()), (3, Some("error")));
    assert_eq!(mistaken.json().len(), 1, "nothing is known of what it names");

    fleet.configure("127.0.0.1:0", "");
    fs::rename(fleet.at("fleet.db.key"), fleet.at("aside")).unwrap();
    let closed = look();
    assert_eq!((closed.code, worst(&closed, "key of the secrets").as_deref()), (3, Some("error")));
    assert!(!fleet.at("fleet.db.key").exists());
    for name in ["fleet.db", "fleet.db-wal", "fleet.db-shm"] {
        fs::remove_file(fleet.at(name)).ok();
    }
    assert_eq!(worst(&look().done(), "store").as_deref(), Some("warning"));
    assert!(!fleet.store().exists(), "a doctor makes nothing");
}
