//! Secrets by reference.
//!
//! A document says `${secret:NAME@VERSION}` where a secret is to stand. Text that comes from people is escaped, so that it can say no such
//! thing: `$` becomes `$$`, which is also how the collector wants it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What stands before and behind a reference.
const MARKS: (&str, &str) = ("${secret:", "}");

/// A secret by its name and version. Written `NAME@VERSION`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretRef {
    /// Its name: letters, digits, `-`, `_`, `.` and `/`.
    pub name: String,
    /// Its version.
    pub version: i64,
}

/// A secret that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no secret {0}")]
pub struct Unknown(pub SecretRef);

impl SecretRef {
    /// How a document refers to it.
    pub fn placeholder(&self) -> String {
        format!("{}{self}{}", MARKS.0, MARKS.1)
    }
}

impl PartialSchema for SecretRef {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for SecretRef {}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for SecretRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} refers to no secret; write NAME@VERSION");
        let (name, version) = text.rsplit_once('@').ok_or_else(wrong)?;
        let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        if name.is_empty() || name.len() > 200 || !letters {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), version: version.parse().map_err(|_| wrong())? })
    }
}

impl TryFrom<String> for SecretRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}

/// Text as it stands in a document: what a reference looks like is none any more.
pub fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

/// A document's text with its secrets in it. They are escaped for the collector, and for JSON, in whose strings they stand.
///
/// # Errors
/// The first reference to a secret that `find` does not know.
pub fn reveal(document: &str, find: &dyn Fn(&SecretRef) -> Option<String>) -> Result<String, Unknown> {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("$$") {
            out.push_str("$$");
            rest = after;
            continue;
        }
        let reference = from.strip_prefix(MARKS.0).and_then(|inner| inner.split_once(MARKS.1));
        match reference.and_then(|(inside, after)| Some((inside.parse::<SecretRef>().ok()?, after))) {
            Some((secret, after)) => {
                let value = find(&secret).ok_or(Unknown(secret))?;
                let quoted = serde_json::Value::String(escape(&value)).to_string();
                out.push_str(quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default());
                rest = after;
            }
            None => {
                out.push('$');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> SecretRef {
        "int-3/api_key@2".parse().unwrap()
    }

    proptest! {
        #[test]
        fn what_people_write_is_never_taken_for_a_reference(text in "(\\PC|\\$|\\$\\{secret:a@1\\}){0,8}") {
            let document = serde_json::Value::String(escape(&text)).to_string();
            prop_assert_eq!(reveal(&document, &|_| None).unwrap(), document);
        }

        #[test]
        fn any_secret_arrives_whole(value in "\\PC{0,40}") {
            let document = serde_json::json!({"k": format!("a {} b", secret().placeholder())}).to_string();
            let revealed = reveal(&document, &|_| Some(value.clone())).unwrap();
            let parsed: serde_json::Value = serde_json::from_str(&revealed).unwrap();
            prop_assert_eq!(parsed["k"].as_str().unwrap(), format!("a {} b", escape(&value)));
        }
    }

    #[test]
    fn a_secret_that_is_missing_is_told() {
        let document = format!("\"{}\"", secret().placeholder());
        assert_eq!(reveal(&document, &|_| None), Err(Unknown(secret())));
    }

    #[test]
    fn references_have_a_name_and_a_version() {
        for text in ["", "a", "@1", "a@", "a b@1", "a@x", "a}@1"] {
            assert!(text.parse::<SecretRef>().is_err(), "{text}");
        }
    }
}
