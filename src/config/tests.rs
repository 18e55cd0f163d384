//! Mistakes and what is said of them, and a file without any.

use std::path::{Path, PathBuf};

use amt_provision_fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal};
use amt_provision_fsm::record::Provenance;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use proptest::prelude::*;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::UnixTime;
use tempfile::TempDir;

use super::*;
use crate::access::Access;
use crate::limits::{Deadlines, Limits, PerMinute};
use crate::password::PasswordLength;
use crate::pki::odca::revocation::RevocationPolicy;
use crate::simulator::identity::{SimulatorAuthority, generate_p384_key};
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use crate::store::{PasswordChoice, StoreAddress};
use crate::tunnel::channel::ProvisioningIdentity;
use crate::tunnel::tls::TlsVersion;

const MINIMAL: &str = "\
[server]
listen = \"127.0.0.1:8080\"
[store]
path = \"fleet.db\"
[[profiles]]
name = \"office\"
goal = \"ccm\"
";

/// A folder with what a configuration may name.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let key = generate_p384_key().unwrap();
        let ca_key = generate_p384_key().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
        let ca = CertifiedIssuer::self_signed(params, ca_key).unwrap();
        let leaf = CertificateParams::new(vec!["provisioning.corp.example".into()]).unwrap();
        let leaf = leaf.signed_by(&key, &ca).unwrap();
        folder.write("chain.pem", &(leaf.pem() + &ca.pem()));
        folder.write("reversed.pem", &(ca.pem() + &leaf.pem()));
        folder.write("key.pem", &key.serialize_pem());
        folder.write("other-key.pem", &KeyPair::generate().unwrap().serialize_pem());
        let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain("corp.example")).unwrap();
        let certificates = chain.certificates_pem();
        let mut ones: Vec<&str> = certificates.split_inclusive("-----END CERTIFICATE-----").collect();
        folder.write("bought.pem", &certificates);
        folder.write("bought.key", &chain.key_pem());
        folder.write("bought-leaf.pem", ones[0]);
        ones.swap(0, 1);
        folder.write("bought-mixed.pem", &ones.join("\n"));
        folder.write("bought.pfx", &pfx(&chain));
        folder.write("bought.password", "P@ssw0rd\r\n");
        folder.write("other.password", "P@ssw0rd ");
        folder.write("empty.pem", "nothing in here\n");
        folder.write("damaged.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
        folder.write("no-certificate.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let simulator = SimulatorAuthority::generate().unwrap();
        let pem = |der: &[u8]| pem::encode(&pem::Pem::new("CERTIFICATE", der));
        let (root, intermediate) = (pem(simulator.root()), pem(simulator.intermediate()));
        folder.write("adopt.toml", "default = 'Adopt-me-1'\n4c4c4544-0051-3610-8053-b7c04f4e3033 = 'And-me-too-2'\n");
        folder.write("weak.toml", "default = 'weak'\n");
        folder.write("broken.toml", "default = 'Adopt-me-1'\nAdopt-me-1\n");
        folder.write("odca.pem", &format!("{root}{intermediate}"));
        folder.write("odca-root.pem", &root);
        folder.write("odca-reversed.pem", &format!("{intermediate}{root}"));
        folder.write("odca-strangers.pem", &format!("{root}{intermediate}{}", leaf.pem()));
        folder
    }

    fn write(&self, name: &str, contents: &(impl AsRef<[u8]> + ?Sized)) {
        std::fs::write(self.0.path().join(name), contents).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("amt.toml")
    }

    fn parse(&self, text: &str) -> Result<Config, Mistakes> {
        Config::parse(&self.file(), text)
    }

    /// What is said of a text, with the folder's name taken out.
    fn told(&self, text: &str) -> String {
        let folder = format!("{}/", self.0.path().display());
        self.parse(text).expect_err(text).to_string().replace(&folder, "")
    }
}

/// The chain, its certificates the wrong way round, behind the password `P@ssw0rd`.
fn pfx(chain: &ProvisioningChain) -> Vec<u8> {
    let certificates = chain.certificates().iter().rev().map(|der| Certificate::from_der(der).unwrap());
    let key = PrivateKey::from_der(chain.key().secret_pkcs8_der()).unwrap();
    let mut store = KeyStore::new();
    store.add_entry("1", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("1", key, certificates)));
    store.writer("P@ssw0rd").encryption_iterations(2).mac_iterations(2).write().unwrap()
}

fn at(year: i32, month: u8, day: u8) -> UnixTime {
    let moment = rcgen::date_time_ymd(year, month, day).unix_timestamp();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(moment.try_into().unwrap()))
}

/// A domain with these lines.
fn with_domain(lines: &str) -> String {
    MINIMAL.replace("[store]", &format!("[[domains]]\ndns_suffix = \"corp.example\"\n{lines}\n[store]"))
}

#[test]
fn a_minimal_file_gets_the_careful_defaults() {
    let folder = Folder::new();
    let config = folder.parse(MINIMAL).unwrap();
    assert_eq!(config.name.as_str(), "amt-provision");
    let file = folder.0.path().join("fleet.db");
    assert!(
        matches!(&config.store, StoreAddress::Sqlite(path) if *path == file),
        "a path is meant from the folder of the file"
    );
    let [profile] = &config.profiles[..] else { panic!() };
    assert_eq!(profile.policy.goal, Goal::Client);
    assert_eq!(profile.policy.flow_b, FlowB::Refused);
    assert_eq!(profile.policy.minimum, Provenance::OdcaInterim);
    assert_eq!(profile.policy.first_use, FirstUseTrust::NotTrusted);
    assert_eq!(profile.policy.activation_commit, ActivationCommit::Auto);
    assert_eq!(profile.admin_password, PasswordChoice::default());
    assert_eq!(profile.max_tls, TlsVersion::V1_3);
    assert_eq!(config.warnings(at(2027, 1, 1)), []);
}

