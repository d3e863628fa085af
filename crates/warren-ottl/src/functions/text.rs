//! Texts: joined, cut, and looked at.

use super::within_bounds;
use crate::function::{Args, Call, Converter, Kind, Yields, optional, param};
use crate::getter::hexadecimal;
use crate::record::Failure;
use crate::value::{ItemType, Val};
use warren_pdata::{Text, Value};

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("String", &[param("target", Kind::StrLike)], Str, |args| Ok(args.get(0).clone())),
    converter!("Substring", &[param("target", Kind::Str), param("start", Kind::Int), param("length", Kind::Int)], Str, substring),
    converter!("Hex", &[param("target", Kind::BytesLike)], Str, |args| {
        let mut out = String::new();
        if let Val::Bytes(bytes) = args.get(0) {
            within_bounds(bytes.len() * 2)?;
            hexadecimal(&mut out, bytes);
        }
        Ok(out.into())
    }),
    Converter {
        name: "Concat",
        params: &[param("vals", Kind::StrLikeItems), param("delimiter", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let delimiter = Text::from(literals.text(1).unwrap_or_default());
            let same = delimiter.clone();
            let call = Call::new(move |args| {
                let mut joined = String::new();
                for (at, item) in args.items.iter().enumerate() {
                    join(at, shown(item), &delimiter, &mut joined)?;
                }
                Ok(joined.into())
            });
            Ok(call.appending(move |at, item, joined| join(at, item, &same, joined)))
        },
    },
    Converter {
        name: "Split",
        params: &[param("target", Kind::Str), param("delimiter", Kind::LitStr)],
        yields: Yields::List,
        bind: |literals| {
            let delimiter = Text::from(literals.text(1).unwrap_or_default());
            super::call(move |args| Ok(split(args.text(0), &delimiter)))
        },
    },
    Converter {
        name: "Trim",
        params: &[param("target", Kind::Str), optional("replacement", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let set = Text::from(literals.text(1).unwrap_or(" "));
            super::call(move |args| Ok(args.text(0).trim_matches(|c| set.contains(c)).into()))
        },
    },
    Converter {
        name: "HasPrefix",
        params: &[param("target", Kind::Str), param("prefix", Kind::LitStr)],
        yields: Yields::Bool,
        bind: |literals| {
            let prefix = Text::from(literals.text(1).unwrap_or_default());
            Ok(Call::testing(move |text| text.starts_with(prefix.as_str())))
        },
    },
    Converter {
        name: "HasSuffix",
        params: &[param("target", Kind::Str), param("suffix", Kind::LitStr)],
        yields: Yields::Bool,
        bind: |literals| {
            let suffix = Text::from(literals.text(1).unwrap_or_default());
            Ok(Call::testing(move |text| text.ends_with(suffix.as_str())))
        },
    },
];

fn shown(item: &Val) -> &str {
    match item {
        Val::Str(text) => text,
        _ => "<nil>",
    }
}

/// Appends the item at a place, behind a delimiter if it is not the first.
fn join(at: usize, item: &str, delimiter: &str, out: &mut String) -> Result<(), Failure> {
    if at > 0 {
        out.push_str(delimiter);
    }
    within_bounds(out.len() + item.len())?;
    out.push_str(item);
    Ok(())
}

fn split(text: &str, delimiter: &str) -> Val {
    let items: Vec<Value> = if delimiter.is_empty() {
        text.chars().map(|c| Value::from(&*c.encode_utf8(&mut [0; 4]))).collect()
    } else {
        text.split(delimiter).map(Value::from).collect()
    };
    Val::Typed(ItemType::Str, triomphe::Arc::new(items))
}

/// Bytes of the text from a place on. What is left of a character that was cut is replaced, for text is always UTF-8.
fn substring(args: Args<'_>) -> Result<Val, Failure> {
    let (text, start, length) = (args.text(0), args.int(1).unwrap_or_default(), args.int(2).unwrap_or_default());
    if start < 0 {
        return Err(Failure::new(format!("invalid start for substring function, {start} cannot be negative")));
    }
    if length <= 0 {
        return Err(Failure::new(format!("invalid length for substring function, {length} cannot be negative or zero")));
    }
    let end = start.saturating_add(length);
    let Some(part) = text.as_bytes().get(start as usize..end as usize) else {
        return Err(Failure::new(format!(
            "invalid range for substring function, {end} cannot be greater than the length of target string({})",
            text.len()
        )));
    };
    Ok(match std::str::from_utf8(part) {
        Ok(part) => part.into(),
        Err(_) => repaired(part).into(),
    })
}

/// The text with every byte that belongs to no character replaced.
fn repaired(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 4);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bytes, list, map, show};
    use super::*;

    /// Results of upstream's functions.
    #[test]
    fn texts_are_joined_with_their_text_forms() {
        let vals = || list([Value::Int(1), Value::Empty, "x".into(), Value::bytes([1]), Value::Double(1e-7)]);
        assert_eq!(show("Concat", &[vals(), "-".into()]), "\"1-<nil>-x-01-1e-07\"");
        assert_eq!(show("Concat", &[list([] as [Value; 0]), "-".into()]), "\"\"");
        assert_eq!(show("String", &[map([("a", 1i64)])]), "\"{\\\"a\\\":1}\"");
        assert_eq!(show("String", &[Val::Nil]), "nil");
    }

    #[test]
    fn texts_beyond_the_bound_are_not_made() {
        let half = Value::from("x".repeat(super::super::TEXT_BYTES_MAX / 2 + 1));
        let error = show("Concat", &[list([half.clone(), half]), "".into()]);
        assert!(error.starts_with("error: the resulting text would have"), "{error}");
    }

    #[test]
    fn texts_are_split_at_a_delimiter_or_into_characters() {
        for (text, delimiter, expected) in [
            ("a|b|", "|", "strings [\"a\", \"b\", \"\"]"),
            ("", "|", "strings [\"\"]"),
            ("aéb", "", "strings [\"a\", \"é\", \"b\"]"),
            ("", "", "strings []"),
        ] {
            assert_eq!(show("Split", &[text.into(), delimiter.into()]), expected);
        }
    }

    #[test]
    fn parts_are_counted_in_bytes() {
        for (start, length, expected) in [
            (0, 1, "\"h\""),
            (1, 2, "\"é\""),
            (0, 2, "\"h\u{fffd}\""),
            (2, 2, "\"\u{fffd}l\""),
            (1, 0, "error: invalid length for substring function, 0 cannot be negative or zero"),
            (-1, 1, "error: invalid start for substring function, -1 cannot be negative"),
            (1, 9, "error: invalid range for substring function, 10 cannot be greater than the length of target string(6)"),
        ] {
            assert_eq!(show("Substring", &["héllo".into(), Val::Int(start), Val::Int(length)]), expected);
        }
        assert!(show("Substring", &["a".into(), Val::Int(i64::MAX), Val::Int(i64::MAX)]).starts_with("error: invalid range"));
    }

    #[test]
    fn ends_are_looked_at_and_trimmed() {
        assert_eq!(show("Trim", &[" a ".into()]), "\"a\"");
        assert_eq!(show("Trim", &["éxaéx".into(), "xé".into()]), "\"a\"");
        assert_eq!(show("Trim", &[" a ".into(), "".into()]), "\" a \"");
        assert_eq!(show("HasPrefix", &["abc".into(), "ab".into()]), "true");
        assert_eq!(show("HasSuffix", &["abc".into(), "ab".into()]), "false");
    }

    #[test]
    fn bytes_are_written_in_hexadecimal_digits() {
        for (target, expected) in [
            (Val::Int(1), "\"0000000000000001\""),
            (Val::Bool(true), "\"01\""),
            (Val::Float(1.5), "\"3ff8000000000000\""),
            ("ab".into(), "\"6162\""),
            (bytes(&[0xff]), "\"ff\""),
            (Val::Nil, "\"\""),
        ] {
            assert_eq!(show("Hex", &[target]), expected);
        }
    }
}
