//! The road between relay and server: both ends are ours, and what stands between them is a proxy of the test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use amt_provision_fsm::firmware::Port;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

use super::stage::{Lms, Stage, play};
use crate::config::Config;
use crate::pki::odca::OdcaTrust;
use crate::relay::{ClientCertificate, RelayConfig, RelayError, run};
use crate::server::{Deployment, Listener, ServedProfile, serve};
use crate::store::{Store, Tenant};

type Issuer = CertifiedIssuer<'static, KeyPair>;

const TOKEN: &str = "qL3v9PzT0aXyB7mNcR5sWg";
const ACMES: &str = "acme-acme-acme-acme-acme";

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A folder with certificates, a server in it, and a relay that may go to it.
struct Road {
    folder: tempfile::TempDir,
    servers: Issuer,
    clients: Issuer,
    stage: Stage,
    _lms: Lms,
    store: Arc<dyn Store>,
    address: SocketAddr,
}

impl Road {
    /// Runs `test` beside a server whose `[server]` goes on with `rest`; then looks that nothing was stored.
    fn with<F: Future<Output = Self>>(rest: &str, test: impl FnOnce(Self) -> F) {
        play(async {
            let folder = tempfile::tempdir().unwrap();
            let (servers, clients) = (authority("servers"), authority("clients"));
            let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
            let key = KeyPair::generate().unwrap();
            let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &servers).unwrap();
            write("server.pem", &leaf.pem());
            write("server.key", &key.serialize_pem());
            write("servers.pem", &servers.pem());
            write("clients.pem", &clients.pem());
            let hash = |token: &str| token.parse::<crate::access::Token>().unwrap().hash();
            let text = format!(
                "[server]\nlisten = \"127.0.0.1:0\"\n{rest}\n[store]\npath = \"fleet.db\"\n[[tenants]]\nname = \"\"\n\
                 [[tenants]]\nname = \"acme\"\n[[profiles]]\nname = \"lab\"\ngoal = \"ccm\"\n"
            );
            let text = text.replace("TOKEN", &hash(TOKEN).to_string()).replace("ACMES", &hash(ACMES).to_string());
            let config = Config::parse(&folder.path().join("server.toml"), &text).unwrap();

            let store = config.store.open(config.keys.clone()).await.unwrap();
            // Without a profile: a relay that is let in is told so by the session.
            let deployment = Deployment::new(
                config.name.clone(),
                Arc::clone(&store),
                store.authority(UnixTime::now()).await.unwrap(),
                Arc::new(OdcaTrust::production()),
                BTreeMap::<String, ServedProfile>::new(),
            );
            let listener = Listener::bind(config.listener.address, config.listener.tls.clone()).await.unwrap();
            let listener = listener.admitting(config.listener.access);
            let address = listener.address().unwrap();
            let mut stage = Stage::new(true).await;
            let scheme = if rest.contains("tls") { "wss" } else { "ws" };
            stage.config.url = format!("{scheme}://{address}/activate").parse().unwrap();
            stage.config.ca_file = Some(folder.path().join("servers.pem"));
            stage.config.tenant = String::new();
            let _lms = stage.lms(Port::Tls).await;
            let road = Self { folder, servers, clients, stage, _lms, store, address };
            let served = async { panic!("the listener ended: {}", serve(Arc::new(deployment), listener).await) };
            let road = test(road).or(served).await;
            for tenant in [Tenant::default(), "acme".parse().unwrap()] {
                assert!(road.store.devices(&tenant, None, 10).await.unwrap().is_empty(), "nothing is stored");
            }
        });
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// How a relay ends that differs from the usual one by `change`.
    async fn relay(&self, change: impl FnOnce(&mut RelayConfig)) -> RelayError {
        let mut config = self.stage.config.clone();
        change(&mut config);
        run(config, |_| {}).await.unwrap_err()
    }

    /// The same with a token, for a tenant.
    async fn with_token(&self, token: &str, tenant: &str) -> RelayError {
        self.relay(|config| {
            config.proof.token = Some(token.parse().unwrap());
            config.tenant = tenant.to_owned();
        })
        .await
    }

