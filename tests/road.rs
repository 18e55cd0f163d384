//! The command, as three processes: a simulated device, a server that speaks `wss://` and asks who relays are, and the
//! relay, with a proxy of the test in between. From the factory to ACM.
#![allow(clippy::unwrap_used)] // also its helpers are tests

#[path = "common/process.rs"]
mod process;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use process::Process;

const TOKEN: &str = "qL3v9PzT0aXyB7mNcR5sWg";
/// `printf %s "$TOKEN" | sha256sum`
const HASH: &str = "452945eec4308ce9d2656f861d4c208fae9c25bfd853c5c28ebd4bf70e162ad6";

/// Runs a proxy that knows `CONNECT`; its place, and what it was asked.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let (asked, heads) = channel();
    std::thread::spawn(move || {
        for relay in listener.incoming() {
            let mut relay = relay.unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                let mut byte = [0];
                relay.read_exact(&mut byte).unwrap();
                head.push(byte[0].into());
            }
            let mut server = TcpStream::connect(head.split(' ').nth(1).unwrap()).unwrap();
            asked.send(head).unwrap();
            relay.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut from, mut to) = (relay.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || std::io::copy(&mut server, &mut relay));
        }
    });
    (place, heads)
}

/// Makes the first-try server of `simulate` one that speaks TLS and asks for a token or a client certificate.
fn harden(folder: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let client_key = KeyPair::generate().unwrap();
    let mut client = CertificateParams::default();
    client.distinguished_name.push(DnType::CommonName, "pc-7");
    write("client.pem", &client.signed_by(&client_key, &ca).unwrap().pem());
    write("client.key", &client_key.serialize_pem());
    write("ca.pem", &ca.pem());
    write("server.pem", &leaf.pem());
    write("server.key", &key.serialize_pem());
    write("token", &format!("{TOKEN}\n"));
    write("wrong-token", "qL3v9PzT0aXyB7mNcR5sWh\n");
    let text = std::fs::read_to_string(folder.join("server.toml")).unwrap();
    let listen = "listen = \"127.0.0.1:8080\"\n";
    assert!(text.contains(listen), "{text}");
    let asking = format!(
        "listen = \"127.0.0.1:0\"\ntls = {{ certificates = \"server.pem\", key = \"server.key\" }}\n\
         [server.auth]\nclient_ca = \"ca.pem\"\n[[server.auth.tokens]]\nname = \"site-a\"\nsha256 = \"{HASH}\"\n"
    );
    write("server.toml", &text.replace(listen, &asking));
}

#[test]
fn a_device_comes_to_acm_over_wss_through_a_proxy_with_a_token_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [_, _, high, low] = std::process::id().to_be_bytes();
    // Away from the broadcast address, and from the devices of other tests.
    let lms = format!("127.{}.{high}.{}", 200 + low / 128, 1 + low % 128);
    let (mei, trust) = (path("amt.mei"), path("."));
    let device = Process::start(&["simulate", "--lms-address", &lms, "--mei-socket", &mei, "--trust", &trust]);
    device.says("LMS");
    harden(folder.path());
    let server = Process::start(&["serve", "--config", &path("server.toml")]);
    let listening = server.says("listening on wss://");
    assert!(listening.contains("relays prove who they are"), "{listening}");
    let port = listening.split(':').nth(2).unwrap().split(',').next().unwrap().to_owned();
    let (place, asked) = proxy();

    let (url, ca) = (format!("wss://localhost:{port}/activate"), path("ca.pem"));
    let activate = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amt-provision"));
        command.args(["activate", "--url", &url, "--profile", "office", "--mei", &format!("unix:{mei}")]);
        command.args(["--lms-address", &lms, "--dns-suffix", "simulated.example"]).args(more);
        command.env("RUST_LOG", "trace").env_remove("AMT_PROVISION_TOKEN").stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        for secret in [TOKEN, "hunter2", "dTpodW50ZXIy"] {
            assert!(!stderr.contains(secret) && !stdout.contains(secret), "{secret} in {stderr}");
        }
        (output.status.code(), stdout, stderr.lines().last().unwrap_or_default().to_owned())
    };

    for (more, status, words) in [
        (&["--ca", &ca][..], 3, "status 401: it wants a token"),
        (&["--ca", &ca, "--token-file", &path("wrong-token")], 3, "status 401: it does not take this relay's token"),
        (&["--ca", &path("odca.pem"), "--token-file", &path("token")], 3, "is not trusted"),
        (&["--ca", &ca, "--proxy", "http://u:hunter2@127.0.0.1:1"], 5, "proxy http://127.0.0.1:1 cannot be reached"),
        (&["--ca", &ca, "--proxy", "https://u:hunter2@127.0.0.1:1"], 2, "--proxy is no proxy's URL"),
    ] {
        let (code, _, last) = activate(more);
        assert!(code == Some(status) && last.contains(words), "{more:?}: {code:?} {last}");
    }
    let proxy = format!("http://u:hunter2@{place}");
    let (code, stdout, last) = activate(&["--ca", &ca, "--token-file", &path("token"), "--proxy", &proxy]);
    assert_eq!(code, Some(0), "{last}");
    assert!(stdout.contains("ACM"), "{stdout}");
    let head = asked.try_recv().unwrap();
    assert!(head.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{head}");
    assert!(asked.try_recv().is_err(), "one connection");
    let ended = server.says(" ended");
    assert!(ended.contains("who=token site-a"), "{ended}");

    // A device that is there already is looked at again, and named by whoever asks.
    let certificate = ["--ca", &ca, "--client-cert", &path("client.pem"), "--client-key", &path("client.key")];
    let (code, stdout, last) = activate(&certificate);
    assert!(code == Some(0) && stdout.contains("ACM"), "{stdout} {last}");
    let ended = server.says(" ended");
    assert!(ended.contains("who=certificate") && ended.contains("CN=pc-7"), "{ended}");
}
