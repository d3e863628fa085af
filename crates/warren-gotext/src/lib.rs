//! Numbers and values as Go programs print and read them: what users of the Go collector see in logs, labels and converted attributes.
//!
//! Go prints the shortest digits that read back as the same number, in one of several layouts; [`Float`] names them. Values follow
//! `pcommon.Value.AsString` ([`as_string`]) and `encoding/json` ([`json`]): keys sorted, `<`, `>`, `&`, U+2028 and U+2029 escaped.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod csv;
mod float;
mod pairs;
mod parse;
mod quote;
mod unquote;
mod value;

pub use float::{Float, float};
pub use pairs::split_pairs;
pub use parse::{NumberError, parse_float, parse_int};
pub use quote::{printable, quote, quote_with, quoted};
pub use unquote::unquote;
pub use value::{JsonError, TEXT_BYTES_MAX, as_string, goccy_json, json, json_text};
