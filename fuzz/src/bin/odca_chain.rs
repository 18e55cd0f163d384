#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| amt_provision::fuzzing::odca_chain(data));
