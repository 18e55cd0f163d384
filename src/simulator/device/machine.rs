//! Connections, time and restarts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::{Instant, Millis};
use rustls::ServerConfig;

use super::accounting::{Accounting, Traffic};
use super::connection::{Connection, Received, server_config};
use super::web::Web;
use crate::mei::FirmwareClient;
use crate::simulator::config::{DeviceConfig, RestartDelay, SimulatorError, Timings};
use crate::simulator::firmware::{Aftermath, Counters, Firmware, Truth};
use crate::simulator::persona::LastReply;
use crate::tunnel::tls::TlsVersion;

/// Connections at one time: AMT has that many channels for forwarded ports (odca.md §3).
pub const MAX_CONNECTIONS: usize = 8;

/// One connection, for as long as the device runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// What the adapter is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes.
    Send(ConnectionId, Vec<u8>),
    /// Send what is queued, then close: the device will not know this connection any more.
    Close(ConnectionId),
    /// Begin to accept connections to this port.
    Listen(Port),
    /// Stop accepting connections to this port.
    Unlisten(Port),
}

/// A reply on its way.
struct Due {
    at: Instant,
    connection: ConnectionId,
    reply: Vec<u8>,
    closes: bool,
    aftermath: Aftermath,
}

/// A simulated device. See the [module](super) for the calling contract.
pub struct Device {
    pub(super) firmware: Firmware,
    pub(super) web: Web,
    pub(super) timings: Timings,
    last_reply: LastReply,
    restart_delay: RestartDelay,
    idle_close: Option<Millis>,
    max_tls: TlsVersion,
    tls: Arc<ServerConfig>,
    port: Port,
    connections: BTreeMap<ConnectionId, Connection>,
    opened: u64,
    due: VecDeque<Due>,
    busy_until: Instant,
    /// A reply has gone out whose request takes the ports away.
    restarts_at: Option<Instant>,
    away_until: Option<Instant>,
    /// It closes the connection behind its next reply.
    pub(super) hangs_up: bool,
    /// What was asked of it, where it listens for whoever plays it.
    pub(super) overheard: Option<Vec<u8>>,
    outputs: VecDeque<Output>,
    accounting: Accounting,
    traffic: Traffic,
}