    /// A client certificate for `name`, signed by `issuer`.
    fn certificate(&self, name: &str, issuer: &Issuer) -> ClientCertificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let leaf = params.signed_by(&key, issuer).unwrap();
        let (chain, private) = (self.path("client.pem"), self.path("client.key"));
        std::fs::write(&chain, leaf.pem()).unwrap();
        std::fs::write(&private, key.serialize_pem()).unwrap();
        ClientCertificate::read(&chain, &private).unwrap()
    }
}

const TOKENS: &str = "\
[[server.auth.tokens]]
name = \"site-a\"
sha256 = \"TOKEN\"
[[server.auth.tokens]]
name = \"site-b\"
sha256 = \"ACMES\"
tenant = \"acme\"
";
const TLS: &str = "tls = { certificates = \"server.pem\", key = \"server.key\" }\n";
const BOTH: &str = "\
[server.tls]
certificates = \"server.pem\"
key = \"server.key\"
[server.auth]
client_ca = \"clients.pem\"
[[server.auth.tokens]]
name = \"site-a\"
sha256 = \"TOKEN\"
";

/// That a relay was let in: the session told it that there is no such profile.
fn was_let_in(error: &RelayError) -> bool {
    matches!(error, RelayError::Failure(outcome) if outcome.to_string().contains("no profile `lab`"))
}

#[test]
fn a_relay_is_let_in_by_its_token_and_turned_away_without() {
    for rest in [TOKENS.to_owned(), format!("{TLS}{TOKENS}")] {
        Road::with(&rest, |road| async move {
            let error = road.with_token(TOKEN, "").await;
            assert!(was_let_in(&error), "{error}");
            let error = road.relay(|_| {}).await;
            assert!(matches!(error, RelayError::Unauthorized { had_token: false, .. }), "{error}");
            assert!(error.to_string().contains("status 401: it wants a token"), "{error}");
            let error = road.with_token("qL3v9PzT0aXyB7mNcR5sWh", "").await;
            assert!(matches!(error, RelayError::Unauthorized { had_token: true, .. }), "{error}");
            road
        });
    }
}

#[test]
fn a_token_that_is_bound_to_a_tenant_serves_that_tenant_only() {
    Road::with(TOKENS, |road| async move {
        let error = road.with_token(ACMES, "acme").await;
        assert!(was_let_in(&error), "{error}");
        for tenant in ["", "other"] {
            let error = road.with_token(ACMES, tenant).await;
            let expected = format!("token site-b is not for tenant `{tenant}`");
            assert!(matches!(&error, RelayError::Failure(told) if told.to_string().contains(&expected)), "{error}");
        }
        let error = road.with_token(TOKEN, "acme").await;
        assert!(was_let_in(&error), "{error}");
        road
    });
}

#[test]
fn a_listener_without_auth_lets_everybody_in_and_does_not_look_at_tokens() {
    Road::with(TLS, |road| async move {
        for error in [road.relay(|_| {}).await, road.with_token(TOKEN, "").await] {
            assert!(was_let_in(&error), "{error}");
        }
        road
    });
}

#[test]
fn who_is_turned_away_hears_status_401_and_is_not_read() {
    Road::with(TOKENS, |road| async move {
        let mut tcp = TcpStream::connect(road.address).await.unwrap();
        let upgrade = "GET /activate HTTP/1.1\r\nHost: s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        tcp.write_all(upgrade.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        let answer = answer.to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 401 "), "{answer}");
        assert!(answer.contains("\r\nwww-authenticate: bearer realm="), "{answer}");
        assert!(answer.ends_with("\r\n\r\n") && !answer.contains("sec-websocket-accept"), "{answer}");
        road
    });
}

