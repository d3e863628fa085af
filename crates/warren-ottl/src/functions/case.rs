//! Upper, lower, snake and camel case.

use super::text_of;
use crate::function::{Call, Converter, Kind, Param, Yields, param};
use crate::value::Val;
use warren_pdata::Text;

const TARGET: &[Param] = &[param("target", Kind::Str)];

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    converter!("ToLowerCase", TARGET, Str, |args| Ok(Val::Str(lower(args.text(0))))),
    converter!("ToUpperCase", TARGET, Str, |args| Ok(Val::Str(upper(args.text(0))))),
    converter!("ToSnakeCase", TARGET, Str, |args| Ok(snake(args.text(0)).into())),
    converter!("ToCamelCase", TARGET, Str, |args| Ok(camel(args.text(0)).into())),
    Converter {
        name: "ConvertCase",
        params: &[param("target", Kind::Str), param("to_case", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let convert: fn(&str) -> Text = match literals.text(1).unwrap_or_default() {
                "lower" => lower,
                "upper" => upper,
                "snake" => |text| snake(text).into(),
                "camel" => |text| camel(text).into(),
                other => return Err(format!("invalid case: {other}, allowed cases are: lower, upper, snake, camel")),
            };
            let call = Call::new(move |args| Ok(Val::Str(convert(args.text(0)))));
            Ok(call.of_text(move |text| Ok(Val::Str(convert(text)))))
        },
    },
];

/// Each letter by itself; one whose counterpart is not a single letter stays, but for the dotted capital I.
fn lower(text: &str) -> Text {
    if text.is_ascii() {
        return ascii(text, <[u8]>::make_ascii_lowercase);
    }
    text.chars().map(|c| if c == '\u{130}' { 'i' } else { counterpart(c, c.to_lowercase()) }).collect::<String>().into()
}

fn upper(text: &str) -> Text {
    if text.is_ascii() {
        return ascii(text, <[u8]>::make_ascii_uppercase);
    }
    text.chars().map(|c| counterpart(c, c.to_uppercase())).collect::<String>().into()
}

/// ASCII letters changed where the text lies in the end.
fn ascii(text: &str, change: fn(&mut [u8])) -> Text {
    text_of(text.len(), |room| {
        room.copy_from_slice(text.as_bytes());
        change(room);
    })
}

fn counterpart(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

/// Words of a name are where the kind of ASCII letter changes and at ` `, `_`, `-` and `.`; `JSONData` has two.
fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before: Option<char> = None;
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or('\0');
        let into_number = next.is_ascii_digit();
        let changes = match c {
            'A'..='Z' => next.is_ascii_lowercase() || into_number,
            'a'..='z' => next.is_ascii_uppercase() || into_number,
            '0'..='9' => next.is_ascii_alphabetic(),
            _ => false,
        };
        let ends_acronym =
            c.is_ascii_uppercase() && next.is_ascii_lowercase() && before.is_some_and(|before| before.is_ascii_uppercase());
        if changes && ends_acronym {
            out.push('_');
        }
        out.push(if matches!(c, ' ' | '_' | '-' | '.') { '_' } else { c.to_ascii_lowercase() });
        if changes && (!c.is_ascii_uppercase() || into_number) {
            out.push('_');
        }
        before = Some(c);
    }
    out
}

/// Words begin in upper case, also after numbers; acronyms lose theirs, and whatever is no ASCII letter or digit is dropped.
fn camel(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut begins, mut after_capital) = (true, false);
    for c in text.trim().chars() {
        let letter = if begins {
            c.to_ascii_uppercase()
        } else if after_capital {
            c.to_ascii_lowercase()
        } else {
            c
        };
        after_capital = c.is_ascii_uppercase();
        match c {
            'a'..='z' | 'A'..='Z' => {
                out.push(letter);
                begins = false;
            }
            '0'..='9' => {
                out.push(c);
                begins = true;
            }
            _ => begins = matches!(c, '_' | ' ' | '-' | '.'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::show;
    use super::*;

    /// Results of upstream's functions.
    #[test]
    fn names_are_written_in_snake_case() {
        for (text, expected) in [
            ("", ""),
            ("HTTPServerURL2go", "http_server_url_2_go"),
            ("JSONData", "json_data"),
            ("simpleString", "simple_string"),
            ("CPUUtilizationMetric", "cpu_utilization_metric"),
            ("a-b.c d_e", "a_b_c_d_e"),
            (" aB ", "a_b"),
            ("ÄpfelUndÖl", "Äpfel_undÖl"),
            ("ABC", "abc"),
            ("a1B2", "a_1_b_2"),
            ("A1", "a_1"),
        ] {
            assert_eq!(snake(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_written_in_camel_case() {
        for (text, expected) in [
            ("", ""),
            ("http_server-url", "HttpServerUrl"),
            ("simple_string", "SimpleString"),
            ("HTTP_METHOD", "HttpMethod"),
            ("a1b", "A1B"),
            ("été_x", "tX"),
            ("_foo_", "Foo"),
        ] {
            assert_eq!(camel(text), expected, "{text}");
        }
    }

    #[test]
    fn letters_change_one_by_one() {
        assert_eq!(lower("ÀÉ ΑΣ İ"), "àé ασ i");
        assert_eq!(upper("straße ǆ é"), "STRAßE Ǆ É");
        assert_eq!(show("ConvertCase", &["aB".into(), "upper".into()]), "\"AB\"");
        assert_eq!(show("ToSnakeCase", &["aB".into()]), "\"a_b\"");
        assert_eq!(
            show("ConvertCase", &["a".into(), "title".into()]),
            "error: invalid case: title, allowed cases are: lower, upper, snake, camel"
        );
        assert_eq!(show("ToLowerCase", &[Val::Int(1)]), "error: expected string but got int64");
    }
}
