//! A driver of your own, held against the model device and its faults.
//!
//! A driver carries out what a `Provisioner` wants: it opens, asks, stores, waits. This one is yours to replace: `Driver`
//! is all there is to one, in a hundred lines, and everything below it tests it. The device is the model one of feature `sim`, which
//! knows what it is whatever anybody was told; between the two a reply is lost, a connection is cut, the server
//! dies, the disk fails, at each step in turn. After each step the guarantees are asked as functions, and at the end the
//! device is at its goal and the store agrees with it.
//!
//! ```sh
//! cargo run --example own_driver_in_the_world
//! ```
#![expect(clippy::print_stdout, reason = "an example is there to be read, and so is what it says")]

use std::error::Error;

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::peer::{Expectation, OdcaExpectation, Peer, Voucher};
use amt_provision_fsm::policy::{DeviceReport, Goal, Order, Profile};
use amt_provision_fsm::provisioner::{ChannelId, Input, Outcome, Output, Provisioner, StoreFault};
use amt_provision_fsm::request::ChainLength;
use amt_provision_fsm::sim::{Answer, Connection, Device, Disk, Persona, Violation, invariants, issue};
use amt_provision_fsm::stage::{OpenFault, TlsFault};
use amt_provision_fsm::time::Instant;

/// What goes wrong, once.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The connection breaks before the request gets there.
    Cut,
    /// The device applies the request, and the reply is lost with the connection.
    LoseReply,
    /// The server dies and starts again with what its disk has.
    Crash,
    /// The disk takes nothing.
    DiskFull,
}

const FAULTS: [Fault; 4] = [Fault::Cut, Fault::LoseReply, Fault::Crash, Fault::DiskFull];

/// Takes a device to ACM once for each fault at each step.
///
/// # Errors
/// The first guarantee that does not hold, with the fault and the step.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let persona = Persona::named("drops-listed").ok_or("a persona of that name")?;
    let steps = run(persona, None)?;
    let mut runs = 0;
    for fault in FAULTS {
        for step in 0..steps {
            run(persona, Some((fault, step))).map_err(|error| format!("{fault:?} at step {step}: {error}"))?;
            runs += 1;
        }
    }
    println!("{}: {steps} steps without a fault, {runs} runs with one, every guarantee held", persona.name);
    Ok(())
}

/// One device, run after run until it is at its goal; how many steps that took.
fn run(persona: Persona, mut fault: Option<(Fault, u32)>) -> Result<u32, Box<dyn Error>> {
    let uuid = Uuid::from_bytes(*b"an example's own")?;
    let (mut device, mut disk, mut steps) = (Device::new(persona, uuid), Disk::new(uuid), 0);
    // The first run and a new one after each mishap: nothing is lost, so a few are enough (G7).
    for _ in 0..4 {
        let mut driver = Driver::begin(&disk, device.report())?;
        loop {
            let due = fault.take_if(|(_, at)| *at == steps).map(|(fault, _)| fault);
            if let Some(Fault::Crash) = due {
                break;
            }
            if !driver.step(&mut device, &mut disk, due) {
                break;
            }
            steps += 1;
            guarantees(&device, &disk, &driver.run).map_err(|violation| violation.to_string())?;
        }
        if let Some(Outcome::Configured { mode: ControlMode::Admin, .. }) = driver.run.outcome() {
            invariants::store_and_device_agree(&device, &disk, ControlMode::Admin).map_err(|it| it.to_string())?;
            return Ok(steps);
        }
    }
    Err(format!("four runs were not enough: {:?}", device.truth()).into())
}

fn guarantees(device: &Device, disk: &Disk, run: &Provisioner) -> Result<(), Violation> {
    invariants::nothing_is_applied_twice(device)?;
    invariants::a_shown_key_is_stored(device, disk)?;
    invariants::everything_has_a_deadline(run)
}

