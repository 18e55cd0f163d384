//! The relay: its line as it ships, and what its driver would do with sockets.

use std::collections::VecDeque;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::Limits;
use amt_provision_fsm::stage::OpenFault;
use amt_provision_fsm::time::{Instant, Millis};

use super::events::{Event, LineId, TcpId};
use super::far::Far;
use super::fault::Fault;
use super::machine::World;
use super::parts::{DRAIN, LINE_LATENCY, Relay, Way};
use super::trace::Party;
use crate::mei::{LocalTls, Mei, Survey};
use crate::protocol::{Command, DeviceReport, Hello, HostnameInfo, ProfileName};
use crate::relay::line::{Line, LineInput, LineOutput};

/// How long a dial takes, at most.
const DIAL_LATENCY: Millis = Millis(2);

impl World {
    pub(super) fn relay_starts(&mut self) {
        let asked = Mei::new(&self.device).survey().map_err(|error| error.to_string());
        let named = "office".parse().map_err(|error| format!("{error}"));
        let (survey, profile) = match asked.and_then(|survey| Ok((survey, named?))) {
            Ok(asked) => asked,
            Err(why) => return self.violated("a simulated device can be asked over MEI", why),
        };
        let survey = self.claimed(survey);
        let port = survey.local_tls.port();
        self.tell(Party::Relay, || format!("begins: AMT {} in {}, {port:?}", survey.version, survey.control_mode));
        self.lines += 1;
        let line = LineId(self.lines);
        self.line = Some(line);
        let machine = Line::new(self.now, Limits::DEFAULT, port, hello(survey, profile));
        self.relay = Some(Relay { line, machine, inbox: VecDeque::new(), dialling: Vec::new() });
        self.drive_relay();
    }

    /// What the relay says of its device; where it lies, it lives by it.
    fn claimed(&mut self, mut survey: Survey) -> Survey {
        let claim = self.disarm_one(|fault| match fault {
            Fault::ClaimMode(mode) => Some(*mode),
            _ => None,
        });
        survey.control_mode = claim.unwrap_or(survey.control_mode);
        if self.disarm(Fault::ClaimNoTls) {
            survey.local_tls = LocalTls::NotEnforced;
        }
        survey
    }

    pub(super) fn relay_due(&self) -> Option<Instant> {
        self.relay.as_ref().and_then(|relay| relay.machine.poll_timeout()).map(|(at, _)| at)
    }

    pub(super) fn relay_is_due(&mut self) {
        let now = self.now;
        if let Some(relay) = &mut self.relay {
            relay.machine.handle_timeout(now);
        }
        self.drive_relay();
    }

    pub(super) fn relay_hears(&mut self, input: LineInput) {
        let now = self.now;
        if let Some(relay) = &mut self.relay {
            relay.machine.handle(now, input);
        }
        self.drive_relay();
    }

    fn drive_relay(&mut self) {
        for _ in 0..DRAIN {
            let Some(relay) = &mut self.relay else { return };
            if let Some(output) = relay.machine.poll_output() {
                self.carry_out_for_relay(output);
            } else if let Some(text) = relay.machine.wants_message().then(|| relay.inbox.pop_front()).flatten() {
                relay.machine.handle(self.now, LineInput::Text(text));
            } else {
                return;
            }
        }
        self.violated("a relay falls silent", format!("{DRAIN} outputs followed from one input"));
    }

