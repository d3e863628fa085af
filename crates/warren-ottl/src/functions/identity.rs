//! Identities: of traces, spans and profiles from bytes, and new ones.

use crate::function::{Converter, Kind, Literals, Param, Yields, param};
use crate::record::Failure;
use crate::value::Val;
use std::fmt::Write;
use warren_pdata::{SpanId, TraceId};

const BYTES: &[Param] = &[param("bytes", Kind::LitBytes)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    Converter {
        name: "TraceID",
        params: BYTES,
        yields: Yields::TraceId,
        bind: |literals| {
            let id = TraceId(exactly(literals).ok_or("traces ids must be 16 bytes")?);
            super::call(move |_| Ok(Val::TraceId(id)))
        },
    },
    Converter {
        name: "SpanID",
        params: BYTES,
        yields: Yields::SpanId,
        bind: |literals| {
            let id = SpanId(exactly(literals).ok_or("span ids must be 8 bytes")?);
            super::call(move |_| Ok(Val::SpanId(id)))
        },
    },
    // Profiles are no signal here; their identities look like those of traces.
    Converter {
        name: "ProfileID",
        params: BYTES,
        yields: Yields::TraceId,
        bind: |literals| {
            let id = TraceId(exactly(literals).ok_or("profile ids must be 16 bytes")?);
            super::call(move |_| Ok(Val::TraceId(id)))
        },
    },
    converter!("UUID", &[], Str, |_| {
        let mut bytes = random()?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        Ok(uuid(bytes))
    }),
    converter!("UUIDv7", &[], Str, |_| {
        let mut bytes = random()?;
        let millis = jiff::Timestamp::now().as_millisecond().to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        Ok(uuid(bytes))
    }),
];

fn exactly<const N: usize>(literals: &Literals<'_>) -> Option<[u8; N]> {
    literals.bytes(0)?.try_into().ok()
}

fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new(format!("cannot make an identity: {error}")))?;
    Ok(bytes)
}

fn uuid(mut bytes: [u8; 16]) -> Val {
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut out = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, run, show};
    use super::*;

    #[test]
    fn identities_need_their_exact_length() {
        assert!(matches!(run("TraceID", &[bytes(&[1; 16])]), Ok(Val::TraceId(TraceId(id))) if id == [1; 16]));
        assert!(matches!(run("SpanID", &[bytes(&[1; 8])]), Ok(Val::SpanId(SpanId(id))) if id == [1; 8]));
        assert_eq!(show("TraceID", &[bytes(&[1])]), "error: traces ids must be 16 bytes");
        assert_eq!(show("SpanID", &[bytes(&[1; 9])]), "error: span ids must be 8 bytes");
        assert_eq!(show("ProfileID", &[bytes(&[])]), "error: profile ids must be 16 bytes");
    }

    #[test]
    fn uuids_have_their_version_and_are_never_the_same() {
        for (name, version) in [("UUID", '4'), ("UUIDv7", '7')] {
            let (first, second) = (show(name, &[]), show(name, &[]));
            assert_ne!(first, second);
            let text = first.trim_matches('"');
            assert_eq!(text.len(), 36);
            assert_eq!(text.match_indices('-').map(|(at, _)| at).collect::<Vec<_>>(), [8, 13, 18, 23]);
            assert_eq!(text.chars().nth(14), Some(version));
            assert!(matches!(text.chars().nth(19), Some('8' | '9' | 'a' | 'b')));
        }
    }
}
