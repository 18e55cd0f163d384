//! What must not compile does not, for the reason that a reader is told; and beside each case stands a
//! twin that differs in that one point and compiles.

use std::path::Path;

#[test]
fn illegal_protocols_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

/// The twin of each case: the same but for the one thing that is wrong. The first seven are the
/// channel table of design.md §3, a line for each thing that a channel may not carry.
const TWINS: [(&str, &str); 17] = [
    ("real_password_over_plain", "one_off_password_over_plain"),
    ("real_password_over_provisional", "one_off_password_over_provisional"),
    ("authority_over_plain", "authority_over_a_proven_pin"),
    ("authority_over_provisional", "authority_over_a_proven_pin"),
    ("authority_over_odca", "authority_over_a_proven_pin"),
    ("authority_over_interim", "authority_over_a_proven_pin"),
    ("authority_over_a_first_use_pin", "authority_over_a_proven_pin"),
    ("mebx_password_over_a_first_use_pin", "mebx_password_over_a_proven_pin"),
    ("authority_by_another_channels_right", "authority_by_the_profiles_word"),
    ("a_right_by_the_type_of_a_first_use_pin", "a_right_by_the_type_of_a_proven_pin"),
    ("a_request_without_a_channel", "a_request_over_plain"),
    ("acm_over_odca", "acm_over_a_pinned_channel"),
    ("an_undeclared_edge", "a_declared_edge"),
    ("a_channel_by_hand", "a_channel_by_its_handshake"),
    ("evidence_by_hand", "evidence_by_looking"),
    ("a_doubt_by_hand", "a_doubt_that_is_durable"),
    ("evidence_from_a_snapshot", "a_record_from_a_snapshot"),
];

#[test]
fn every_case_that_must_not_compile_has_a_twin_that_does() {
    let folder = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(name);
    let cases = std::fs::read_dir(folder("fail")).expect("the cases");
    let names =
        cases.map(|entry| entry.expect("a case").path()).filter(|path| path.extension().is_some_and(|e| e == "rs"));
    for name in names.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()) {
        let (_, twin) = TWINS.iter().find(|(case, _)| *case == name).unwrap_or_else(|| panic!("{name} has no twin"));
        assert!(folder("pass").join(format!("{twin}.rs")).exists(), "{name}: there is no {twin}");
        assert!(folder("fail").join(format!("{name}.stderr")).exists(), "{name}: what a user reads is part of it");
    }
}
