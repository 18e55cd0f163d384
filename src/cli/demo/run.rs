//! `demo`, from its arguments to its exit status.

use std::time::Instant;

use amt_provision_fsm::time::Millis;

use super::args::{DemoArgs, DemoOptions};
use super::fleet::{Progress, provision};
use super::report::Summary;
use super::screen::Screen;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output::Output;

/// Runs the demo, and prints it as it goes on.
///
/// # Errors
/// If it cannot be set up, or the output does not take it. A device that failed is a result, and the exit status.
pub fn run(args: DemoArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
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
    Ok(summary.status)
}
