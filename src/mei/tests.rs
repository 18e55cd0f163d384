//! The client and the server half against each other, over real sockets.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, ProvisioningState};
use smol::future::FutureExt;

use super::pthi::*;
use super::server::{MeiListener, MeiServerConnection};
use super::watchdog::StateIndependence;
use super::*;
use crate::secret::Secret;

fn a_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("amt-provision-mei-{}-{number}.sock", std::process::id()))
}

/// Runs `host` on a thread that may block, against a device that `serve` plays, until the host is done.
fn against<T: Send + 'static>(
    serve: impl AsyncFn(&MeiListener) -> std::io::Result<()>,
    host: impl FnOnce(SeqpacketMei) -> T + Send + 'static,
) -> T {
    let listener = MeiListener::bind(a_path()).unwrap();
    let mei = SeqpacketMei::new(listener.path().to_owned());
    smol::block_on(async {
        let host = smol::unblock(move || host(mei));
        let device = async {
            loop {
                serve(&listener).await.unwrap();
            }
        };
        host.or(device).await
    })
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

/// A device that answers like an AMT 19 of before provisioning; `change` answers in its place.
async fn amt_19(listener: &MeiListener, change: impl Fn(Request) -> Option<Vec<u8>>) -> std::io::Result<()> {
    let mut caller = listener.accept().await?;
    let client = FirmwareClient::from_guid(&caller.wants().await?).expect("a client that exists");
    let mut connection = caller.accept(5120).await?;
    while let Some(message) = connection.read().await? {
        let answer = match client {
            FirmwareClient::Watchdog => {
                assert_eq!(message, watchdog::IS_CHANGE_TO_AMT_ENABLED);
                StateIndependence::from_bits(0xC3).encode().to_vec()
            }
            FirmwareClient::Pthi => {
                let request = Request::decode(&message).expect("a request");
                change(request).unwrap_or_else(|| answer_of_amt_19(request))
            }
        };
        connection.write(&answer).await?;
    }
    Ok(())
}

/// What such a device answers.
pub(crate) fn answer_of_amt_19(request: Request) -> Vec<u8> {
    let version = |name, value| CodeVersion { name: text(name), value: text(value) };
    match request {
        Request::GetCodeVersions => {
            let list = vec![version("Sku", "16392"), version("AMT", "19.0.5"), version("Build Number", "2124")];
            encode_answer(request, &CodeVersions::new(text("BIOS"), list).unwrap())
        }
        Request::GetUuid => encode_answer(request, &DeviceGuid([0x44; 16])),
        Request::GetControlMode => encode_answer(request, &ControlMode::PreProvisioning),
        Request::GetProvisioningState => encode_answer(request, &ProvisioningState::Pre),
        Request::GetLocalSystemAccount => {
            let account =
                LocalSystemAccount { user: text("$$OsAdmin"), password: Secret::from("lsa-Pa55w0rd".to_owned()) };
            encode_answer(request, &account)
        }
        Request::EnumerateHashHandles => {
            encode_answer(request, &HashHandles::new(vec![HashHandle(3), HashHandle(5)]).unwrap())
        }
        Request::GetCertHashEntry(HashHandle(handle)) => {
            let entry = CertificateHashEntry {
                hash: CertificateHash::Sha256([handle as u8; 32]),
                is_default: true,
                is_active: handle == 3,
                name: text("a root"),
            };
            encode_answer(request, &entry)
        }
        Request::GetPkiFqdnSuffix => encode_answer(request, &DnsSuffix(text(" vprodemo.test. "))),
        Request::GetLanInterfaceSettings(LanInterface::Wired) => {
            let settings = LanSettings {
                enabled: true,
                ipv4: [10, 0, 0, 1].into(),
                dhcp_enabled: true,
                dhcp_mode: DhcpMode::Passive,
                link: LinkStatus::Up,
                mac: [2, 0, 0, 0, 0, 1],
            };
            encode_answer(request, &settings)
        }
        Request::GetLanInterfaceSettings(LanInterface::Wireless) => encode_refusal(request, Status::NOT_FOUND),
    }
}

#[test]
fn a_survey_reads_everything_that_a_report_needs() {
    let survey = against(async |listener| amt_19(listener, |_| None).await, |mei| Mei::new(mei).survey().unwrap());
    assert_eq!(survey.version, AmtVersion { major: 19, minor: 0, hotfix: 5 });
    assert_eq!((survey.build.as_str(), survey.sku.to_string().as_str()), ("2124", "16392"));
    assert_eq!(survey.sku.features(), "AMT Pro Corporate");
    assert_eq!(survey.uuid.to_string(), "44444444-4444-4444-4444-444444444444");
    assert_eq!(survey.control_mode, ControlMode::PreProvisioning);
    assert_eq!(survey.provisioning_state, ProvisioningState::Pre);
    assert_eq!(&*survey.local_system_account.user, "$$OsAdmin");
    assert_eq!(survey.local_system_account.password.expose(), "lsa-Pa55w0rd");
    assert_eq!(survey.certificate_hashes.len(), 2);
    assert!(survey.certificate_hashes[0].is_active && !survey.certificate_hashes[1].is_active);
    assert_eq!(survey.dns_suffix.as_deref(), Some("vprodemo.test"));
    assert_eq!(survey.wired.map(|lan| lan.link), Some(LinkStatus::Up));
    assert_eq!(survey.wireless, None);
    assert_eq!(survey.local_tls, LocalTls::Enforced);
    assert!(!format!("{survey:?}").contains("Pa55"));
}

#[test]
fn a_survey_leaves_out_root_hashes_of_unknown_algorithms_only() {
    let unknown = |request| match request {
        Request::GetCertHashEntry(HashHandle(3)) => {
            let mut answer = answer_of_amt_19(request);
            answer[88] = 9;
            Some(answer)
        }
        _ => None,
    };
    let survey = against(async move |listener| amt_19(listener, unknown).await, |mei| Mei::new(mei).survey().unwrap());
    assert_eq!(survey.certificate_hashes.len(), 1);
}

#[test]
fn a_survey_names_the_question_that_the_firmware_refused() {
    let refused =
        |request| (request == Request::GetLocalSystemAccount).then(|| encode_refusal(request, Status::NOT_PERMITTED));
    let error =
        against(async move |listener| amt_19(listener, refused).await, |mei| Mei::new(mei).survey().unwrap_err());
    assert_eq!(error.to_string(), "GetLocalSystemAccount: the firmware refused: status 16 (NOT_PERMITTED)");
}

#[test]
fn a_placeholder_uuid_ends_the_survey() {
    let zero = |request| (request == Request::GetUuid).then(|| encode_answer(request, &DeviceGuid([0; 16])));
    let error = against(async move |listener| amt_19(listener, zero).await, |mei| Mei::new(mei).survey().unwrap_err());
    assert!(matches!(error, SurveyError::Uuid(_)), "{error}");
}

#[test]
fn no_answer_about_tls_is_an_error_and_never_no_tls() {
    let error = against(
        async |listener| {
            let mut caller = listener.accept().await?;
            caller.wants().await?;
            caller.accept(16).await?.read().await.map(drop)
        },
        |mei| Mei::new(mei).survey().unwrap_err(),
    );
    assert!(matches!(error, SurveyError::Ask(AskError::Mei(MeiError::Closed))), "{error}");
}

#[test]
fn a_silent_firmware_ends_at_its_deadline() {
    let error = against(
        async |listener| {
            let mut caller = listener.accept().await?;
            caller.wants().await?;
            let mut connection: MeiServerConnection = caller.accept(5120).await?;
            while connection.read().await?.is_some() {}
            Ok(())
        },
        |mei| Mei::new(mei.with_timeout(Duration::from_millis(30))).ask(&GetControlMode).unwrap_err(),
    );
    assert_eq!(error.to_string(), "the firmware was silent for 0.03 s");
}

/// Refuses with `errno` until as many callers have come, then answers.
async fn refusing(listener: &MeiListener, errno: i32, times: &AtomicU32) -> std::io::Result<()> {
    if times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let mut caller = listener.accept().await?;
        caller.wants().await?;
        return caller.refuse(errno).await;
    }
    amt_19(listener, |_| None).await
}

