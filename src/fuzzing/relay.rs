//! Bytes are what happens to a relay.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Limits, Relay, RelayInput, RelayOutput, RelayState};
use amt_provision_fsm::time::{Instant, Millis};
use arbitrary::{Result, Unstructured};

use super::actions::{until_spent, up_to};

const LIMITS: Limits = Limits { to_device: 1000, to_server: 1500, ..Limits::DEFAULT };

/// Dials, pumps and closes as the bytes say, and panics when a byte is lost, added, reordered or too many are under way.
pub fn relay_bytes(data: &[u8]) {
    until_spent(data, |bytes| {
        let mut pipe = Pipe::new();
        while !bytes.is_empty() {
            pipe.step(bytes)?;
            pipe.drain();
        }
        Ok(())
    });
}

/// A relay, and what went into and came out of its channel.
struct Pipe {
    relay: Relay,
    now: Instant,
    dialled: ChannelId,
    down: Way,
    up: Way,
}

/// One direction of the channel, since the last input.
#[derive(Default)]
struct Way {
    given: Vec<u8>,
    taken: Vec<u8>,
    under_way: usize,
}

impl Pipe {
    fn new() -> Self {
        let mut relay = Relay::new(Instant::ZERO, LIMITS);
        relay.handle(Instant::ZERO, RelayInput::Surveyed);
        Self { relay, now: Instant::ZERO, dialled: ChannelId(0), down: Way::default(), up: Way::default() }
    }

    fn step(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let open = self.relay.state() == RelayState::Pumping(self.dialled);
        let input = match bytes.arbitrary::<u8>()? % 12 {
            0 => {
                self.dialled.0 += 1;
                self.down = Way::default();
                RelayInput::Dial(self.dialled, Port::Tls)
            }
            1 | 2 => RelayInput::Connected(self.dialled),
            3 | 4 => {
                let piece = piece(bytes)?;
                if open && self.relay.line_credit().is_some_and(|credit| credit >= piece.len()) {
                    self.down.given.extend(&piece);
                    RelayInput::FromServer(self.dialled, piece)
                } else {
                    // For a channel that is gone: nothing of it may come out.
                    RelayInput::FromServer(ChannelId(u32::MAX), piece)
                }
            }
            5 | 6 => {
                let piece = piece(bytes)?;
                if open && self.relay.device_credit().is_some_and(|credit| credit >= piece.len()) {
                    self.up.given.extend(&piece);
                    RelayInput::FromDevice(self.dialled, piece)
                } else {
                    RelayInput::FromDevice(ChannelId(u32::MAX), piece)
                }
            }
            7 => RelayInput::SentToServer(self.up.leave(bytes)?),
            8 => RelayInput::SentToDevice(self.dialled, self.down.leave(bytes)?),
            9 => RelayInput::HangUp(self.dialled),
            10 => RelayInput::DeviceClosed(self.dialled),
            _ => {
                self.now = self.now + Millis(bytes.int_in_range(0..=60_000)?);
                self.relay.handle_timeout(self.now);
                return Ok(());
            }
        };
        self.relay.handle(self.now, input);
        Ok(())
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.relay.poll_output() {
            outputs += 1;
            assert!(outputs < 16, "outputs without end");
            match output {
                RelayOutput::ToDevice(id, piece) => self.down.comes_out(id == self.dialled, &piece),
                RelayOutput::ToServer(id, piece) => self.up.comes_out(id == self.dialled, &piece),
                RelayOutput::Disconnect(_) => self.down.under_way = 0,
                _ => {}
            }
        }
        assert!(self.down.under_way <= LIMITS.to_device, "{} bytes for the device", self.down.under_way);
        assert!(self.up.under_way <= LIMITS.to_server, "{} bytes for the server", self.up.under_way);
        self.down.compare();
        self.up.compare();
        let ended = matches!(self.relay.state(), RelayState::Closed(_));
        assert_eq!(ended, self.relay.poll_timeout().is_none(), "a deadline until the end");
    }
}

impl Way {
    fn comes_out(&mut self, of_this_channel: bool, piece: &[u8]) {
        assert!(of_this_channel, "bytes of a channel that is gone");
        self.taken.extend(piece);
        self.under_way += piece.len();
    }

    /// Bytes are handed on at once, so nothing is owed after an input.
    fn compare(&mut self) {
        assert_eq!(self.given, self.taken);
        self.given.clear();
        self.taken.clear();
    }

    fn leave(&mut self, bytes: &mut Unstructured<'_>) -> Result<usize> {
        let count = up_to(bytes, self.under_way)?;
        self.under_way -= count;
        Ok(count)
    }
}

fn piece(bytes: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = up_to(bytes, 400)?;
    let first: u8 = bytes.arbitrary()?;
    Ok((0..length).map(|n| first.wrapping_add(n as u8)).collect())
}
