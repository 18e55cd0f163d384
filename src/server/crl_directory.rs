//! The folder of revocation lists, which its operator refreshes: read at the start, and again as soon as something in
//! it has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::UnixTime;

use crate::config::CrlSource;
use crate::pki::odca::OdcaTrust;
use crate::pki::odca::revocation::{
    Finding, Flaw, MAX_LIST_BYTES, MAX_LISTS, Revocation, RevocationList, RevocationLists, RevocationPolicy,
};

#[cfg(test)]
mod tests;

/// How many bytes all lists may have together.
const MAX_BYTES: u64 = 16 * MAX_LIST_BYTES as u64;

/// A server's trust together with the lists in a folder. Each session asks for it anew.
///
/// Whether something has changed is seen from the files' metadata, which costs a look at each of them and no reading;
/// so a list counts from the next session on after it was put there. A file that turns bad is told of and does no
/// other harm: the list that it had before counts on. A file that is removed takes its list with it.
#[derive(Debug)]
pub struct CrlDirectory {
    path: PathBuf,
    policy: RevocationPolicy,
    trust: Arc<OdcaTrust>,
    state: Mutex<State>,
}

/// The folder as it was read last.
#[derive(Debug)]
struct State {
    seen: Vec<Seen>,
    lists: BTreeMap<String, Arc<RevocationList>>,
    problems: Vec<Finding>,
    trust: Arc<OdcaTrust>,
    /// What has been logged.
    told: BTreeSet<String>,
}

/// A file, and what changes if its contents do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    name: String,
    bytes: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    fn new(name: String, metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self { name, bytes: metadata.len(), inode: metadata.ino(), modified, changed }
    }
}

impl CrlDirectory {
    /// Reads the lists of a folder, to hold the paths against that `trust` verifies.
    ///
    /// What is wrong with it is in [`CrlDirectory::findings`]: a server runs with the lists that are good.
    pub fn open(source: CrlSource, trust: Arc<OdcaTrust>) -> Self {
        let CrlSource { policy, directory: path } = source;
        let state = State {
            seen: Vec::new(),
            lists: BTreeMap::new(),
            problems: Vec::new(),
            trust: with_lists(&trust, policy, &BTreeMap::new()),
            told: BTreeSet::new(),
        };
        let directory = Self { path, policy, trust, state: Mutex::new(state) };
        directory.read_again(&mut directory.state.lock().unwrap_or_else(PoisonError::into_inner));
        directory
    }

    /// The policy.
    pub fn policy(&self) -> RevocationPolicy {
        self.policy
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The trust with the lists as they are now. It reads files: not for a thread that others wait for.
    ///
    /// What is found at `now` is logged, each once.
    pub fn current(&self, now: UnixTime) -> Arc<OdcaTrust> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_again(&mut state);
        let findings: BTreeSet<String> = state.findings(now).iter().map(ToString::to_string).collect();
        for finding in findings.difference(&state.told) {
            tracing::warn!("{finding}");
        }
        // What has gone away and comes again is told again.
        state.told = findings;
        Arc::clone(&state.trust)
    }

    /// What a person should look after, as of the last reading.
    pub fn findings(&self, now: UnixTime) -> Vec<Finding> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).findings(now)
    }

    /// The lists, as of the last reading.
    pub fn lists(&self) -> Vec<Arc<RevocationList>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lists.values().cloned().collect()
    }

    fn read_again(&self, state: &mut State) {
        let seen = match look(&self.path) {
            Ok(seen) => seen,
            Err(error) => {
                state.problems = vec![Finding::Folder { why: error.to_string() }];
                // Whatever comes back is read.
                state.seen.clear();
                return;
            }
        };
        if seen == state.seen && !state.problems.iter().any(|problem| matches!(problem, Finding::Folder { .. })) {
            return;
        }
        let (lists, problems) = self.read(&seen, &state.lists);
        state.trust = with_lists(&self.trust, self.policy, &lists);
        (state.seen, state.lists, state.problems) = (seen, lists, problems);
    }

    fn read(
        &self,
        seen: &[Seen],
        before: &BTreeMap<String, Arc<RevocationList>>,
    ) -> (BTreeMap<String, Arc<RevocationList>>, Vec<Finding>) {
        let (mut lists, mut problems, mut bytes) = (BTreeMap::new(), Vec::new(), 0);
        for (number, Seen { name, bytes: length, .. }) in seen.iter().enumerate() {
            bytes += length;
            if number == MAX_LISTS || bytes > MAX_BYTES {
                problems.push(Finding::TooMany { file: name.clone() });
                break;
            }
            match self.read_list(name) {
                Ok(list) => {
                    lists.insert(name.clone(), Arc::new(list));
                }
                Err(flaw) => {
                    let kept = before.get(name);
                    problems.push(Finding::Broken { file: name.clone(), flaw, kept: kept.is_some() });
                    lists.extend(kept.map(|list| (name.clone(), Arc::clone(list))));
                }
            }
        }
        (lists, problems)
    }

    fn read_list(&self, name: &str) -> Result<RevocationList, Flaw> {
        let mut contents = Vec::new();
        let limit = MAX_LIST_BYTES as u64 + 1;
        File::open(self.path.join(name))
            .and_then(|file| file.take(limit).read_to_end(&mut contents))
            .map_err(|error| Flaw::Unreadable(error.to_string()))?;
        let list = RevocationList::read(name, &contents)?;
        self.trust.recognises(&list)?;
        Ok(list)
    }
}

impl State {
    fn findings(&self, now: UnixTime) -> Vec<Finding> {
        let lists: RevocationLists = self.lists.values().cloned().collect();
        let about_lists = lists.findings(now);
        self.problems.iter().cloned().chain(about_lists).collect()
    }
}

fn with_lists(
    trust: &OdcaTrust,
    policy: RevocationPolicy,
    lists: &BTreeMap<String, Arc<RevocationList>>,
) -> Arc<OdcaTrust> {
    let lists = Arc::new(lists.values().cloned().collect());
    Arc::new(trust.clone().with_revocation(Revocation { policy, lists }))
}

/// The files that end in `.crl`, by name.
fn look(folder: &Path) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_list = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("crl"));
        let Some(name) = path.file_name().filter(|_| is_list) else { continue };
        // A name that is no text cannot be opened by what is left of it, and is told of as that.
        let name = name.to_string_lossy().into_owned();
        // A link counts as what it leads to; what is gone since is not there.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => seen.push(Seen::new(name, &metadata)),
            _ => {}
        }
    }
    seen.sort();
    Ok(seen)
}
