#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| amt_provision::fuzzing::digest_challenge(data));
