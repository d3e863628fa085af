//! Facts of upstream's functions, seen on v0.132.0, and the bounds.

use super::*;
use crate::editors::testing::edit;
use warren_pdata::Attrs;

fn attrs() -> Attrs {
    Attrs::from([("s", Value::from("text")), ("l", Value::list([])), ("b", Value::bytes([1, 255])), ("k1", "te".into())])
}

fn outcomes(cases: &[(&str, &str, &str)]) {
    for (statement, key, expected) in cases {
        let outcome = match edit(&attrs(), statement) {
            Ok(edited) => format!("{:?}", edited.get(key)),
            Err(error) => error,
        };
        assert!(outcome.contains(expected), "{statement}: {outcome}");
    }
}

/// Results of upstream's `replace_match`.
#[test]
fn whole_texts_that_match_are_replaced() {
    outcomes(&[
        (r#"replace_match(log.attributes["s"], "t*t", "new")"#, "s", r#"Str("new")"#),
        (r#"replace_match(log.attributes["s"], "t", "new")"#, "s", r#"Str("text")"#),
        (r#"replace_match(log.attributes["s"], "text", "new", MD5, "<%s>")"#, "s", "<22af645d1859cb5ca6da0c484f1f37ea>"),
        (r#"replace_match(log.attributes["s"], "zzz", "new", MD5, "<%d>")"#, "s", "replacementFormat must be format string"),
        (r#"replace_match(log.attributes["s"], "zzz", log.attributes["no"])"#, "s", "expected string but got nil"),
        (r#"replace_match(log.attributes["s"], "text", "new", FNV)"#, "s", "replacement value is not a string"),
        (r#"replace_match(log.attributes["no"], "*", "x")"#, "no", "None"),
        (r#"replace_match(log.attributes["l"], "*", "x")"#, "l", "List([])"),
        (
            r#"replace_match(log.attributes["s"], "t[", "x")"#,
            "s",
            "the pattern supplied to replace_match is not a valid pattern: unexpected end of input",
        ),
    ]);
}

#[test]
fn whole_texts_of_a_map_are_replaced() {
    outcomes(&[
        (r#"replace_all_matches(log.attributes, "te*", "x")"#, "k1", r#"Str("x")"#),
        (r#"replace_all_matches(log.attributes, "te*", "x")"#, "b", "Bytes([1, 255])"),
        (r#"replace_all_matches(log.attributes, "text", "x", SHA1, "%s!")"#, "s", "11f6ad8ec52a2984abaafd7c3b516503785c2072!"),
        (r#"replace_all_matches(log.attributes["s"], "te*", "x")"#, "s", "expected pcommon.Map but got string"),
    ]);
    assert!(edit(&attrs(), r#"replace_all_matches(log.attributes, "te*", "x")"#).is_ok());
}

/// Results of upstream's `replace_pattern`.
#[test]
fn matches_are_replaced_with_groups_expanded() {
    outcomes(&[
        (r#"replace_pattern(log.attributes["s"], "t(.)", "$1-$$-${1}x$2")"#, "s", r#"Str("e-$-exxt")"#),
        (r#"replace_pattern(log.attributes["s"], "", "-")"#, "s", r#"Str("-t-e-x-t-")"#),
        (
            r#"replace_pattern(log.attributes["s"], "t", "a", ToUpperCase, "%s%s%")"#,
            "s",
            r#"Str("A%!s(MISSING)%!(NOVERB)exA%!s(MISSING)%!(NOVERB)")"#,
        ),
        (r#"replace_pattern(log.attributes["s"], "t", "tt", ToLowerCase)"#, "s", r#"Str("ttttextttt")"#),
        (r#"replace_pattern(log.attributes["s"], "e|x", "<$0>", ToUpperCase)"#, "s", r#"Str("t<E><X>t")"#),
        (r#"replace_pattern(log.attributes["s"], "t", "x", replacement_format="%d")"#, "s", r#"Str("xexx")"#),
        (r#"replace_pattern(log.attributes["s"], "t", "x", FNV)"#, "s", "the replacement value must be a string"),
        (r#"replace_pattern(log.attributes["s"], "t", log.attributes["no"])"#, "s", "expected string but got nil"),
        (r#"replace_pattern(log.attributes["no"], "t", log.attributes["no"])"#, "no", "None"),
        (r#"replace_pattern(log.attributes["l"], "t", "x")"#, "l", "List([])"),
        (
            r#"replace_pattern(log.attributes["s"], "(", "x")"#,
            "s",
            "the regex pattern supplied to replace_pattern is not a valid pattern: error parsing regexp",
        ),
    ]);
    let empty = format!("Str({:?})", format!("{0}t{0}e{0}x{0}t{0}", "-".repeat(31)));
    outcomes(&[(r#"replace_pattern(log.attributes["s"], "", "-", ToLowerCase)"#, "s", &empty)]);
}

#[test]
fn matches_of_a_map_are_replaced_in_keys_or_values() {
    let show = |statement: &str| edit(&attrs(), statement).map(|edited| format!("{edited:?}"));
    assert_eq!(
        show(r#"replace_all_patterns(log.attributes, "value", "e", "E")"#).unwrap(),
        r#"{"s": Str("tExt"), "l": List([]), "b": Bytes([1, 255]), "k1": Str("tE")}"#
    );
    assert_eq!(
        show(r#"replace_all_patterns(log.attributes, "key", "^[slk]\\d?$", "k")"#).unwrap(),
        r#"{"k": Str("te"), "b": Bytes([1, 255])}"#
    );
    assert_eq!(
        show(r#"replace_all_patterns(log.attributes, "key", "s", "$0$0", ToUpperCase)"#).unwrap(),
        r#"{"SS": Str("text"), "l": List([]), "b": Bytes([1, 255]), "k1": Str("te")}"#
    );
    let error = show(r#"replace_all_patterns(log.attributes, "values", "e", "E")"#).unwrap_err();
    assert!(error.contains("invalid mode values, must be either 'key' or 'value'"), "{error}");
    // Upstream swallows the error and drops this and all other attributes.
    let error = show(r#"replace_all_patterns(log.attributes, "value", "e", "E", FNV)"#).unwrap_err();
    assert!(error.contains("the replacement value must be a string"), "{error}");
}

#[test]
fn growth_ends_at_a_bound() {
    let long = Attrs::from([("s", "a".repeat(1 << 14))]);
    for statement in [
        format!(r#"replace_pattern(log.attributes["s"], "", "{}")"#, "x".repeat(1200)),
        format!(r#"replace_pattern(log.attributes["s"], "a", "{}", ToLowerCase)"#, "a".repeat(100)),
        r#"replace_pattern(log.attributes["s"], "", "", SHA256)"#.to_owned(),
    ] {
        let error = edit(&long, &statement).unwrap_err();
        assert!(error.contains("bytes") || error.contains("too many matches"), "{error}");
    }
    // What differs from match to match is converted anew each time.
    let mixed = Attrs::from([("s", "ab".repeat(1 << 18))]);
    let error = edit(&mixed, r#"replace_pattern(log.attributes["s"], "[ab]", "$0", ToUpperCase)"#).unwrap_err();
    assert!(error.contains("too many matches"), "{error}");
    // Many matches of one text are replaced at once.
    let edited = edit(&long, r#"replace_pattern(log.attributes["s"], "a", "b", ToUpperCase)"#).unwrap();
    assert_eq!(edited.get("s"), Some(&Value::from("B".repeat(1 << 14))));
}
