//! What must not compile does not, for the reason that a reader is told; and beside each case stands a
//! twin that differs in that one point and compiles.

#[test]
fn illegal_protocols_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
