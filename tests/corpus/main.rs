//! Every input that a fuzzer found worth keeping, run by its target on any compiler in every `cargo test`.
//!
//! Seeds come from runs that pass: `WRITE_CORPUS=1 cargo test --test corpus` writes them anew, with new keys and other
//! random numbers (then `fuzz/run --seconds 60 --keep` grows what is built upon them). What crashed a target is in
//! `fuzz/regressions/`, under a name that says what it shows.

#[path = "../../examples/own_transport.rs"]
#[expect(dead_code, reason = "its main function is run by another test")]
mod own_transport;
mod packets;
mod seeds;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use amt_provision::fuzzing::TARGETS;

/// Bytes of one input, as `fuzz/run` has it, and of all of them in the repository.
const MAX_INPUT: u64 = 8192;
const MAX_CORPUS: u64 = 1024 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder in the order of their names; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}

fn inputs(target: &str) -> Vec<PathBuf> {
    ["corpus", "regressions"].into_iter().flat_map(|kind| files(&fuzz().join(kind).join(target))).collect()
}

#[test]
fn every_input_that_was_kept_keeps_its_targets_promise() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has no corpus: WRITE_CORPUS=1 cargo test --test corpus");
        for path in inputs {
            let input = std::fs::read(&path).expect("a readable input");
            let kept = catch_unwind(AssertUnwindSafe(|| target(&input))).is_ok();
            assert!(kept, "{name} breaks its promise with {}", path.display());
        }
    }
}

#[test]
fn every_target_is_one_line_that_the_fuzzer_builds_and_the_corpus_is_small() {
    let name = |path: PathBuf| path.file_stem().expect("a file's name").to_string_lossy().into_owned();
    let built: BTreeSet<String> = files(&fuzz().join("src/bin")).into_iter().map(name).collect();
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(built, known, "a target is a row in TARGETS and a file in fuzz/src/bin");
    let mut bytes = 0;
    for (name, _) in TARGETS {
        let source = std::fs::read_to_string(fuzz().join(format!("src/bin/{name}.rs"))).expect("a source");
        assert!(source.contains(&format!("amt_provision::fuzzing::{name}(data)")), "{source}");
        for path in inputs(name) {
            let length = std::fs::metadata(&path).expect("a file").len();
            assert!(length <= MAX_INPUT, "{} has {length} bytes", path.display());
            bytes += length;
        }
    }
    assert!(bytes <= MAX_CORPUS, "the corpus has {bytes} bytes");
}

/// Both flows to ACM, without a socket: what their parties say keeps every target's promise, and is the seed of a corpus.
#[test]
fn what_passing_runs_say_keeps_every_targets_promise() {
    let seeds = seeds::collect().expect("both flows come to ACM");
    let seeded: BTreeSet<&str> = seeds.inputs.iter().map(|seed| seed.target).collect();
    assert_eq!(seeded, TARGETS.iter().map(|(name, _)| *name).collect(), "each target has seeds");
    if std::env::var_os("WRITE_CORPUS").is_some() {
        seeds.write(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the checkout is writable");
    }
    for seed in &seeds.inputs {
        let (_, target) = TARGETS.iter().find(|(name, _)| *name == seed.target).expect("a target of that name");
        target(&seed.bytes);
    }
}