/// The driver: it does what the machine wants, one output after the other, and tells it what came of it.
struct Driver {
    run: Provisioner,
    now: Instant,
    connection: Option<(ChannelId, Connection)>,
    wanted: std::collections::VecDeque<Output>,
}

impl Driver {
    fn begin(disk: &Disk, report: DeviceReport) -> Result<Self, Box<dyn Error>> {
        let goal = Goal::Admin(ChainLength::new(3).ok_or("a chain has two to four certificates")?);
        let run = Provisioner::new(Instant::ZERO, disk.ledger(), Profile::cautious(goal), Order::Provision, report);
        let mut driver = Self { run, now: Instant::ZERO, connection: None, wanted: Default::default() };
        driver.drain();
        Ok(driver)
    }

    /// The calling contract: after each input, all outputs; an input is never handed over in between.
    fn input(&mut self, input: Input) {
        self.run.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.run.poll_output() {
            self.wanted.push_back(output);
        }
    }

    /// Carries one output out, or lets time pass; false at the end of the run.
    fn step(&mut self, device: &mut Device, disk: &mut Disk, fault: Option<Fault>) -> bool {
        let Some(output) = self.wanted.pop_front() else {
            let Some((at, _)) = self.run.poll_timeout() else { return false };
            // A real driver sleeps. The time that it passes is that of its clock *then*.
            self.now = at;
            self.run.handle_timeout(at);
            self.drain();
            return true;
        };
        match output {
            Output::Open(id, port) => {
                self.connection = device.connect(port).map(|connection| (id, connection));
                match &self.connection {
                    Some(_) => self.input(Input::Opened(id)),
                    None => self.input(Input::OpenFailed(id, OpenFault::Refused)),
                }
            }
            Output::StartTls(id, expected) => match judge(device.shows(), &expected) {
                Ok(peer) => self.input(Input::TlsUp(id, peer)),
                Err(fault) => self.input(Input::TlsFailed(id, fault)),
            },
            Output::Request { channel, id, login, request } => {
                let Some((_, connection)) = self.connection.as_mut().filter(|(open, _)| *open == channel) else {
                    return true;
                };
                let answer =
                    if let Some(Fault::Cut) = fault { None } else { Some(device.answer(connection, login, &request)) };
                match (answer, fault) {
                    (Some(Answer::Reply(reply)), None) => self.input(Input::Reply(id, reply)),
                    // Cut, lost, or the device has restarted: nobody says which (G6).
                    _ => {
                        self.connection = None;
                        self.input(Input::ChannelLost(channel));
                    }
                }
            }
            Output::Persist(generation, record) => {
                // Compare and swap. "Stored" means: safe from a power cut, with the passwords that the record names (G2).
                let stored = fault.is_none() && disk.store(generation, &record);
                self.input(match stored {
                    true => Input::Persisted(generation),
                    false => Input::PersistFailed(generation, StoreFault::Failed),
                });
            }
            Output::Issue(key) => self.input(Input::Issued(issue(&key))),
            Output::Close(id) => self.connection = self.connection.take().filter(|(open, _)| *open != id),
            Output::Moved(_) | Output::Done(_) => {}
        }
        true
    }
}

/// What your TLS layer decides during the handshake: who is there, if that is somebody who may be.
fn judge(shown: Peer, expected: &Expectation) -> Result<Peer, TlsFault> {
    let known = expected.pins.contains(&shown.spki);
    match (shown.voucher, expected.odca) {
        _ if known => Ok(shown),
        (Voucher::Odca(_), OdcaExpectation::AnyDevice) => Ok(shown),
        (Voucher::Odca(rom_ca), OdcaExpectation::Enrolled(enrolled)) if rom_ca == enrolled => Ok(shown),
        (Voucher::Odca(rom_ca), OdcaExpectation::Enrolled(_)) => Err(TlsFault::StrangeRomCa(rom_ca)),
        (Voucher::Odca(_) | Voucher::Nobody, _) => Err(TlsFault::Stranger(Some(shown.spki))),
    }
}
