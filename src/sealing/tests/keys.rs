//! The cipher, and keys as text.

use proptest::prelude::*;

use crate::sealing::{Key, KeyId, KeyTextError, Label, OpenError};
use crate::secret::Secret;

#[test]
fn a_key_is_32_bytes_in_base64_and_prints_nothing_of_itself() {
    let key = Key::generate().unwrap();
    let text = key.to_text();
    let read = |text: &str| Key::from_text(&Secret::from(text.to_owned()));
    assert_eq!(read(&format!(" {}\n", text.expose())).unwrap().name(), key.name());
    assert_ne!(Key::generate().unwrap().name(), key.name());
    assert_eq!(format!("{key:?}"), "Key(…)");
    assert!(!text.expose().contains(key.name().as_str()));
    for wrong in ["", "AAAA", "not base64 at all!", &text.expose()[1..], &format!("{0}{0}", text.expose())] {
        assert_eq!(read(wrong).err(), Some(KeyTextError), "{wrong}");
    }
}

#[test]
fn the_name_of_a_data_key_is_read_back_and_nothing_else_is_one() {
    let id = KeyId::generate().unwrap();
    assert_eq!(id.to_string().parse(), Ok(id));
    for wrong in ["", "+123456789abcdef", "0123", "0123456789abcdefg"] {
        assert!(wrong.parse::<KeyId>().is_err(), "{wrong}");
    }
}

#[test]
fn lists_of_parts_that_differ_have_labels_that_differ() {
    assert_ne!(Label::new(&["ab", "c"]), Label::new(&["a", "bc"]));
    assert_ne!(Label::new(&["a"]), Label::new(&["a", ""]));
}

#[test]
fn nothing_that_is_not_sealed_opens() {
    let (cipher, label) = (Key::generate().unwrap().cipher().unwrap(), Label::new(&["a"]));
    for wrong in [&[][..], b"C4nary!bird", &[1], &[1; 12], &[2; 60]] {
        assert_eq!(cipher.open(&label, wrong).err(), Some(OpenError::Form), "{wrong:?}");
    }
    assert_eq!(cipher.open(&label, &[1; 60]).err(), Some(OpenError::Refused));
    let twice = [0, 1].map(|_| cipher.seal(&label, b"the same").unwrap());
    assert_ne!(twice[0], twice[1], "nobody sees that two secrets are equal");
}

fn any_cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..3)
}

proptest! {
    #[test]
    fn a_secret_opens_under_its_key_and_label_and_with_no_bit_changed(
        secret in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<proptest::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let (key, other) = (Key::generate().unwrap().cipher().unwrap(), Key::generate().unwrap().cipher().unwrap());
        let label = Label::new(&["password", "device", "1"]);
        let mut sealed = key.seal(&label, &secret).unwrap();
        let opened = key.open(&label, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &secret[..]);
        prop_assert!(secret.len() < 4 || !sealed.windows(secret.len()).any(|window| window == secret));
        prop_assert_eq!(other.open(&label, &sealed).err(), Some(OpenError::Refused));
        prop_assert_eq!(key.open(&Label::new(&["password", "device", "2"]), &sealed).err(), Some(OpenError::Refused));
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(key.open(&label, &sealed).is_err());
    }

    #[test]
    fn no_part_of_what_is_sealed_opens(secret in proptest::collection::vec(any::<u8>(), 0..60)) {
        let (key, label) = (Key::generate().unwrap().cipher().unwrap(), Label::new(&["password", "device", "1"]));
        let sealed = key.seal(&label, &secret).unwrap();
        for length in 0..sealed.len() {
            prop_assert!(key.open(&label, &sealed[..length]).is_err(), "{} bytes", length);
        }
        prop_assert!(key.open(&label, &[&sealed[..], &[0]].concat()).is_err(), "and a byte");
    }

    #[test]
    fn any_key_is_read_as_it_was_written_and_no_part_of_it_is_one(bytes: [u8; 32], id: u64) {
        let key = Key::from_bytes(&bytes).unwrap();
        let text = key.to_text();
        let read = |text: &str| Key::from_text(&Secret::from(text.to_owned()));
        prop_assert_eq!(read(text.expose()).map(|key| *key.expose()), Ok(bytes));
        for length in 0..text.expose().len() {
            prop_assert_eq!(read(&text.expose()[..length]).err(), Some(KeyTextError), "{} letters", length);
        }
        let name = format!("{id:016x}");
        prop_assert_eq!(name.parse::<KeyId>().map(|id| id.to_string()), Ok(name.clone()));
        for length in 0..name.len() {
            prop_assert!(name[..length].parse::<KeyId>().is_err());
        }
    }

    /// The same bytes, taken apart in two ways.
    #[test]
    fn a_label_is_that_of_one_list_only(text in "[a\0]{0,4}", one in any_cuts(), other in any_cuts()) {
        let parts = |cuts: &[prop::sample::Index]| {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([text.len()]);
            let begins = [0].into_iter().chain(cuts.iter().copied());
            begins.zip(ends).map(|(begin, end)| &text[begin..end]).collect::<Vec<_>>()
        };
        let (one, other) = (parts(&one), parts(&other));
        prop_assert_eq!(Label::new(&one) == Label::new(&other), one == other);
    }
}