#[test]
fn a_client_certificate_is_as_good_as_a_token_and_a_strangers_is_refused() {
    Road::with(BOTH, |road| async move {
        let shown = |certificate: ClientCertificate| road.relay(|config| config.proof.certificate = Some(certificate));
        let error = shown(road.certificate("pc-7", &road.clients)).await;
        assert!(was_let_in(&error), "{error}");
        // It has to be right each time: in TLS 1.3 the alert comes behind the handshake.
        for other in [&road.servers, &authority("clients")].repeat(5) {
            let error = shown(road.certificate("pc-7", other)).await;
            assert!(matches!(error, RelayError::CertificateRefused { .. }), "{error}");
            assert!(error.to_string().contains("does not take this relay's certificate"), "{error}");
        }
        let error = road.relay(|_| {}).await;
        assert!(matches!(error, RelayError::Unauthorized { had_token: false, .. }), "{error}");
        let error = road.with_token(TOKEN, "").await;
        assert!(was_let_in(&error), "{error}");
        let good = road.certificate("pc-7", &road.clients);
        let error = road
            .relay(|config| {
                config.proof.certificate = Some(good);
                config.proof.token = Some("qL3v9PzT0aXyB7mNcR5sWh".parse().unwrap());
            })
            .await;
        assert!(matches!(error, RelayError::Unauthorized { had_token: true, .. }), "{error}");
        road
    });
}

#[test]
fn a_server_that_is_not_trusted_never_sees_the_token() {
    Road::with(&format!("{TLS}{TOKENS}"), |road| async move {
        let others = road.path("clients.pem");
        let error = road
            .relay(|config| {
                config.ca_file = Some(others);
                config.proof.token = Some(TOKEN.parse().unwrap());
            })
            .await;
        assert!(matches!(error, RelayError::Untrusted { .. }), "{error}");
        assert!(error.to_string().contains("is not trusted: "), "{error}");
        road
    });
}

/// A proxy that knows `CONNECT` and one user; what it was asked goes to `asked`.
async fn proxy(listener: TcpListener, asked: Arc<Mutex<Vec<String>>>) {
    loop {
        let (mut relay, _) = listener.accept().await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let mut byte = [0];
            relay.read_exact(&mut byte).await.unwrap();
            head.push(byte[0].into());
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let known = head.contains("\r\nProxy-Authorization: Basic dTpodW50ZXIy\r\n");
        asked.lock().unwrap().push(head);
        if !known {
            relay.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            continue;
        }
        let server = TcpStream::connect(target).await.unwrap();
        relay.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let back = smol::io::copy(server.clone(), relay.clone());
        // Whoever leaves ends both.
        let _ = smol::io::copy(relay, server).or(back).await;
    }
}

#[test]
fn wss_goes_through_a_proxy_that_wants_a_user_and_hears_nothing_else() {
    Road::with(&format!("{TLS}{TOKENS}"), |road| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let _proxy = smol::spawn(proxy(listener, Arc::clone(&asked)));
        let through = |user: &str| {
            let proxy = format!("http://{user}{place}").parse().unwrap();
            road.relay(|config| {
                config.proxy = Some(proxy);
                config.proof.token = Some(TOKEN.parse().unwrap());
            })
        };
        let error = through("u:hunter2@").await;
        assert!(was_let_in(&error), "{error}");
        let error = through("").await.to_string();
        assert!(error.contains(&format!("proxy http://{place} answers with status 407")), "{error}");
        let error = through("u:wrong-one@").await.to_string();
        assert!(error.contains("does not take this user") && !error.contains("wrong-one"), "{error}");
        let asked = asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 3);
        for head in asked {
            assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", road.address)), "{head}");
            assert!(!head.contains(TOKEN), "the token is for the server: {head}");
        }
        road
    });
}

#[test]
fn a_token_is_not_sent_in_the_clear_to_another_machine() {
    play(async {
        let mut stage = Stage::new(true).await;
        stage.config.url = "ws://192.0.2.1/activate".parse().unwrap();
        stage.config.proof.token = Some(TOKEN.parse().unwrap());
        stage.config.mei = crate::mei::MeiAddress::Unix(Path::new("/nonexistent").into());
        let error = stage.relay().0.await.unwrap_err();
        assert!(matches!(error, RelayError::InTheClear { what: "a token", .. }), "before anything else: {error}");
    });
}
