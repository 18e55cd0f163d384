//! Whether the firmware is where the server says it took it: a bare `success` proves nothing (rpc-go.md §6.3).

use amt_provision_fsm::firmware::ControlMode;
use smol::future::FutureExt;

use super::RelayError;
use super::device::Clock;
use crate::mei::pthi::GetControlMode;
use crate::mei::{Mei, MeiAddress};
use crate::protocol::{Command, Outcome};

/// How long the firmware may take for its answer. It restarts its ports at the end of a run, not its host interface.
const PATIENCE: amt_provision_fsm::time::Millis = amt_provision_fsm::time::Millis::from_secs(10);

/// `outcome`, unless the firmware itself says that nothing came of it. Where it cannot be asked, the server's word
/// stands: it is no worse than before.
///
/// # Errors
/// [`RelayError::NotActivated`]: the server is to blame.
pub(super) async fn confirmed(command: &Command, mei: &MeiAddress, outcome: Outcome) -> Result<Outcome, RelayError> {
    let Command::Activate { .. } = command else { return Ok(outcome) };
    let Ok(transport) = mei.open() else { return Ok(outcome) };
    let ask = async { smol::unblock(move || Mei::new(transport).ask(&GetControlMode)).await.ok() };
    let late = async {
        let clock = Clock::start();
        clock.reaches(clock.now() + PATIENCE).await;
        None
    };
    match ask.or(late).await {
        Some(ControlMode::PreProvisioning) => Err(RelayError::NotActivated(Box::new(outcome))),
        Some(ControlMode::Client | ControlMode::Admin) | None => Ok(outcome),
    }
}
