//! `compare`, from its arguments to its exit status.

use amt_provision_fsm::time::Millis;

use super::args::CompareArgs;
use super::row::{Host, Row};
use super::table::{Compared, Table};
use crate::cli::demo::{
    DemoOptions, DeviceResult, PeerStyle, PinTrust, PlannedDevice, Progress, SetUpError, Summary, provision,
};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output::Output;

/// Runs the table, and prints it.
///
/// # Errors
/// If it cannot be set up, or the output does not take it. A device that failed is a result, and the exit status.
pub fn run(args: CompareArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let rows = if args.rows.is_empty() { Row::ALL.to_vec() } else { args.rows };
    let begun = std::time::Instant::now();
    let compared = smol::block_on(compare(&rows, Row::planned))?;
    let elapsed = Millis(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    Table::new(out).print(&compared)?;
    let results: Vec<_> = compared.into_iter().filter_map(|compared| compared.ours).collect();
    Ok(Summary::of(&results, elapsed).status)
}

/// Takes the devices of `rows` all at once, each as `planned` says; those that need a driver which is not there have no
/// result.
///
/// # Errors
/// [`SetUpError`]; a device that fails is a result and no error.
pub async fn compare(rows: &[Row], planned: impl Fn(&Row) -> PlannedDevice) -> Result<Vec<Compared>, SetUpError> {
    let can = |row: &&Row| row.host == Host::Lms;
    let devices = rows.iter().filter(can).map(planned).collect();
    let (sender, progress) = smol::channel::unbounded();
    provision(DemoOptions { devices, peer_style: PeerStyle::Own, trust: PinTrust::ANY }, sender).await?;
    let mut results: Vec<DeviceResult> = Vec::new();
    while let Ok(what) = progress.try_recv() {
        if let Progress::Finished(result) = what {
            results.push(*result);
        }
    }
    // In the order in which they were planned.
    let mut results = results.into_iter();
    Ok(rows.iter().map(|row| Compared { row: *row, ours: if can(&row) { results.next() } else { None } }).collect())
}
