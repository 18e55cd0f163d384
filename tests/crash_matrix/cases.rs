//! From an undisturbed run to everything that can go wrong in it.

use std::fmt;

use amt_provision::fsm::time::Millis;
use amt_provision::world::{Attempt, Fault, Injection, Moment, Seen, Site, World};

use super::settings::Setting;
use super::world;

/// Latencies and cuts of every run: an undisturbed run and its disturbed ones are the same up to the disturbance.
const SEED: u64 = 1;

/// Longer than the device may take for most requests.
const LONG: Millis = Millis::from_secs(40);

/// How long a management engine that restarts is away.
const AWAY: Millis = Millis(250);

/// One thing that goes wrong in one setting.
pub(crate) struct Case<'a> {
    setting: &'a Setting,
    pub(crate) injection: Injection,
    what: String,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.setting, self.injection, self.what)
    }
}

/// Every case of a setting.
pub(crate) fn of<'a>(site: &Site, setting: &'a Setting) -> Vec<Case<'a>> {
    let mut undisturbed = world(site, setting, SEED);
    let attempt = undisturbed.attempt([]).unwrap();
    assert!(attempt.is_configured(), "{}\n{setting}: {:?}", undisturbed.trace(), attempt.outcome);
    undisturbed.check().unwrap();
    let count = |of: fn(&Moment) -> bool| attempt.seen.iter().filter(|seen| of(&seen.moment)).count();
    println!(
        "{setting}: {} edges, {} writes, {} changes, {} dials in {}",
        count(|moment| matches!(moment, Moment::Edge(_))),
        count(|moment| matches!(moment, Moment::Write(_))),
        count(|moment| matches!(moment, Moment::Change(_))),
        count(|moment| matches!(moment, Moment::Dial(_))),
        attempt.took()
    );
    let with = |Seen { moment, what }: Seen| {
        let case = move |fault| Case { setting, injection: Injection { at: moment, fault }, what: what.clone() };
        faults(moment).iter().copied().map(case).collect::<Vec<_>>()
    };
    // Of the tries at a port that restarts the first one counts: at the others nothing else is the case.
    let is_dial = |seen: &Seen| matches!(seen.moment, Moment::Dial(_));
    let again: Vec<bool> = attempt.seen.windows(2).map(|two| two.iter().all(is_dial)).collect();
    let again = std::iter::once(false).chain(again);
    attempt.seen.into_iter().zip(again).filter(|(_, again)| !again).flat_map(|(seen, _)| with(seen)).collect()
}

/// What can go wrong then.
const fn faults(moment: Moment) -> &'static [Fault] {
    match moment {
        Moment::Edge(_) | Moment::Write(_) => &[
            Fault::CrashServer,
            Fault::CrashServerAfter,
            Fault::CutLine,
            Fault::CrashRelay,
            Fault::CutTcp,
            Fault::RebootDevice(AWAY),
            Fault::RebootMachine(AWAY),
            Fault::LoseRequest,
            Fault::LoseReply,
            Fault::FailStore,
        ],
        Moment::Change(_) => &[
            Fault::CrashServer,
            Fault::CutLine,
            Fault::CrashRelay,
            Fault::RebootDevice(AWAY),
            Fault::RebootMachine(AWAY),
            Fault::LoseReply,
            Fault::SlowReply(LONG),
            Fault::Refuse(1),
        ],
        Moment::Dial(_) => {
            &[Fault::CrashServer, Fault::CutLine, Fault::CrashRelay, Fault::RebootDevice(AWAY), Fault::Impostor]
        }
    }
}

impl Case<'_> {
    /// The disturbed attempt, and a clean one; then everybody is asked. How long after the disturbance the device was
    /// at its goal, or what happened instead.
    pub(crate) fn run(&self, site: &Site) -> Result<Millis, String> {
        let mut world = world(site, self.setting, SEED);
        let recovery = self.try_it(&mut world);
        if std::env::var_os("CRASH_MATRIX_TRACE").is_some() {
            println!("{self}\n{}", world.trace());
        }
        recovery.map_err(|why| format!("{}\n{why}", world.trace()))
    }

    fn try_it(&self, world: &mut World) -> Result<Millis, String> {
        let disturbed = world.attempt([self.injection]).map_err(|violation| violation.to_string())?;
        let clean = world.attempt([]).map_err(|violation| violation.to_string())?;
        if !clean.is_configured() {
            return Err(format!("the clean attempt ended with {:?}", clean.outcome));
        }
        world.check().map_err(|disagreement| disagreement.to_string())?;
        let since = disturbed.disturbed.ok_or("it never came to that")?;
        let recovered = |attempt: &Attempt| attempt.is_configured().then_some(attempt.ended);
        Ok(recovered(&disturbed).unwrap_or(clean.ended).since(since))
    }
}