    fn carry_out_for_relay(&mut self, output: LineOutput) {
        let Some(line) = self.relay.as_ref().map(|relay| relay.line) else { return };
        match output {
            LineOutput::Send(message) => match message.encode() {
                Ok(text) => {
                    self.tape.frame(&text);
                    self.schedule(Way::ToServer, LINE_LATENCY, Event::ToServer(line, text));
                    let leaves = (self.now + Millis(1)).max(self.line_stalls_until);
                    self.schedule_at(leaves, Event::Delivered(line));
                }
                Err(error) => self.violated("a relay's messages are short enough", error.to_string()),
            },
            LineOutput::Connect(channel, port) => {
                if let Some(relay) = &mut self.relay {
                    relay.dialling.push(channel);
                }
                let after = Millis(1 + self.chance.u64(0..DIAL_LATENCY.0));
                self.schedule_at(self.now + after, Event::Dialled(line, channel, port));
            }
            LineOutput::ToDevice(channel, bytes) => self.relay_writes(channel, &bytes),
            LineOutput::Disconnect(channel) => {
                if let Some(relay) = &mut self.relay {
                    relay.dialling.retain(|dialling| *dialling != channel);
                }
                self.relay_hangs_up(channel);
            }
            LineOutput::Tell(notice) => self.tell(Party::Relay, || format!("{notice:?}")),
            // Of lines of compact frames.
            LineOutput::SendPacket(_) | LineOutput::Redial => {}
            LineOutput::End(end) => {
                self.tell(Party::Relay, || format!("ends: {end:?}"));
                self.course.told = Some(end);
                self.relay = None;
                self.hang_up_all();
                self.schedule(Way::ToServer, LINE_LATENCY, Event::RelayClosed(line));
            }
        }
    }

    pub(super) fn relay_reads(&mut self, line: LineId, text: String) {
        let here = self.line == Some(line);
        if let Some(relay) = self.relay.as_mut().filter(|relay| here && relay.line == line) {
            relay.inbox.push_back(text);
            self.drive_relay();
        }
    }

    pub(super) fn relay_sees_the_end(&mut self, line: LineId) {
        if self.line == Some(line) && self.relay.as_ref().is_some_and(|relay| relay.line == line) {
            self.relay_hears(LineInput::LineLost("cut".to_owned()));
        }
    }

    pub(super) fn on_delivered(&mut self, line: LineId) {
        if self.relay.as_ref().is_some_and(|relay| relay.line == line) {
            self.relay_hears(LineInput::Delivered);
        }
    }

    pub(super) fn on_dialled(&mut self, line: LineId, channel: ChannelId, port: Port) {
        let Some(relay) = self.relay.as_mut().filter(|relay| relay.line == line) else { return };
        if !relay.dialling.contains(&channel) {
            return;
        }
        relay.dialling.retain(|dialling| *dialling != channel);
        let moment = self.course.next_dial();
        self.moment(moment, Party::Relay, format!("port {}", port.number()));
        if self.relay.as_ref().is_none_or(|relay| relay.line != line) {
            return;
        }
        let far = if self.disarm(Fault::OtherDevice) {
            Far::Other
        } else if self.disarm(Fault::Impostor) {
            Far::Impostor
        } else {
            Far::Device
        };
        if far != Far::Device || self.listens(port) {
            self.connect(channel, port, far);
        } else {
            self.relay_hears(LineInput::NotConnected(channel, OpenFault::Refused));
        }
    }

    pub(super) fn on_written(&mut self, tcp: TcpId, count: usize) {
        if let Some(channel) = self.channel_of(tcp) {
            self.relay_hears(LineInput::SentToDevice(channel, count));
        }
    }

    pub(super) fn relay_reads_device(&mut self, tcp: TcpId, bytes: Vec<u8>) {
        if let Some(channel) = self.channel_of(tcp) {
            self.relay_hears(LineInput::FromDevice(channel, bytes));
        }
    }

    pub(super) fn on_device_closed(&mut self, tcp: TcpId) {
        if let Some(channel) = self.channel_of(tcp) {
            self.tcps.remove(&tcp);
            self.relay_hears(LineInput::DeviceClosed(channel));
        }
    }

    pub(super) fn kill_relay(&mut self) {
        self.relay = None;
        self.hang_up_all();
        if let Some(line) = self.line.take() {
            self.server_sees_the_end(line);
        }
    }
}

/// The first message.
fn hello(survey: Survey, profile: ProfileName) -> Hello {
    let of_firmware = DeviceReport::from(survey);
    let names = HostnameInfo { dns_suffix_os: of_firmware.dns_suffix.clone(), hostname: "pc".to_owned() };
    let report = DeviceReport { hostname: names.hostname.clone(), hostname_info: names, ..of_firmware };
    Hello { command: Command::Activate { profile }, tenant: String::new(), report }
}
