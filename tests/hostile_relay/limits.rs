//! More than a server takes: whoever comes then is told when to come back, and those who are in are not disturbed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use amt_provision::limits::{Limits, PerMinute};
use amt_provision::relay::RelayError;
use amt_provision::server::{Listener, serve};
use async_tungstenite::tungstenite::Error;
use futures_rustls::TlsConnector;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use smol::future::FutureExt;
use smol::net::TcpStream;

use super::door::{Socket, hello, refused, say};
use super::world::World;

/// Runs `test` beside a server with these limits, over TLS or not.
async fn beside(world: &World, limits: Limits, tls: Option<Arc<ServerConfig>>, test: impl AsyncFnOnce(SocketAddr)) {
    let mut deployment = world.deployment(world.profile()).await;
    deployment.limits = limits;
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), tls).await.expect("a free port");
    let address = listener.address().expect("a bound address");
    let served = async { panic!("the listener ended: {}", serve(Arc::new(deployment), listener).await) };
    test(address).or(served).await;
}

async fn connect(address: SocketAddr) -> Result<Socket, Error> {
    let tcp = TcpStream::connect(address).await.expect("the server listens");
    async_tungstenite::client_async(format!("ws://{address}/"), tcp).await.map(|(socket, _)| socket)
}

fn one_connection() -> Limits {
    Limits { connections: 1.try_into().expect("not zero"), ..Limits::default() }
}

/// Status and `Retry-After` of whoever is turned away.
fn told(error: &Error) -> (u16, String) {
    let Error::Http(response) = error else { panic!("{error}") };
    let after = response.headers().get("retry-after").expect("when to come back");
    (response.status().as_u16(), after.to_str().expect("a number").to_owned())
}

#[test]
fn g10_a_full_server_says_when_to_come_back_and_a_place_that_is_free_again_is_given_away() {
    smol::block_on(async {
        let world = World::new().await;
        beside(&world, one_connection(), None, async |address| {
            let mut inside = connect(address).await.expect("there is room");
            let full = connect(address).await.expect_err("there is none");
            assert_eq!(told(&full), (503, "10".to_owned()));

            let uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().expect("a UUID");
            let device = world.start(&world.config(19, uuid)).await;
            let said = world.relay(address, &device, device.address()).await;
            assert!(matches!(said, Err(RelayError::TurnedAway { status: 503, after: Some(10), .. })), "{said:?}");

            say(&mut inside, "not json").await;
            refused(&mut inside).await;
            drop(inside);
            while connect(address).await.is_err() {
                smol::Timer::after(Duration::from_millis(10)).await;
            }
        })
        .await;
    });
}

#[test]
fn g10_a_full_server_says_so_over_tls_as_well() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = issued.signing_key.serialize_der().try_into().expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let server = versions.expect("the default versions").with_no_client_auth();
    let server = server.with_single_cert(vec![issued.cert.der().clone()], key).expect("its key");
    let mut roots = RootCertStore::empty();
    roots.add(issued.cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.expect("the default versions").with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    smol::block_on(async {
        let world = World::new().await;
        beside(&world, one_connection(), Some(Arc::new(server)), async |address| {
            let connect = async || {
                let tcp = TcpStream::connect(address).await.expect("the server listens");
                let name = ServerName::try_from("localhost").expect("a name");
                let tls = connector.connect(name, tcp).await.expect("TLS");
                async_tungstenite::client_async("wss://localhost/", tls).await
            };
            let _inside = connect().await.expect("there is room");
            let full = connect().await.expect_err("there is none");
            assert_eq!(told(&full), (503, "10".to_owned()));
        })
        .await;
    });
}

#[test]
fn a_device_that_comes_again_and_again_is_told_to_wait_before_the_store_hears_of_it() {
    let two = PerMinute(2.try_into().expect("not zero"));
    smol::block_on(async {
        let world = World::new().await;
        beside(&world, Limits { device_rate: two, ..Limits::default() }, None, async |address| {
            for _ in 0..2 {
                let mut socket = connect(address).await.expect("a WebSocket");
                say(&mut socket, hello(|payload| payload["tlsEnforced"] = false.into())).await;
                assert!(refused(&mut socket).await.contains("claims to have none"));
            }
            let mut socket = connect(address).await.expect("a WebSocket");
            say(&mut socket, hello(|_| {})).await;
            let told = refused(&mut socket).await;
            assert!(told.contains("is brought more often than this server takes it: come back in 30 s"), "{told}");

            // Another device is not held to it.
            let mut socket = connect(address).await.expect("a WebSocket");
            let other = "4c4c4544-0051-3610-8053-b7c04f4e3034";
            say(
                &mut socket,
                hello(|payload| {
                    payload["tlsEnforced"] = false.into();
                    payload["uuid"] = other.into();
                }),
            )
            .await;
            assert!(refused(&mut socket).await.contains("claims to have none"));
        })
        .await;
    });
}
