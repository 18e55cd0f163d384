//! Each firmware generation as a client sees it, before provisioning.

use amt_provision_fsm::firmware::{AmtVersion, Port};
use amt_provision_fsm::peer::{Expectation, Unvouched, Voucher};

use super::provisioning::{ccm_line, in_ccm};
use super::rig::*;
use crate::mei::FirmwareClient;
use crate::mei::watchdog::IS_CHANGE_TO_AMT_ENABLED;
use crate::simulator::config::DeviceConfig;
use crate::simulator::firmware::{Class, DefaultBinding, Generation, LocalPorts, RemotePlain, Shown, TlsBits};
use crate::tunnel::tls::TlsVersion;
use crate::wsman::Parameter;

fn line(rig: &mut Rig) -> Line<'_> {
    let client = match rig.ports[..] {
        [Port::Tls] => rig.tls(any_odca()),
        [Port::Plain] => rig.dial(Port::Plain, Expectation::default()).unwrap(),
        ref other => panic!("{other:?}"),
    };
    let session = rig.local_system();
    Line { rig, client, session }
}

#[test]
fn what_a_client_sees_is_what_the_table_says() {
    for generation in Generation::ALL {
        let Generation { from, local, remote_plain, default, tls_bits, general, .. } = generation;
        let mut rig = Rig::new(&DeviceConfig { persona: "keeps-session".parse().unwrap(), ..config(from) });
        let port = if local == LocalPorts::TlsOnly { Port::Tls } else { Port::Plain };
        assert_eq!(rig.ports, [port], "{from}");
        let byte = rig.device.answer_host(FirmwareClient::Watchdog, &IS_CHANGE_TO_AMT_ENABLED).unwrap();
        let expected = u8::from(tls_bits == TlsBits::Present) << 7 | u8::from(local == LocalPorts::TlsOnly) << 6;
        assert_eq!(byte.first().unwrap() & 0xc0, expected, "{from}");
        let mut line = line(&mut rig);

        let settings = line.get(Class::GeneralSettings);
        for name in ["DHCPSyncRequiresHostname", "OemID", "ThunderboltDockEnabled"] {
            let expected = general.iter().any(|(known, _)| *known == name);
            assert_eq!(settings.property(name).is_some(), expected, "{from}: {name}");
        }
        for tls in line.list(Class::TlsSettingData) {
            let announced = tls.property("NonSecureConnectionsSupported").map(|value| value.value() == "true");
            assert_eq!(announced, (remote_plain == RemotePlain::Gone).then_some(false), "{from}");
        }
        let bound = line.list(Class::TlsCredentialContext).len();
        assert_eq!(bound, usize::from(default == DefaultBinding::FromTheStart), "{from}");
        if let Some(tls) = &line.client.tls {
            let negotiated = tls.negotiated().unwrap();
            let expected = match generation.max_tls {
                TlsVersion::V1_2 => rustls::ProtocolVersion::TLSv1_2,
                TlsVersion::V1_3 => rustls::ProtocolVersion::TLSv1_3,
            };
            assert_eq!(negotiated.version, expected, "{from}");
        }
        assert_eq!(line.rig.truth().shown, Shown::Odca);
    }
}

#[test]
fn amt_22_has_neither_aes_128_nor_sha_256_nor_p_256_nor_rsa_keys() {
    let mut rig = in_ccm(&DeviceConfig { version: AmtVersion::new(22, 0), ..amt_19() });
    let mut line = ccm_line(&mut rig);
    let negotiated = line.client.tls.as_ref().unwrap().negotiated().unwrap();
    assert!(format!("{:?}", negotiated.suite).ends_with("AES_256_GCM_SHA384"), "{negotiated:?}");
    assert!(format!("{:?}", negotiated.group).contains("secp384r1"), "{negotiated:?}");
    for bits in [2048, 3072] {
        let rsa: [(&'static str, Parameter); 2] = [("KeyAlgorithm", 0.into()), ("KeyLength", bits.into())];
        let (code, _) = line.invoke(Class::PublicKeyManagementService, "GenerateKeyPair", rsa);
        assert_eq!(code, 2066);
    }
}

#[test]
fn tls_that_is_already_on_shows_the_default_key_and_the_host_is_told() {
    let persona = "tls-already-on".parse().unwrap();
    let mut rig = Rig::new(&DeviceConfig { persona, ..config(AmtVersion::new(16, 1)) });
    assert_eq!(rig.ports, [Port::Tls]);
    let byte = rig.device.answer_host(FirmwareClient::Watchdog, &IS_CHANGE_TO_AMT_ENABLED).unwrap();
    assert_eq!(byte.first().unwrap() & 0xc0, 0xc0);
    let peer = rig
        .tls(Expectation { unvouched: Unvouched::SelfSigned, ..Expectation::default() })
        .tls
        .unwrap()
        .peer()
        .unwrap();
    assert_eq!((peer.voucher, rig.truth().shown), (Voucher::Nobody, Shown::Default));
    rig.device.unprovision_locally(rig.now).unwrap();
    assert_eq!(rig.truth().shown, Shown::Default, "so it comes back");
}
