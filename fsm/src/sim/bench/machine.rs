//! Server and device, and two ordered queues.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;

use crate::deadline::Wake;
use crate::edges::Place;
use crate::firmware::Port;
use crate::identity::{SpkiHash, Uuid};
use crate::peer::{Expectation, Peer};
use crate::policy::{DeviceReport, Order, Profile};
use crate::provisioner::{ChannelId, Input, Outcome, Output, StoreFault};
use crate::record::{Generation, Record};
use crate::request::{Class, Login, Refusal, Reply, Request, RequestId};
use crate::sim::device::{Answer, Connection, Device, issue};
use crate::sim::invariants::{self, Violation};
use crate::sim::persona::{Drops, Persona};
use crate::sim::server::{Server, handshake};
use crate::stage::{OpenFault, StageName};
use crate::time::Instant;

/// On its way to the device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Down {
    Open(ChannelId, Port),
    Hello(ChannelId, Expectation),
    Request(ChannelId, RequestId, Login, Request),
    Close(ChannelId),
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// What the server sent first, and the device has not had yet, reaches the device.
    Deliver,
    /// What the device said first, and the server has not heard yet, reaches the server.
    Hear,
    /// The store has what it was given.
    Store,
    /// The time that the server waits for has come.
    Wait,
    /// The connection breaks; what is under way is lost.
    Cut,
    /// The server dies and starts again, with what the store has.
    Crash,
    /// The server is told to stop.
    Stop,
    /// Somebody at the machine takes the device out of provisioning.
    Unprovision,
}

/// Server and device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bench {
    /// The server.
    pub server: Server,
    /// The device.
    pub device: Device,
    pub(super) down: VecDeque<Down>,
    pub(super) up: VecDeque<Up>,
    storing: Option<Box<(Generation, Record)>>,
    pub(super) connection: Option<(ChannelId, Connection)>,
    profile: Profile,
    order: Order,
    place: Option<Place>,
    violation: Option<Box<Violation>>,
    /// Somebody has unprovisioned the device since it was last looked at: nobody can know it yet.
    changed_unseen: bool,
    /// The device refuses the next change with this ReturnValue.
    refusing: Option<u32>,
    /// What is answered in the device's place to the next request of this name.
    answering: Option<Box<(&'static str, Reply)>>,
    /// The device has restarted: whatever else was connected to it is gone.
    pub(super) restarted: bool,
    /// How far the relay is believed: what a run may end with is judged by it.
    pub(super) relay: Relay,
    claimed: DeviceReport,
    /// The key that the device showed when a proven pin was stored for it.
    proven: Option<SpkiHash>,
}

/// How far the relay of a bench is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Relay {
    /// It is a pipe.
    Honest,
    /// It may be anybody's: only what is proven has to be true, and what arrived twice may have been made to.
    Anybodys,
}

/// On its way to the server: an input, comparable and hashable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Up {
    Opened(ChannelId),
    Refused(ChannelId),
    Shown(ChannelId, Peer, Expectation),
    Reply(RequestId, Reply),
    Lost(ChannelId),
    Issued(crate::request::Certificate),
}

impl Bench {
    /// A device of `persona` that nobody has seen yet, and a server that has just been told of it.
    pub fn new(persona: Persona, profile: Profile, order: Order, uuid: Uuid) -> Self {
        let mut bench = Self {
            server: Server::new(uuid),
            device: Device::new(persona, uuid),
            down: VecDeque::new(),
            up: VecDeque::new(),
            storing: None,
            connection: None,
            profile,
            order,
            place: None,
            violation: None,
            changed_unseen: false,
            refusing: None,
            answering: None,
            restarted: false,
            relay: Relay::Honest,
            proven: None,
            claimed: Device::new(persona, uuid).report(),
        };
        bench.begin();
        bench
    }

    /// A new run, by a relay that says this of the device.
    pub fn claim(&mut self, report: DeviceReport) {
        self.begin_with(report);
    }

