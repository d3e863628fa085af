//! Fingerprints of trees.

use xxhash_rust::xxh64::Xxh64;

use crate::Value;

/// A number that differs when two values differ, whatever the order of their keys and wherever they stand. Given the decoded settings
/// of a component ([`crate::encode`]), it does not change with comments, formatting, or defaults written out. Stable between runs; not
/// meant to withstand an attacker.
pub fn fingerprint(value: &Value) -> u64 {
    let mut hasher = Xxh64::new(0);
    feed(&mut hasher, value);
    hasher.digest()
}

/// Feeds a kind, then the content with its length, so that no two values feed the same bytes.
fn feed(hasher: &mut Xxh64, value: &Value) {
    match value {
        Value::Null => hasher.update(b"0"),
        Value::Bool(value) => hasher.update(&[b'b', u8::from(*value)]),
        Value::Int(number) => feed_number(hasher, b'i', *number as u64),
        Value::Uint(number) => feed_number(hasher, b'u', *number),
        Value::Float(number) => feed_number(hasher, b'f', number.to_bits()),
        Value::String(text) => feed_text(hasher, b's', text),
        Value::Timestamp(text) => feed_text(hasher, b't', text),
        Value::List(list) => {
            feed_number(hasher, b'l', list.len() as u64);
            list.iter().for_each(|node| feed(hasher, &node.value));
        }
        Value::Map(map) => {
            feed_number(hasher, b'm', map.len() as u64);
            for (key, entry) in map.sorted() {
                feed_text(hasher, b'k', key);
                feed(hasher, &entry.node.value);
            }
        }
    }
}

fn feed_number(hasher: &mut Xxh64, kind: u8, number: u64) {
    hasher.update(&[kind]);
    hasher.update(&number.to_le_bytes());
}

fn feed_text(hasher: &mut Xxh64, kind: u8, text: &str) {
    feed_number(hasher, kind, text.len() as u64);
    hasher.update(text.as_bytes());
}
