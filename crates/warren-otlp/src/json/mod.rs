//! OTLP in JSON: protobuf's JSON mapping with hexadecimal ids and enumerations as numbers.
//!
//! Written as the Go collector's pdata library writes it. Read as that library reads it: names in lowerCamelCase or snake_case, integers as
//! numbers or strings, doubles also as `"NaN"`, `"Infinity"`, `"-Infinity"`, enumerations as numbers or names. Unknown names are skipped.
//! As protobuf says, and other than that library, a field that is `null` is one that is not there.

mod decode;
mod encode;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use decode::decode_json;
pub use encode::encode_json;
pub(crate) use reader::Json;
pub(crate) use writer::Writer;
