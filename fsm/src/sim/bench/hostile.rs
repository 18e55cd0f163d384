//! A relay that is somebody's. It owns the pipe and the device's operating system; it has no key but its own.
//!
//! What it can do: claim anything in its report; connect the server to the device, to another genuine device, to
//! one that it plays itself, or to the device with itself in between; answer what it can read, which is plain
//! text and TLS to its own key, with anything; break and refuse connections, and repeat and delay its own
//! messages. What it cannot: show an on-die chain or a stored key, or read TLS to a key that is not its own.

use alloc::vec;
use alloc::vec::Vec;

use super::machine::{Action, Bench, Down, Relay, Up};
use crate::firmware::{AmtVersion, ControlMode, Port, ProvisioningState};
use crate::identity::{SpkiHash, Uuid};
use crate::peer::{Peer, Voucher};
use crate::policy::{DeviceReport, LocalTls, Order, Profile};
use crate::provisioner::Outcome;
use crate::record::{PasswordId, Pins};
use crate::request::{DigestRealm, FirmwareNonce, KeyHandle, KeyPair, Login, Refusal, Reply, Request};
use crate::sim::device::{Answer, Device};
use crate::sim::invariants::{self, Violation};
use crate::sim::persona::Persona;

/// Who is at the far end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The device.
    Device,
    /// Another genuine device, in the factory's state.
    Other,
    /// A device that the relay plays, with keys of its own.
    Played,
    /// The relay with a key of its own, and behind it the device.
    Between,
}

/// One thing that an honest relay does not do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// It comes anew and claims this.
    Claim(DeviceReport),
    /// It opens the port that was asked for to this end, and from now on every port.
    Connect(End),
    /// It says that the port is closed.
    Refuse,
    /// It answers the request that came first, and the device never gets it.
    Answer(Reply),
    /// It breaks the connection.
    Break,
    /// It says what it said first once more, later.
    Repeat,
    /// It holds back what it said first until everything else was heard.
    Delay,
}

/// One thing that can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// What happens with any relay.
    Honest(Action),
    /// What a hostile one does.
    Lie(Lie),
}

/// A server, a device, and a relay between them that is somebody's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hostile {
    bench: Bench,
    other: Device,
    played: Device,
    end: End,
    /// The pins of a device that was known before the relay turned.
    known: Option<Pins>,
    profile: Profile,
}

impl Hostile {
    /// The relay is hostile at first contact, and begins with this claim.
    pub fn unknown(
        persona: Persona,
        profile: Profile,
        uuid: Uuid,
        claim: impl Fn(DeviceReport) -> DeviceReport,
    ) -> Self {
        let bench = Bench::new(persona, profile.clone(), Order::Provision, uuid);
        Self::turned(bench, None, profile, claim)
    }

    /// The relay turns hostile after the device was provisioned over an honest one.
    pub fn known(persona: Persona, profile: Profile, uuid: Uuid, claim: impl Fn(DeviceReport) -> DeviceReport) -> Self {
        let mut bench = Bench::new(persona, profile.clone(), Order::Provision, uuid);
        bench.run();
        let known = bench.server.disk.record().map(|record| record.pins);
        Self::turned(bench, known, profile, claim)
    }

    fn turned(
        mut bench: Bench,
        known: Option<Pins>,
        profile: Profile,
        claim: impl Fn(DeviceReport) -> DeviceReport,
    ) -> Self {
        bench.relay = if known.is_some() { Relay::Honest } else { Relay::Anybodys };
        let factory = Persona { found_in: None, ..bench.device.persona };
        let named = |last: u8| {
            let mut bytes = *bench.device.report().uuid.as_bytes();
            bytes[15] ^= last;
            Uuid::from_bytes(bytes).unwrap_or(bench.device.report().uuid)
        };
        let (other, played) = (Device::new(factory, named(1)), Device::new(factory, named(2)));
        bench.claim(claim(bench.device.report()));
        Self { bench, other, played, end: End::Device, known, profile }
    }

    /// The server's side of it, and the device.
    pub const fn bench(&self) -> &Bench {
        &self.bench
    }

    /// The first guarantee that did not hold.
    pub fn violation(&self) -> Option<&Violation> {
        self.bench.violation()
    }

    /// Whether the run has ended well with a key that the relay itself made.
    pub fn is_deceived(&self) -> bool {
        let uuid = self.played.report().uuid;
        let own = |pin: SpkiHash| pin.as_bytes()[..16] == uuid.as_bytes()[..];
        matches!(self.bench.outcome(), Some(Outcome::Configured { pin, .. }) if own(pin.spki))
    }

