//! Protobuf.

use crate::batches::{Reader, batch};
use crate::{bytes, through_prost};
use proptest::prelude::*;
use warren_otlp::{decode_request, encode_request, encoded_len};
use warren_pdata::Signal;

proptest! {
    #[test]
    fn prop_what_we_encode_another_reads_and_we_read_what_it_encodes(batch in batch(Reader::Protobuf)) {
        let ours = bytes(&batch);
        prop_assert_eq!(encoded_len(&batch), ours.len());
        prop_assert_eq!(&bytes(&decode_request(batch.signal(), &ours).unwrap()), &ours);
        let theirs = through_prost(batch.signal(), &ours);
        prop_assert_eq!(&bytes(&decode_request(batch.signal(), &theirs).unwrap()), &ours);
    }

    #[test]
    fn prop_encoding_appends_and_shared_sets_change_nothing(first in batch(Reader::Protobuf), second in batch(Reader::Protobuf)) {
        let (one, two) = (bytes(&first), bytes(&second));
        let mut both = Vec::with_capacity(7);
        // What was decoded shares its sets; what was generated does not.
        encode_request(&decode_request(first.signal(), &one).unwrap(), &mut both);
        prop_assert_eq!(&both, &one);
        encode_request(&second, &mut both);
        prop_assert_eq!(both, [one, two].concat());
    }

    #[test]
    fn prop_a_message_cut_anywhere_is_refused_or_holds_a_part(batch in batch(Reader::Protobuf), cut in any::<prop::sample::Index>()) {
        let bytes = bytes(&batch);
        let cut = cut.index(bytes.len() + 1);
        if let Ok(part) = decode_request(batch.signal(), &bytes[..cut]) {
            prop_assert!(part.resources() <= batch.resources());
        }
    }

    #[test]
    fn prop_any_bytes_are_read_or_refused(random in proptest::collection::vec(any::<u8>(), 0..200)) {
        for signal in Signal::ALL {
            if let Ok(batch) = decode_request(signal, &random) {
                prop_assert!(decode_request(signal, &bytes(&batch)).is_ok());
            }
        }
    }

    #[test]
    fn prop_a_message_with_changed_bytes_is_read_or_refused(batch in batch(Reader::Protobuf), places in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4)) {
        let mut bytes = bytes(&batch);
        prop_assume!(!bytes.is_empty());
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = decode_request(batch.signal(), &bytes);
    }
}
