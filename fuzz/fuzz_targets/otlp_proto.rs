//! Any bytes as an OTLP request in protobuf: refused, or read into a batch that is encoded, measured and read again to the same.
//!
//! Input: the first byte chooses the signal, the rest is the request.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_otlp::{decode_json, decode_request, encode_json, encode_request, encoded_len};
use warren_pdata::Signal;

fuzz_target!(|data: &[u8]| {
    let Some((first, request)) = data.split_first() else { return };
    let signal = Signal::ALL[usize::from(*first) % 3];
    let Ok(batch) = decode_request(signal, request) else { return };
    let (mut once, mut twice, mut json) = (Vec::new(), Vec::new(), Vec::new());
    encode_request(&batch, &mut once);
    assert_eq!(encoded_len(&batch), once.len());
    // A second time only if it does not expand more than the first.
    if let Ok(again) = decode_request(signal, &once) {
        encode_request(&again, &mut twice);
        assert_eq!(once, twice);
    }
    encode_json(&batch, &mut json);
    assert!(decode_json(signal, &json).is_ok());
});
