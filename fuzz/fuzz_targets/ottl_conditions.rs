//! Conditions made from bytes, mostly well-formed, asked of every record of a batch with one of everything: no panic, nothing is changed, and what is
//! remembered from record to record changes no answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_ottl::generate;

fuzz_target!(|data: &[u8]| {
    generate::ask(data);
});
