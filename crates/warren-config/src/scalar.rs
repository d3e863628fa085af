//! Scalars: settings that are one value, and how a value becomes one.
//!
//! The rules are those of `mapstructure` v2.4 without weak typing, as `confmap` uses it: no conversion between text, numbers and
//! booleans, but a float into an integer is truncated, and an expanded `${...}` reaches a text field as its original text.

use std::time::Duration;

use crate::diagnostic::Severity;
use crate::duration::{self, GoDuration};
use crate::{ByteSize, ComponentId, Node, PipelineId, Report, Secret, Value};

/// A setting that is one value. Implemented for numbers, texts, durations, ids and, through [`Keyword`], for enumerations.
pub trait Scalar: Sized {
    /// The type's name in messages, in Go's spelling: `uint32`, `time.Duration`.
    const TYPE: &'static str;

    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// Whether the type is text: it then takes the original text of an expanded `${...}` whatever the text looks like.
    const TEXT: bool = false;

    /// The value from what stands in the configuration; never called with [`Value::Null`].
    fn decode(value: &Value) -> Result<Self, ScalarError>;

    /// What null sets.
    fn zero() -> Result<Self, ScalarError>;

    /// The value as it would be written.
    fn encode(&self) -> Value;

    /// A word about a value that is accepted but probably not meant.
    fn doubt(_value: &Value) -> Option<String> {
        None
    }
}

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScalarError {
    /// A value of another type.
    Type,
    /// A value of the right type that is not allowed, in words.
    Value(String),
    /// The same with a word on how to put it right.
    Hint(String, String),
}

/// An enumeration written as a word. Gives [`Scalar`].
///
/// ```
/// use warren_config::Keyword;
///
/// #[derive(Clone, Copy, PartialEq)]
/// enum Sizer { Requests, Items }
///
/// impl Keyword for Sizer {
///     const TYPE: &'static str = "exporterhelper.RequestSizerType";
///     const WORDS: &'static [(&'static str, Self)] = &[("requests", Sizer::Requests), ("items", Sizer::Items)];
///     fn unknown(word: &str) -> String { format!("invalid sizer: {word:?}") }
/// }
/// ```
pub trait Keyword: Copy + PartialEq + 'static {
    /// The type's name in messages, in Go's spelling.
    const TYPE: &'static str;

    /// The words and what they mean. The first word of a meaning is the one it is written with.
    const WORDS: &'static [(&'static str, Self)];

    /// Whether case does not matter.
    const IGNORE_CASE: bool = false;

    /// Upstream's text for a word that is not among them. The nearest word is added as a hint.
    fn unknown(word: &str) -> String;

    /// Whether upstream keeps it as a number (`configtelemetry.Level`): then an integer is accepted, null is the number 0, and an
    /// expanded `${...}` is taken by its typed value.
    const NUMERIC: bool = false;

    /// What an integer means, when [`Keyword::NUMERIC`].
    fn from_integer(_number: i64) -> Option<Self> {
        None
    }
}

/// Decodes a node, telling the report what does not fit. Null gives the zero value.
pub(crate) fn decode<T: Scalar>(node: &Node, report: &mut Report<'_>) -> Option<T> {
    let result = if T::TEXT
        && let Some(original) = &node.original
    {
        T::decode(&Value::String(original.to_string()))
    } else if node.is_null() {
        T::zero()
    } else {
        T::decode(&node.value)
    };
    match result {
        Ok(value) => {
            if let Some(doubt) = T::doubt(&node.value) {
                report.tell(Severity::Warning, "questionable-value", "", doubt, None);
            }
            return Some(value);
        }
        Err(ScalarError::Type) => {
            let message = format!("expected type '{}', got unconvertible type '{}'", T::TYPE, node.value.go_type());
            report.decode_finding("wrong-type", &message, type_hint::<T>(&node.value), T::SECRET);
        }
        Err(ScalarError::Value(message)) => report.decode_finding("invalid-value", &message, None, T::SECRET),
        Err(ScalarError::Hint(message, hint)) => report.decode_finding("invalid-value", &message, Some(hint), T::SECRET),
    }
    None
}

