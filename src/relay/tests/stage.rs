//! A machine with an MEI and an LMS, and a server.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use amt_provision_fsm::firmware::{ControlMode, Port};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use smol::Task;
use smol::channel::{Receiver, unbounded};
use smol::future::FutureExt;
use smol::net::{TcpListener, TcpStream};
use smol::stream::StreamExt;

use crate::mei::pthi::{DnsSuffix, Request, Text, encode_answer};
use crate::mei::server::MeiListener;
use crate::mei::tests::answer_of_amt_19;
use crate::mei::watchdog::StateIndependence;
use crate::mei::{FirmwareClient, MeiAddress};
use crate::protocol::{Command, Data, Outcome, ToRelay, ToServer};
use crate::relay::{LmsAddress, RelayConfig, RelayError, RelayEvent, run};

/// Runs a test, and ends it if it hangs.
pub(super) fn play<T>(test: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(Duration::from_secs(60)).await;
        panic!("the test hangs")
    };
    smol::block_on(test.or(late))
}

/// A machine and the address of a server.
pub(super) struct Stage {
    pub(super) server: TcpListener,
    pub(super) config: RelayConfig,
    lms: Ipv4Addr,
    /// Whether the firmware comes to say that it is in ACM, once the server has had the report.
    activates: Arc<AtomicBool>,
    _mei: Task<()>,
}

impl Stage {
    /// With local ports that speak TLS only, or plain text too.
    pub(super) async fn new(tls_only: bool) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Test programs of other targets may run at the same time.
        let lms = Ipv4Addr::new(127, 77, std::process::id() as u8, number);
        let path = std::env::temp_dir().join(format!("amt-provision-relay-{}-{number}.sock", std::process::id()));
        let server = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let url = format!("ws://{}/activate", server.local_addr().unwrap());
        let command = Command::Activate { profile: "lab".parse().unwrap() };
        let config = RelayConfig {
            lms_address: lms.to_string().parse::<LmsAddress>().unwrap(),
            hostname: Some("lab-host.vprodemo.test".to_owned()),
            tenant: "a tenant".to_owned(),
            json_messages: true,
            tls_tunnel: true,
            ..RelayConfig::new(url.parse().unwrap(), command, MeiAddress::Unix(path.clone()))
        };
        let activates = Arc::new(AtomicBool::new(false));
        Self { server, config, lms, _mei: mei(path, tls_only, Arc::clone(&activates)), activates }
    }

    /// The firmware is in ACM from now on, or still before its provisioning, whatever the server says.
    pub(super) fn is_activated(&self, activated: bool) {
        self.activates.store(activated, Ordering::Relaxed);
    }

    /// Begins to listen on one of the AMT ports.
    pub(super) async fn lms(&self, port: Port) -> Lms {
        Lms(listen(SocketAddr::from((self.lms, port.number()))).await)
    }

    /// Starts the relay; its events come on the channel.
    pub(super) fn relay(&self) -> (Task<Result<Outcome, RelayError>>, Receiver<RelayEvent>) {
        let (events, seen) = unbounded();
        let relay = run(self.config.clone(), move |event| drop(events.try_send(event)));
        (smol::spawn(relay), seen)
    }

    /// The server takes the relay's line and its first message.
    pub(super) async fn line(&self) -> ServerLine<TcpStream> {
        let (stream, _) = self.server.accept().await.unwrap();
        let mut line = ServerLine(async_tungstenite::accept_async(stream).await.unwrap());
        let ToServer::Hello(hello) = line.hears().await else { panic!("not the first message") };
        assert_eq!((hello.tenant.as_str(), hello.report.dns_suffix.as_str()), ("a tenant", "mebx.test"));
        assert!(hello.report.lms_installed && hello.report.root_hashes.len() == 2);
        self.is_activated(true);
        line
    }
}

/// A listener whose connections have small buffers in the operating system, so that a stall shows early.
async fn listen(address: SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(address).await.unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 32 * 1024).unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, 32 * 1024).unwrap();
    listener
}

/// What stands behind the AMT ports.
pub(super) struct Lms(TcpListener);

impl Lms {
    /// The next connection on which something is said. The relay makes an empty one at its start.
    pub(super) async fn accept(&self) -> TcpStream {
        loop {
            let (stream, _) = self.0.accept().await.unwrap();
            if stream.peek(&mut [0]).await.unwrap() > 0 {
                return stream;
            }
        }
    }

    /// The next connection, whatever is said on it.
    pub(super) async fn accept_any(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }
}

/// The server's end of the line.
pub(super) struct ServerLine<S>(pub(super) WebSocketStream<S>);

impl<S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin> ServerLine<S> {
    pub(super) async fn says(&mut self, message: ToRelay) {
        self.0.send(Message::text(message.encode().unwrap())).await.unwrap();
    }

    pub(super) async fn says_tls(&mut self, bytes: &[u8]) {
        self.says(ToRelay::TlsData(Data(bytes.to_vec()))).await;
    }

    pub(super) async fn hears(&mut self) -> ToServer {
        match self.0.next().await.expect("a message").unwrap() {
            Message::Text(text) => ToServer::parse(&text).unwrap(),
            other => panic!("expected text, got {other:?}"),
        }
    }

    /// The server says that all is done, and both say goodbye.
    pub(super) async fn dismisses(mut self, relay: Task<Result<Outcome, RelayError>>) {
        self.says(ToRelay::Success(Outcome::status("done"))).await;
        while let Some(Ok(_)) = self.0.next().await {}
        assert_eq!(relay.await.unwrap(), Outcome::status("done"));
    }

    pub(super) async fn hears_tls(&mut self) -> Vec<u8> {
        match self.hears().await {
            ToServer::TlsData(Data(bytes)) => bytes,
            other => panic!("expected tls_data, got {other:?}"),
        }
    }
}

/// An MEI that answers as a device before its provisioning.
fn mei(path: PathBuf, tls_only: bool, activates: Arc<AtomicBool>) -> Task<()> {
    let listener = MeiListener::bind(path).unwrap();
    smol::spawn(async move {
        while let Ok(mut caller) = listener.accept().await {
            let client = FirmwareClient::from_guid(&caller.wants().await.unwrap()).unwrap();
            let mut connection = caller.accept(5120).await.unwrap();
            while let Ok(Some(message)) = connection.read().await {
                let answer = match client {
                    FirmwareClient::Watchdog => {
                        StateIndependence::from_bits(if tls_only { 0xC3 } else { 0x83 }).encode().to_vec()
                    }
                    FirmwareClient::Pthi => match Request::decode(&message).unwrap() {
                        request @ Request::GetControlMode if activates.load(Ordering::Relaxed) => {
                            encode_answer(request, &ControlMode::Admin)
                        }
                        // Another suffix than the host name's.
                        request @ Request::GetPkiFqdnSuffix => {
                            encode_answer(request, &DnsSuffix(Text::new("mebx.test").unwrap()))
                        }
                        request => answer_of_amt_19(request),
                    },
                };
                connection.write(&answer).await.unwrap();
            }
        }
    })
}
