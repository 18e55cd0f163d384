//! Over real sockets: what a relay finds on the host.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port, ProvisioningState};
use amt_provision_fsm::peer::Voucher;
use rustls::pki_types::UnixTime;

use super::*;
use crate::mei::pthi::CertificateHash;
use crate::mei::{LocalTls, Mei, SeqpacketMei, Survey};
use crate::simulator::config::DeviceConfig;
use crate::simulator::device::tests::rig::{DOMAIN, PROVISIONING, TRUST, amt_19, any_odca, config};
use crate::tunnel::tls::{TlsClient, TlsVersion};

/// Addresses and paths of this test process alone.
fn a_place() -> Place {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [.., high, low] = std::process::id().to_be_bytes();
    Place {
        address: Ipv4Addr::new(127, 64 | number, high, low.clamp(1, 254)),
        mei_path: std::env::temp_dir().join(format!("amt-simulator-{}-{number}.sock", std::process::id())),
    }
}

/// Runs `host`, which may block, against a running device.
fn beside<T: Send + 'static>(
    config: &DeviceConfig,
    host: impl FnOnce(Ipv4Addr, PathBuf) -> T + Send + 'static,
) -> (T, SimulatedDevice) {
    smol::block_on(async {
        let device = SimulatedDevice::start(config, a_place()).await.unwrap();
        let (address, path) = (device.address(), device.mei_path().to_owned());
        (smol::unblock(move || host(address, path)).await, device)
    })
}

fn survey(path: PathBuf) -> Survey {
    Mei::new(SeqpacketMei::new(path)).survey().unwrap()
}

fn dial(address: Ipv4Addr, port: Port) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((address, port.number()))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

#[test]
fn a_survey_tells_the_truth() {
    let amt_19 = amt_19();
    let (found, device) = beside(&amt_19, |_, path| survey(path));
    assert_eq!((found.version, found.uuid), (amt_19.version, amt_19.uuid));
    assert_eq!((found.control_mode, found.provisioning_state), (ControlMode::PreProvisioning, ProvisioningState::Pre));
    assert_eq!((found.local_tls, found.dns_suffix.as_deref()), (LocalTls::Enforced, Some(DOMAIN)));
    assert_eq!(&*found.local_system_account.user, "$$OsAdmin");
    assert_eq!(found.local_system_account.password.expose().len(), 32);
    let [root] = found.certificate_hashes.try_into().unwrap();
    assert!(root.is_active && !root.is_default && &*root.name == "test root");
    assert_eq!(root.hash, CertificateHash::Sha256(*PROVISIONING.root_hash().as_bytes()));
    assert!(found.wired.is_some() && found.wireless.is_none());
    smol::block_on(device.stop());
}

#[test]
fn before_amt_19_the_survey_says_plain_and_the_plain_port_answers() {
    let (answer, device) = beside(&config(AmtVersion::new(18, 0)), |address, path| {
        assert_eq!(survey(path).local_tls, LocalTls::NotEnforced);
        assert!(dial(address, Port::Tls).is_err(), "nothing listens");
        let mut stream = dial(address, Port::Plain).unwrap();
        stream.write_all(b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"Digest:"), "{answer}");
    assert!(answer.ends_with("</html>"), "the whole reply, and then the end");
    assert_eq!((device.traffic().requests, device.traffic().plain_requests), (1, 1));
    assert!(device.occupied() >= Duration::from_millis(1), "the 2 ms of a request, begun within one");
    smol::block_on(device.stop());
}

#[test]
fn a_handshake_with_the_tls_port_shows_the_odca_chain() {
    let (peer, device) = beside(&amt_19(), |address, _| {
        assert!(dial(address, Port::Plain).is_err(), "nothing listens");
        let mut stream = dial(address, Port::Tls).unwrap();
        let mut tls = TlsClient::new(any_odca(), TRUST.clone(), UnixTime::now(), TlsVersion::V1_3).unwrap();
        let mut piece = [0; 4096];
        while tls.peer().is_none() {
            stream.write_all(&tls.take_output()).unwrap();
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0);
            tls.feed(&piece[..length]).unwrap();
        }
        tls.peer().unwrap()
    });
    assert_eq!(peer.voucher, Voucher::Odca(device.truth().rom_ca));
    assert_eq!(peer.spki, device.truth().shown_key);
    smol::block_on(device.stop());
}

#[test]
fn while_the_ports_are_away_connections_are_accepted_and_closed_and_then_served_again() {
    let mut amt_18 = config(AmtVersion::new(18, 0));
    amt_18.timings.away = amt_provision_fsm::time::Millis(150);
    smol::block_on(async {
        let device = SimulatedDevice::start(&amt_18, a_place()).await.unwrap();
        let address = device.address();
        let open = smol::unblock(move || dial(address, Port::Plain).unwrap()).await;
        device.unprovision_locally().await.unwrap();
        let rounds = smol::unblock(move || {
            let mut stream = open;
            for round in 0.. {
                // Some hand the request over, some are reset before they can.
                let _ = stream.write_all(b"POST /wsman HTTP/1.1\r\nConnection: close\r\n\r\n");
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                if !answer.is_empty() {
                    return round;
                }
                stream = dial(address, Port::Plain).unwrap();
            }
            unreachable!()
        })
        .await;
        assert!(rounds >= 2, "the open connection and at least one more ended");
        assert!(device.traffic().turned_away >= 1);
        assert!(device.occupied() >= Duration::from_millis(150));
        device.stop().await;
    });
}

#[test]
fn a_stopped_device_frees_its_sockets() {
    let place = a_place();
    smol::block_on(async {
        for _ in 0..2 {
            let device = SimulatedDevice::start(&amt_19(), place.clone()).await.unwrap();
            assert!(place.mei_path.exists());
            device.stop().await;
            assert!(!place.mei_path.exists());
        }
    });
}

#[test]
fn places_that_are_taken_or_not_loopback_are_refused() {
    smol::block_on(async {
        let device = SimulatedDevice::start(&amt_19(), a_place()).await.unwrap();
        let elsewhere = a_place();
        let same_address = Place { address: device.address(), ..elsewhere.clone() };
        let refused = SimulatedDevice::start(&amt_19(), same_address).await.err().unwrap();
        assert!(matches!(refused, StartError::Ports { .. }), "{refused}");
        let same_path = Place { mei_path: device.mei_path().to_owned(), ..elsewhere.clone() };
        let refused = SimulatedDevice::start(&amt_19(), same_path).await.err().unwrap();
        assert!(matches!(refused, StartError::Mei { .. }), "{refused}");
        let outside = Place { address: Ipv4Addr::new(192, 0, 2, 1), ..elsewhere };
        let refused = SimulatedDevice::start(&amt_19(), outside).await.err().unwrap();
        assert!(matches!(refused, StartError::NotLoopback(_)), "{refused}");
        device.stop().await;
    });
}
