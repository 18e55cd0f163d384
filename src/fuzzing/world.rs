//! Bytes are a case of the world.

use amt_provision_fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Order, Profile, WithoutAcm};
use amt_provision_fsm::record::Provenance;
use amt_provision_fsm::request::ChainLength;
use amt_provision_fsm::sim::{Case, Fault, FaultPlan, Persona, When, World};
use amt_provision_fsm::time::Millis;
use arbitrary::{Result, Unstructured};

use super::actions::{pick, up_to};

/// Faults of one case.
const MAX_FAULTS: usize = 12;
/// The step before which the last fault comes; the longest healthy run has fewer.
const HORIZON: usize = 2000;

/// Runs server, relay and device through the case that the bytes are, and panics with the guarantee that does not hold.
pub fn world(data: &[u8]) {
    let Ok(case) = read(&mut Unstructured::new(data)) else { return };
    let report = World::new(case.clone(), false).run();
    if let Some(violation) = report.violation {
        // The trace begins with the case, as `WORLD_REPLAY` of `fsm/tests/world.rs` takes it.
        panic!("{}\n{violation}", World::new(case, true).run().trace.tail(80));
    }
}

fn read(bytes: &mut Unstructured<'_>) -> Result<Case> {
    let persona = pick(bytes, &Persona::ALL)?;
    let profile = profile(bytes)?;
    let orders = orders(bytes)?;
    let seed = u64::from(bytes.arbitrary::<u8>()?);
    let mut faults = Vec::new();
    while faults.len() < MAX_FAULTS && !bytes.is_empty() {
        let step = u32::try_from(up_to(bytes, HORIZON)?).unwrap_or(u32::MAX);
        faults.push((When::Step(step), fault(bytes)?));
    }
    Ok(Case { seed, persona, profile, orders, faults: FaultPlan::new(faults) })
}

pub(super) fn profile(bytes: &mut Unstructured<'_>) -> Result<Profile> {
    let chain = ChainLength::new(2).map_or(Goal::Client, Goal::Admin);
    Ok(Profile {
        goal: pick(bytes, &[chain, Goal::Client])?,
        flow_b: FlowB::Allowed,
        minimum: Provenance::FirstUse,
        first_use: pick(bytes, &[FirstUseTrust::Trusted, FirstUseTrust::NotTrusted])?,
        activation_commit: pick(bytes, &[ActivationCommit::Auto, ActivationCommit::Always])?,
        adopt: Adopt::Allowed,
        without_acm: pick(bytes, &[WithoutAcm::Keep, WithoutAcm::Unprovision])?,
    })
}

/// Orders that can be carried out one after the other; one that is taken back leaves anything behind, so a
/// deactivation comes next.
fn orders(bytes: &mut Unstructured<'_>) -> Result<Vec<(Order, Option<When>)>> {
    let patience = Some(When::Step(u32::from(bytes.arbitrary::<u16>()? % 1500)));
    let (to_goal, rotate, back) = ((Order::Provision, None), (Order::Rotate, None), (Order::Deactivate, None));
    Ok(match bytes.arbitrary::<u8>()? % 6 {
        0 => vec![to_goal, rotate],
        1 => vec![to_goal, rotate, back, to_goal, rotate],
        2 => vec![to_goal, back, to_goal],
        3 => vec![(Order::Provision, patience), (Order::Deactivate, patience), to_goal],
        _ => vec![to_goal],
    })
}

/// Any kind of fault; what takes time takes any.
fn fault(bytes: &mut Unstructured<'_>) -> Result<Fault> {
    Ok(match pick(bytes, &Fault::ALL)? {
        Fault::RebootDevice(_) => Fault::RebootDevice(millis(bytes, 30_000)?),
        Fault::SlowReply(_) => Fault::SlowReply(millis(bytes, 300_000)?),
        Fault::StallLine(_) => Fault::StallLine(millis(bytes, 60_000)?),
        Fault::StallDevice(_) => Fault::StallDevice(millis(bytes, 60_000)?),
        Fault::Sleep(_) => Fault::Sleep(millis(bytes, 900_000)?),
        Fault::Refuse(_) => Fault::Refuse(1 + u32::from(bytes.arbitrary::<u8>()?)),
        other => other,
    })
}

fn millis(bytes: &mut Unstructured<'_>, most: u64) -> Result<Millis> {
    Ok(Millis(bytes.int_in_range(1..=most)?))
}
