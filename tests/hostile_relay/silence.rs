//! A relay or a device that says nothing more: each wait ends at the deadline that the core's table has for it, on a
//! clock that the test turns.

use std::sync::Arc;

use amt_provision::fsm::deadline;
use amt_provision::fsm::policy::Order;
use amt_provision::fsm::provisioner::Outcome;
use amt_provision::fsm::record::{Ledger, Record};
use amt_provision::fsm::time::{Instant, Millis};
use amt_provision::http::Chunks;
use amt_provision::mei::Mei;
use amt_provision::protocol::{Data, DeviceReport, ResetReason, ToRelay, ToServer};
use amt_provision::server::{Beginning, Conversation, Job, Vault};
use amt_provision::simulator::device::{self, ConnectionId, Device};
use rustls::pki_types::UnixTime;

use super::world::{World, uuid};

/// When the relay falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silent {
    /// At the ClientHello.
    AtFirst,
    /// At the second flight of the handshake.
    InTheHandshake,
    /// At the request of this number.
    AtRequest(usize),
    /// It says that the connection is gone, and then does not acknowledge the port switch.
    AtTheSwitch,
    /// It hands on a byte of an endless record every 5 s.
    Dripping,
}

/// A server's run of one device, a relay that falls silent, and the time.
struct Bench {
    conversation: Conversation,
    device: Device,
    connection: Option<ConnectionId>,
    now: Instant,
    messages: usize,
    dripped: usize,
    jobs: Vec<Job>,
    said: Option<ToRelay>,
}

impl Bench {
    async fn new(world: &World) -> Self {
        let mut config = world.config(19, uuid(1));
        config.chunks = Chunks(vec![64]);
        let deployment = world.deployment(world.profile()).await;
        let device = Device::new(&config).expect("a device");
        let report = DeviceReport::from(Mei::new(&device).survey().expect("the firmware answers"));
        let beginning = Beginning {
            report: &report,
            ledger: Ledger::unknown(Record::new(uuid(1))),
            vault: Vault::reported(&report),
            profile: world.profile(),
            order: Order::Provision,
            trust: Arc::clone(&deployment.trust),
        };
        Self {
            conversation: Conversation::in_messages(Instant::ZERO, UnixTime::now(), beginning),
            device,
            connection: None,
            now: Instant::ZERO,
            messages: 0,
            dripped: 0,
            jobs: Vec::new(),
            said: None,
        }
    }

    /// Lets the run go on until it has ended, and tells how and when.
    fn run(mut self, silent: Silent) -> (Outcome, Instant, Vec<Job>, Option<ToRelay>) {
        loop {
            self.drain(silent);
            if let Some(Job::End(outcome)) = self.jobs.last() {
                return (outcome.clone(), self.now, self.jobs, self.said);
            }
            let due = self.conversation.poll_timeout().expect("a run that goes on has a deadline");
            let drip = self.now + Millis::from_secs(5);
            if silent == Silent::Dripping && drip < due {
                self.now = drip;
                let byte = [0x16, 3, 3, 0x20].get(self.dripped).copied().unwrap_or_default();
                self.dripped += 1;
                self.tell(ToServer::TlsData(Data(vec![byte])));
            } else {
                self.now = due;
                self.conversation.handle_timeout(self.now, UnixTime::now());
            }
        }
    }

    /// Does what is to be done now, as far as the relay goes along.
    fn drain(&mut self, silent: Silent) {
        loop {
            self.jobs.extend(std::iter::from_fn(|| self.conversation.poll_job()));
            let Some(message) = self.conversation.poll_message() else { return };
            match message {
                ToRelay::TlsData(Data(bytes)) => {
                    let number = self.messages;
                    self.messages += 1;
                    let goes_on = match silent {
                        Silent::AtFirst | Silent::Dripping => false,
                        Silent::InTheHandshake => number < 1,
                        // Two flights of the handshake; the second one brings the first request with it.
                        Silent::AtRequest(at) => number <= at,
                        Silent::AtTheSwitch => {
                            self.tell(ToServer::ConnectionReset(ResetReason::Closed));
                            false
                        }
                    };
                    if goes_on {
                        self.carry(&bytes);
                    }
                }
                ToRelay::PortSwitch(_) | ToRelay::HeartbeatRequest | ToRelay::Progress(_) => {}
                last => self.said = Some(last),
            }
        }
    }

    fn tell(&mut self, message: ToServer) {
        self.conversation.receive(self.now, UnixTime::now(), message).expect("no misuse");
    }

    /// To the device, and what it answers back.
    fn carry(&mut self, bytes: &[u8]) {
        let tls = amt_provision::fsm::firmware::Port::Tls;
        let id = *self.connection.get_or_insert_with(|| self.device.connect(self.now, tls));
        self.device.receive(self.now, id, bytes);
        while let Some(output) = self.device.poll_output() {
            if let device::Output::Send(_, bytes) = output {
                self.tell(ToServer::TlsData(Data(bytes)));
            }
        }
    }
}

#[test]
fn g8_a_relay_that_falls_silent_anywhere_ends_at_the_deadline_of_what_was_awaited() {
    let cases = [
        (Silent::AtFirst, deadline::HANDSHAKE),
        (Silent::InTheHandshake, deadline::HANDSHAKE),
        (Silent::AtRequest(1), deadline::REQUEST),
        (Silent::AtRequest(2), deadline::REQUEST),
        (Silent::AtTheSwitch, deadline::OPEN),
        (Silent::Dripping, deadline::HANDSHAKE),
    ];
    smol::block_on(async {
        let world = World::new().await;
        for (silent, deadline) in cases {
            let (outcome, at, jobs, said) = Bench::new(&world).await.run(silent);
            assert!(matches!(outcome, Outcome::Failed(_)), "{silent:?}: {outcome}");
            let told = outcome.to_string();
            assert!(told.contains("for the device's port, and nothing came"), "{silent:?}: {told}");
            assert!(matches!(said, Some(ToRelay::Error(_))), "{silent:?}: {said:?}");
            // Its own deadline, and then what the port is given to come back.
            let latest = Instant::ZERO + deadline + deadline::OPEN + deadline::OPEN + deadline::RETRY_LONGEST;
            assert!(at >= Instant::ZERO + deadline && at <= latest, "{silent:?}: after {} ms", at.as_millis());
            let stored = jobs.iter().any(|job| matches!(job, Job::Persist(..) | Job::Issue(_)));
            assert!(!stored, "{silent:?}: something was to be stored");
        }
    });
}
