//! The command `amt-provision`: see [`amt_provision::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    amt_provision::cli::main()
}
