//! Devices that do what they like behind an honest relay: genuine silicon with a firmware that somebody has broken, or
//! something that is no AMT at all. Another device of the same server is provisioned meanwhile.

use amt_provision::fsm::firmware::ControlMode;
use amt_provision::relay::RelayError;
use amt_provision::simulator::identity::ChainShape;
use futures_util::future::join_all;

use super::canary;
use super::impostor::{Conduct, Impostor};
use super::world::{World, uuid};

fn page(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/soap+xml\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn envelope(relates_to: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><a:Envelope xmlns:a=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:b=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"><a:Header><b:RelatesTo>{relates_to}</b:RelatesTo>\
         </a:Header><a:Body>{inside}</a:Body></a:Envelope>"
    )
}

/// Ten letters to the power of nine.
fn bomb(_: usize, _: &str) -> Vec<u8> {
    let entities: String =
        (1..9).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let doctype = format!("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY l0 \"lol\">{entities}]>");
    page("200 OK", "", &(doctype + "<x>&l8;</x>"))
}

fn foreign_entity(_: usize, _: &str) -> Vec<u8> {
    page("200 OK", "", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>")
}

fn undeclared_entity(_: usize, _: &str) -> Vec<u8> {
    page("200 OK", "", &envelope("0", "&e;"))
}

fn depth(_: usize, _: &str) -> Vec<u8> {
    page("200 OK", "", &envelope("0", &("<x>".repeat(20_000) + &"</x>".repeat(20_000))))
}

fn breadth(_: usize, _: &str) -> Vec<u8> {
    page("200 OK", "", &envelope("0", &"<x/>".repeat(50_000)))
}

fn another_message(_: usize, _: &str) -> Vec<u8> {
    page("200 OK", "", &envelope("424242", ""))
}

fn no_xml(_: usize, _: &str) -> Vec<u8> {
    page("200 OK", "", "\u{0}\u{1}<<<>>>")
}

fn unauthorized(number: usize, _: &str) -> Vec<u8> {
    let challenge =
        format!("WWW-Authenticate: Digest realm=\"Digest:{:032X}\", nonce=\"n{number}\", qop=\"auth\"\r\n", 7);
    page("401 Unauthorized", &challenge, "")
}

fn unauthorized_otherwise(_: usize, _: &str) -> Vec<u8> {
    page("401 Unauthorized", "WWW-Authenticate: Basic realm=\"give me your password\"\r\n", "")
}

const CASES: [(&str, Conduct, &str); 13] = [
    ("a head that never ends", Conduct::NeverEnds(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "device"),
    ("a body that never ends", Conduct::NeverEnds(b"HTTP/1.1 200 OK\r\n\r\n", b"lots of it "), "device"),
    (
        "chunks that never end",
        Conduct::NeverEnds(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "device",
    ),
    ("interim replies that never end", Conduct::NeverEnds(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "device"),
    ("an XML bomb", Conduct::Answers(bomb), "device"),
    ("a foreign entity", Conduct::Answers(foreign_entity), "device"),
    ("an undeclared entity", Conduct::Answers(undeclared_entity), "device"),
    ("a depth bomb", Conduct::Answers(depth), "device"),
    ("a breadth bomb", Conduct::Answers(breadth), "device"),
    ("replies to another message", Conduct::Answers(another_message), "device"),
    ("no XML", Conduct::Answers(no_xml), "device"),
    ("401 for ever", Conduct::Answers(unauthorized), "device"),
    ("a challenge for plain text", Conduct::Answers(unauthorized_otherwise), "device"),
];

#[test]
fn g8_g11_a_device_that_answers_what_it_likes_ends_its_run_with_the_blame_and_nothing_stored() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let test = async |server| {
            let genuine = world.authority.device(&ChainShape::default()).expect("a chain");
            let genuine = genuine.certified_key().expect("a key that signs");
            let hostile = (100..).zip(CASES).map(|(n, (case, conduct, blame))| {
                let (world, genuine) = (&world, &genuine);
                async move {
                    let device = world.start(&world.config(19, uuid(n))).await;
                    let address = world.address();
                    let impostor = Impostor::start(address, genuine, conduct).await;
                    let told = match world.relay(server, &device, address).await {
                        Err(RelayError::Failure(told)) => told.to_string(),
                        other => panic!("{case}: {other:?}"),
                    };
                    assert!(told.contains(blame), "{case}: {told}");
                    assert!(!impostor.heard().is_empty(), "{case}: it was never asked");
                    let realm = device.truth().realm;
                    for password in [canary::ADMIN, canary::MEBX] {
                        assert!(canary::found(&impostor.heard(), password, &realm).is_empty(), "{case}");
                    }
                    assert!(world.record(uuid(n)).await.is_none(), "{case}: something is stored");
                }
            });
            let honest = async {
                let device = world.start(&world.config(19, uuid(1))).await;
                world.relay(server, &device, device.address()).await.expect("success beside them");
                assert_eq!(device.truth().mode, ControlMode::Admin);
            };
            smol::future::zip(join_all(hostile), honest).await;
        };
        world.beside(deployment, test).await;
    });
}

#[test]
fn g4_a_chain_that_is_too_large_or_no_tls_at_all_ends_in_time_and_nothing_is_stored() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let large = ChainShape { ballast: 20_000, ..ChainShape::default() };
        let large = world.authority.device(&large).expect("a chain").certified_key().expect("a key that signs");
        let test = async |server| {
            let silent: fn(usize, &str) -> Vec<u8> = |_, _| Vec::new();
            let cases = [
                ("an oversized chain", Conduct::Answers(silent)),
                ("a web server", Conduct::NoTls(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
                ("noise", Conduct::NoTls(&[0x16; 20_000])),
            ];
            let hostile = (200..).zip(cases).map(|(n, (case, conduct))| {
                let (world, large) = (&world, &large);
                async move {
                    let device = world.start(&world.config(19, uuid(n))).await;
                    let address = world.address();
                    let _impostor = Impostor::start(address, large, conduct).await;
                    let told = match world.relay(server, &device, address).await {
                        Err(RelayError::Failure(told)) => told.to_string(),
                        other => panic!("{case}: {other:?}"),
                    };
                    assert!(told.contains("no TLS handshake"), "{case}: {told}");
                    assert!(world.record(uuid(n)).await.is_none(), "{case}: something is stored");
                }
            });
            join_all(hostile).await;
        };
        world.beside(deployment, test).await;
    });
}
