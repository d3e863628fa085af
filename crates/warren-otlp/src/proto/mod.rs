//! OTLP in protobuf.
//!
//! Decoding reads tags with a [`reader::Reader`] that never leaves its message, straight into batches. Encoding writes each message from its end
//! to its start, because a message is preceded by its length: the length is known when the message is there, and nothing is measured or
//! written twice. The same code measures when it runs over a [`sink::Counter`].

mod decode;
mod encode;
mod reader;
mod sink;

#[cfg(test)]
mod tests;

pub use decode::{KnownSets, decode_next_request, decode_request};
pub(crate) use encode::Encoder;
pub use encode::{encode_request, encoded_len};
pub(crate) use reader::Reader;
pub(crate) use sink::Backward;
