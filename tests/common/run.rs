//! The command as a person or a script meets it: run to its end.

#![allow(dead_code, reason = "no test target asks for everything")]

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run of the command left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// The same, which has to be a success that complains of nothing.
    pub(crate) fn done(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self
    }
}

/// The command, by somebody whose environment says nothing to it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amt-provision"));
    command
        .args(arguments)
        .env_remove("AMT_PROVISION_CONFIG")
        .env_remove("AMT_PASSWORD")
        .env("USER", "ada")
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = command(arguments).output().expect("our own command");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: status.code().expect("no signal"), stdout: text(stdout), stderr: text(stderr) }
}
