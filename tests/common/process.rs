//! The command as a process of its own, and what it says on standard error.

#![allow(dead_code, reason = "no test target asks for everything")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A process of the command, which runs at most until it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amt-provision"));
        command.args(arguments).env("RUST_LOG", "info").stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, lines }
    }

    /// The next line with `what` in it.
    pub(crate) fn says(&self, what: &str) -> String {
        self.says_nth(what, 1)
    }

    /// The `nth` line from now on with `what` in it, the first being 1.
    pub(crate) fn says_nth(&self, what: &str, nth: usize) -> String {
        let (mut all, mut seen) = (Vec::new(), 0);
        loop {
            match self.lines.recv_timeout(Duration::from_secs(120)) {
                Ok(line) => {
                    seen += usize::from(line.contains(what));
                    if seen == nth {
                        return line;
                    }
                    all.push(line);
                }
                Err(_) => panic!("nothing about {what} in {all:#?}"),
            }
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it ends with success.
    pub(crate) fn succeeds(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
