//! Messages in a WebSocket: a header, which is the number zero as a varint, then the message. Collectors of old leave the header out; a
//! message cannot begin with a zero byte, so that they can be told apart.

use prost::Message;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header is not zero, but zero is spelt in more than one byte.
    #[error("the message has a header that is not zero")]
    Header,
    /// What follows the header is no message of this kind.
    #[error("{0}")]
    Message(#[from] prost::DecodeError),
}

/// The message with its header.
pub fn encode(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + message.encoded_len());
    bytes.push(0);
    bytes.extend_from_slice(&message.encode_to_vec());
    bytes
}

/// The message in a frame, with or without header. A header with nothing behind it is a message with nothing in it.
///
/// # Errors
/// When the bytes are no message of this kind. How many bytes are looked at is for the caller to bound.
pub fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, FrameError> {
    let message = match bytes {
        [0, message @ ..] => message,
        // Zero, written in more bytes than it needs, or a number that is none yet.
        [0x80, ..] => return Err(FrameError::Header),
        headerless => headerless,
    };
    Ok(M::decode(message)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgentToServer, ServerToAgent};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_message_comes_out_as_it_went_in(uid in proptest::collection::vec(any::<u8>(), 0..20), number: u64, capabilities: u64) {
            let message = AgentToServer { instance_uid: uid, sequence_num: number, capabilities, ..Default::default() };
            let framed = encode(&message);
            prop_assert_eq!(&decode::<AgentToServer>(&framed).unwrap(), &message);
            prop_assert_eq!(&decode::<AgentToServer>(&framed[1..]).unwrap(), &message);
        }

        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<AgentToServer>(&bytes);
            let _ = decode::<ServerToAgent>(&bytes);
        }
    }

    #[test]
    fn a_header_alone_is_an_empty_message_and_another_header_is_none() {
        assert_eq!(decode::<AgentToServer>(&[0]).unwrap(), AgentToServer::default());
        assert_eq!(decode::<AgentToServer>(&[0x80, 0]), Err(FrameError::Header));
    }
}
