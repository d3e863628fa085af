//! Names of components and pipelines: `type[/name]` and `signal[/name]`.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use arcstr::ArcStr;
use regex::Regex;
use warren_pdata::Signal;

/// The longest name after the slash, in bytes.
const MAX_NAME: usize = 1024;

/// The longest type, in bytes.
const MAX_TYPE: usize = 63;

/// A component's id: its type and, when one type is used several times, a name. `otlphttp/loki`.
///
/// Cloning is cheap. The grammar is that of `component/identifiable.go`: both sides are trimmed, the type is
/// `^[a-zA-Z][0-9a-zA-Z_]{0,62}$`, the name is anything without separators, control characters and symbols.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    kind: ArcStr,
    name: ArcStr,
}

/// A pipeline's id: its signal and, when one signal has several pipelines, a name. `metrics/broker`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    signal: Signal,
    name: ArcStr,
}

/// Why a text is no id. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing at all.
    #[error("id must not be empty")]
    Empty,
    /// `/name`.
    #[error("in {0:?} id: the part before / should not be empty")]
    EmptyType(String),
    /// `type/`.
    #[error("in {0:?} id: the part after / should not be empty")]
    EmptyName(String),
    /// The type breaks the grammar.
    #[error("in {id:?} id: invalid character(s) in type {kind:?}")]
    Type {
        /// The whole text.
        id: String,
        /// Its type.
        kind: String,
    },
    /// The name breaks the grammar.
    #[error("in {0:?} id: invalid character(s) in name {0:?}")]
    Name(String),
    /// The name is too long.
    #[error("in {name:?} id: name {name:?} is longer than 1024 characters ({length} characters)")]
    LongName {
        /// The name, shortened.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// No signal of that name.
    #[error("in {id:?} id: unknown pipeline signal: {signal:?}")]
    Signal {
        /// The whole text.
        id: String,
        /// Its signal.
        signal: String,
    },
    /// Profiles, which Warren does not carry.
    #[error(
        "pipeline {0:?}: profiling signal support is at alpha level, gated under the \"service.profilesSupport\" feature gate"
    )]
    Profiles(String),
}

impl ComponentId {
    /// The id of a type used once, without a name. The type must be valid: it comes from a factory.
    pub fn of_type(kind: &'static str) -> Self {
        Self { kind: ArcStr::from(kind), name: ArcStr::new() }
    }

    /// The type: `otlphttp`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name after the slash, empty when there is none: `loki`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl PipelineId {
    /// The id of a signal's pipeline without a name.
    pub fn of_signal(signal: Signal) -> Self {
        Self { signal, name: ArcStr::new() }
    }

    /// The signal it carries.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The name after the slash, empty when there is none.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for ComponentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (kind, name) = split(text)?;
        let mut bytes = kind.bytes();
        let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && kind.len() <= MAX_TYPE;
        if !valid {
            return Err(IdError::Type { id: text.to_owned(), kind: kind.to_owned() });
        }
        Ok(Self { kind: kind.into(), name: name.into() })
    }
}

impl FromStr for PipelineId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (signal, name) = split(text)?;
        if signal == "profiles" {
            return Err(IdError::Profiles(text.trim().to_owned()));
        }
        let signal = Signal::ALL
            .into_iter()
            .find(|known| known.name() == signal)
            .ok_or_else(|| IdError::Signal { id: text.to_owned(), signal: signal.to_owned() })?;
        Ok(Self { signal, name: name.into() })
    }
}

/// Splits an id at its first slash, trims both sides and checks the name.
fn split(text: &str) -> Result<(&str, &str), IdError> {
    let (head, name) = match text.split_once('/') {
        Some((head, name)) => (head.trim(), Some(name.trim())),
        None => (text.trim(), None),
    };
    match (head, name) {
        ("", None) => Err(IdError::Empty),
        ("", Some(_)) => Err(IdError::EmptyType(text.to_owned())),
        (_, None) => Ok((head, "")),
        (_, Some("")) => Err(IdError::EmptyName(text.to_owned())),
        (_, Some(name)) if name.len() > MAX_NAME => {
            let shown = name.chars().take(32).chain("...".chars()).collect();
            Err(IdError::LongName { name: shown, length: name.len() })
        }
        (_, Some(name)) if !is_name(name) => Err(IdError::Name(name.to_owned())),
        (_, Some(name)) => Ok((head, name)),
    }
}

