//! Messages as gRPC frames them: one byte that says whether it is compressed, four that say how long it is, and the message.

use super::Status;
use crate::coding::{Coding, DecodeError, decompress};
use warren_component::Code;

/// The bytes before a message.
pub(super) const PREFIX: usize = 5;

/// How long a frame is that begins like this, prefix included; before the prefix is complete, how long it can be.
///
/// # Errors
/// When its message is larger than `max`.
pub(super) fn length(start: &[u8], max: usize) -> Result<usize, Status> {
    let Some([_, rest @ ..]) = start.first_chunk::<PREFIX>() else { return Ok(PREFIX.saturating_add(max)) };
    let length = usize::try_from(u32::from_be_bytes(*rest)).unwrap_or(usize::MAX);
    if length > max {
        let message = format!("grpc: received message larger than max ({length} vs. {max})");
        return Err(Status::new(Code::ResourceExhausted, message));
    }
    Ok(PREFIX + length)
}

/// The coding that a `grpc-encoding` header names, of those that upstream has.
///
/// # Errors
/// When it has none of this name.
pub(super) fn coding(name: &str) -> Result<Coding, Status> {
    match name {
        "" | "identity" => Ok(Coding::Identity),
        "gzip" => Ok(Coding::Gzip),
        "zstd" => Ok(Coding::Zstd),
        "snappy" => Ok(Coding::SnappyFramed),
        _ => Err(Status::new(Code::Unimplemented, format!("grpc: Decompressor is not installed for grpc-encoding {name:?}"))),
    }
}

/// The message in a whole frame; none if it need not be decompressed and stands after the prefix as it is.
///
/// # Errors
/// When the frame is not whole, or its message is corrupt or becomes larger than `max`.
pub(super) fn message(frame: &[u8], coding: Coding, max: usize) -> Result<Option<Vec<u8>>, Status> {
    let internal = |message: &str| Status::new(Code::Internal, message);
    let (prefix, compressed) = frame.split_at_checked(PREFIX).ok_or_else(|| internal("unexpected EOF"))?;
    if frame.len() < length(prefix, max)? {
        return Err(internal("unexpected EOF"));
    }
    match (prefix.first(), coding) {
        (Some(0), _) => Ok(None),
        (Some(1), Coding::Identity) => Err(internal("grpc: compressed flag set with identity or empty encoding")),
        (Some(1), coding) => decompress(coding, compressed, max).map(Some).map_err(|error| match error {
            DecodeError::TooLarge => {
                let message = format!("grpc: received message after decompression larger than max {max}");
                Status::new(Code::ResourceExhausted, message)
            }
            DecodeError::Corrupt { .. } => internal(&format!("grpc: failed to decompress the received message: {error}")),
        }),
        (other, _) => Err(internal(&format!("grpc: received unexpected payload format {}", other.unwrap_or(&0)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::compress;
    use proptest::prelude::*;

    fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
        let mut frame = vec![flag];
        frame.extend((message.len() as u32).to_be_bytes());
        frame.extend(message);
        frame
    }

    #[test]
    fn a_message_may_be_as_long_as_allowed_also_after_decompression() {
        let packed = compress(Coding::Gzip, 0, &[7; 1000]).unwrap();
        assert_eq!(message(&frame(1, &packed), Coding::Gzip, 1000).unwrap().unwrap(), [7; 1000]);
        let error = message(&frame(1, &packed), Coding::Gzip, 999).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::ResourceExhausted, "grpc: received message after decompression larger than max 999")
        );
        let error = length(&[0, 0, 0, 4, 1], 1024).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::ResourceExhausted, "grpc: received message larger than max (1025 vs. 1024)")
        );
    }

    #[test]
    fn frames_that_break_the_rules_are_refused() {
        let code = |bytes: &[u8], coding| message(bytes, coding, 100).unwrap_err().code;
        assert_eq!(code(&[0, 0], Coding::Identity), Code::Internal);
        assert_eq!(code(&[0, 0, 0, 0, 5, 1], Coding::Identity), Code::Internal);
        assert_eq!(code(&frame(1, b"x"), Coding::Identity), Code::Internal);
        assert_eq!(code(&frame(1, b"x"), Coding::Gzip), Code::Internal);
        assert_eq!(code(&frame(2, b"x"), Coding::Gzip), Code::Internal);
        assert_eq!(coding("br").unwrap_err().message, "grpc: Decompressor is not installed for grpc-encoding \"br\"");
    }

    proptest! {
        #[test]
        fn any_frame_is_refused_or_gives_a_message_within_the_bound(
            flag in 0..3u8,
            body in prop::collection::vec(any::<u8>(), 0..200),
            cut in 0..210usize,
            name in prop::sample::select(vec!["identity", "gzip", "zstd", "snappy"]),
        ) {
            let mut bytes = frame(flag, &body);
            bytes.truncate(cut);
            if let Ok(Some(message)) = message(&bytes, coding(name).unwrap(), 100) {
                prop_assert!(message.len() <= 100);
            }
        }

        #[test]
        fn what_is_framed_comes_out(body in prop::collection::vec(any::<u8>(), 0..200), name in prop::sample::select(vec!["gzip", "zstd", "snappy"])) {
            let coding = coding(name).unwrap();
            let packed = compress(coding, 0, &body).unwrap();
            prop_assert_eq!(message(&frame(1, &packed), coding, 4096).unwrap().unwrap(), body.clone());
            prop_assert_eq!(message(&frame(0, &body), coding, 4096).unwrap(), None);
        }
    }
}