#[test]
fn servers_that_share_a_database_let_go_of_a_lost_relay_sooner_unless_they_are_told() {
    let folder = Folder::new();
    let text = |store: &str, server: &str| {
        format!(
            "[server]\nlisten = \"127.0.0.1:8080\"\n{server}[store]\n{store}\n[[profiles]]\nname = \"office\"\ngoal = \"ccm\"\n"
        )
    };
    let waits =
        |store: &str, server: &str| folder.parse(&text(store, server)).unwrap().listener.deadlines.reconnect.as_secs();
    let shared = "url = \"postgres://amt@127.0.0.1/fleet\"\nkey = { file = \"fleet.key\" }";
    assert_eq!(waits("path = \"fleet.db\"", ""), 60);
    assert_eq!(waits(shared, ""), 1);
    assert_eq!(waits(shared, "deadlines = { reconnect_seconds = 7 }\n"), 7);
}

#[test]
fn everything_that_can_be_written_is_read() {
    let config = Folder::new()
        .parse(
            r#"
            [server]
            listen = "0.0.0.0:8443"
            name = "server-1"
            allow_unauthenticated = true
            tls = { certificates = "chain.pem", key = "key.pem" }
            [server.limits]
            connections = 100
            address_connections = 10
            address_connections_per_minute = 20
            device_runs_per_minute = 5
            exempt = ["10.0.0.7", "2001:db8::7"]
            [server.deadlines]
            handshake_seconds = 1
            first_message_seconds = 2
            take_seconds = 3
            reconnect_seconds = 6
            goodbye_seconds = 4
            shutdown_seconds = 5
            [store]
            path = "fleet.db"
            [[domains]]
            dns_suffix = "Corp.Example"
            certificates = "bought.pem"
            key = "bought.key"
            [[profiles]]
            name = "office"
            goal = "acm"
            domain = "corp.example"
            flow_b = true
            minimum_provenance = "first-use"
            trust_first_use = true
            activation_commit = "always"
            adopt = { passwords = "adopt.toml" }
            admin_password = { length = 20 }
            mebx_password = { fixed = "P@ssw0rd" }
            max_tls = "1.2"
            [[tenants]]
            name = "acme"
            profiles = ["office"]
            [[odca.trust]]
            name = "laboratory"
            certificates = "odca.pem"
            "#,
        )
        .unwrap();
    assert!(config.listener.tls.is_some());
    let per_minute = |count: u32| PerMinute(count.try_into().unwrap());
    let limits = Limits {
        connections: 100.try_into().unwrap(),
        address_connections: 10.try_into().unwrap(),
        address_rate: per_minute(20),
        device_rate: per_minute(5),
        exempt: vec!["10.0.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
    };
    assert_eq!(config.listener.limits, limits);
    let [accept, hello, take, goodbye, shutdown, reconnect] = [1, 2, 3, 4, 5, 6].map(std::time::Duration::from_secs);
    assert_eq!(config.listener.deadlines, Deadlines { accept, hello, take, reconnect, goodbye, shutdown });
    let profile = config.profile(&"acme".parse().unwrap(), &"office".parse().unwrap()).unwrap();
    assert!(matches!(profile.policy.goal, Goal::Admin(length) if length.count() == 3));
    let domain = profile.domain.as_deref().unwrap();
    assert_eq!((domain.dns_suffix.as_ref(), domain.certificate.chain().len()), ("corp.example", 3));
    assert_eq!(profile.admin_password, PasswordChoice::Random(PasswordLength::new(20).unwrap()));
    assert_eq!(profile.mebx_password, PasswordChoice::Fixed("P@ssw0rd".parse().unwrap()));
    assert_eq!(profile.max_tls, TlsVersion::V1_2);
    let adoption = profile.adoption.as_deref().unwrap();
    let given = |uuid: &str| adoption.of(uuid.parse().unwrap()).map(|password| password.expose().to_owned());
    assert_eq!(given("4c4c4544-0051-3610-8053-b7c04f4e3033").as_deref(), Some("And-me-too-2"));
    assert_eq!(given("11111111-1111-1111-1111-111111111111").as_deref(), Some("Adopt-me-1"));
    assert_eq!(profile.policy.adopt, Adopt::Allowed);
    let told = format!("{config:?}");
    assert!(!told.contains("P@ssw0rd") && !told.contains("me-too") && !told.contains("Adopt-me"), "{told}");
    assert_eq!(format!("{adoption:?}"), "AdoptionPasswords { devices: 1, .. }");
    let warnings = config.warnings(at(2027, 1, 1));
    let name: crate::protocol::ProfileName = "office".parse().unwrap();
    assert_eq!(
        warnings,
        [
            Warning::AddedTrust("laboratory".into()),
            Warning::Unauthenticated("0.0.0.0:8443".parse().unwrap()),
            Warning::FlowB(name.clone()),
            Warning::TrustsFirstUse(name),
        ]
    );
}

const TOKEN: &str = "\
[[server.auth.tokens]]
name = \"site-a\"
sha256 = \"2EB8A8CE4A4ACC8B1A8E5BA8FDB67ADE6AA0FAF4AFC2D5DDD1F8F66F2AA1C2B5\"
tenant = \"\"
";

#[test]
fn a_listener_that_asks_who_relays_are_may_be_reached_by_others() {
    let folder = Folder::new();
    let asking = |address: &str, more: &str| {
        folder.parse(&MINIMAL.replace("127.0.0.1:8080", address).replace("[store]", &format!("{more}[store]"))).unwrap()
    };
    let config = asking("127.0.0.1:8080", TOKEN);
    let Access::Known(tokens) = &config.listener.access else { panic!() };
    let [token] = &tokens[..] else { panic!() };
    assert_eq!((token.name.to_string().as_str(), token.tenant.clone()), ("site-a", Some(Default::default())));
    assert_eq!(config.warnings(at(2027, 1, 1)), []);

    let address = "0.0.0.0:8443".parse().unwrap();
    let plain = asking("0.0.0.0:8443", TOKEN);
    assert_eq!(plain.warnings(at(2027, 1, 1)), [Warning::PlainWebSocket(address), Warning::PlainTokens(address)]);
    let tls = "tls = { certificates = \"chain.pem\", key = \"key.pem\" }\n";
    assert_eq!(asking("0.0.0.0:8443", &format!("{tls}{TOKEN}")).warnings(at(2027, 1, 1)), []);
    let certificates = asking("0.0.0.0:8443", &format!("{tls}auth = {{ client_ca = \"odca-root.pem\" }}\n"));
    assert_eq!((certificates.listener.access, certificates.odca.added().count()), (Access::Known(Vec::new()), 0));
}

#[test]
fn revocation_lists_are_off_unless_a_folder_of_them_is_named() {
    let folder = Folder::new();
    let source = |odca: &str| folder.parse(&format!("{MINIMAL}[odca]\n{odca}\n")).unwrap().revocation;
    let directory = folder.0.path().join(".");
    let with = |policy| Some(CrlSource { policy, directory: directory.clone() });
    assert_eq!(source(""), None);
    assert_eq!(source("revocation = \"off\""), None);
    assert_eq!(source("crl_directory = \".\""), with(RevocationPolicy::IfPresent));
    for policy in [RevocationPolicy::IfPresent, RevocationPolicy::Required] {
        assert_eq!(source(&format!("revocation = \"{policy}\"\ncrl_directory = \".\"")), with(policy));
    }
}

#[test]
fn the_key_of_the_secrets_is_beside_the_store_or_where_it_is_said_to_be() {
    let folder = Folder::new();
    let named = |lines: &str| {
        let config = folder.parse(&MINIMAL.replace("\"fleet.db\"", &format!("\"fleet.db\"\n{lines}"))).unwrap();
        let older: Vec<String> = config.keys.older().iter().map(ToString::to_string).collect();
        (config.keys.current().unwrap().to_string(), older)
    };
    let file = |name: &str| format!("the file {}", folder.0.path().join(name).display());
    assert_eq!(named(""), (file("fleet.db.key"), vec![]));
    let both = named("key = { file = \"new.key\" }\nold_keys = [{ file = \"fleet.db.key\" }]");
    assert_eq!(both, (file("new.key"), vec![file("fleet.db.key")]));
    std::fs::write(folder.0.path().join("token"), "hvs.C4nary").unwrap();
    let vault = |key: &str| {
        let vault = "address = \"http://127.0.0.1:8200\", token_file = \"token\"";
        named(&format!("key = {{ vault = {{ {vault}, {key} }} }}")).0
    };
    assert_eq!(
        vault("kv = { path = \"fleet/amt\" }"),
        "field `key` of the secret secret/fleet/amt in Vault at http://127.0.0.1:8200"
    );
    assert_eq!(
        vault("namespace = \"lab\", transit = { mount = \"seal\", key = \"amt\" }"),
        "the transit key seal/amt in Vault at http://127.0.0.1:8200"
    );
}

#[test]
fn a_database_that_is_reached_without_tls_is_a_warning() {
    let folder = Folder::new();
    let with = |url: &str| {
        folder
            .parse(
                &MINIMAL.replace("path = \"fleet.db\"", &format!("url = \"{url}\"\nkey = {{ file = \"fleet.key\" }}")),
            )
            .unwrap()
    };
    let unprotected = with("postgres://amt:C4nary@db.example/fleet?sslmode=disable");
    let told = unprotected.warnings(at(2027, 1, 1));
    assert_eq!(told, [Warning::UnprotectedStore("postgres://amt@db.example:5432/fleet".into())]);
    assert!(!format!("{unprotected:?} {told:?}").contains("C4nary"));
    assert!(with("postgres://amt@db.example/fleet?sslmode=verify-full").warnings(at(2027, 1, 1)).is_empty());
    assert!(with("postgres://amt@localhost/fleet").warnings(at(2027, 1, 1)).is_empty());
}

#[test]
fn a_tenant_gets_its_profiles_and_no_other() {
    let folder = Folder::new();
    let two = MINIMAL.to_owned() + "[[profiles]]\nname = \"lab\"\ngoal = \"ccm\"\n";
    let ask = |config: &Config, tenant: &str, profile: &str| {
        config.profile(&tenant.parse().unwrap(), &profile.parse().unwrap()).map(|found| found.name.to_string())
    };
    let open = folder.parse(&two).unwrap();
    assert_eq!(ask(&open, "", "lab").unwrap(), "lab");
    assert_eq!(ask(&open, "", "home"), Err(ProfileRefusal::UnknownProfile("home".parse().unwrap())));
    assert_eq!(ask(&open, "acme", "lab"), Err(ProfileRefusal::UnknownTenant("acme".parse().unwrap())));

    let ruled = two + "[[tenants]]\nname = \"acme\"\nprofiles = [\"lab\"]\n[[tenants]]\nname = \"all\"\n";
    let ruled = folder.parse(&ruled).unwrap();
    assert_eq!(ask(&ruled, "acme", "lab").unwrap(), "lab");
    assert_eq!(ask(&ruled, "all", "office").unwrap(), "office");
    assert_eq!(ask(&ruled, "acme", "office"), Err(ProfileRefusal::UnknownProfile("office".parse().unwrap())));
    assert_eq!(ask(&ruled, "", "lab"), Err(ProfileRefusal::UnknownTenant(crate::store::Tenant::default())));
}

/// What is put in the place of a piece of [`MINIMAL`], and what is said then.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str)] = &[
    ("[server]", "[serverr]",
        "amt.toml:1:2: `serverr` is no key of the file: did you mean `server`?"),
    ("listen", "lisen",
        "amt.toml:2:1: `lisen` is no key of [server]: did you mean `listen`?"),
    ("\"127.0.0.1:8080\"", "\"localhost:8080\"",
        "amt.toml:2:10: `listen` is no address: expected IP:PORT, such as \"127.0.0.1:8080\""),
    ("\"127.0.0.1:8080\"", "8080",
        "amt.toml:2:10: `listen` is a whole number: expected a text between quotes"),
    ("\"127.0.0.1:8080\"", "\"0.0.0.0:8080\"",
        "amt.toml:2:10: `listen` is 0.0.0.0:8080, which others can reach, and relays are not authenticated: listen on 127.0.0.1, name tokens or a client_ca in [server.auth], or write allow_unauthenticated = true if something in front authenticates them"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\nallow_unauthenticated = \"yes\"",
        "amt.toml:3:25: `allow_unauthenticated` is a text: expected true or false, without quotes"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\nlimits = { connections = 0 }",
        "amt.toml:3:26: `connections` is no limit: expected a whole number from 1 to 1000000"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\nlimits = { address_connections_per_minute = \"many\" }",
        "amt.toml:3:45: `address_connections_per_minute` is a text: expected a whole number"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\nlimits = { max_connections = 7 }",
        "amt.toml:3:12: `max_connections` is no key of [server.limits]: did you mean `connections`?"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\nlimits = { exempt = [\"proxy\"] }",
        "amt.toml:3:22: `exempt` has \"proxy\", which is no address: expected one such as \"10.0.0.7\""),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ndeadlines = { shutdown_seconds = 0 }",
        "amt.toml:3:34: `shutdown_seconds` is no deadline: expected 1 to 3600 seconds"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\nname = \"server 1\"",
        "amt.toml:3:8: `name` is wrong: a name consists of letters, digits and punctuation of ASCII, without spaces"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"chain.pem\" }",
        "amt.toml:3:7: [server.tls] has no `key`: write for instance key = \"key.pem\""),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"chain.pem\", key = \"missing.pem\" }",
        "amt.toml:3:43: `key` names missing.pem, which cannot be read: No such file or directory (os error 2)"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"chain.pem\", key = \"chain.pem\" }",
        "amt.toml:3:43: `key` names chain.pem, which has no private key in PEM: expected an unencrypted PKCS#8, PKCS#1 or SEC1 key"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"chain.pem\", key = \"other-key.pem\" }",
        "amt.toml:3:43: `key` is not the key of the first certificate in `certificates`: put the leaf first, with its own key"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"reversed.pem\", key = \"key.pem\" }",
        "amt.toml:3:46: `key` is not the key of the first certificate in `certificates`: put the leaf first, with its own key"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"missing.pem\", key = \"key.pem\" }",
        "amt.toml:3:24: `certificates` names missing.pem, which cannot be read: No such file or directory (os error 2)"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"empty.pem\", key = \"key.pem\" }",
        "amt.toml:3:24: `certificates` names empty.pem, which has no certificate: expected PEM, `-----BEGIN CERTIFICATE-----`"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"damaged.pem\", key = \"key.pem\" }",
        "amt.toml:3:24: `certificates` names damaged.pem, which is damaged PEM: export it again"),
    ("\"127.0.0.1:8080\"", "\"127.0.0.1:8080\"\ntls = { certificates = \"no-certificate.pem\", key = \"key.pem\" }",
        "amt.toml:3:24: `certificates` names no-certificate.pem, whose certificate 1 is none: export it again"),
    ("[store]\npath = \"fleet.db\"\n", "",
        "amt.toml:1:1: the file has no `store`: write for instance [store]"),
    ("path = \"fleet.db\"\n", "",
        "amt.toml:3:1: [store] has no `path`: write for instance path = \"fleet.db\""),
    ("path =", "url =",
        "amt.toml:4:7: `url` is the name of a file: write path = \"fleet.db\" for a SQLite file"),
    ("path = \"fleet.db\"", "url = \"postgres://amt:C4nary@db.example/fleet\"",
        "amt.toml:4:7: `url` is wrong: the address leads over a network, and nobody proves that it leads to the database: add \
         ?sslmode=verify-full&sslrootcert=FILE, or sslmode=disable if something else protects the way"),
    ("path = \"fleet.db\"", "url = \"postgres://amt@localhost/fleet\"\npath = \"fleet.db\"",
        "amt.toml:4:7: `url` names a second store beside `path`: keep one of them"),
    ("path = \"fleet.db\"", "url = \"postgres://amt@localhost/fleet\"",
        "amt.toml:3:1: [store] names a database that several servers share, and no key for its secrets: write for instance \
         key = { file = \"/etc/amt-provision/fleet.key\" }, the same key on each of them"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = \"C4nary\"",
        "amt.toml:5:7: `key` is no table: expected { file = \"fleet.key\" }, { env = \"FLEET_KEY\" } or { vault = { … } }"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = { fil = \"fleet.key\" }",
        "amt.toml:5:9: `fil` is no key of the key: did you mean `file`?"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = { file = \"fleet.key\", env = \"FLEET_KEY\" }",
        "amt.toml:5:7: `key` is not one place: expected { file = \"fleet.key\" }, { env = \"FLEET_KEY\" } or { vault = { … } }"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = { env = \"AMT_PROVISION_NO_SUCH_KEY\" }",
        "amt.toml:5:7: `key` cannot be used: the environment variable AMT_PROVISION_NO_SUCH_KEY is not set: it is to hold \
         the key of the store's secrets, in base64"),
    ("\"fleet.db\"", "\"fleet.db\"\nold_keys = [{ file = \".\" }]",
        "amt.toml:5:13: `old_keys` cannot be used: .: is a directory: give the key file to the user that this runs \
         as"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = { vault = { address = \"http://vault.example:8200\", transit = { key = \"amt\" } } }",
        "amt.toml:5:29: `address` is wrong: http:// is for this machine alone, because the token and the key would be read on \
         the way: write https://"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = { vault = { address = \"http://127.0.0.1:8200\", kv = { path = \"../sys/raw\" } } }",
        "amt.toml:5:68: `path` is no path in Vault: expected letters, digits, - _ . and single / between them"),
    ("\"fleet.db\"", "\"fleet.db\"\nkey = { vault = { address = \"http://127.0.0.1:8200\" } }",
        "amt.toml:5:17: `vault` names not one key: write kv = { path = \"amt-provision\" } for a key among Vault's secrets, or \
         transit = { key = \"amt-provision\" } for one that never leaves Vault"),
    ("\"fleet.db\"", "\"\"",
        "amt.toml:4:8: `path` is empty: expected the path of a file"),
    ("\"fleet.db\"", "\"missing/fleet.db\"",
        "amt.toml:4:8: `path` is in missing, which is no folder: create it"),
    ("\"fleet.db\"", "\".\"",
        "amt.toml:4:8: `path` is ., a folder: expected a file in it"),
    ("[[profiles]]\nname = \"office\"\ngoal = \"ccm\"\n", "",
        "amt.toml:1:1: the file has no `profiles`: write for instance [[profiles]]"),
    ("[[profiles]]", "[profiles]",
        "amt.toml:5:1: `profiles` is a table: expected a list of tables: write [[profiles]]"),
    ("name = \"office\"\n", "",
        "amt.toml:5:1: [[profiles]] has no `name`: write for instance name = \"office\""),
    ("\"office\"", "\"-office\"",
        "amt.toml:6:8: `name` is wrong: not a profile name: expected 1 to 128 bytes without white space, and no dash in front"),
    ("goal = \"ccm\"\n", "goal = \"ccm\"\n[[profiles]]\nname = \"office\"\ngoal = \"ccm\"\n",
        "amt.toml:9:8: `name` is \"office\" for the second time: relays ask by name"),
    ("goal = \"ccm\"\n", "",
        "amt.toml:5:1: [[profiles]] has no `goal`: write for instance goal = \"acm\" or goal = \"ccm\""),
    ("\"ccm\"", "\"admin\"",
        "amt.toml:7:8: `goal` is \"admin\": expected \"acm\" or \"ccm\""),
    ("\"ccm\"", "\"acm\"",
        "amt.toml:5:1: [[profiles]] with goal = \"acm\" has no `domain`: name the dns_suffix of a [[domains]], whose certificate the device wants to see"),
    ("\"ccm\"", "\"acm\"\ndomain = \"corp.example\"",
        "amt.toml:8:10: `domain` is \"corp.example\", and no [[domains]] has that dns_suffix: add it"),
    ("\"ccm\"", "\"ccm\"\ndomain = \"corp.example\"",
        "amt.toml:8:10: `domain` has no effect in CCM: leave it out, or write goal = \"acm\""),
    ("\"ccm\"", "\"ccm\"\nflow_b = \"on\"",
        "amt.toml:8:10: `flow_b` is a text: expected true or false, without quotes"),
    ("\"ccm\"", "\"ccm\"\nflow_b = true",
        "amt.toml:8:10: `flow_b` is true, and the minimum provenance is \"odca-interim\", which no flow-B device can reach: write minimum_provenance = \"first-use\", or leave flow_b out"),
    ("\"ccm\"", "\"ccm\"\nminimum_provenance = \"odca-intrim\"",
        "amt.toml:8:22: `minimum_provenance` is \"odca-intrim\": expected \"odca\", \"odca-interim\", \"provisional\", \"adopted\" or \"first-use\""),
    ("\"ccm\"", "\"ccm\"\nminimum_provenance = \"best\"",
        "amt.toml:8:22: `minimum_provenance` is \"best\": expected \"odca\", \"odca-interim\", \"provisional\", \"adopted\" or \"first-use\""),
    ("\"ccm\"", "\"ccm\"\ntrust_first_use = true",
        "amt.toml:8:19: `trust_first_use` is true, and the minimum provenance is \"odca-interim\", so that no pin is ever learnt at first use: leave it out, or write minimum_provenance = \"provisional\" or \"first-use\""),
    ("\"ccm\"", "\"ccm\"\nadopt = true",
        "amt.toml:8:9: `adopt` is true or false: expected { passwords = \"adopt.toml\" }, a file with the passwords that the devices have"),
    ("\"ccm\"", "\"ccm\"\nadopt = { passwords = \"adopt.toml\" }",
        "amt.toml:8:9: `adopt` takes over devices that show keys which nobody vouches for, and the minimum provenance is \"odca-interim\": write minimum_provenance = \"adopted\", or \"first-use\" for devices that still speak plain text"),
    ("\"ccm\"", "\"ccm\"\nminimum_provenance = \"adopted\"\nadopt = { passwords = \"weak.toml\" }",
        "amt.toml:9:23: `passwords` names weak.toml, whose password of `default` no device has: an AMT password has 8 to 32 characters, this one has 4"),
    ("\"ccm\"", "\"ccm\"\nminimum_provenance = \"adopted\"\nadopt = { passwords = \"broken.toml\" }",
        "amt.toml:9:23: `passwords` names broken.toml, whose line 2 cannot be read: expected lines such as default = \"…\" or \"4c4c4544-0051-3610-8053-b7c04f4e3033\" = \"…\""),
    ("\"ccm\"", "\"ccm\"\nactivation_commit = \"never\"",
        "amt.toml:8:21: `activation_commit` is \"never\": expected \"auto\" or \"always\""),
    ("\"ccm\"", "\"ccm\"\nmax_tls = 1.3",
        "amt.toml:8:11: `max_tls` is a fraction: expected a text between quotes"),
    ("\"ccm\"", "\"ccm\"\nmax_tls = \"1.1\"",
        "amt.toml:8:11: `max_tls` is \"1.1\": expected \"1.2\" or \"1.3\""),
    ("\"ccm\"", "\"ccm\"\nadmin_password = \"P@ssw0rd\"",
        "amt.toml:8:18: `admin_password` is a text: expected { length = 16 } for a random one for each device, or { fixed = \"…\" }"),
    ("\"ccm\"", "\"ccm\"\nadmin_password = {}",
        "amt.toml:8:18: `admin_password` says nothing: expected { length = 16 } for a random one for each device, or { fixed = \"…\" }"),
    ("\"ccm\"", "\"ccm\"\nadmin_password = { length = 20, fixed = \"P@ssw0rd\" }",
        "amt.toml:8:18: `admin_password` has both a length and a fixed password: expected { length = 16 } for a random one for each device, or { fixed = \"…\" }"),
    ("\"ccm\"", "\"ccm\"\nadmin_password = { length = 33 }",
        "amt.toml:8:29: `length` is out of range: an AMT password has 8 to 32 characters"),
    ("\"ccm\"", "\"ccm\"\nadmin_password = { length = -1 }",
        "amt.toml:8:29: `length` is no count: expected a whole number from 0 on"),
    ("\"ccm\"", "\"ccm\"\nadmin_password = { lenght = 16 }",
        "amt.toml:8:20: `lenght` is no key of a password: did you mean `length`?"),
    ("\"ccm\"", "\"ccm\"\nadmin_password = { fixed = \"password\" }",
        "amt.toml:8:28: `fixed` is refused: an AMT password needs an upper-case letter"),
    ("\"ccm\"", "\"ccm\"\nmebx_password = { length = 16 }",
        "amt.toml:8:17: `mebx_password` has no effect in CCM: leave it out, or write goal = \"acm\""),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\nauth = {}\n",
        "amt.toml:3:8: `auth` lets nobody in: name tokens or a client_ca"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\nauth = { tokens = [] }\n",
        "amt.toml:3:8: `auth` lets nobody in: name tokens or a client_ca"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\nauth = { token = [] }\n",
        "amt.toml:3:10: `token` is no key of [server.auth]: did you mean `tokens`?"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\nauth = { tokens = \"abc\" }\n",
        "amt.toml:3:19: `tokens` is a text: expected a list of tables: write [[server.auth.tokens]]"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\nauth = { client_ca = \"odca-root.pem\" }\n",
        "amt.toml:3:22: `client_ca` has no effect without TLS: name the server's own certificates in [server.tls]"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\ntls = { certificates = \"chain.pem\", key = \"key.pem\" }\nauth = { client_ca = \"empty.pem\" }\n",
        "amt.toml:4:22: `client_ca` names empty.pem, which has no certificate: expected PEM, `-----BEGIN CERTIFICATE-----`"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\nallow_unauthenticated = true\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n",
        "amt.toml:3:25: `allow_unauthenticated` is true, and [server.auth] asks who relays are: leave one of the two out"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n",
        "amt.toml:3:1: [[server.auth.tokens]] has no `name`: write for instance name = \"site-a\""),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"a\"\n",
        "amt.toml:3:1: [[server.auth.tokens]] has no `sha256`: write for instance sha256 = \"…\", what `sha256sum` says of the token"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"hunter2\"\n",
        "amt.toml:5:10: `sha256` is wrong: expected the token's SHA-256 in 64 hexadecimal digits"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n",
        "amt.toml:4:8: `name` is wrong: a token needs a name"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n",
        "amt.toml:7:8: `name` is \"a\" for the second time: the log tells tokens by name"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n[[server.auth.tokens]]\nname = \"b\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n",
        "amt.toml:8:10: `sha256` is that of \"a\" too: make a token for each"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\ntenant = \"acme\"\n",
        "amt.toml:6:10: `tenant` is \"acme\", and without [[tenants]] there is the default one alone: add it"),
    ("127.0.0.1:8080\"\n", "127.0.0.1:8080\"\n[[server.auth.tokens]]\nname = \"a\"\nsha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\ntenant = \"acme\"\n[[tenants]]\nname = \"other\"\n",
        "amt.toml:6:10: `tenant` is \"acme\", and no [[tenants]] has that name: add it"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp example\"\ncertificates = \"bought.pem\"\nkey = \"bought.key\"\n[store]",
        "amt.toml:4:14: `dns_suffix` is no DNS name: expected one such as \"corp.example\""),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\ncertificates = \"bought-leaf.pem\"\nkey = \"bought.key\"\n[store]",
        "amt.toml:5:16: `certificates` is refused: a provisioning chain has 2 to 4 certificates from the leaf to the root, this one has 1"),
    ("[store]", "[[domains]]\ndns_suffix = \"a.b\"\ncertificates = \"bought.pem\"\nkey = \"bought.key\"\n[[domains]]\ndns_suffix = \"A.b\"\ncertificates = \"bought.pem\"\nkey = \"bought.key\"\n[store]",
        "amt.toml:8:14: `dns_suffix` is a.b for the second time: keep one"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\ncertificates = \"bought.pem\"\nkey = \"key.pem\"\n[store]",
        "amt.toml:6:7: `key` is refused: the private key is not that of any certificate beside it"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\nkey = \"bought.key\"\n[store]",
        "amt.toml:3:1: [[domains]] has no `certificates`: write for instance certificates = \"provisioning.pem\" beside key = \"provisioning.key\", or pfx = \"provisioning.pfx\""),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\ncertificates = \"bought.pem\"\nkey = \"bought.key\"\npassword_file = \"bought.password\"\n[store]",
        "amt.toml:7:17: `password_file` has no effect without `pfx`: name the PFX file, or leave it out"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\nkey = \"bought.key\"\npassword_file = \"bought.password\"\n[store]",
        "amt.toml:6:7: `key` stands beside `pfx`, which holds certificates and key: keep one of the two"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\n[store]",
        "amt.toml:3:1: [[domains]] with `pfx` has no password: write password_file = \"provisioning.password\" or password_env = \"PFX_PASSWORD\""),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\npassword_file = \"bought.password\"\npassword_env = \"A\"\n[store]",
        "amt.toml:6:17: `password_file` stands beside `password_env`: keep one of the two"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\npassword_file = \"missing.password\"\n[store]",
        "amt.toml:6:17: `password_file` names missing.password, which cannot be read: No such file or directory (os error 2)"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\npassword_file = \"bought.pfx\"\n[store]",
        "amt.toml:6:17: `password_file` names a file that is no text in UTF-8"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\npassword_env = \"AMT_PROVISION_NOBODY_SETS_THIS\"\n[store]",
        "amt.toml:6:16: `password_env` names an environment variable that is not set"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\npassword_env = \"A=B\"\n[store]",
        "amt.toml:6:16: `password_env` names an environment variable that is not set"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pfx\"\npassword_file = \"other.password\"\n[store]",
        "amt.toml:6:17: `password_file` does not fit: bought.pfx is not opened by its password: it is another one"),
    ("[store]", "[[domains]]\ndns_suffix = \"corp.example\"\npfx = \"bought.pem\"\npassword_file = \"bought.password\"\n[store]",
        "amt.toml:5:7: `pfx` names bought.pem, which is no PFX file (PKCS#12 in DER), or a damaged one: export it again"),
    ("[store]", "[domains]\n[store]",
        "amt.toml:3:1: `domains` is a table: expected a list of tables: write [[domains]]"),
    ("[store]", "[[tenants]]\nname = \"a b\"\n[store]",
        "amt.toml:4:8: `name` is wrong: a name consists of letters, digits and punctuation of ASCII, without spaces"),
    ("[store]", "[[tenants]]\nname = \"acme\"\n[[tenants]]\nname = \"acme\"\n[store]",
        "amt.toml:6:8: `name` is \"acme\" for the second time: keep one"),
    ("[store]", "[[tenants]]\nname = \"acme\"\nprofiles = [\"lab\", \"office\", \"home\"]\n[store]",
        "amt.toml:5:13: `profiles` names \"lab\", and no [[profiles]] has that name: add it\namt.toml:5:30: `profiles` names \"home\", and no [[profiles]] has that name: add it"),
    ("[store]", "[[odca.trust]]\ncertificates = \"odca.pem\"\n[store]",
        "amt.toml:3:1: [[odca.trust]] has no `name`: write for instance name = \"laboratory\""),
    ("[store]", "[[odca.trust]]\nname = \"lab\"\n[store]",
        "amt.toml:3:1: [[odca.trust]] has no `certificates`: write for instance certificates = \"odca.pem\": the root, then its CSME intermediates"),
    ("[store]", "[[odca.trust]]\nname = \"lab\"\ncertificates = \"odca-root.pem\"\n[store]",
        "amt.toml:5:16: `certificates` is refused: trust set `lab` names no CSME intermediate: add the certificate of at least one"),
    ("[store]", "[[odca.trust]]\nname = \"lab\"\ncertificates = \"odca-reversed.pem\"\n[store]",
        "amt.toml:5:16: `certificates` begins with a certificate that is not self-signed: put the root first"),
    ("[store]", "[[odca.trust]]\nname = \"lab\"\ncertificates = \"odca-strangers.pem\"\n[store]",
        "amt.toml:5:16: `certificates` has a certificate, number 3, that its root did not sign: expected the root's CSME intermediates"),
    ("[store]", "[[odca.trust]]\nname = \"lab\"\ncertificates = \"odca.pem\"\n[[odca.trust]]\nname = \"again\"\ncertificates = \"odca.pem\"\n[store]",
        "amt.toml:8:16: `certificates` is refused: trust set `again` has the root of `lab`: a set may be added, none may be widened"),
    ("[store]", "[odca]\nproduction = false\n[store]",
        "amt.toml:4:1: `production` is no key of [odca]: expected `trust`, `revocation` or `crl_directory`"),
    ("[store]", "[odca]\nrevocation = \"on\"\n[store]",
        "amt.toml:4:14: `revocation` is \"on\": expected \"off\", \"if-present\" or \"required\""),
    ("[store]", "[odca]\nrevocation = \"required\"\n[store]",
        "amt.toml:4:14: `revocation` needs revocation lists: write for instance crl_directory = \"crls\", a folder with files that end in .crl"),
    ("[store]", "[odca]\nrevocation = \"off\"\ncrl_directory = \".\"\n[store]",
        "amt.toml:5:17: `crl_directory` has no effect where revocation = \"off\": leave it out, or write revocation = \"if-present\" or \"required\""),
    ("[store]", "[odca]\ncrl_directory = \"crls\"\n[store]",
        "amt.toml:4:17: `crl_directory` is crls, which is no folder: create it"),
    ("\"office\"", "\"office",
        "amt.toml:6:15: not TOML: invalid basic string, expected `\"`"),
    ("goal = \"ccm\"", "goal = \"ccm\"\ngoal = \"acm\"",
        "amt.toml:8:1: not TOML: duplicate key"),
    ("goal = \"ccm\"", "goal ccm\n = 7",
        "amt.toml:7:6: not TOML: key with no value, expected `=`"),
];

#[test]
fn each_mistake_is_told_with_its_place_and_a_way_out() {
    let folder = Folder::new();
    for (before, after, expected) in MISTAKES {
        let text = MINIMAL.replacen(before, after, 1);
        assert_ne!(text, MINIMAL, "{before}");
        assert_eq!(folder.told(&text), *expected, "{after}");
    }
}

#[test]
fn a_pfx_file_gives_the_same_chain_as_pem_whatever_the_order_in_them() {
    let folder = Folder::new();
    let chain = |lines: &str| {
        let config = folder.parse(&with_domain(lines)).unwrap();
        assert_eq!(config.check(at(2027, 1, 1)), Ok(()));
        assert_eq!(config.warnings(at(2027, 1, 1)), []);
        config.domains[0].certificate.chain().to_vec()
    };
    let ordered = chain("certificates = \"bought.pem\"\nkey = \"bought.key\"");
    assert_eq!(chain("certificates = \"bought-mixed.pem\"\nkey = \"bought.key\""), ordered);
    assert_eq!(chain("pfx = \"bought.pfx\"\npassword_file = \"bought.password\""), ordered);
}

#[test]
fn a_chain_that_no_device_takes_is_a_mistake_of_its_day_and_soon_to_end_a_warning() {
    let folder = Folder::new();
    let config = folder.parse(&with_domain("pfx = \"bought.pfx\"\npassword_file = \"bought.password\"")).unwrap();
    let told = |config: &Config, now| {
        config.check(now).unwrap_err().to_string().replace(&format!("{}/", folder.0.path().display()), "")
    };
    assert_eq!(config.check(at(2035, 12, 31)), Ok(()));
    let warnings: Vec<String> = config.warnings(at(2035, 12, 31)).iter().map(Warning::to_string).collect();
    assert!(warnings[0].ends_with("bought.pfx: the leaf ends on 2036-01-01: renew it in time"), "{warnings:?}");
    assert_eq!(
        told(&config, at(2036, 1, 2)).lines().next(),
        Some("amt.toml:5:7: `pfx` names bought.pfx: the leaf ended on 2036-01-01: renew it")
    );

    let wrong = folder.parse(&with_domain("certificates = \"chain.pem\"\nkey = \"key.pem\"")).unwrap();
    let told = told(&wrong, at(2027, 1, 1));
    assert!(told.starts_with("amt.toml:5:16: `certificates` names chain.pem: the leaf is no provisioning certificate"));
    assert!(told.contains("names chain.pem: the leaf has a key on P-384: expected RSA of 2048 bits or more"), "{told}");
}

#[test]
fn certificates_without_a_place_in_the_chain_are_a_warning() {
    let folder = Folder::new();
    let both = ["bought.pem", "odca.pem"].map(|name| std::fs::read_to_string(folder.0.path().join(name)).unwrap());
    folder.write("both.pem", &both.concat());
    let config = folder.parse(&with_domain("certificates = \"both.pem\"\nkey = \"bought.key\"")).unwrap();
    let file = folder.0.path().join("both.pem");
    assert_eq!(config.warnings(at(2027, 1, 1)), [Warning::UnusedCertificates { file, count: 2 }]);
}

#[test]
fn a_list_without_a_profile_is_a_mistake() {
    let told = Folder::new().told(&format!("profiles = []\n{}", MINIMAL.split_once("[[profiles]]").unwrap().0));
    assert_eq!(told, "amt.toml:1:12: `profiles` is empty: without a profile no device can be provisioned");
}

#[test]
fn of_a_file_that_is_no_configuration_a_screenful_of_mistakes_is_told() {
    let of = |lines: usize| Config::parse(Path::new("amt.toml"), &"nonsense\n".repeat(lines)).unwrap_err();
    let (few, many) = (of(Mistakes::TOLD), of(400));
    assert_eq!(few.to_string().lines().count(), few.list.len().min(Mistakes::TOLD));
    assert!(many.list.len() > Mistakes::TOLD, "{} mistakes", many.list.len());
    let told = many.to_string();
    assert_eq!(told.lines().count(), Mistakes::TOLD + 1);
    let more = format!("amt.toml: and {} more; mend these first", many.list.len() - Mistakes::TOLD);
    assert_eq!(told.lines().last(), Some(more.as_str()));
}

#[test]
fn every_mistake_is_told_not_only_the_first() {
    let told = Folder::new().told(
        "[sever]\n[store]\npath = 7\n[[profiles]]\ngoal = \"acn\"\nflow_b = \"yes\"\n\
         [[profiles]]\nname = \"a b\"\ngoal = \"ccm\"\nmax_tls = \"1.1\"\n[[tenants]]\nprofiles = 1\n",
    );
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        [
            "amt.toml:1:2: `sever` is no key of the file: did you mean `server`?",
            "amt.toml:3:8: `path` is a whole number: expected a text between quotes",
            "amt.toml:4:1: [[profiles]] has no `name`: write for instance name = \"office\"",
            "amt.toml:5:8: `goal` is \"acn\": expected \"acm\" or \"ccm\"",
            "amt.toml:6:10: `flow_b` is a text: expected true or false, without quotes",
            "amt.toml:8:8: `name` is wrong: not a profile name: expected 1 to 128 bytes without white space, and no dash in front",
            "amt.toml:10:11: `max_tls` is \"1.1\": expected \"1.2\" or \"1.3\"",
            "amt.toml:11:1: [[tenants]] has no `name`: write for instance name = \"\" for the default tenant",
            "amt.toml:12:12: `profiles` is a whole number: expected a list",
        ]
    );
}

#[test]
fn no_message_repeats_a_password() {
    let folder = Folder::new();
    for value in [
        "{ fixed = \"Hunter2Hunter2\" }",
        "{ fixed = \"Hunter2Hunter2 }",
        "{ fixed = Hunter2Hunter2 }",
        "{ fixed = \"Hunter2Hunter2\", length = 3 }",
        "{ length = \"Hunter2Hunter2\" }",
        "\"Hunter2Hunter2\"",
        "[\"Hunter2Hunter2\"]",
        "\"Hunter2Hunter2\n",
        "\"\\Hunter2Hunter2\"",
    ] {
        for key in ["admin_password", "mebx_password"] {
            let told = folder.told(&format!("{MINIMAL}{key} = {value}\n"));
            assert!(!told.contains("Hunter2"), "{value}: {told}");
        }
    }
}

#[test]
fn a_file_of_adoption_passwords_has_one_for_some_devices_or_for_all_or_is_a_mistake() {
    let folder = Folder::new();
    let (named, other) = ("4c4c4544-0051-3610-8053-b7c04f4e3033", "11111111-1111-1111-1111-111111111111");
    folder.write("named.toml", &format!("{named} = 'Named-one-1'\n"));
    folder.write("default.toml", "default = 'For-all-1'\n");
    folder.write("none.toml", "# nothing yet\n");
    let adopting = |file: &str| {
        let adoption = format!("minimum_provenance = \"adopted\"\nadopt = {{ passwords = \"{file}\" }}\n");
        format!("{MINIMAL}{adoption}")
    };
    for (file, of_named, of_other) in
        [("named.toml", Some("Named-one-1"), None), ("default.toml", Some("For-all-1"), Some("For-all-1"))]
    {
        let config = folder.parse(&adopting(file)).unwrap();
        let profile = config.profile(&Default::default(), &"office".parse().unwrap()).unwrap();
        let adoption = profile.adoption.as_deref().unwrap();
        let given = |uuid: &str| adoption.of(uuid.parse().unwrap()).map(|password| password.expose());
        assert_eq!((given(named), given(other)), (of_named, of_other), "{file}");
    }
    let told = folder.told(&adopting("none.toml"));
    assert!(told.contains("`passwords` names none.toml, which has no password: expected lines such as"), "{told}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/amt.toml")).unwrap_err().to_string();
    assert_eq!(error, "/nowhere/amt.toml: No such file or directory (os error 2)");
}

proptest! {
    /// Whatever the file is, somebody is told something, and at a place that is in the file.
    #[test]
    fn a_file_cut_and_damaged_anywhere_panics_nobody(at in 0..MINIMAL.len(), with in any::<char>(), cut in 0..MINIMAL.len()) {
        let mut text = MINIMAL.to_owned();
        text.replace_range(at..=at, &with.to_string());
        let text: String = text.chars().take(cut).collect();
        if let Err(mistakes) = Config::parse(Path::new("amt.toml"), &text) {
            prop_assert!(!mistakes.list.is_empty());
            for mistake in mistakes.list {
                prop_assert!(mistake.line >= 1 && mistake.line <= text.split('\n').count(), "{mistake:?}");
            }
        }
    }
}