/// No separator, no control or unassigned character, no symbol. ASCII is decided without the Unicode tables.
fn is_name(name: &str) -> bool {
    static UNICODE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[^\pZ\pC\pS]+$").ok());
    if name.is_ascii() {
        name.bytes().all(|b| b.is_ascii_graphic() && !b"$+<=>^`|~".contains(&b))
    } else {
        UNICODE.as_ref().is_some_and(|pattern| pattern.is_match(name))
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, &self.kind, &self.name)
    }
}

impl fmt::Debug for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, self.signal.name(), &self.name)
    }
}

impl fmt::Debug for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn write_id(f: &mut fmt::Formatter<'_>, head: &str, name: &str) -> fmt::Result {
    f.write_str(head)?;
    if !name.is_empty() {
        write!(f, "/{name}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_an_id_are_trimmed() {
        let id: ComponentId = "   valid_type   /   valid_name  ".parse().unwrap();
        assert_eq!((id.kind(), id.name()), ("valid_type", "valid_name"));
        assert_eq!(id.to_string(), "valid_type/valid_name");
    }

    #[test]
    fn ids_that_upstream_accepts_are_accepted() {
        // opentelemetry-collector component/identifiable_test.go, v0.132.0
        for text in ["valid_type", "valid_type/中文好", "valid_type/name-with-dashes", "valid_type/1", "a/b/c", "A1_/x.y:z@1"]
        {
            assert_eq!(text.parse::<ComponentId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn ids_that_upstream_refuses_are_refused_in_its_words() {
        // opentelemetry-collector component/identifiable_test.go, v0.132.0
        let cases = [
            ("", "id must not be empty"),
            ("      ", "id must not be empty"),
            ("/x", "in \"/x\" id: the part before / should not be empty"),
            ("     /x", "in \"     /x\" id: the part before / should not be empty"),
            ("batch/", "in \"batch/\" id: the part after / should not be empty"),
            ("batch/   ", "in \"batch/   \" id: the part after / should not be empty"),
            ("ba-tch", "in \"ba-tch\" id: invalid character(s) in type \"ba-tch\""),
            ("1a", "in \"1a\" id: invalid character(s) in type \"1a\""),
            ("a/b c", "in \"b c\" id: invalid character(s) in name \"b c\""),
            ("a/b$c", "in \"b$c\" id: invalid character(s) in name \"b$c\""),
            ("a/b\u{a0}c€", "in \"b\u{a0}c€\" id: invalid character(s) in name \"b\u{a0}c€\""),
        ];
        for (text, message) in cases {
            let error = text.parse::<ComponentId>().unwrap_err();
            assert_eq!(error.to_string().replace("\\u{a0}", "\u{a0}"), message);
        }
        assert!("a".repeat(64).parse::<ComponentId>().is_err());
        assert!("a".repeat(63).parse::<ComponentId>().is_ok());
        assert!(format!("a/{}", "b".repeat(1025)).parse::<ComponentId>().is_err());
        assert!(format!("a/{}", "b".repeat(1024)).parse::<ComponentId>().is_ok());
    }

    #[test]
    fn pipelines_are_named_after_their_signal() {
        let id: PipelineId = "metrics/broker".parse().unwrap();
        assert_eq!((id.signal(), id.name(), id.to_string().as_str()), (Signal::Metrics, "broker", "metrics/broker"));
        let error = "metrix".parse::<PipelineId>().unwrap_err();
        assert_eq!(error.to_string(), "in \"metrix\" id: unknown pipeline signal: \"metrix\"");
        assert!("profiles".parse::<PipelineId>().unwrap_err().to_string().contains("service.profilesSupport"));
    }
}