const BUSY: i32 = 16;
const NO_SUCH_CLIENT: i32 = 25;

#[test]
fn a_busy_client_is_tried_again_as_often_as_the_table_says() {
    static WAITS: [Duration; 2] = [Duration::from_secs(11), Duration::from_secs(22)];
    let ask = |mei| Mei::new(mei).with_busy_waits(&WAITS, |wait| assert!(WAITS.contains(&wait))).ask(&GetControlMode);

    let twice = AtomicU32::new(2);
    let mode = against(async move |listener| refusing(listener, BUSY, &twice).await, ask);
    assert_eq!(mode.unwrap(), ControlMode::PreProvisioning);

    let thrice = AtomicU32::new(3);
    let error = against(async move |listener| refusing(listener, BUSY, &thrice).await, ask).unwrap_err();
    assert!(matches!(error, AskError::Mei(MeiError::Busy(FirmwareClient::Pthi))), "{error}");
}

#[test]
fn only_a_busy_client_is_tried_again() {
    let never = |mei| Mei::new(mei).with_busy_waits(BUSY_WAITS, |_| panic!("waited")).ask(&GetControlMode);
    let once = AtomicU32::new(1);
    let error = against(async move |listener| refusing(listener, NO_SUCH_CLIENT, &once).await, never).unwrap_err();
    assert!(matches!(error, AskError::Mei(MeiError::NoSuchClient(FirmwareClient::Pthi))), "{error}");
    for errno in [5, -1, i32::MIN, i32::MAX] {
        let once = AtomicU32::new(1);
        let error = against(async move |listener| refusing(listener, errno, &once).await, never).unwrap_err();
        assert!(matches!(error, AskError::Mei(MeiError::Refused { .. })), "{error}");
    }
}

