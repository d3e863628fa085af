//! JSON.

use crate::batches::{Reader, batch};
use crate::{bytes, json_to_protobuf, protobuf_to_json};
use proptest::prelude::*;
use warren_otlp::{decode_json, decode_request, encode_json};
use warren_pdata::Signal;

proptest! {
    #[test]
    fn prop_json_reads_back_and_is_json(batch in batch(Reader::Json)) {
        let mut json = Vec::new();
        encode_json(&batch, &mut json);
        prop_assert_eq!(bytes(&decode_json(batch.signal(), &json).unwrap()), bytes(&batch));
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn prop_any_bytes_are_read_or_refused(random in proptest::collection::vec(any::<u8>(), 0..200)) {
        for signal in Signal::ALL {
            let _ = decode_json(signal, &random);
        }
    }

    #[test]
    fn prop_what_is_not_json_is_refused(text in "[\\[\\]{}:,\"\\\\a-f0-9.eE+ntrlsu \n-]{0,24}") {
        let unknown = format!("{{\"unknown\":{text}}}");
        let valid = serde_json::from_str::<serde_json::Value>(&unknown).is_ok();
        // Halves of surrogate pairs are read by us, as the Go collector reads them.
        prop_assert!(decode_json(Signal::Logs, unknown.as_bytes()).is_ok() == valid || text.contains("\\ud"));
    }

    #[test]
    fn prop_what_we_encode_another_reads(batch in batch(Reader::TheirJson)) {
        let mut json = Vec::new();
        encode_json(&batch, &mut json);
        let theirs = json_to_protobuf(batch.signal(), &json);
        prop_assert_eq!(bytes(&decode_request(batch.signal(), &theirs).unwrap()), bytes(&batch));
    }

    #[test]
    fn prop_we_read_what_another_encodes(batch in batch(Reader::TheirJson)) {
        let json = protobuf_to_json(batch.signal(), &bytes(&batch));
        prop_assert_eq!(bytes(&decode_json(batch.signal(), &json).unwrap()), bytes(&batch));
    }
}