    /// Forgets how late it is.
    #[doc(hidden)]
    pub fn rebase(&mut self) {
        self.bench.rebase();
    }

    /// What an honest relay could do next.
    pub fn honest(&self) -> impl Iterator<Item = Move> {
        self.bench.next().map(Move::Honest)
    }

    /// What this one could do instead.
    pub fn lies(&self) -> Vec<Move> {
        let mut lies = Vec::new();
        match self.bench.down.front() {
            Some(Down::Open(..)) => {
                let ends = [End::Device, End::Other, End::Played, End::Between];
                lies.extend(ends.into_iter().filter(|end| *end != self.end).map(Lie::Connect));
                lies.push(Lie::Refuse);
            }
            Some(Down::Request(.., request)) if self.reads() => {
                lies.extend(self.answers(request).into_iter().map(Lie::Answer));
            }
            Some(Down::Hello(..) | Down::Request(..) | Down::Close(_)) | None => {}
        }
        if self.bench.connection.is_some() {
            lies.push(Lie::Break);
        }
        // What it says itself; what TLS carries it cannot move without breaking it.
        if matches!(self.bench.up.front(), Some(Up::Opened(_) | Up::Refused(_) | Up::Lost(_))) {
            lies.extend([Lie::Repeat, Lie::Delay]);
        }
        lies.into_iter().map(Move::Lie).collect()
    }

    /// Every claim that it could make of its device.
    pub fn claims(uuid: Uuid) -> Vec<DeviceReport> {
        let versions = [AmtVersion::new(16, 1), AmtVersion::new(19, 0)];
        let modes = [ControlMode::PreProvisioning, ControlMode::Client, ControlMode::Admin];
        let tls = [LocalTls::On, LocalTls::Off];
        let all = versions.into_iter().flat_map(|version| modes.map(|mode| (version, mode)));
        all.flat_map(|(version, mode)| tls.map(|local_tls| DeviceReport { uuid, version, mode, local_tls })).collect()
    }

    /// One thing happens.
    pub fn act(&mut self, step: Move) {
        match step {
            Move::Honest(Action::Deliver) => self.deliver(),
            Move::Honest(action) => self.bench.act(action),
            Move::Lie(lie) => self.lie(lie),
        }
        self.bench.settle();
        self.bench.note(invariants::another_device_is_left_alone(&self.other));
        if let (Some(known), Some(record)) = (self.known, self.bench.server.disk.record()) {
            self.bench.note(invariants::pins_of_a_known_device_stay(&known, &record.pins));
        }
    }

    fn lie(&mut self, lie: Lie) {
        match lie {
            Lie::Claim(report) => self.bench.claim(report),
            Lie::Connect(end) => self.connect(end),
            Lie::Refuse => {
                if let Some(Down::Open(channel, _)) = self.bench.down.pop_front() {
                    self.bench.up.push_back(Up::Refused(channel));
                }
            }
            Lie::Answer(reply) => {
                self.overhear();
                if let Some(Down::Request(_, id, ..)) = self.bench.down.pop_front() {
                    self.bench.up.push_back(Up::Reply(id, reply));
                }
            }
            Lie::Break => self.bench.cut(),
            Lie::Repeat => {
                let first = self.bench.up.front().cloned();
                self.bench.up.extend(first);
            }
            Lie::Delay => self.bench.up.rotate_left(1),
        }
    }

    fn connect(&mut self, end: End) {
        let Some(Down::Open(channel, port)) = self.bench.down.pop_front() else { return };
        let connection = match end {
            End::Device => self.bench.device.connect(port),
            End::Other => self.other.connect(port),
            // Its own ends listen wherever it likes.
            End::Played => Some(Default::default()),
            End::Between => self.bench.device.connect(Port::Tls).or_else(|| self.bench.device.connect(Port::Plain)),
        };
        self.end = end;
        self.bench.connection = connection.map(|connection| (channel, connection));
        let opened = self.bench.connection.is_some();
        self.bench.up.push_back(if opened { Up::Opened(channel) } else { Up::Refused(channel) });
    }

    /// The message that came first reaches whoever is at the end.
    fn deliver(&mut self) {
        if let Some(Down::Open(..)) = self.bench.down.front() {
            return self.connect(self.end);
        }
        self.overhear();
        match self.end {
            End::Device => self.bench.deliver(),
            End::Other => {
                core::mem::swap(&mut self.bench.device, &mut self.other);
                self.bench.deliver();
                core::mem::swap(&mut self.bench.device, &mut self.other);
            }
            End::Between => match self.shows_itself() {
                true => {}
                false => self.bench.deliver(),
            },
            End::Played => match self.shows_itself() {
                true => {}
                false => self.play(),
            },
        }
    }

