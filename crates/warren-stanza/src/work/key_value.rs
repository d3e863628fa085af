//! `key_value_parser`: pairs such as `level=info msg="all well"`.

use super::{Parse, text_of};
use crate::{Entry, Field};
use indexmap::IndexMap;
use warren_gotext::{quoted, split_pairs};
use warren_pdata::{KeyValue, Value};

/// Reads pairs.
#[derive(Debug)]
pub(crate) struct PairsReader {
    pub(crate) delimiter: Box<str>,
    pub(crate) pair_delimiter: Box<str>,
}

impl Parse for PairsReader {
    fn parse(&self, value: &Value, from: &Field, _: &Entry) -> Result<Value, String> {
        let text = text_of(value, |kind| format!("type {kind} cannot be parsed as key value pairs"))?;
        if text.is_empty() {
            return Err(format!("parse from field {from} is empty"));
        }
        let pairs = split_pairs(text, &self.pair_delimiter)
            .ok_or("failed to parse pairs from input: never reached the end of a quoted value")?;
        let mut all = IndexMap::new();
        for pair in &pairs {
            let Some((key, value)) = pair.split_once(&*self.delimiter) else {
                return Err(format!("cannot split {} into 2 items, got 1 item(s)", quoted(pair)));
            };
            all.insert(key.trim(), value.trim());
        }
        Ok(Value::Map(all.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect()))
    }
}
