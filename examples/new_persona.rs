//! A new persona: your firmware, as it behaves.
//!
//! Devices differ in what they show after a commit, in which replies are lost, in what they want first. Such a device is
//! a value, twice: for the **model**, which runs thousands of cases a second with every kind of fault, and for the
//! **simulator**, which speaks TLS, HTTP and WS-Management. What you have seen your firmware do goes into both, and if
//! a guarantee does not hold for it, the world says which, and at which event.
//!
//! ```sh
//! cargo run --example new_persona
//! ```
#![expect(clippy::print_stdout, reason = "an example is there to be read, and so is what it says")]

#[path = "own_transport.rs"]
#[allow(dead_code, reason = "an example of its own; here it is the way to a simulated device")]
pub(crate) mod own_transport;

use std::error::Error;

use amt_provision::fsm::edges::Edge;
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::policy::{Goal, LocalTls, Order, Profile};
use amt_provision::fsm::request::ChainLength;
use amt_provision::fsm::sim::{self, Case, FaultPlan, Rng, World};
use amt_provision::simulator::persona::{self, DefaultCertificate, FactoryTls, LastReply, MebxRule};

/// The model of it: AMT 20 that keeps showing its ODCA chain after a commit, loses the reply to every change, and commits in
/// ACM only once the MEBx password is set.
const MODEL: sim::Persona = sim::Persona {
    name: "our-firmware",
    version: AmtVersion::new(20, 0),
    local_tls: LocalTls::On,
    after_commit: sim::AfterCommit::Odca,
    drops: sim::Drops::Everything,
    mebx_before_commit: true,
    default_bound: false,
    takes_no_chain: false,
    found_in: None,
};

/// The same in bytes; besides, the last reply gets out by half.
const SIMULATED: persona::Persona = persona::Persona {
    name: "our-firmware",
    after_commit: persona::AfterCommit::Odca,
    drops: persona::Drops::EveryChange,
    last_reply: LastReply::CutInHalf,
    default_certificate: DefaultCertificate::V3,
    mebx: MebxRule::BeforeCommit,
    factory_tls: FactoryTls::ByVersion,
};

/// Cases with random faults.
const CASES: u64 = 500;

/// Holds the model against the world and the simulated one against the whole of the stack.
///
/// # Errors
/// The guarantee that does not hold, with the case; or what the device is instead of in ACM.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let (mut faults, mut edges) = (0, std::collections::BTreeSet::<Edge>::new());
    for seed in 0..CASES {
        let report = World::new(case(seed)?, false).run();
        if let Some(violation) = report.violation {
            // The same case with a trace tells what led to it, event by event.
            let trace = World::new(case(seed)?, true).run().trace;
            return Err(format!("{trace}\nseed {seed}: {violation}").into());
        }
        faults += report.faults;
        edges.extend(report.edges);
    }
    println!("model: {CASES} cases, {faults} faults, {} edges, every guarantee held", edges.len());

    let persona = SIMULATED.fitting(MODEL.version)?;
    let (outcome, truth, took) = own_transport::provision(MODEL.version, persona, &mut |_| {})?;
    println!("simulator: {outcome} in {took:?} of the device's time");
    if truth.mode != ControlMode::Admin || truth.counters.repeated != 0 {
        return Err(format!("the device itself is in {}: {:?}", truth.mode, truth.counters).into());
    }
    Ok(())
}

fn case(seed: u64) -> Result<Case, Box<dyn Error>> {
    let goal = Goal::Admin(ChainLength::new(3).ok_or("a chain has two to four certificates")?);
    Ok(Case {
        seed,
        persona: MODEL,
        profile: Profile::cautious(goal),
        orders: vec![(Order::Provision, None)],
        faults: FaultPlan::random(&mut Rng::new(seed), 6, 600),
    })
}