    /// Answers a handshake with a key of its own.
    fn shows_itself(&mut self) -> bool {
        let Some(Down::Hello(channel, expected)) = self.bench.down.front().cloned() else { return false };
        let peer = Peer { spki: self.played.shows().spki, voucher: Voucher::Nobody };
        self.bench.down.pop_front();
        self.bench.up.push_back(Up::Shown(channel, peer, expected));
        true
    }

    /// The device that it plays has the other's UUID, lets everybody in, and is a device otherwise.
    fn play(&mut self) {
        let Some(Down::Request(channel, id, login, request)) = self.bench.down.front().cloned() else {
            return self.bench.deliver();
        };
        self.bench.down.pop_front();
        let Some((open, connection)) = &mut self.bench.connection else { return };
        if *open != channel {
            return;
        }
        self.played.let_in(login);
        let answer = match self.played.answer(connection, login, &request) {
            Answer::Reply(Reply::Uuid(_)) => Answer::Reply(Reply::Uuid(self.bench.device.report().uuid)),
            answer => answer,
        };
        match answer {
            Answer::Reply(reply) => self.bench.up.push_back(Up::Reply(id, reply)),
            Answer::Restart(_) => {
                self.bench.connection = None;
                self.bench.up.push_back(Up::Lost(channel));
            }
        }
    }

    /// Whether it can read what is said over the present connection.
    fn reads(&self) -> bool {
        let own = matches!(self.end, End::Played | End::Between);
        own || self
            .bench
            .server
            .run
            .as_ref()
            .is_some_and(|run| run.place().channel == crate::channel::ChannelName::Plain)
    }

    /// What it reads of the first message (G1).
    fn overhear(&mut self) {
        let Some(Down::Request(channel, _, login, request)) = self.bench.down.front() else { return };
        let open = self.bench.connection.as_ref().is_some_and(|(open, _)| open == channel);
        if !open || !self.reads() {
            return;
        }
        let record = self.bench.server.disk.record();
        let of = |id: PasswordId| record.as_ref().and_then(|record| record.admin.get(id)).is_some_and(|p| p.exposed);
        let used = match login {
            Login::Admin(id) => Some(*id),
            Login::LocalSystem | Login::Given => None,
        };
        let set = match request {
            Request::Setup { password, .. } | Request::SetAdminPassword { password, .. } => Some(*password),
            _ => None,
        };
        let kept = used.into_iter().chain(set).any(|id| !of(id));
        let checked = invariants::nothing_is_overheard(kept, request, self.known.is_some(), &self.profile);
        self.bench.note(checked);
    }

    /// Every kind of answer to `request`.
    fn answers(&self, request: &Request) -> Vec<Reply> {
        let nonce = FirmwareNonce([0xee; 20]);
        let own = KeyPair { handle: KeyHandle("mine".into()), spki: self.played.shows().spki, public_key: vec![0xee] };
        let modes = [ControlMode::PreProvisioning, ControlMode::Client, ControlMode::Admin];
        let states = [ProvisioningState::Pre, ProvisioningState::In, ProvisioningState::Post];
        let mut answers = match request {
            Request::ReadGeneralSettings => vec![Reply::GeneralSettings(DigestRealm([0xee; 16]))],
            Request::ReadUuid => vec![Reply::Uuid(self.bench.device.report().uuid)],
            Request::ReadControlMode => modes.map(|mode| Reply::ControlMode(mode, nonce)).into(),
            Request::ReadProvisioningState => states.map(Reply::ProvisioningState).into(),
            Request::ReadKeyPairs => vec![Reply::KeyPairs(Vec::new()), Reply::KeyPairs(vec![own])],
            Request::ReadCertificates => vec![Reply::Certificates(Vec::new())],
            Request::ReadCredentialContext => vec![Reply::CredentialContext(None)],
            Request::ReadTlsSettings => {
                vec![Reply::TlsSettings(crate::request::TlsSettings { remote: true, local: true })]
            }
            _ => vec![Reply::Done],
        };
        answers.extend([Refusal::Unauthorized, Refusal::ReturnValue(1), Refusal::ReturnValue(36)].map(Reply::Refused));
        answers
    }
}
