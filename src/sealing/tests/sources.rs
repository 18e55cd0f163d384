//! Key files and environment variables, and the right one among several keys.

use std::os::unix::fs::PermissionsExt;

use crate::sealing::{Key, KeyError, KeySource, KeySources};

#[test]
fn a_key_file_is_made_once_whole_and_for_its_owner_also_by_several_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.key");
    let source = KeySource::File(path.clone());
    source.check().unwrap();
    assert!(!path.exists(), "a check makes nothing");
    let sources = KeySources::new(source);
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| sources.make().unwrap().1)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    for wrapped in &made {
        assert_eq!(wrapped.by, made[0].by);
        assert_eq!(sources.open(wrapped).unwrap().id, wrapped.id);
    }
}

#[test]
fn a_key_file_that_is_none_is_told_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.key");
    let source = KeySource::File(path.clone());
    let text = Key::generate().unwrap().to_text();
    let write = |text: &str, mode| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        source.check()
    };
    write(text.expose(), 0o600).unwrap();
    write(text.expose(), 0o400).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        assert!(matches!(write(text.expose(), mode), Err(KeyError::Open { mode: found, .. }) if found == mode));
    }
    let error = write("C4nary!bird", 0o600).unwrap_err().to_string();
    assert!(error.contains("fleet.key: expected a key of 32 random bytes") && !error.contains("C4nary"), "{error}");
    let error = KeySources::new(KeySource::File(folder.path().join("no/fleet.key"))).make().unwrap_err();
    assert!(matches!(error, KeyError::File { .. }), "{error}");
}

#[test]
fn an_environment_variable_holds_a_key_or_says_that_it_does_not() {
    let error = KeySource::Environment("AMT_PROVISION_NO_SUCH_KEY".to_owned()).check().unwrap_err();
    assert!(error.to_string().contains("AMT_PROVISION_NO_SUCH_KEY is not set"), "{error}");
    let error = KeySource::Environment("PATH".to_owned()).check().unwrap_err();
    assert!(error.to_string().starts_with("the environment variable PATH: expected a key"), "{error}");
}

#[test]
fn the_key_that_fits_is_found_among_the_older_ones_and_a_missing_one_is_told_by_name() {
    let keys = [0, 1, 2].map(|_| KeySource::Given(Key::generate().unwrap()));
    let [one, two, three] = keys.clone();
    let (_, wrapped) = KeySources::new(one.clone()).make().unwrap();
    let many = KeySources::new(three.clone()).with_older(vec![two.clone(), one]);
    assert_eq!(many.open(&wrapped).unwrap().id, wrapped.id);
    let error = KeySources::new(three).with_older(vec![two]).open(&wrapped).unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, KeyError::Other { have, .. } if have.len() == 2), "{error}");
    assert!(text.contains(wrapped.by.as_str()) && text.contains("(memory)"), "{text}");
    assert!(matches!(KeySources::none().open(&wrapped), Err(KeyError::None)));
    let absent = KeySource::File("/nowhere/fleet.key".into());
    assert!(matches!(KeySources::new(absent).open(&wrapped), Err(KeyError::NoFile(_))));
}

#[test]
fn a_data_key_that_is_put_under_another_name_does_not_open() {
    let sources = KeySources::new(KeySource::Given(Key::generate().unwrap()));
    let ((_, mut one), (_, other)) = (sources.make().unwrap(), sources.make().unwrap());
    one.bytes = other.bytes;
    assert!(matches!(sources.open(&one), Err(KeyError::Damaged { .. })));
}
