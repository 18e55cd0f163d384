//! One thing after the other: whatever comes first, an event or a machine's deadline.

use amt_provision_fsm::time::Instant;

use super::events::Event;
use super::machine::World;
use super::trace::Party;
use crate::simulator::device::Device;

/// How many events an attempt may take before it is said never to fall silent.
const STEPS: u32 = 400_000;

/// The model's world has a message where this one has a record, its pieces and their acknowledgements: so many events
/// here are one step of a script.
const EVENTS_A_STEP: u32 = 4;

impl World {
    /// One thing happens: whatever comes first.
    pub(super) fn step(&mut self) {
        let event = self.queue.first_key_value().map(|((at, _), _)| *at);
        let timers = self.timers();
        let Some(next) = timers.into_iter().chain([event]).flatten().min() else {
            return self.violated("whoever has not ended waits for something", "nothing can happen any more".into());
        };
        self.now = self.now.max(next);
        self.steps += 1;
        self.events += 1;
        if self.fate() {
            return;
        }
        if self.steps > STEPS {
            return self.violated("everything ends", format!("{STEPS} events were not enough"));
        }
        if event.is_some_and(|at| at <= self.now) {
            if let Some((_, event)) = self.queue.pop_first() {
                self.on(event);
            }
            return self.look_around();
        }
        let [server, relay, device, strangers] = timers.map(|at| at.is_some_and(|at| at <= self.now));
        if server {
            self.server_is_due();
        } else if relay {
            self.relay_is_due();
        } else if device || strangers {
            self.devices_are_due();
        }
        let late = |at: &Option<Instant>| at.is_some_and(|at| at <= self.now);
        if self.queue.first_key_value().is_none_or(|((at, _), _)| *at > self.now) {
            let [again_server, again_relay, ..] = self.timers();
            if (server && late(&again_server)) || (relay && !server && late(&again_relay)) {
                self.violated(
                    "time goes on",
                    format!("a machine is due again at once, at {} ms", self.now.as_millis()),
                );
            }
        }
    }

    /// What the script has for now happens. Whether an event that was looked at may be gone by that.
    pub(super) fn fate(&mut self) -> bool {
        let step = |events: u32| events / EVENTS_A_STEP;
        let place = self.server.as_ref().and(self.place);
        let patience = self.patience;
        if patience.is_some_and(|(when, begun)| when.is_due(step(self.events - begun), place)) {
            (self.patience, self.taken_back) = (None, true);
            self.tell(Party::Fault, || "the order is taken back".to_owned());
            self.server = None;
            self.kill_relay();
            return true;
        }
        let mut any = false;
        while let Some(fault) = self.script.take(step(self.events), place) {
            self.inject(None, fault);
            any = true;
        }
        any
    }

    fn timers(&self) -> [Option<Instant>; 4] {
        let strangers = self.strangers.all().filter_map(Device::poll_timeout).min();
        [self.server_due(), self.relay_due(), self.device.poll_timeout(), strangers]
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::ToServer(line, text) => self.server_reads(line, &text),
            Event::RelayClosed(line) => self.server_sees_the_end(line),
            Event::Stored(line) => self.on_stored(line),
            Event::ToRelay(line, text) => self.relay_reads(line, text),
            Event::ServerClosed(line) => self.relay_sees_the_end(line),
            Event::Delivered(line) => self.on_delivered(line),
            Event::Dialled(line, channel, port) => self.on_dialled(line, channel, port),
            Event::Written(tcp, count) => self.on_written(tcp, count),
            Event::ToDevice(tcp, bytes) => self.device_reads(tcp, &bytes),
            Event::HungUp(tcp) => self.device_is_hung_up_on(tcp),
            Event::FromDevice(tcp, bytes) => self.relay_reads_device(tcp, bytes),
            Event::DeviceClosed(tcp) => self.on_device_closed(tcp),
        }
    }
}
