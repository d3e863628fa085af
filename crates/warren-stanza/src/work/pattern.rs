//! `regex_parser`

use super::{Parse, text_of};
use crate::{Entry, Field};
use warren_pdata::{Attrs, KeyValue, Text, Value};
use warren_regex::{Captures, Regex};

/// Reads the named groups of a pattern.
#[derive(Debug)]
pub(crate) struct PatternReader {
    regex: Regex,
    /// Groups that have a name. Of equal names the last counts.
    names: Vec<(usize, Text)>,
}

impl PatternReader {
    pub(crate) fn new(regex: Regex) -> Self {
        let mut names: Vec<(usize, Text)> = Vec::new();
        for (group, name) in regex.names().enumerate() {
            let Some(name) = name else { continue };
            names.retain(|(_, known)| known.as_str() != name);
            names.push((group, name.into()));
        }
        Self { regex, names }
    }
}

impl Parse for PatternReader {
    fn parse(&self, value: &Value, _: &Field, _: &Entry) -> Result<Value, String> {
        let text = text_of(value, |kind| format!("type '{kind}' cannot be parsed as regex"))?;
        let mut captures = Captures::default();
        if !self.regex.captures(text, &mut captures) {
            return Err("regex pattern does not match".to_owned());
        }
        let group = |group: usize| captures.get(text, group).unwrap_or_default();
        let entries = self.names.iter().map(|(index, name)| KeyValue { key: name.clone(), value: group(*index).into() });
        Ok(Value::Map(entries.collect::<Attrs>()))
    }
}
