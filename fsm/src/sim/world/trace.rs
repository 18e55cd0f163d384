//! What happened, as a person can read it: one line an event, a column for each of the three parties; and the
//! case at its head, from which the whole can be run again.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::case::Case;
use crate::time::Instant;

/// Who did or heard something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The server.
    Server,
    /// The relay.
    Relay,
    /// The device.
    Device,
    /// Whoever orders, breaks and mends.
    Fate,
}

/// What happened at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// To whom.
    pub party: Party,
    /// What.
    pub text: String,
}

/// A run of the world, event by event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What was tried.
    pub case: Case,
    /// What happened.
    pub entries: Vec<Entry>,
}

/// How wide a column is, and over how many lines a text may go.
const WIDTH: usize = 52;
const LINES: usize = 4;

impl Trace {
    /// The last `count` entries alone.
    pub fn tail(&self, count: usize) -> Self {
        let from = self.entries.len().saturating_sub(count);
        Self { case: self.case.clone(), entries: self.entries[from..].to_vec() }
    }

    /// The case of a trace that was printed; `None` where there is none in `text`.
    pub fn case_of(text: &str) -> Option<Case> {
        text.lines().find_map(|line| line.trim().strip_prefix("case ")?.parse().ok())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {}", self.case)?;
        writeln!(f, "{:>12} | {:WIDTH$} | {:WIDTH$} | device", "", "server", "relay")?;
        for entry in &self.entries {
            entry.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut time = alloc::format!("{}", self.at);
        let mut text = self.text.chars().peekable();
        for line in 0..LINES {
            let mut piece: String = text.by_ref().take(WIDTH).collect();
            let last = text.peek().is_none();
            if !last && line + 1 == LINES {
                piece.pop();
                piece.push('…');
            }
            write!(f, "{time:>12} | ")?;
            match self.party {
                Party::Server => writeln!(f, "{piece:WIDTH$} | {:WIDTH$} |", "")?,
                Party::Relay => writeln!(f, "{:WIDTH$} | {piece:WIDTH$} |", "")?,
                Party::Device => writeln!(f, "{:WIDTH$} | {:WIDTH$} | {piece}", "", "")?,
                Party::Fate => writeln!(f, "*** {piece}")?,
            }
            if last {
                break;
            }
            time.clear();
        }
        Ok(())
    }
}