fn type_hint<T: Scalar>(value: &Value) -> Option<String> {
    let scalar = !matches!(value, Value::String(_) | Value::List(_) | Value::Map(_));
    if T::TEXT && scalar {
        return Some("put the value in quotes to make it text".to_owned());
    }
    match (T::TYPE, value) {
        ("bool", Value::String(word)) if matches!(word.as_str(), "yes" | "no" | "on" | "off") => {
            Some("a switch is written true or false".to_owned())
        }
        _ => None,
    }
}

impl<T: Keyword> Scalar for T {
    const TYPE: &'static str = <T as Keyword>::TYPE;
    const TEXT: bool = !T::NUMERIC;

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        match value {
            Value::String(word) => T::WORDS
                .iter()
                .find(|(known, _)| if T::IGNORE_CASE { known.eq_ignore_ascii_case(word) } else { known == word })
                .map(|(_, meaning)| *meaning)
                .ok_or_else(|| unknown_word::<T>(word)),
            Value::Int(number) => T::from_integer(*number).ok_or(ScalarError::Type),
            Value::Float(number) if T::NUMERIC => T::from_integer(*number as i64).ok_or(ScalarError::Type),
            _ => Err(ScalarError::Type),
        }
    }

    fn zero() -> Result<Self, ScalarError> {
        Self::decode(&if T::NUMERIC { Value::Int(0) } else { Value::String(String::new()) })
    }

    fn encode(&self) -> Value {
        let word = T::WORDS.iter().find(|(_, meaning)| meaning == self).map_or("", |(word, _)| word);
        Value::String(word.to_owned())
    }
}

fn unknown_word<T: Keyword>(word: &str) -> ScalarError {
    let words = T::WORDS.iter().map(|(known, _)| *known).filter(|known| !known.is_empty());
    let hint = match crate::nearest::nearest(word, words.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("one of {}", words.collect::<Vec<_>>().join(", ")),
    };
    ScalarError::Hint(T::unknown(word), hint)
}

impl Scalar for bool {
    const TYPE: &'static str = "bool";

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(ScalarError::Type),
        }
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(false)
    }

    fn encode(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Scalar for String {
    const TYPE: &'static str = "string";
    const TEXT: bool = true;

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(ScalarError::Type),
        }
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(String::new())
    }

    fn encode(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Scalar for Secret {
    const TYPE: &'static str = "configopaque.String";
    const SECRET: bool = true;
    const TEXT: bool = true;

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        String::decode(value).map(Secret::new)
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(Secret::default())
    }

    fn encode(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}

impl Scalar for f64 {
    const TYPE: &'static str = "float64";

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        match value {
            Value::Int(number) => Ok(*number as f64),
            Value::Uint(number) => Ok(*number as f64),
            Value::Float(number) => Ok(*number),
            _ => Err(ScalarError::Type),
        }
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(0.0)
    }

    fn encode(&self) -> Value {
        Value::Float(*self)
    }
}

/// A whole number from a value, in the widest type. A float loses its fraction.
fn whole(value: &Value) -> Result<i128, ScalarError> {
    match value {
        Value::Int(number) => Ok(i128::from(*number)),
        Value::Uint(number) => Ok(i128::from(*number)),
        Value::Float(number) => Ok(*number as i128),
        _ => Err(ScalarError::Type),
    }
}

fn lost_fraction(value: &Value) -> Option<String> {
    match value {
        Value::Float(number) if number.fract() != 0.0 => {
            Some(format!("{number} is cut to {}: this setting is a whole number", number.trunc()))
        }
        _ => None,
    }
}

