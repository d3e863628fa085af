//! Label names.

use std::borrow::Cow;

/// The label for an attribute key: what is not an ASCII letter or digit becomes `_`, a leading digit gets `key_` before it, a single
/// leading underscore `key`. Two leading underscores stay. The empty key gives the empty name, which no receiver takes.
pub fn label_name(key: &str) -> Cow<'_, str> {
    let clean = if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        Cow::Borrowed(key)
    } else {
        Cow::Owned(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect())
    };
    match clean.as_bytes() {
        [b'0'..=b'9', ..] => Cow::Owned(format!("key_{clean}")),
        [b'_'] => Cow::Borrowed("key_"),
        [b'_', second, ..] if *second != b'_' => Cow::Owned(format!("key{clean}")),
        _ => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The cases of `otlptranslator` `normalize_label_test.go` at 94f535e0c588, and edges of the source.
    #[test]
    fn attribute_keys_become_labels() {
        for (key, label) in [
            ("", ""),
            ("label:with:colons", "label_with_colons"),
            ("LabelWithCapitalLetters", "LabelWithCapitalLetters"),
            ("label!with&special$chars)", "label_with_special_chars_"),
            ("label_with_foreign_characters_字符", "label_with_foreign_characters___"),
            ("label.with.dots", "label_with_dots"),
            ("123label", "key_123label"),
            ("_label_starting_with_underscore", "key_label_starting_with_underscore"),
            ("__label_starting_with_2underscores", "__label_starting_with_2underscores"),
            ("__name__", "__name__"),
            ("_", "key_"),
            ("/", "key_"),
            ("//", "__"),
            (".a", "key_a"),
            ("é", "key_"),
        ] {
            assert_eq!(label_name(key), label, "{key}");
        }
    }

    proptest! {
        #[test]
        fn prop_a_label_of_a_key_is_valid(key in ".+") {
            let label = label_name(&key);
            prop_assert!(label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
            prop_assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{label}");
        }
    }
}