    /// The device refuses the next change with this ReturnValue (wsman.md §2.20).
    pub fn refuse_next_change(&mut self, code: u32) {
        self.refusing = Some(code);
    }

    /// The next request of that name is answered so, and nothing comes of it: what no model device would say.
    pub fn answer_next(&mut self, name: &'static str, reply: Reply) {
        self.answering = Some(Box::new((name, reply)));
    }

    /// What the relay said of the device when the run began.
    pub const fn claimed(&self) -> DeviceReport {
        self.claimed
    }

    /// The report is older than somebody else's change of the device.
    pub fn disregard_claimed_mode(&mut self) {
        if let Some(run) = &mut self.server.run {
            run.disregard_claimed_mode();
        }
    }

    /// What is wanted from the next run on.
    pub fn wanted(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// A new run, by this order.
    pub fn order(&mut self, order: Order) {
        self.order = order;
        self.begin();
    }

    /// The first guarantee that did not hold.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_deref()
    }

    /// How the run has ended.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.server.run.as_ref().and_then(|run| run.outcome())
    }

    /// How far the run is.
    pub fn place(&self) -> Option<Place> {
        self.server.run.as_ref().map(|run| run.place())
    }

    pub(super) const fn is_storing(&self) -> bool {
        self.storing.is_some()
    }

    /// The request that the device has next, and who logs in for it.
    pub fn request(&self) -> Option<(Login, &Request)> {
        match self.down.front()? {
            Down::Request(.., login, request) => Some((*login, request)),
            Down::Open(..) | Down::Hello(..) | Down::Close(_) => None,
        }
    }

    /// Whether that request is the one of this name.
    pub fn asks(&self, name: &str) -> bool {
        self.request().is_some_and(|(_, request)| request.name() == name)
    }

    /// The port that is on its way to being opened.
    pub fn dials(&self) -> Option<Port> {
        self.down.iter().find_map(|down| match down {
            Down::Open(_, port) => Some(*port),
            Down::Hello(..) | Down::Request(..) | Down::Close(_) => None,
        })
    }

    /// What can happen next, besides what a tester does to it.
    pub fn next(&self) -> impl Iterator<Item = Action> {
        let ended = self.outcome().is_some();
        let idle = self.down.is_empty() && self.up.is_empty() && self.storing.is_none();
        let deliver = (!self.down.is_empty()).then_some(Action::Deliver);
        let hear = (!ended && !self.up.is_empty()).then_some(Action::Hear);
        let store = (!ended && self.storing.is_some()).then_some(Action::Store);
        let wait = (!ended && idle).then_some(Action::Wait);
        [deliver, hear, store, wait].into_iter().flatten()
    }

    /// Goes on, whatever comes first, until `done` or the end of the run.
    ///
    /// # Panics
    /// After as many steps as no run takes.
    pub fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            let Some(action) = self.next().next().filter(|_| !done(self)) else { return };
            self.act(action);
        }
        panic!("went round in circles at {:?}", self.place());
    }

    /// Goes on to the end of the run.
    pub fn run(&mut self) -> Option<&Outcome> {
        self.run_until(|bench| bench.outcome().is_some());
        self.outcome()
    }

    /// One thing happens.
    pub fn act(&mut self, action: Action) {
        match action {
            Action::Deliver => self.deliver(),
            Action::Hear => self.hear(),
            Action::Store => self.store(),
            Action::Wait => {
                if let Some(run) = &mut self.server.run {
                    let due = run.poll_timeout().map_or(Instant::ZERO, |(at, _)| at);
                    run.handle_timeout(due);
                }
            }
            Action::Cut => self.cut(),
            Action::Crash => self.begin(),
            Action::Stop => self.input(Input::Stopping),
            Action::Unprovision => {
                self.device.unprovision();
                self.changed_unseen = true;
                self.restarted = true;
                self.cut();
            }
        }
        self.settle();
    }

    /// What follows from what has just happened, and whether every guarantee still holds.
    pub(super) fn settle(&mut self) {
        self.drain();
        self.note(match self.relay {
            Relay::Honest => invariants::nothing_is_applied_twice(&self.device),
            Relay::Anybodys => invariants::nothing_takes_effect_twice(&self.device),
        });
        if self.relay == Relay::Honest || self.has_proven_key() {
            self.note(invariants::a_shown_key_is_stored(&self.device, &self.server.disk));
        }
        if let Some(run) = &self.server.run {
            self.note(invariants::everything_has_a_deadline(run));
        }
    }

    /// Forgets how late it is: see `Provisioner::rebase`.
    #[doc(hidden)]
    pub fn rebase(&mut self) {
        self.restarted = false;
        if let Some(run) = &mut self.server.run {
            run.rebase();
        }
    }

    /// What the server waits for, if it waits.
    pub fn waits_for(&self) -> Option<Wake> {
        self.server.run.as_ref().and_then(|run| run.poll_timeout()).map(|(_, wake)| wake)
    }

    fn begin(&mut self) {
        self.begin_with(self.device.report());
    }

    fn begin_with(&mut self, report: DeviceReport) {
        self.claimed = report;
        self.down.clear();
        self.up.clear();
        self.storing = None;
        self.connection = None;
        self.place = None;
        self.server.begin(Instant::ZERO, self.profile.clone(), self.order, report);
        self.drain();
    }

    pub(super) fn cut(&mut self) {
        self.down.clear();
        self.up.retain(|up| matches!(up, Up::Issued(_)));
        match self.connection.take() {
            Some((channel, _)) => self.up.push_back(Up::Lost(channel)),
            // Between two connections: the one that is being made fails.
            None => {
                if let Some(Place { stage: StageName::TcpOpen, .. }) = self.place() {
                    let asked = self.server.run.as_ref().and_then(|run| run.channel());
                    self.up.extend(asked.map(Up::Refused));
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        if let Some(run) = &mut self.server.run {
            run.handle(Instant::ZERO, input);
        }
    }

    fn store(&mut self) {
        let Some(write) = self.storing.take() else { return };
        let (generation, record) = *write;
        let stored = self.server.disk.store(generation, &record);
        self.input(match stored {
            true => Input::Persisted(generation),
            false => Input::PersistFailed(generation, StoreFault::LeaseLost),
        });
    }

    fn hear(&mut self) {
        let input = match self.up.pop_front() {
            None => return,
            Some(Up::Opened(channel)) => Input::Opened(channel),
            Some(Up::Refused(channel)) => Input::OpenFailed(channel, OpenFault::Refused),
            Some(Up::Shown(channel, peer, expected)) => match handshake(peer, &expected) {
                Ok(peer) => {
                    self.input(Input::TlsUp(channel, peer));
                    return self.note_channel(&peer);
                }
                Err(fault) => Input::TlsFailed(channel, fault),
            },
            Some(Up::Reply(id, reply)) => Input::Reply(id, reply),
            Some(Up::Lost(channel)) => Input::ChannelLost(channel),
            Some(Up::Issued(certificate)) => Input::Issued(certificate),
        };
        self.input(input);
    }

    /// Whether the key that the device shows was stored as a proven pin: then no relay can have it forgotten. What
    /// was learnt where nobody vouched, a relay that was hostile from the first can take away again.
    fn has_proven_key(&mut self) -> bool {
        let shown = self.device.shows().spki;
        let pins = self.server.disk.record().map(|record| record.pins).unwrap_or_default();
        let mut stored = [pins.confirmed, pins.intended].into_iter().flatten();
        if stored.any(|pin| pin.spki == shown && pin.provenance.is_proven()) {
            self.proven = Some(shown);
        }
        self.proven == Some(shown)
    }

    fn note_channel(&mut self, peer: &Peer) {
        let Some(run) = &self.server.run else { return };
        if run.place().stage == StageName::Tunneling {
            let (place, record) = (run.place(), run.ledger().record());
            self.note(invariants::a_channel_is_what_its_handshake_proved(place, peer, record));
        }
    }

    pub(super) fn deliver(&mut self) {
        let Some(down) = self.down.pop_front() else { return };
        let open = self.connection.as_ref().map(|(channel, _)| *channel);
        match down {
            Down::Open(channel, port) => {
                self.connection = self.device.connect(port).map(|connection| (channel, connection));
                let opened = self.connection.is_some();
                self.up.push_back(if opened { Up::Opened(channel) } else { Up::Refused(channel) });
            }
            Down::Hello(channel, expected) if open == Some(channel) => {
                self.up.push_back(Up::Shown(channel, self.device.shows(), expected));
            }
            Down::Request(channel, id, login, request) if open == Some(channel) => {
                let Some((_, connection)) = &mut self.connection else { return };
                self.changed_unseen &= request != Request::ReadControlMode;
                let refused = self.refusing.take_if(|_| request.class() != Class::Read).map(Refusal::ReturnValue);
                let said = self.answering.take_if(|answer| answer.0 == request.name()).map(|answer| answer.1);
                let answer = match said.or(refused.map(Reply::Refused)) {
                    Some(reply) => Answer::Reply(reply),
                    None => self.device.answer(connection, login, &request),
                };
                match answer {
                    Answer::Reply(reply) => self.up.push_back(Up::Reply(id, reply)),
                    Answer::Restart(reply) => {
                        self.restarted = true;
                        self.connection = None;
                        if self.device.persona.drops == Drops::Nothing {
                            self.up.push_back(Up::Reply(id, reply));
                        }
                        self.up.push_back(Up::Lost(channel));
                    }
                }
            }
            Down::Close(channel) if open == Some(channel) => self.connection = None,
            Down::Hello(..) | Down::Request(..) | Down::Close(_) => {}
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.run.as_mut().and_then(|run| run.poll_output()) {
            match output {
                Output::Open(channel, port) => self.down.push_back(Down::Open(channel, port)),
                Output::StartTls(channel, expected) => self.down.push_back(Down::Hello(channel, expected)),
                Output::Request { channel, id, login, request } => {
                    self.check(login, &request);
                    self.down.push_back(Down::Request(channel, id, login, request));
                }
                Output::Close(channel) => self.down.push_back(Down::Close(channel)),
                Output::Persist(generation, record) => self.storing = Some(Box::new((generation, record))),
                Output::Issue(key) => self.up.push_back(Up::Issued(issue(&key))),
                Output::Moved(edge) => {
                    let start = Place { stage: StageName::Probe, channel: edge.from.channel };
                    self.note(invariants::edges_are_contiguous(self.place.unwrap_or(start), edge));
                    self.place = Some(edge.to);
                }
                Output::Done(outcome) => {
                    self.note(invariants::no_fault_is_our_own(&outcome));
                    let Outcome::Configured { mode, pin, .. } = outcome else { continue };
                    let believed = self.relay == Relay::Honest || pin.provenance.is_proven();
                    if believed && !self.changed_unseen {
                        self.note(invariants::store_and_device_agree(&self.device, &self.server.disk, mode));
                    }
                }
            }
        }
    }

    fn check(&mut self, login: Login, request: &Request) {
        let Some(run) = &self.server.run else { return };
        let place = run.place();
        let disk = &self.server.disk;
        let secrets = invariants::no_secret_on_an_unproven_channel(place, login, request, disk, &self.profile);
        let credentials = invariants::credentials_are_durable_first(request, disk);
        let doubt = invariants::doubt_is_durable_first(request, disk);
        let downgrade = invariants::no_downgrade(place, disk.record_for(run).as_ref());
        let driver = invariants::one_driver(run, request, disk);
        for checked in [secrets, credentials, doubt, downgrade, driver] {
            self.note(checked);
        }
    }

    pub(super) fn note(&mut self, checked: Result<(), Violation>) {
        if let (Err(violation), None) = (checked, &self.violation) {
            let seen = format!("{} at {:?}", violation.seen, self.place());
            self.violation = Some(Box::new(Violation { seen, ..violation }));
        }
    }
}
