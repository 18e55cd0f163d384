//! A relay that speaks the messages as it should and does to the bytes what it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use amt_provision::fsm::firmware::Port;
use amt_provision::protocol::{Command, Data, DeviceReport, Hello, Outcome, ResetReason, ToRelay, ToServer};
use async_tungstenite::tungstenite::Message;
use async_tungstenite::{WebSocketReceiver, WebSocketSender};
use smol::Task;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use super::records::{Hands, Records, Step, Way};
use super::script::{Saying, Seen, Trick};

/// When nothing moves for so long after a trick, both ends wait for what never comes: the meddler hangs up on them.
const STALLED: Duration = Duration::from_millis(300);

/// How long it tries a port.
const DIAL: Duration = Duration::from_secs(2);

/// One run of it.
pub(crate) struct Meddler<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) report: DeviceReport,
    /// Whose ports the connection of this number goes to.
    pub(crate) dial: &'a dyn Fn(usize) -> Ipv4Addr,
    pub(crate) trick: Trick,
    /// It leaves instead of making one connection more.
    pub(crate) connections: usize,
}

/// What the connection of that number has said.
type Heard = (usize, Vec<u8>);

enum Event {
    Server(Option<String>),
    Device(usize, Vec<u8>),
    Stalled,
}

struct Connection {
    number: usize,
    port: Port,
    stream: TcpStream,
    records: [Records; 2],
    _reader: Task<()>,
}

struct Run<'a> {
    meddler: Meddler<'a>,
    out: WebSocketSender<TcpStream>,
    hands: Hands,
    seen: Seen,
    connection: Option<Connection>,
    made: usize,
    inputs: (Sender<Heard>, Receiver<Heard>),
    last_record: Vec<u8>,
}

impl Meddler<'_> {
    fn hello(&self) -> ToServer {
        let command = Command::Activate { profile: "office".parse().expect("a name") };
        ToServer::Hello(Box::new(Hello { command, tenant: String::new(), report: self.report.clone() }))
    }

    pub(crate) async fn run(self) -> Seen {
        let tcp = TcpStream::connect(self.server).await.expect("the server listens");
        let url = format!("ws://{}/activate", self.server);
        let (socket, _) = async_tungstenite::client_async(url, tcp).await.expect("a WebSocket");
        let (out, messages) = socket.split();
        let trick = match self.trick {
            Trick::Record(way, at, what) | Trick::Ever(way, at, what) => Some((way, at, what)),
            Trick::Honest | Trick::Switch(..) => None,
        };
        let ever = matches!(self.trick, Trick::Ever(..));
        let hello = self.hello();
        let mut run = Run {
            meddler: self,
            out,
            hands: Hands::new(trick, ever),
            seen: Seen::default(),
            connection: None,
            made: 0,
            inputs: smol::channel::unbounded(),
            last_record: Vec::new(),
        };
        run.say(hello).await;
        run.go_on(messages).await;
        Seen { records: run.hands.count, played: run.seen.played || run.hands.done, ..run.seen }
    }
}

