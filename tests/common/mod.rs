//! What the tests over recorded material share.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder `kind` of the recorded material: under what `AMT_PROVISION_FIXTURES` names, else under
/// `../shared/fixtures` beside the checkout. `None`, after one loud line, where it is not there; a failure with
/// `REQUIRE_FIXTURES=1`.
pub(crate) fn recorded(kind: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let folder = std::env::var_os("AMT_PROVISION_FIXTURES").map_or_else(beside, PathBuf::from).join(kind);
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!("SKIPPED: no recorded material in {}; set AMT_PROVISION_FIXTURES", folder.display());
    assert_ne!(std::env::var("REQUIRE_FIXTURES").as_deref(), Ok("1"), "{missing}");
    // Past the test harness, which would swallow the line of a test that passes.
    static SAID: Once = Once::new();
    SAID.call_once(|| writeln!(std::io::stderr(), "{missing}").expect("a standard error stream"));
    None
}
