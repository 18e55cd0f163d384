//! What a demo prints.

use std::io;

use amt_provision_fsm::edges::{Cause, Edge};
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::time::Millis;
use anstyle::{AnsiColor, Style};

use super::report::{DeviceOutcome, DeviceResult, Summary};
use crate::cli::output::{DIMMED, Form, HEADING, Output, row};
use crate::cli::provenance::explained;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Prints a demo while it goes on: stages for people only, results for both.
pub struct Screen<'a, 'b> {
    out: &'a mut Output<'b>,
}

impl<'a, 'b> Screen<'a, 'b> {
    /// A screen on that output.
    pub fn new(out: &'a mut Output<'b>) -> Self {
        Self { out }
    }

    /// A device took an edge, `at` after the demo's start.
    ///
    /// # Errors
    /// If the output does not take it.
    pub fn moved(&mut self, uuid: Uuid, at: Millis, edge: &Edge) -> io::Result<()> {
        match self.out.form() {
            Form::Json => Ok(()),
            Form::People => {
                let place = edge.to.to_string();
                writeln!(
                    self.out.text(),
                    "{DIMMED}{:>7} ms  {}{DIMMED:#}  {place:<29} {}",
                    at.0,
                    in_short(uuid),
                    reason(edge.on)
                )
            }
        }
    }

    /// A device has come to its end.
    ///
    /// # Errors
    /// If the output does not take it.
    pub fn finished(&mut self, result: &DeviceResult) -> io::Result<()> {
        self.out.either(result, |to| {
            let (style, outcome) = match (result.has_failed(), result.outcome) {
                (true, _) | (_, DeviceOutcome::Failed) => (BAD, "failed"),
                (false, DeviceOutcome::Acm) => (GOOD, "in Admin Control Mode"),
                (false, DeviceOutcome::Ccm) => (GOOD, "in Client Control Mode"),
            };
            let DeviceResult { uuid, amt, persona, flow, .. } = result;
            writeln!(to, "\n{HEADING}device {uuid}{HEADING:#}: {style}{outcome}{style:#}")?;
            row(to, "firmware", format_args!("AMT {amt}, {persona}, flow {flow:?}"))?;
            if let Some(failure) = &result.failure {
                row(to, "why", failure)?;
            }
            if let Some(pin) = result.pin {
                row(to, "pin", pin.spki)?;
                row(to, pin.provenance.to_string().as_str(), explained(pin.provenance))?;
            }
            if let Some(hash) = result.rom_ca_sha256 {
                row(to, "ROM-CA", hash)?;
            }
            let DeviceResult { tls_sessions, requests, plain_requests, messages_sent, bytes_sent, .. } = result;
            row(
                to,
                "traffic",
                format_args!(
                    "{tls_sessions} TLS sessions, {requests} requests, {plain_requests} of them in plain text; \
                     {messages_sent} messages and {bytes_sent} bytes to the relay"
                ),
            )?;
            let (elapsed, waited) = (result.elapsed_ms.0, result.waited_ms.0);
            row(to, "time", format_args!("{elapsed} ms, {waited} ms of them waiting for neither device nor wire"))
        })
    }

    /// All devices have.
    ///
    /// # Errors
    /// If the output does not take it.
    pub fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        self.out.either(summary, |to| {
            let Summary { devices, ok, failed, elapsed_ms, .. } = summary;
            let style = if *failed == 0 { GOOD } else { BAD };
            writeln!(
                to,
                "\n{style}{ok} of {devices} devices are where they should be{style:#}, after {} ms",
                elapsed_ms.0
            )
        })
    }
}

/// The first eight digits: enough to tell a demo's devices apart.
fn in_short(uuid: Uuid) -> String {
    let mut text = uuid.to_string();
    text.truncate(8);
    text
}

const fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::ReportAccepted => "the relay's report leaves a way open",
        Cause::PlainOpened => "port 16992 is open",
        Cause::KeyShown => "the handshake showed a key that may be shown",
        Cause::ModeSeen => "the device's mode was read back",
        Cause::CcmSeen => "Client Control Mode was read back",
        Cause::AcmSeen => "Admin Control Mode was read back",
        Cause::PinIntended => "the hash of the new key is stored",
        Cause::ChannelClosed => "the channel is closed, the next one shows what holds",
        Cause::ProfileApplied => "the profile is applied and read back",
        Cause::PreProvisioningSeen => "the device is in pre-provisioning",
        Cause::LineLost => "the line was lost",
        Cause::Fault => "a fault",
    }
}
