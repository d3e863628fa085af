//! Exemplars, with the identities that some of their labels are.

use warren_exposition::ExemplarText;
use warren_pdata::{Attrs, Exemplar, KeyValue, Number};

/// An exemplar as points hold it. A label `trace_id` or `span_id` becomes the identity, if it is one; every other label becomes an attribute.
pub(super) fn exemplar_of(text: &ExemplarText<'_>, time_ms: i64) -> Exemplar {
    let mut exemplar =
        Exemplar { time: super::release::nanos(time_ms), value: Number::Double(text.value), ..Exemplar::default() };
    let mut attrs = Vec::new();
    for (name, value) in &text.labels {
        let is_identity = match name.to_ascii_lowercase().as_str() {
            "trace_id" => read_identity(value, &mut exemplar.trace_id.0),
            "span_id" => read_identity(value, &mut exemplar.span_id.0),
            _ => false,
        };
        if !is_identity && !value.is_empty() {
            attrs.push(KeyValue::new(&**name, &**value));
        }
    }
    exemplar.attrs = Attrs::new(attrs);
    exemplar
}

/// Reads as many hexadecimal digits as the identity has; all zeros are none.
fn read_identity<const N: usize>(text: &str, to: &mut [u8; N]) -> bool {
    let mut read = [0; N];
    if text.len() != 2 * N {
        return false;
    }
    for (byte, pair) in read.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let mut digits = pair.iter().map(|digit| char::from(*digit).to_digit(16));
        let Some(value) = digits.try_fold(0, |high, low| Some(high << 4 | low?)) else { return false };
        *byte = value as u8;
    }
    let is_identity = read.iter().any(|byte| *byte != 0);
    if is_identity {
        *to = read;
    }
    is_identity
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of upstream's `receiver/prometheusreceiver/internal/metricfamily_test.go` at v0.164.1.
    #[test]
    fn labels_become_identities_only_when_they_are_ones() {
        let trace = "0102030405060708090a0B0c0d0e0f10";
        for (name, value, identity, attr) in [
            ("trace_id", trace, true, None),
            ("Trace_ID", trace, true, None),
            ("trace_id", "0102", false, Some("0102")),
            ("trace_id", "00000000000000000000000000000000", false, Some("00000000000000000000000000000000")),
            ("trace_id", "", false, None),
            ("trace_id", "zz02030405060708090a0b0c0d0e0f10", false, Some("zz02030405060708090a0b0c0d0e0f10")),
            ("user", "é", false, Some("é")),
        ] {
            let text = ExemplarText { labels: vec![(name.into(), value.into())], value: 0.5, timestamp: None };
            let exemplar = exemplar_of(&text, 7);
            assert_eq!(exemplar.trace_id.0 != [0; 16], identity, "{name}={value}");
            assert_eq!(exemplar.attrs.get(name).and_then(|value| value.as_str()), attr, "{name}={value}");
            assert_eq!(exemplar.time, 7_000_000);
        }
    }
}
