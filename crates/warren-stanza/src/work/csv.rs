//! `csv_parser`: one row of separated values, named by a header.

use super::{Parse, text_of};
use crate::{Entry, Field};
use indexmap::IndexMap;
use warren_gotext::csv::{Quotes, fields};
use warren_pdata::{KeyValue, Text, Value};

/// Reads a row.
#[derive(Debug)]
pub(crate) struct RowReader {
    pub(crate) header: Header,
    pub(crate) delimiter: char,
    pub(crate) quotes: Quotes,
}

/// Where the names of fields are from.
#[derive(Debug)]
pub(crate) enum Header {
    Names(Vec<Text>),
    /// An attribute of the entry has them, with such a character between.
    Attribute(Text, char),
}

impl Parse for RowReader {
    fn parse(&self, value: &Value, _: &Field, entry: &Entry) -> Result<Value, String> {
        let text = text_of(value, |kind| format!("type '{kind}' cannot be parsed as csv"))?;
        let of_entry: Vec<Text>;
        let names = match &self.header {
            Header::Names(names) => names,
            Header::Attribute(name, delimiter) => match entry.record.attrs.get(name) {
                Some(Value::Str(header)) => {
                    of_entry = header.split(*delimiter).map(Text::from).collect();
                    &of_entry
                }
                Some(other) => {
                    return Err(format!("header is expected to be a string but is {}", crate::entry::type_name(other)));
                }
                None => return Err(format!("failed to read dynamic header attribute {name}")),
            },
        };
        let fields = fields(text, self.delimiter, self.quotes)?;
        if fields.len() != names.len() {
            return Err(format!("wrong number of fields: expected {}, found {}", names.len(), fields.len()));
        }
        let all: IndexMap<&Text, String> = names.iter().zip(fields).collect();
        Ok(Value::Map(all.into_iter().map(|(name, field)| KeyValue { key: name.clone(), value: field.into() }).collect()))
    }
}
