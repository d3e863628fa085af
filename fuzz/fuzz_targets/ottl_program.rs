//! Statements made from bytes, mostly well-formed, over a batch with one of everything: no panic, no endless loop, bounded memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_ottl::generate;

fuzz_target!(|data: &[u8]| {
    generate::run(data);
});