impl Run<'_> {
    async fn go_on(&mut self, mut messages: WebSocketReceiver<TcpStream>) {
        loop {
            match self.event(&mut messages).await {
                Event::Server(None) => return,
                Event::Server(Some(text)) => {
                    self.seen.bytes.extend_from_slice(text.as_bytes());
                    if self.on_message(ToRelay::parse(&text).expect("the server speaks the protocol")).await.is_none() {
                        return;
                    }
                }
                Event::Device(number, bytes) => self.on_device(number, &bytes).await,
                Event::Stalled => self.hang_up().await,
            }
        }
    }

    async fn event(&self, messages: &mut WebSocketReceiver<TcpStream>) -> Event {
        let server = async {
            loop {
                match messages.next().await {
                    Some(Ok(Message::Text(text))) => return Event::Server(Some(text.to_string())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Event::Server(None),
                }
            }
        };
        let device = async {
            let (number, bytes) = self.inputs.1.recv().await.expect("we hold a sender");
            Event::Device(number, bytes)
        };
        let stalled = async {
            if !(self.hands.done && self.connection.is_some()) {
                smol::future::pending::<()>().await;
            }
            smol::Timer::after(STALLED).await;
            Event::Stalled
        };
        server.or(device).or(stalled).await
    }

    /// `None` when it is over.
    async fn on_message(&mut self, message: ToRelay) -> Option<()> {
        match message {
            ToRelay::TlsData(Data(bytes)) => self.on_bytes(Port::Tls, &bytes).await?,
            ToRelay::Wsman(Data(bytes)) => self.on_bytes(Port::Plain, &bytes).await?,
            ToRelay::PortSwitch(switch) => {
                self.connection = None;
                let number = self.seen.switches;
                self.seen.switches += 1;
                let saying = match self.meddler.trick {
                    Trick::Switch(at, saying) if at == number => Some(saying),
                    _ => None,
                };
                self.seen.played |= saying.is_some();
                self.before_switch(saying).await;
                if self.dial(switch.port).await? {
                    self.say(ToServer::PortSwitchAck).await;
                    self.after_switch(saying).await;
                } else {
                    self.say(ToServer::ConnectionReset(ResetReason::Failed)).await;
                }
            }
            ToRelay::HeartbeatRequest => self.say(ToServer::HeartbeatResponse).await,
            ToRelay::Progress(_) => {}
            ToRelay::Success(outcome) => return self.end(Ok(outcome)),
            ToRelay::Error(outcome) => return self.end(Err(outcome)),
        }
        Some(())
    }

    fn end(&mut self, outcome: Result<Outcome, Outcome>) -> Option<()> {
        self.seen.last = Some(outcome.map(|it| it.to_string()).map_err(|it| it.to_string()));
        None
    }

    async fn before_switch(&mut self, saying: Option<Saying>) {
        match saying {
            Some(Saying::HelloAgain) => self.say(self.meddler.hello()).await,
            Some(Saying::EarlyBytes) => self.say(ToServer::TlsData(Data(self.last_record.clone()))).await,
            Some(Saying::ResetTwice) => {
                self.say(ToServer::ConnectionReset(ResetReason::Closed)).await;
                self.say(ToServer::ConnectionReset(ResetReason::Closed)).await;
            }
            Some(Saying::AckTwice | Saying::OldBytes) | None => {}
        }
    }

    async fn after_switch(&mut self, saying: Option<Saying>) {
        match saying {
            Some(Saying::AckTwice) => self.say(ToServer::PortSwitchAck).await,
            Some(Saying::OldBytes) => self.say(ToServer::TlsData(Data(self.last_record.clone()))).await,
            Some(Saying::HelloAgain | Saying::EarlyBytes | Saying::ResetTwice) | None => {}
        }
    }

    async fn on_bytes(&mut self, port: Port, bytes: &[u8]) -> Option<()> {
        if self.made == 0 && !self.dial(port).await? {
            self.say(ToServer::ConnectionReset(ResetReason::Failed)).await;
        }
        self.carry(Way::ToDevice, bytes).await;
        Some(())
    }

    async fn on_device(&mut self, number: usize, bytes: &[u8]) {
        if self.connection.as_ref().is_none_or(|connection| connection.number != number) {
            return;
        }
        if bytes.is_empty() {
            return self.hang_up().await;
        }
        self.carry(Way::ToServer, bytes).await;
    }

    /// Carries bytes as records, or as they are where there is no TLS.
    async fn carry(&mut self, way: Way, bytes: &[u8]) {
        self.seen.bytes.extend_from_slice(bytes);
        let Some(connection) = &mut self.connection else { return };
        let pieces = match connection.port {
            Port::Plain => vec![bytes.to_vec()],
            Port::Tls => {
                let records = &mut connection.records[way as usize];
                records.push(bytes);
                std::iter::from_fn(|| records.next()).collect()
            }
        };
        for piece in pieces {
            if way == Way::ToServer {
                self.last_record.clone_from(&piece);
            }
            for step in self.hands.pass(way, piece) {
                match (step, way) {
                    (Step::On(bytes), Way::ToDevice) | (Step::Back(bytes), Way::ToServer) => {
                        self.on_to_device(&bytes).await
                    }
                    (Step::On(bytes), Way::ToServer) | (Step::Back(bytes), Way::ToDevice) => {
                        self.on_to_server(bytes).await
                    }
                    (Step::Close, _) => return self.hang_up().await,
                }
            }
        }
    }

    async fn on_to_device(&mut self, bytes: &[u8]) {
        if let Some(connection) = &mut self.connection {
            // Its end is seen by the reader.
            let _ = connection.stream.write_all(bytes).await;
        }
    }

    async fn on_to_server(&mut self, bytes: Vec<u8>) {
        let Some(connection) = &self.connection else { return };
        let message = match connection.port {
            Port::Tls => ToServer::TlsData(Data(bytes)),
            Port::Plain => ToServer::Response(Data(bytes)),
        };
        self.say(message).await;
    }

    async fn hang_up(&mut self) {
        self.connection = None;
        self.say(ToServer::ConnectionReset(ResetReason::Closed)).await;
    }

    async fn say(&mut self, message: ToServer) {
        let text = message.encode().expect("short enough");
        // The server's end is seen where its messages are read.
        let _ = self.out.send(Message::text(text)).await;
    }

    /// Whether the port is open now; `None` when there were connections enough.
    async fn dial(&mut self, port: Port) -> Option<bool> {
        if self.made == self.meddler.connections {
            return None;
        }
        let number = self.made;
        self.made += 1;
        let address = ((self.meddler.dial)(number), port.number());
        let dial = async {
            loop {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Some(stream),
                    Err(_) => smol::Timer::after(Duration::from_millis(5)).await,
                };
            }
        };
        let late = async {
            smol::Timer::after(DIAL).await;
            None
        };
        let Some(stream) = dial.or(late).await else { return Some(false) };
        stream.set_nodelay(true).expect("a socket");
        let reader = smol::spawn(read(stream.clone(), number, self.inputs.0.clone()));
        let records = [Records::default(), Records::default()];
        self.connection = Some(Connection { number, port, stream, records, _reader: reader });
        Some(true)
    }
}

/// Reports what the device says, and nothing at all for its end.
async fn read(mut stream: TcpStream, number: usize, inputs: Sender<Heard>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if inputs.send((number, buffer[..count].to_vec())).await.is_err() || count == 0 {
            return;
        }
    }
}
