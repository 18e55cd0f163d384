//! `demo`, from its arguments to its exit status.

use std::time::Instant;

use amt_provision_fsm::time::Millis;

use super::args::{DemoArgs, DemoOptions};
use super::fleet::{Progress, provision};
use super::report::Summary;
use super::screen::Screen;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Runs the demo, and prints it as it goes on.
///
/// # Errors
/// If it cannot be set up, if the output does not take it, or if a device failed.
pub fn run(args: DemoArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    let options = DemoOptions::try_from(args)?;
    let begun = Instant::now();
    let (sender, progress) = smol::channel::unbounded();
    let mut screen = Screen::new(out);
    let mut results = Vec::new();
    let show = async {
        while let Ok(what) = progress.recv().await {
            match what {
                Progress::Moved(uuid, at, edge) => screen.moved(uuid, at, &edge)?,
                Progress::Finished(result) => {
                    screen.finished(&result)?;
                    results.push(*result);
                }
            }
        }
        Ok::<(), CliError>(())
    };
    // The screen ends when nobody has anything to say any more: when the fleet has ended.
    let (shown, provisioned) = smol::block_on(smol::future::zip(show, provision(options, sender)));
    shown?;
    provisioned?;
    let elapsed = Millis(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    let summary = Summary::of(&results, elapsed);
    screen.summary(&summary)?;
    match summary.failed {
        0 => Ok(()),
        failed => Err(CliError::DemoFailed { failed, status: summary.status }),
    }
}
