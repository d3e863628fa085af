//! `ParseKeyValue` and `ToKeyValueString`: pairs in one text, such as `name=ottl func="key value"`.
//!
//! Quotes hold delimiters together and are taken off; a backslash lets the quote behind it stand, and stays. Unlike upstream's, characters beyond
//! ASCII come out as they went in.

use super::entries::Entries;
use super::within_bounds;
use crate::function::{Call, Converter, Kind, Literals, Yields, optional, param};
use crate::{Failure, Val};
use warren_gotext::{quoted, split_pairs};
use warren_pdata::{Attrs, KeyValue};

/// The converters of this file.
pub(super) const CONVERTERS: &[Converter] = &[
    Converter {
        name: "ParseKeyValue",
        params: &[param("target", Kind::Str), optional("delimiter", Kind::LitStr), optional("pair_delimiter", Kind::LitStr)],
        yields: Yields::Map,
        bind: |literals| {
            let (delimiter, pair_delimiter) = delimiters(literals)?;
            Ok(Call::new(move |args| parse(args.text(0), &delimiter, &pair_delimiter)))
        },
    },
    Converter {
        name: "ToKeyValueString",
        params: &[
            param("target", Kind::Map),
            optional("delimiter", Kind::LitStr),
            optional("pair_delimiter", Kind::LitStr),
            optional("sort_output", Kind::LitBool),
        ],
        yields: Yields::Str,
        bind: |literals| {
            let (delimiter, pair_delimiter) = delimiters(literals)?;
            let sorted = literals.bool(3).unwrap_or(false);
            Ok(Call::new(move |args| {
                let Val::Map(map) = args.get(0) else { return Ok(Val::from("")) };
                write(map, &delimiter, &pair_delimiter, sorted).map(Val::from)
            }))
        },
    },
];

/// The delimiter within a pair and the one between pairs.
fn delimiters(literals: &Literals<'_>) -> Result<(Box<str>, Box<str>), String> {
    let delimiter = literals.text(1).unwrap_or("=");
    let pair_delimiter = literals.text(2).unwrap_or(" ");
    if delimiter.is_empty() {
        return Err("delimiter cannot be set to an empty string".to_owned());
    }
    if pair_delimiter.is_empty() {
        return Err("pair delimiter cannot be set to an empty string".to_owned());
    }
    if delimiter == pair_delimiter {
        return Err(format!("pair delimiter {} cannot be equal to delimiter {}", quoted(pair_delimiter), quoted(delimiter)));
    }
    Ok((delimiter.into(), pair_delimiter.into()))
}

/// Reads the pairs of a text.
///
/// # Errors
/// When the text is empty, a quote is left open, or something is no pair.
fn parse(source: &str, delimiter: &str, pair_delimiter: &str) -> Result<Val, Failure> {
    if source.is_empty() {
        return Err(Failure::new("cannot parse from empty target"));
    }
    let Some(pairs) = split_pairs(source, pair_delimiter) else {
        return Err(Failure::new(format!(
            "splitting source {} into pairs failed: never reached the end of a quoted value",
            quoted(source)
        )));
    };
    let mut entries = Entries::default();
    let mut faults = Vec::new();
    for pair in &pairs {
        match pair.split_once(delimiter) {
            Some((key, value)) => entries.set(key.trim().into(), value.trim()),
            None => faults.push(format!("cannot split {} into 2 items, got 1 item(s)", quoted(pair))),
        }
    }
    if faults.is_empty() {
        return Ok(entries.into());
    }
    Err(Failure::new(format!("failed to split pairs into key-values: {}", faults.join("; "))))
}

/// A map as pairs in one text.
///
/// # Errors
/// When the text would be too long.
fn write(map: &Attrs, delimiter: &str, pair_delimiter: &str, sorted: bool) -> Result<String, Failure> {
    let mut entries: Vec<&KeyValue> = map.iter().collect();
    if sorted {
        entries.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let mut out = String::new();
    let mut text = String::new();
    for (index, entry) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push_str(pair_delimiter);
        }
        push(&mut out, &entry.key, delimiter, pair_delimiter);
        out.push_str(delimiter);
        text.clear();
        warren_gotext::as_string(&mut text, &entry.value);
        within_bounds(out.len() + text.len())?;
        push(&mut out, &text, delimiter, pair_delimiter);
    }
    Ok(out)
}

