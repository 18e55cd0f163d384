//! Bytes are a configuration file.

use std::path::Path;

use crate::config::Config;

/// The longest text of all mistakes: a screenful, each with an excerpt.
const MAX_WORDS: usize = 16 * 1024;

/// Reads a configuration, and panics when its mistakes are without end.
pub fn config_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // An absolute path is a file of this machine, which is no part of the input.
    if ["\"/", "'/", "\\"].iter().any(|risky| text.contains(risky)) {
        return;
    }
    if let Err(mistakes) = Config::parse(Path::new("no-such-folder/amt-provision.toml"), text) {
        let lines = text.split('\n').count();
        assert!(mistakes.list.iter().all(|it| (1..=lines).contains(&it.line)), "a mistake outside of the file");
        let words = mistakes.to_string();
        assert!(words.len() <= MAX_WORDS, "{} bytes of mistakes", words.len());
    }
}
