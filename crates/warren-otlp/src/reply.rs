//! The reply to an export request.

use crate::json::{Json, Writer};
use crate::proto::{Backward, Encoder, Reader};
use crate::{DecodeError, intake};
use warren_pdata::Signal;

/// What a receiver did not take of a request that it took as a whole. Nothing refused and no message: it took everything.
///
/// In protobuf and JSON this is the whole `Export…ServiceResponse`, which has nothing else in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialSuccess {
    /// Data points, log records or spans that were refused.
    pub rejected: i64,
    /// Why, or a warning.
    pub message: String,
}

impl PartialSuccess {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.rejected == 0 && self.message.is_empty()
    }

    /// The reply in protobuf.
    pub fn to_proto(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(Backward::new(&mut out));
        encoder.message(1, |e| {
            e.text(2, &self.message);
            e.uint(1, self.rejected as u64);
        });
        encoder.into_sink().finish();
        out
    }

    /// Reads a reply in protobuf.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub fn from_proto(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut partial = Self::default();
        let mut r = Reader::new(bytes, "response");
        while let Some(field) = r.field()? {
            match field {
                1 => partial.merge(r.message("PartialSuccess")?)?,
                _ => r.skip()?,
            }
        }
        Ok(partial)
    }

    fn merge(&mut self, mut r: Reader<'_>) -> Result<(), DecodeError> {
        while let Some(field) = r.field()? {
            match field {
                1 => self.rejected = r.varint()? as i64,
                2 => self.message = intake::single(r.bytes()?).to_string(),
                _ => r.skip()?,
            }
        }
        Ok(())
    }

    /// The reply in JSON.
    pub fn to_json(&self, signal: Signal) -> Vec<u8> {
        let mut out = Vec::new();
        Writer::new(&mut out).object(|w| {
            w.name("partialSuccess").object(|w| {
                if self.rejected != 0 {
                    w.name(rejected(signal)[0]).quoted(self.rejected);
                }
                w.text("errorMessage", &self.message);
            });
        });
        out
    }

    /// Reads a reply in JSON.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub fn from_json(signal: Signal, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut partial = Self::default();
        let mut json = Json::new(bytes);
        json.object(|json, name| match name {
            b"partialSuccess" | b"partial_success" => json.object(|json, name| {
                match name {
                    b"errorMessage" | b"error_message" => partial.message = intake::single(&json.string()?).to_string(),
                    _ if rejected(signal).iter().any(|known| known.as_bytes() == name) => partial.rejected = json.int64()?,
                    _ => json.skip()?,
                }
                Ok(())
            }),
            _ => json.skip(),
        })?;
        json.end()?;
        Ok(partial)
    }
}

/// The name of the number of items refused, in both spellings.
fn rejected(signal: Signal) -> [&'static str; 2] {
    match signal {
        Signal::Metrics => ["rejectedDataPoints", "rejected_data_points"],
        Signal::Logs => ["rejectedLogRecords", "rejected_log_records"],
        Signal::Traces => ["rejectedSpans", "rejected_spans"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(rejected: i64, message: &str) -> PartialSuccess {
        PartialSuccess { rejected, message: message.into() }
    }

    /// Bytes of the Go collector's `Export…ServiceResponse` (pdata v1.38.0).
    #[test]
    fn replies_are_those_of_the_go_collector() {
        for (reply, proto, json) in [
            (partial(0, ""), &b"\x0a\x00"[..], "{\"partialSuccess\":{}}"),
            (
                partial(3, "quota"),
                b"\x0a\x09\x08\x03\x12\x05quota",
                "{\"partialSuccess\":{\"rejectedLogRecords\":\"3\",\"errorMessage\":\"quota\"}}",
            ),
        ] {
            assert_eq!(reply.to_proto(), proto);
            assert_eq!(reply.to_json(Signal::Logs), json.as_bytes());
            assert_eq!(PartialSuccess::from_proto(proto).unwrap(), reply);
            assert_eq!(PartialSuccess::from_json(Signal::Logs, json.as_bytes()).unwrap(), reply);
        }
    }

    #[test]
    fn a_reply_of_nothing_says_nothing() {
        assert!(PartialSuccess::from_proto(&[]).unwrap().is_empty());
        assert!(PartialSuccess::from_json(Signal::Logs, b"{\"partialSuccess\":null,\"x\":1}").unwrap().is_empty());
        assert!(PartialSuccess::from_proto(b"<html>").is_err());
        assert!(PartialSuccess::from_json(Signal::Logs, b"<html>").is_err());
    }

    #[test]
    fn each_signal_has_its_own_name_for_what_was_refused() {
        for (signal, name) in [
            (Signal::Traces, "rejectedSpans"),
            (Signal::Metrics, "rejectedDataPoints"),
            (Signal::Metrics, "rejected_data_points"),
        ] {
            let json = format!("{{\"partial_success\":{{\"{name}\":-1}}}}");
            assert_eq!(PartialSuccess::from_json(signal, json.as_bytes()).unwrap(), partial(-1, ""));
        }
    }
}
