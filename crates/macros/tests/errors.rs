//! What the macros refuse, and in which words: the texts are part of the interface.

#[test]
fn what_cannot_travel_is_refused_where_it_is_written() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
