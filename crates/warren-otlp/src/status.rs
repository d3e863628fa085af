//! `google.rpc.Status`: what is answered instead of a reply when a request fails.

use crate::json::{Json, Writer};
use crate::proto::{Backward, Encoder, Reader};
use crate::{DecodeError, intake};
use std::fmt;
use std::time::Duration;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Details read from one status; more are left out.
const DETAILS_MAX: usize = 64;

/// Why a request failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RpcStatus {
    /// A code of gRPC.
    pub code: i32,
    /// For people.
    pub message: String,
    /// For programs.
    pub details: Vec<Detail>,
}

/// A message of any type (`google.protobuf.Any`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Names the type: what stands behind the last slash.
    pub type_url: String,
    /// The message in protobuf.
    pub value: Vec<u8>,
}

impl RpcStatus {
    /// A status with a code of gRPC and a message.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// The same status with the wish not to be asked again before this time has passed (`google.rpc.RetryInfo`).
    pub fn with_retry_delay(mut self, delay: Duration) -> Self {
        let mut value = Vec::new();
        let mut encoder = Encoder::new(Backward::new(&mut value));
        encoder.message(1, |e| {
            e.uint(2, delay.subsec_nanos().into());
            e.uint(1, delay.as_secs());
        });
        encoder.into_sink().finish();
        self.details.push(Detail { type_url: RETRY_INFO.into(), value });
        self
    }

    /// How long the other side asks to wait, if it says so.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.details.iter().find_map(Detail::retry_delay)
    }

    /// The status in protobuf.
    pub fn to_proto(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(Backward::new(&mut out));
        for detail in self.details.iter().rev() {
            encoder.message(3, |e| {
                if !detail.value.is_empty() {
                    e.bytes(2, &detail.value);
                }
                e.text(1, &detail.type_url);
            });
        }
        encoder.text(2, &self.message);
        encoder.int32(1, self.code);
        encoder.into_sink().finish();
        out
    }

    /// Reads a status in protobuf.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub fn from_proto(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut status = Self::default();
        let mut r = Reader::new(bytes, "Status");
        while let Some(field) = r.field()? {
            match field {
                1 => status.code = r.int32()?,
                2 => status.message = intake::single(r.bytes()?).to_string(),
                3 if status.details.len() < DETAILS_MAX => status.details.push(Detail::read(r.message("Any")?)?),
                _ => r.skip()?,
            }
        }
        Ok(status)
    }

    /// The status in JSON. Of the details only the wait can be written: JSON needs to know a message's fields.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Writer::new(&mut out).object(|w| {
            w.int("code", self.code.into());
            w.text("message", &self.message);
            w.list("details", self.details.iter().filter_map(Detail::retry_delay), |w, delay| {
                w.object(|w| {
                    w.text("@type", RETRY_INFO);
                    w.text("retryDelay", &seconds(delay));
                });
            });
        });
        out
    }

    /// Reads a status in JSON; of the details, only the wait.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut status = Self::default();
        let mut delays = Vec::new();
        let mut json = Json::new(bytes);
        json.object(|json, name| {
            match name {
                b"code" => status.code = json.int32()?,
                b"message" => status.message = intake::single(&json.string()?).to_string(),
                b"details" => json.list(|json| {
                    let mut delay = None;
                    json.object(|json, name| {
                        match name {
                            b"retryDelay" | b"retry_delay" => delay = parse_seconds(&json.string()?),
                            _ => json.skip()?,
                        }
                        Ok(())
                    })?;
                    delays.extend(delay.filter(|_| delays.len() < DETAILS_MAX));
                    Ok(())
                })?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        json.end()?;
        Ok(delays.into_iter().fold(status, Self::with_retry_delay))
    }
}

impl Detail {
    fn read(mut r: Reader<'_>) -> Result<Self, DecodeError> {
        let mut detail = Self::default();
        while let Some(field) = r.field()? {
            match field {
                1 => detail.type_url = intake::single(r.bytes()?).to_string(),
                2 => detail.value = r.bytes()?.to_vec(),
                _ => r.skip()?,
            }
        }
        Ok(detail)
    }

    fn retry_delay(&self) -> Option<Duration> {
        if self.type_url != RETRY_INFO {
            return None;
        }
        let (mut seconds, mut nanos) = (0, 0);
        let mut info = Reader::new(&self.value, "RetryInfo");
        while let Some(field) = info.field().ok()? {
            if field != 1 {
                info.skip().ok()?;
                continue;
            }
            let mut duration = info.message("Duration").ok()?;
            while let Some(field) = duration.field().ok()? {
                match field {
                    1 => seconds = duration.varint().ok()?,
                    2 => nanos = duration.uint32().ok()?,
                    _ => duration.skip().ok()?,
                }
            }
        }
        // Both are signed; a wait is not.
        let valid = i64::try_from(seconds).is_ok() && nanos < 1_000_000_000;
        valid.then(|| Duration::new(seconds, nanos))
    }
}

/// As protobuf's text form shows it.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_delay() {
            Some(delay) => {
                write!(f, "[{RETRY_INFO}]:{{retry_delay:{{seconds:{}", delay.as_secs())?;
                match delay.subsec_nanos() {
                    0 => f.write_str("}}"),
                    nanos => write!(f, " nanos:{nanos}}}}}"),
                }
            }
            None => write!(f, "type_url:{:?} value:\"{}\"", self.type_url, self.value.escape_ascii()),
        }
    }
}

