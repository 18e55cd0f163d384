//! A line with a clock, whose outputs the test takes as they come.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::Limits;
use amt_provision_fsm::stage::OpenFault;
use amt_provision_fsm::time::{Instant, Millis};

use crate::protocol::tests::a_hello;
use crate::protocol::{Data, PortSwitch, ToRelay, ToServer};
use crate::relay::line::{Line, LineInput, LineOutput};

pub(super) struct Rig {
    pub(super) line: Line,
    pub(super) now: Instant,
}

impl Rig {
    /// A line whose first message has left.
    pub(super) fn new(port: Port) -> Self {
        let mut rig = Self { line: Line::new(Instant::ZERO, Limits::DEFAULT, port, a_hello()), now: Instant::ZERO };
        assert!(matches!(rig.outputs()[..], [LineOutput::Send(ToServer::Hello(_))]));
        rig.input(LineInput::Delivered);
        rig
    }

    /// What there is to be done, but for words to a person.
    pub(super) fn outputs(&mut self) -> Vec<LineOutput> {
        let outputs = std::iter::from_fn(|| self.line.poll_output());
        outputs.filter(|output| !matches!(output, LineOutput::Tell(_))).collect()
    }

    pub(super) fn input(&mut self, input: LineInput) -> Vec<LineOutput> {
        self.line.handle(self.now, input);
        self.outputs()
    }

    pub(super) fn server(&mut self, message: ToRelay) -> Vec<LineOutput> {
        self.input(LineInput::Text(message.encode().unwrap()))
    }

    pub(super) fn tls(&mut self, bytes: &[u8]) -> Vec<LineOutput> {
        self.server(ToRelay::TlsData(Data(bytes.to_vec())))
    }

    pub(super) fn wsman(&mut self, bytes: &[u8]) -> Vec<LineOutput> {
        self.server(ToRelay::Wsman(Data(bytes.to_vec())))
    }

    pub(super) fn port_switch(&mut self, port: Port, delay: u64) -> Vec<LineOutput> {
        self.server(ToRelay::PortSwitch(PortSwitch { port, delay: Millis::from_secs(delay) }))
    }

    pub(super) fn connected(&mut self, id: u32) -> Vec<LineOutput> {
        self.input(LineInput::Connected(ChannelId(id)))
    }

    pub(super) fn refused(&mut self, id: u32) -> Vec<LineOutput> {
        self.input(LineInput::NotConnected(ChannelId(id), OpenFault::Refused))
    }

    pub(super) fn device(&mut self, id: u32, bytes: &[u8]) -> Vec<LineOutput> {
        self.input(LineInput::FromDevice(ChannelId(id), bytes.to_vec()))
    }

    pub(super) fn closed(&mut self, id: u32) -> Vec<LineOutput> {
        self.input(LineInput::DeviceClosed(ChannelId(id)))
    }

    /// The device has taken everything.
    pub(super) fn all_is_with_the_device(&mut self, id: u32) {
        assert_eq!(self.input(LineInput::SentToDevice(ChannelId(id), usize::MAX)), []);
    }

    /// Lets the next deadline come.
    pub(super) fn wait(&mut self) -> Vec<LineOutput> {
        let (at, _) = self.line.poll_timeout().expect("something to wait for");
        self.now = self.now.max(at);
        self.line.handle_timeout(self.now);
        self.outputs()
    }
}

pub(super) fn connect(id: u32, port: Port) -> LineOutput {
    LineOutput::Connect(ChannelId(id), port)
}

pub(super) fn disconnect(id: u32) -> LineOutput {
    LineOutput::Disconnect(ChannelId(id))
}

pub(super) fn to_device(id: u32, bytes: &[u8]) -> LineOutput {
    LineOutput::ToDevice(ChannelId(id), bytes.to_vec())
}

pub(super) fn tls_data(bytes: &[u8]) -> LineOutput {
    LineOutput::Send(ToServer::TlsData(Data(bytes.to_vec())))
}

pub(super) fn response(bytes: &[u8]) -> LineOutput {
    LineOutput::Send(ToServer::Response(Data(bytes.to_vec())))
}

pub(super) fn send(message: ToServer) -> LineOutput {
    LineOutput::Send(message)
}
