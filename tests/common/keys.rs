//! What the stores of tests are sealed with.

use amt_provision::sealing::{Key, KeySource, KeySources};
use amt_provision::secret::Secret;

/// The key of the tests' stores: the same in every process.
pub(crate) fn keys() -> KeySources {
    let key = Key::from_text(&Secret::from("C4nary+bird/C4nary+bird/C4nary+bird/C4nary8=".to_owned()));
    KeySources::new(KeySource::Given(key.expect("a key")))
}
