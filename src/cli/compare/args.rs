//! The command line of `compare`.

use std::str::FromStr;

use clap::Args;

use super::row::Row;

/// Take the devices that an existing pair was measured with, and print both results side by side
///
/// The pair is rpc-go 3.0-beta with RPS 2.40, with its default delays; its figures were measured once, over a device that
/// answers in about 1 ms. Ours are of this run: simulated devices, server and relays in this process, over real sockets.
/// A device counts as done only if it agrees with our store: its mode, certificate, settings and passwords.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision compare
  amt-provision compare --row Aclose3 --row Bclose2
  amt-provision compare --json | jq -r 'select(.row) | [.row, .existing.seconds, .ours.seconds] | @tsv'

The devices run at once, so the slowest one says how long the whole takes: Aslowall25 answers each request after 2.5 s, \
and needs some minutes.")]
pub struct CompareArgs {
    /// Only this row, by its name; can be given again
    #[arg(long = "row", value_name = "NAME")]
    pub(super) rows: Vec<Row>,
}

/// A name that no row has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no row is named `{name}`: expected one of {known}", known = Row::ALL.map(|row| row.name).join(", "))]
pub struct UnknownRow {
    name: String,
}

impl FromStr for Row {
    type Err = UnknownRow;

    fn from_str(name: &str) -> Result<Self, UnknownRow> {
        let found = Self::ALL.into_iter().find(|row| row.name == name);
        found.ok_or_else(|| UnknownRow { name: name.to_owned() })
    }
}
