//! OpAMP, the protocol by which collectors are managed, as both sides need it: messages, what is around them on the wire, identities and
//! hashes.
//!
//! ```text
//! AgentToServer ──▶ frame::encode ──▶ WebSocket, one binary message each ──▶ frame::decode ──▶ AgentToServer
//!                   Message::encode ▶ plain HTTP, one body each
//! ```
//!
//! Messages are written after the field tables of the specification (package `opamp.proto.v1`, to v0.18). Fields that are not known are
//! skipped, as the specification asks. This crate opens nothing, knows no clock and no randomness.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod capability;
pub mod frame;
mod hash;
mod id;
mod message;
mod package;

pub use hash::{Hash, config_hash};
pub use id::{BadUid, InstanceUid};
pub use message::*;
pub use package::*;
pub use prost::Message;

/// The path that servers answer on unless told otherwise.
pub const PATH: &str = "/v1/opamp";

/// The content type by which plain HTTP is told from WebSocket.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// The header that names the sender for those who route requests. The body is what counts.
pub const UID_HEADER: &str = "opamp-instance-uid";

/// The largest message that the specification recommends to accept, counted after decompression.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