/// A duration as protobuf's JSON has it: seconds with none, three, six or nine decimals.
fn seconds(duration: Duration) -> String {
    let (whole, nanos) = (duration.as_secs(), duration.subsec_nanos());
    match nanos {
        0 => format!("{whole}s"),
        _ if nanos % 1_000_000 == 0 => format!("{whole}.{:03}s", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("{whole}.{:06}s", nanos / 1_000),
        _ => format!("{whole}.{nanos:09}s"),
    }
}

fn parse_seconds(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('s')?;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let nanos = format!("{decimals:0<9}");
    if nanos.len() > 9 || !nanos.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::new(whole.parse().ok()?, nanos.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_and_read_in_both_encodings() {
        let bare = RpcStatus::new(3, "unexpected EOF");
        assert_eq!(bare.to_proto(), b"\x08\x03\x12\x0eunexpected EOF");
        assert_eq!(bare.to_json(), b"{\"code\":3,\"message\":\"unexpected EOF\"}");
        let waiting = RpcStatus::new(8, "later").with_retry_delay(Duration::from_millis(1_500));
        let json = "{\"code\":8,\"message\":\"later\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"1.500s\"}]}";
        assert_eq!(waiting.to_json(), json.as_bytes());
        for status in [bare, waiting, RpcStatus::default()] {
            assert_eq!(RpcStatus::from_proto(&status.to_proto()).unwrap(), status);
            assert_eq!(RpcStatus::from_json(&status.to_json()).unwrap(), status);
        }
    }

    #[test]
    fn a_wait_is_found_among_the_details() {
        let mut status = RpcStatus::new(14, "");
        status.details.push(Detail { type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(), value: b"\x0a\x01x".to_vec() });
        assert_eq!(status.retry_delay(), None);
        let status = status.with_retry_delay(Duration::new(30, 5));
        assert_eq!(RpcStatus::from_proto(&status.to_proto()).unwrap().retry_delay(), Some(Duration::new(30, 5)));
        let shown: Vec<String> = status.details.iter().map(Detail::to_string).collect();
        let expected = [
            r#"type_url:"type.googleapis.com/google.rpc.ErrorInfo" value:"\n\x01x""#,
            "[type.googleapis.com/google.rpc.RetryInfo]:{retry_delay:{seconds:30 nanos:5}}",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn waits_that_cannot_be_are_none() {
        let wait = |value: &[u8]| Detail { type_url: RETRY_INFO.into(), value: value.to_vec() }.retry_delay();
        assert_eq!(wait(b"\x0a\x02\x08\x05"), Some(Duration::from_secs(5)));
        assert_eq!(wait(b""), Some(Duration::ZERO));
        // Minus one second, and a billion nanoseconds.
        assert_eq!(wait(b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), None);
        assert_eq!(wait(b"\x0a\x06\x10\x80\x94\xeb\xdc\x03"), None);
        assert_eq!(wait(b"\x0a\x02\x08"), None);
        for (text, expected) in [
            ("1s", Some(Duration::from_secs(1))),
            ("0.000000001s", Some(Duration::from_nanos(1))),
            ("1", None),
            ("-1s", None),
            ("1.0000000001s", None),
            ("1.xs", None),
        ] {
            assert_eq!(parse_seconds(text.as_bytes()), expected, "{text}");
        }
    }
}