macro_rules! integer {
    ($($rust:ty => $go:literal, $overflow:literal;)*) => {$(
        impl Scalar for $rust {
            const TYPE: &'static str = $go;

            fn decode(value: &Value) -> Result<Self, ScalarError> {
                let number = whole(value)?;
                Self::try_from(number)
                    .map_err(|_| ScalarError::Value(format!("cannot parse value as '{}': {number} overflows {}", $go, $overflow)))
            }

            fn zero() -> Result<Self, ScalarError> {
                Ok(0)
            }

            fn encode(&self) -> Value {
                match i64::try_from(*self) {
                    Ok(number) => Value::Int(number),
                    Err(_) => Value::Uint(*self as u64),
                }
            }

            fn doubt(value: &Value) -> Option<String> {
                lost_fraction(value)
            }
        }
    )*};
}

integer! {
    u8 => "uint8", "uint";
    u16 => "uint16", "uint";
    u32 => "uint32", "uint";
    u64 => "uint64", "uint";
    usize => "int", "int";
    i8 => "int8", "int";
    i16 => "int16", "int";
    i32 => "int32", "int";
    i64 => "int64", "int";
}

impl Scalar for GoDuration {
    const TYPE: &'static str = "time.Duration";

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        match value {
            Value::String(text) => duration::parse_go(text).map_err(|error| {
                ScalarError::Hint(error.to_string(), "a duration is a number with ns, us, ms, s, m or h: 30s, 1h30m".to_owned())
            }),
            _ => i64::decode(value).map(GoDuration).map_err(|_| ScalarError::Type),
        }
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(GoDuration(0))
    }

    fn encode(&self) -> Value {
        Value::String(self.to_string())
    }

    fn doubt(value: &Value) -> Option<String> {
        match value {
            Value::Int(number) if *number != 0 => Some(format!(
                "a duration without a unit is nanoseconds: {number} means {}; write {number}s for seconds",
                GoDuration(*number)
            )),
            _ => None,
        }
    }
}

impl Scalar for Duration {
    const TYPE: &'static str = "time.Duration";

    /// Refuses negative durations; a setting for which they mean something is a [`GoDuration`].
    fn decode(value: &Value) -> Result<Self, ScalarError> {
        GoDuration::decode(value)?.as_duration().ok_or_else(|| ScalarError::Value("must be non-negative".to_owned()))
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(Duration::ZERO)
    }

    fn encode(&self) -> Value {
        Value::String(duration::format_go(*self))
    }

    fn doubt(value: &Value) -> Option<String> {
        GoDuration::doubt(value)
    }
}

impl Scalar for ByteSize {
    const TYPE: &'static str = "units.Base2Bytes";

    fn decode(value: &Value) -> Result<Self, ScalarError> {
        match value {
            Value::String(text) => ByteSize::parse(text).map_err(|error| {
                ScalarError::Hint(error.to_string(), "a size is a number with B, KiB, MiB or GiB: 64MiB".to_owned())
            }),
            _ => u64::decode(value).map(ByteSize),
        }
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(ByteSize(0))
    }

    fn encode(&self) -> Value {
        Value::String(self.to_string())
    }
}

macro_rules! id {
    ($($rust:ty => $go:literal;)*) => {$(
        impl Scalar for $rust {
            const TYPE: &'static str = $go;

            fn decode(value: &Value) -> Result<Self, ScalarError> {
                match value {
                    Value::String(text) => text.parse::<Self>().map_err(|error| ScalarError::Value(error.to_string())),
                    other => Err(ScalarError::Value(format!("expected a map or struct, got {:?}", other.go_kind()))),
                }
            }

            fn zero() -> Result<Self, ScalarError> {
                Err(ScalarError::Value(crate::id::IdError::Empty.to_string()))
            }

            fn encode(&self) -> Value {
                Value::String(self.to_string())
            }
        }
    )*};
}

id! {
    ComponentId => "component.ID";
    PipelineId => "pipeline.ID";
}
