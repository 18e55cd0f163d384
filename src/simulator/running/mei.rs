//! The device's MEI on its socket: whoever connects is answered with the truth.

use std::io;
use std::sync::Arc;

use rustix::io::Errno;
use smol::{Executor, Task};

use super::shared::Shared;
use crate::mei::FirmwareClient;
use crate::mei::server::{MeiCaller, MeiListener};

/// Programs that may talk to the firmware at one time; more are hung up on.
const MAX_CALLERS: usize = 16;
/// What the firmware's clients take as their longest message.
const LONGEST_MESSAGE: u16 = 5120;

/// Serves until it is dropped.
pub(super) async fn serve(listener: MeiListener, shared: Arc<Shared>, executor: &Executor<'static>) {
    let mut callers: Vec<Task<()>> = Vec::new();
    loop {
        let caller = match listener.accept().await {
            Ok(caller) => caller,
            Err(error) => {
                tracing::error!(%error, "the simulated device's MEI is gone");
                return;
            }
        };
        callers.retain(|task| !task.is_finished());
        if callers.len() < MAX_CALLERS {
            let shared = Arc::clone(&shared);
            callers.push(executor.spawn(async move {
                if let Err(error) = converse(caller, &shared).await {
                    tracing::debug!(%error, "a program on the host broke off");
                }
            }));
        }
    }
}

async fn converse(mut caller: MeiCaller, shared: &Shared) -> io::Result<()> {
    let Some(client) = FirmwareClient::from_guid(&caller.wants().await?) else {
        return caller.refuse(Errno::NOTTY.raw_os_error()).await;
    };
    let mut connection = caller.accept(LONGEST_MESSAGE).await?;
    while let Some(message) = connection.read().await? {
        if let Some(answer) = shared.look(|device, _| device.answer_host(client, &message)) {
            connection.write(&answer).await?;
        }
    }
    Ok(())
}
