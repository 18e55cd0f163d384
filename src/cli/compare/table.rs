//! What `compare` prints.

use std::io;

use amt_provision_fsm::time::Millis;
use anstyle::{AnsiColor, Style};
use serde::{Serialize, Serializer};

use super::row::{Row, Verdict};
use crate::cli::demo::{DeviceOutcome, DeviceResult};
use crate::cli::output::{Form, HEADING, Output};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// A row and what became of its device here.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The row.
    pub row: Row,
    /// Our result; `None` where the device needs what is not there yet.
    pub ours: Option<DeviceResult>,
}

/// A row, as machines get it.
#[derive(Serialize)]
struct RowView<'a> {
    row: &'a str,
    device: &'a str,
    existing: ExistingView,
    ours: Option<OurView<'a>>,
}

#[derive(Serialize)]
struct ExistingView {
    outcome: Verdict,
    #[serde(serialize_with = "as_seconds")]
    seconds: Millis,
}

#[derive(Serialize)]
struct OurView<'a> {
    outcome: DeviceOutcome,
    #[serde(serialize_with = "as_seconds")]
    seconds: Millis,
    requests: u32,
    tls_sessions: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> From<&'a Compared> for RowView<'a> {
    fn from(Compared { row, ours }: &'a Compared) -> Self {
        Self {
            row: row.name,
            device: row.device,
            existing: ExistingView { outcome: row.existing.verdict, seconds: row.existing.took },
            ours: ours.as_ref().map(|ours| OurView {
                outcome: ours.outcome,
                seconds: ours.elapsed_ms,
                requests: ours.requests,
                tls_sessions: ours.tls_sessions,
                error: ours.failure.as_ref().map(|failure| failure.text.as_str()),
            }),
        }
    }
}

/// Prints the table.
pub struct Table<'a, 'b> {
    out: &'a mut Output<'b>,
}

impl<'a, 'b> Table<'a, 'b> {
    /// A table on that output.
    pub fn new(out: &'a mut Output<'b>) -> Self {
        Self { out }
    }

    /// All rows, and for people what they mean.
    ///
    /// # Errors
    /// If the output does not take it.
    pub fn print(&mut self, rows: &[Compared]) -> io::Result<()> {
        if self.out.form() == Form::People {
            writeln!(
                self.out.text(),
                "{HEADING}{:<13}{:<18}{:>8}  {:<7}{:>8}{:>9}{:>5}  device{HEADING:#}",
                "row",
                "existing pair",
                "s",
                "ours",
                "s",
                "requests",
                "TLS"
            )?;
        }
        for compared in rows {
            self.row(compared)?;
        }
        if self.out.form() == Form::People {
            writeln!(
                self.out.text(),
                "\nexisting pair: rpc-go 3.0-beta with RPS 2.40, as measured; ours: this run, all devices at once"
            )?;
        }
        Ok(())
    }

    fn row(&mut self, compared: &Compared) -> io::Result<()> {
        self.out.either(&RowView::from(compared), |to| {
            let Row { name, device, existing, .. } = compared.row;
            let (verdict, took) = (existing.verdict, seconds(existing.took));
            let theirs = if verdict == Verdict::Success { GOOD } else { BAD };
            write!(to, "{name:<13}{theirs}{verdict:<18}{theirs:#}{took:>8.1}  ")?;
            match &compared.ours {
                None => writeln!(to, "{:<29}  {device}", "waits for an LME driver"),
                Some(ours) => {
                    let (style, word) = if ours.has_failed() { (BAD, "failed") } else { (GOOD, "done") };
                    let DeviceResult { requests, tls_sessions, elapsed_ms, .. } = ours;
                    let took = seconds(*elapsed_ms);
                    writeln!(to, "{style}{word:<7}{style:#}{took:>8.1}{requests:>9}{tls_sessions:>5}  {device}")?;
                    match &ours.failure {
                        Some(failure) => writeln!(to, "{:<13}{BAD}{failure}{BAD:#}", ""),
                        None => Ok(()),
                    }
                }
            }
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "for reading; runs take no centuries")]
fn seconds(time: Millis) -> f64 {
    time.0 as f64 / 1000.0
}

fn as_seconds<S: Serializer>(time: &Millis, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(seconds(*time))
}