#[test]
fn messages_are_bounded_at_the_length_that_the_client_announced() {
    let (sent, too_long, echoed) = against(
        async |listener| {
            let mut caller = listener.accept().await?;
            caller.wants().await?;
            let mut connection = caller.accept(64).await?;
            while let Some(message) = connection.read().await? {
                let mut echo = message.clone();
                echo.extend(&message);
                connection.write(&echo).await?;
            }
            Ok(())
        },
        |mei| {
            let mut connection = mei.connect(FirmwareClient::Pthi).unwrap();
            let too_long = connection.write(&[0; 65]).unwrap_err();
            connection.write(&[7; 32]).unwrap();
            let sent = connection.read().unwrap();
            connection.write(&[7; 33]).unwrap();
            (sent, too_long, connection.read().unwrap_err())
        },
    );
    assert_eq!(sent, [7; 64]);
    assert!(matches!(too_long, MeiError::TooLong { limit: 64, got: 65 }));
    assert!(matches!(echoed, MeiError::Oversized { limit: 64, got: 66 }));
}

#[test]
fn a_handshake_of_other_bytes_is_refused_on_both_ends() {
    for answer in [&[][..], &[0; 11], &[0; 12], &[0; 13], &[0, 0, 0, 0, 64, 0, 0, 0, 1, 0, 0, 9]] {
        let error = against(
            async move |listener| {
                let mut caller = listener.accept().await?;
                caller.wants().await?;
                caller.raw().write(answer).await
            },
            |mei| mei.connect(FirmwareClient::Pthi).unwrap_err(),
        );
        let hung_up = answer.is_empty() && matches!(error, MeiError::Closed);
        assert!(hung_up || matches!(error, MeiError::Handshake(_)), "{answer:?}: {error}");
    }
}

#[test]
fn a_dead_listeners_socket_is_replaced_and_nothing_else_is() {
    let path = a_path();
    let living = MeiListener::bind(&path).unwrap();
    assert_eq!(MeiListener::bind(&path).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(living);
    assert!(!path.exists());

    drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves its path behind
    MeiListener::bind(&path).unwrap();

    std::fs::write(&path, "a file of somebody's").unwrap();
    assert_eq!(MeiListener::bind(&path).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn nobody_there_is_told_with_the_path() {
    let path = a_path();
    let error = SeqpacketMei::new(path.clone()).connect(FirmwareClient::Pthi).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}
