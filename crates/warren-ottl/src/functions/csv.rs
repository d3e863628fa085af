//! `ParseCSV`: one row of comma separated values, named by a header.

use super::entries::Entries;
use crate::function::{Args, Call, Converter, Kind, Literals, Yields, optional, param};
use crate::{Failure, Val};
use warren_gotext::csv::{self, Quotes};

/// The converters of this file.
pub(super) const CONVERTERS: &[Converter] = &[Converter {
    name: "ParseCSV",
    params: &[
        param("target", Kind::Str),
        param("header", Kind::Str),
        optional("delimiter", Kind::LitStr),
        optional("header_delimiter", Kind::LitStr),
        optional("mode", Kind::LitStr),
    ],
    yields: Yields::Map,
    bind: |literals| {
        let call = Csv::new(literals)?;
        Ok(Call::new(move |args: Args<'_>| call.parse(args.text(0), args.text(1))))
    },
}];

struct Csv {
    delimiter: char,
    header_delimiter: char,
    quotes: Quotes,
}

impl Csv {
    fn new(literals: &Literals<'_>) -> Result<Self, String> {
        let delimiter = match literals.text(2) {
            None => ',',
            Some(text) => single(text).ok_or("invalid arguments: delimiter must be a single character")?,
        };
        let header_delimiter = match literals.text(3) {
            None => delimiter,
            Some(text) => single(text).ok_or("invalid arguments: header_delimiter must be a single character")?,
        };
        let quotes = match literals.text(4) {
            None | Some("strict") => Quotes::Strict,
            Some("lazyQuotes") => Quotes::Lazy,
            Some("ignoreQuotes") => Quotes::Ignored,
            Some(other) => return Err(format!("unknown mode: {other}")),
        };
        Ok(Self { delimiter, header_delimiter, quotes })
    }

    fn parse(&self, row: &str, header: &str) -> Result<Val, Failure> {
        if header.is_empty() {
            return Err(Failure::new("headers must not be an empty string"));
        }
        let fields = csv::fields(row, self.delimiter, self.quotes).map_err(Failure::new)?;
        let names = header.split(self.header_delimiter);
        let wanted = names.clone().count();
        if fields.len() != wanted {
            return Err(Failure::new(format!(
                "map csv headers: wrong number of fields: expected {wanted}, found {}",
                fields.len()
            )));
        }
        let mut entries = Entries::default();
        for (name, field) in names.zip(fields) {
            entries.set(name.into(), field);
        }
        Ok(entries.into())
    }
}

fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Literal;

    fn call(literals: &[Option<Literal>], text: &str, header: &str) -> Result<String, String> {
        let call = Csv::new(&Literals(literals))?;
        let value = call.parse(text, header).map_err(|failure| failure.to_string())?.stored();
        let mut out = String::new();
        warren_gotext::as_string(&mut out, &value);
        Ok(out)
    }

    fn options(delimiter: &str, header_delimiter: &str, mode: &str) -> Vec<Option<Literal>> {
        let literal = |text: &str| (text != "-").then(|| Literal::Str(text.into()));
        vec![None, None, literal(delimiter), literal(header_delimiter), literal(mode)]
    }

    #[test]
    fn fields_are_named_by_the_header() {
        let plain = options("-", "-", "-");
        assert_eq!(call(&plain, "val1,val2,val3", "col1,col2,col3").unwrap(), r#"{"col1":"val1","col2":"val2","col3":"val3"}"#);
        let tabs = options("\t", "-", "-");
        assert_eq!(call(&tabs, "a\tb", "x\ty").unwrap(), r#"{"x":"a","y":"b"}"#);
        let mixed = options("|", ",", "-");
        assert_eq!(call(&mixed, "a|b", "x,y").unwrap(), r#"{"x":"a","y":"b"}"#);
        assert_eq!(call(&plain, "a,b,c", "x,y,x").unwrap(), r#"{"x":"c","y":"b"}"#);
        assert_eq!(call(&plain, "a", "x,y").unwrap_err(), "map csv headers: wrong number of fields: expected 2, found 1");
        assert_eq!(call(&plain, "a", "").unwrap_err(), "headers must not be an empty string");
    }

    #[test]
    fn settings_are_checked_when_they_are_bound() {
        for (literals, wanted) in [
            (options("bad", "-", "-"), "invalid arguments: delimiter must be a single character"),
            (options("", "-", "-"), "invalid arguments: delimiter must be a single character"),
            (options("-", "bad", "-"), "invalid arguments: header_delimiter must be a single character"),
            (options("-", "-", "fake"), "unknown mode: fake"),
        ] {
            assert_eq!(call(&literals, "a", "a").unwrap_err(), wanted);
        }
    }
}