/// A key or a value: quotes within it escaped, and in quotes if it holds a delimiter.
fn push(out: &mut String, text: &str, delimiter: &str, pair_delimiter: &str) {
    let escaped = text.replace('"', "\\\"");
    let quotes = escaped.contains(delimiter) || escaped.contains(pair_delimiter);
    let mark = if quotes { "\"" } else { "" };
    out.extend([mark, &escaped, mark]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use warren_pdata::Value;

    fn pairs(source: &str, delimiter: &str, pair_delimiter: &str) -> Result<Vec<(String, String)>, String> {
        match parse(source, delimiter, pair_delimiter) {
            Ok(Val::Map(map)) => {
                Ok(map.iter().map(|entry| (entry.key.to_string(), entry.value.as_str().unwrap_or("?").to_owned())).collect())
            }
            Ok(_) => Err("no map".to_owned()),
            Err(failure) => Err(failure.to_string()),
        }
    }

    /// The facts of upstream's tables for `ParseKeyValue` and its splitter.
    #[test]
    fn pairs_are_split_outside_of_quotes() {
        for (source, delimiter, pair_delimiter, wanted) in [
            ("name=ottl func=key_value", "=", " ", vec![("name", "ottl"), ("func", "key_value")]),
            (
                "   name=ottl        func=key_value   hello=world ",
                "=",
                " ",
                vec![("name", "ottl"), ("func", "key_value"), ("hello", "world")],
            ),
            ("name!!ottl%%func!!key_value", "!!", "%%", vec![("name", "ottl"), ("func", "key_value")]),
            ("name=\"    ottl \" func=\"  key_ value\"", "=", " ", vec![("name", "ottl"), ("func", "key_ value")]),
            (
                r#"ab="this \"is \"" d='a \'co ol\' value' e="\"""#,
                "=",
                " ",
                vec![("ab", r#"this \"is \""#), ("d", r"a \'co ol\' value"), ("e", r#"\""#)],
            ),
            ("c='this is a \"co ol\"'", "=", " ", vec![("c", "this is a \"co ol\"")]),
            ("a=b=c d=", "=", " ", vec![("a", "b=c"), ("d", "")]),
            ("k=1 k=2", "=", " ", vec![("k", "2")]),
            ("k=é|ü=日", "=", "|", vec![("k", "é"), ("ü", "日")]),
        ] {
            let wanted = wanted.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(pairs(source, delimiter, pair_delimiter), Ok(wanted), "{source}");
        }
    }

    #[test]
    fn what_is_no_pair_is_named() {
        assert_eq!(pairs("", "=", " ").unwrap_err(), "cannot parse from empty target");
        assert_eq!(
            pairs("a=b c d", "=", " ").unwrap_err(),
            "failed to split pairs into key-values: cannot split \"c\" into 2 items, got 1 item(s); cannot split \"d\" into 2 items, got 1 item(s)"
        );
        assert_eq!(
            pairs("a='b", "=", " ").unwrap_err(),
            "splitting source \"a='b\" into pairs failed: never reached the end of a quoted value"
        );
    }

    #[test]
    fn delimiters_must_be_something_and_differ() {
        use crate::function::Literal;
        let bind = |delimiter: &str, pair_delimiter: &str| {
            delimiters(&Literals(&[None, Some(Literal::Str(delimiter.into())), Some(Literal::Str(pair_delimiter.into()))]))
        };
        assert_eq!(bind("", " ").unwrap_err(), "delimiter cannot be set to an empty string");
        assert_eq!(bind("=", "").unwrap_err(), "pair delimiter cannot be set to an empty string");
        assert_eq!(bind("=", "=").unwrap_err(), "pair delimiter \"=\" cannot be equal to delimiter \"=\"");
        assert!(delimiters(&Literals(&[None, None, None])).is_ok());
    }

    #[test]
    fn maps_are_written_as_pairs() {
        let map = Attrs::from([
            ("z k", Value::from("a=b")),
            ("b", Value::from("say \"x\"")),
            ("a", Value::list([Value::Int(1), Value::Bool(true)])),
            ("n", Value::Empty),
        ]);
        assert_eq!(write(&map, "=", " ", false).unwrap(), r#""z k"="a=b" b="say \"x\"" a=[1,true] n="#);
        assert_eq!(write(&map, ":", ",", true).unwrap(), r#"a:"[1,true]",b:say \"x\",n:,z k:a=b"#);
        assert_eq!(write(&Attrs::EMPTY, "=", " ", false).unwrap(), "");
    }

    proptest! {
        #[test]
        fn prop_plain_pairs_are_read_as_they_are_written(pairs in proptest::collection::vec(("[a-zé]{1,8}", "[a-z0-9日]{0,8}"), 1..20)) {
            let map: Attrs = pairs.iter().enumerate().map(|(n, (key, value))| KeyValue::new(format!("{n}{key}"), value.as_str())).collect();
            let Ok(Val::Map(read)) = parse(&write(&map, "=", " ", false).unwrap(), "=", " ") else { panic!("not read") };
            prop_assert_eq!(read, map);
        }

        #[test]
        fn prop_any_text_is_read_or_refused(text in "[=\\- '\"\\\\aé]{0,40}", delimiter in "[=é']{1,2}") {
            let _ = parse(&text, &delimiter, " ");
        }
    }
}
