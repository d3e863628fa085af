//! OTLP, the protocol of OpenTelemetry, in its two encodings: protobuf and JSON.
//!
//! ```text
//! bytes ── decode_request / decode_json ──▶ Batch ── encode_request / encode_json ──▶ bytes
//! ```
//!
//! Everything is written and read straight from and into the columns of `warren-pdata`; no tree of messages stands between. What a
//! message says passes through unchanged to the bit: integers and doubles apart, NaN payloads, values that are present but zero, the
//! order of attributes, duplicates. Fields that this version of the protocol does not know are skipped.
//!
//! Field numbers, names and defaults are those of opentelemetry-proto 1.7; what is written although it is empty follows the pdata
//! library of the Go collector (v1.38.0), so that the bytes are the same: a resource, a scope, a body, a span's status and every
//! identity are always there.
//!
//! Input is hostile until decoded. Lengths are checked before anything is reserved, nesting has a limit ([`DEPTH_MAX`]), and a request
//! may take only so many times its own size in memory ([`EXPANSION_MAX`]). Text that is not UTF-8 is taken, as the Go collector takes
//! it, with U+FFFD in the place of what cannot be read.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod error;
mod intake;
mod json;
mod proto;
mod reply;
mod status;

pub use error::{DecodeError, Fault};
pub use intake::{DEPTH_MAX, EXPANSION_FREE, EXPANSION_MAX};
pub use json::{decode_json, encode_json};
pub use proto::{KnownSets, decode_next_request, decode_request, encode_request, encoded_len};
pub use reply::PartialSuccess;
pub use status::{Detail, RpcStatus};
