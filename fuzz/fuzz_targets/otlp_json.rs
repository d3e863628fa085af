//! Any bytes as an OTLP request in JSON: refused, or read into a batch that is written and read again to the same.
//!
//! Input: the first byte chooses the signal, the rest is the request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_otlp::{decode_json, encode_json};
use warren_pdata::Signal;

fuzz_target!(|data: &[u8]| {
    let Some((first, request)) = data.split_first() else { return };
    let signal = Signal::ALL[usize::from(*first) % 3];
    let Ok(batch) = decode_json(signal, request) else { return };
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    encode_json(&batch, &mut once);
    if let Ok(again) = decode_json(signal, &once) {
        encode_json(&again, &mut twice);
        assert_eq!(once, twice);
    }
});