impl Device {
    /// A device as it comes from the factory, at the instant zero.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn new(config: &DeviceConfig) -> Result<Self, SimulatorError> {
        let firmware = Firmware::new(config)?;
        let port = firmware.local_port();
        Ok(Self {
            web: Web::new(&firmware, config.connections, config.chunks.clone()),
            timings: config.timings.clone(),
            last_reply: config.persona.last_reply,
            restart_delay: config.restart_delay,
            idle_close: config.idle_close,
            max_tls: config.max_tls,
            tls: tls_server(&firmware, config.max_tls)?,
            port,
            firmware,
            connections: BTreeMap::new(),
            opened: 0,
            due: VecDeque::new(),
            busy_until: Instant::ZERO,
            restarts_at: None,
            away_until: None,
            hangs_up: false,
            overheard: None,
            outputs: VecDeque::from([Output::Listen(port)]),
            accounting: Accounting::default(),
            traffic: Traffic::default(),
        })
    }

    /// Somebody has connected to `port`. When nobody is there for it, a [`Output::Close`] follows at once.
    pub fn connect(&mut self, now: Instant, port: Port) -> ConnectionId {
        self.handle_timeout(now);
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let away = self.away_until.is_some() || port != self.port || self.connections.len() >= MAX_CONNECTIONS;
        match (away, Connection::open(now, port, &self.tls)) {
            (false, Ok(connection)) => {
                self.traffic.connections += 1;
                self.connections.insert(id, connection);
            }
            _ => {
                self.traffic.turned_away += 1;
                self.outputs.push_back(Output::Close(id));
            }
        }
        id
    }

    /// Bytes came over a connection. One that the device has closed is passed over.
    pub fn receive(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        self.handle_timeout(now);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let received = connection.receive(bytes);
        connection.moved = now;
        self.flush(id);
        match received {
            Received::Fine { handshake_done } => {
                self.traffic.handshakes += u64::from(handshake_done);
                self.serve(now, id);
                self.handle_timeout(now);
            }
            Received::Closed => self.close(id),
            Received::Failed => {
                self.traffic.tls_failures += 1;
                self.close(id);
            }
        }
    }

    /// The other end of a connection is gone. A request that was already there has been applied all the same.
    pub fn disconnected(&mut self, now: Instant, id: ConnectionId) {
        self.handle_timeout(now);
        self.connections.remove(&id);
    }

    /// When [`Device::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.due.front().map(|due| due.at);
        let idle = self.idle().map(|(at, _)| at).min();
        [due, self.restarts_at, idle, self.away_until].into_iter().flatten().min()
    }

    /// What the adapter is to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Does everything whose time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.away_until.is_some_and(|until| until <= now) {
            self.come_back();
        }
        while let Some(due) = self.due.pop_front_if(|due| due.at <= now) {
            match due.aftermath {
                Aftermath::None => self.reply(now, &due),
                Aftermath::Restart => match self.restart_delay {
                    RestartDelay::None => self.restart(&due),
                    RestartDelay::After(delay) => {
                        self.restarts_at = Some(due.at + delay);
                        self.reply(now, &due);
                    }
                },
            }
        }
        if let Some(at) = self.restarts_at.take_if(|at| *at <= now) {
            self.go_away(at);
        }
        self.close_idle(now);
        if self.away_until.is_some_and(|until| until <= now) {
            self.come_back();
        }
    }

    /// The answer to one MEI message; `None` where a firmware says nothing.
    pub fn answer_host(&self, client: FirmwareClient, message: &[u8]) -> Option<Vec<u8>> {
        self.firmware.answer_host(client, message)
    }

    /// What the device is at `now`.
    pub fn truth(&self, now: Instant) -> Truth {
        self.firmware.truth(now)
    }

    /// What went over its ports.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// What was applied how often so far.
    pub const fn counters(&self) -> Counters {
        self.firmware.counters()
    }

    /// The adapter's own computing for this device, between two points in time counted from its start.
    pub fn worked(&mut self, from: Duration, to: Duration) {
        self.accounting.occupy(from, to);
    }

    /// How long the device was busy or away up to `now`.
    pub fn occupied_until(&self, now: Duration) -> Duration {
        self.accounting.until(now)
    }

    /// Answers the next request of a connection, unless one is being answered.
    fn serve(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| !connection.busy) else { return };
        let request = match connection.next_request() {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(_) => {
                connection.send(&Web::bad_request());
                connection.say_goodbye();
                self.flush(id);
                return self.close(id);
            }
        };
        connection.busy = true;
        self.traffic.requests += 1;
        self.traffic.plain_requests += u64::from(connection.is_plain());
        self.hear(&request);
        let served = self.web.serve(&mut self.firmware, &request, now);
        self.traffic.unauthorized += u64::from(served.unauthorized);

        let start = self.busy_until.max(now);
        let at = start + self.timings.of(served.action);
        self.busy_until = at;
        self.accounting.occupy(since_start(start), since_start(at));
        self.due.push_back(Due {
            at,
            connection: id,
            reply: served.bytes,
            closes: served.closes,
            aftermath: served.aftermath,
        });
    }

    fn reply(&mut self, now: Instant, due: &Due) {
        let Some(connection) = self.connections.get_mut(&due.connection) else { return };
        connection.send(&due.reply);
        connection.busy = false;
        connection.moved = now;
        let closes = due.closes || std::mem::take(&mut self.hangs_up);
        if closes {
            connection.say_goodbye();
        }
        self.flush(due.connection);
        if closes { self.close(due.connection) } else { self.serve(now, due.connection) }
    }

    fn restart(&mut self, due: &Due) {
        if let Some(connection) = self.connections.get_mut(&due.connection) {
            connection.send(&due.reply);
            let mut bytes = connection.take_output();
            match self.last_reply {
                LastReply::Delivered => {}
                LastReply::CutInHalf => bytes.truncate(bytes.len() / 2),
                LastReply::Lost => bytes.clear(),
            }
            self.queue(due.connection, bytes);
        }
        self.go_away(due.at);
    }

    fn go_away(&mut self, now: Instant) {
        self.go_away_for(now, self.timings.away);
    }

    pub(super) fn go_away_for(&mut self, now: Instant, away: Millis) {
        self.outputs.extend(core::mem::take(&mut self.connections).into_keys().map(Output::Close));
        self.due.clear();
        self.restarts_at = None;
        self.busy_until = now;
        self.web.forget_nonces();
        self.firmware.forget_sessions();
        let back = now + away;
        self.accounting.occupy(since_start(now), since_start(back));
        self.away_until = Some(back);
        self.show_what_is_in_force();
    }

    /// In the next handshake.
    pub(super) fn show_what_is_in_force(&mut self) {
        match tls_server(&self.firmware, self.max_tls) {
            Ok(tls) => self.tls = tls,
            Err(error) => tracing::error!(%error, "the simulated device goes on showing its old key"),
        }
    }

    pub(super) fn come_back(&mut self) {
        self.away_until = None;
        let port = self.firmware.local_port();
        if port != self.port {
            self.outputs.extend([Output::Unlisten(self.port), Output::Listen(port)]);
            self.port = port;
        }
    }

    pub(super) const fn is_away(&self) -> bool {
        self.away_until.is_some()
    }

    /// Connections on which nothing is asked, with the instant at which that is too long.
    fn idle(&self) -> impl Iterator<Item = (Instant, ConnectionId)> {
        let idle = self.connections.iter().filter(|(_, connection)| !connection.busy);
        self.idle_close.into_iter().flat_map(move |limit| idle.clone().map(move |(id, it)| (it.moved + limit, *id)))
    }

    fn close_idle(&mut self, now: Instant) {
        let over: Vec<_> = self.idle().filter(|(at, _)| *at <= now).map(|(_, id)| id).collect();
        for id in over {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.say_goodbye();
            }
            self.flush(id);
            self.close(id);
        }
    }

    fn flush(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let bytes = connection.take_output();
            self.queue(id, bytes);
        }
    }

    fn queue(&mut self, id: ConnectionId, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.outputs.push_back(Output::Send(id, bytes));
        }
    }

    fn close(&mut self, id: ConnectionId) {
        if self.connections.remove(&id).is_some() {
            self.outputs.push_back(Output::Close(id));
        }
    }
}

fn tls_server(firmware: &Firmware, max_tls: TlsVersion) -> Result<Arc<ServerConfig>, rustls::Error> {
    server_config(&firmware.shown_identity().certified, max_tls, firmware.generation().ciphers)
}

const fn since_start(at: Instant) -> Duration {
    Duration::from_millis(at.as_millis())
}
