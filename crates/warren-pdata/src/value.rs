//! Attribute and body values: OTLP's `AnyValue`, in two words.

use crate::Attrs;
use triomphe::Arc;

/// Immutable, reference counted text of one word. Literals ([`literal!`](crate::literal)) take no memory at run time.
pub type Text = arcstr::ArcStr;

pub use arcstr::literal;

/// A value of any type that OTLP knows.
///
/// Equality is exact: doubles are equal when their bits are, so that `NaN` equals itself and `0.0` differs from `-0.0`.
///
/// Its tag is a whole word: the two are then moved as words.
#[derive(Clone, Debug, Default)]
#[repr(u64)]
pub enum Value {
    /// No value at all; distinct from empty text.
    #[default]
    Empty,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Text.
    Str(Text),
    /// Bytes.
    Bytes(Arc<Vec<u8>>),
    /// A nested map; order is kept.
    Map(Attrs),
    /// A list of values.
    List(List),
}

/// A shared list of values.
pub type List = Arc<Vec<Value>>;

const _: () = assert!(size_of::<Value>() == 16, "a value is two words");

impl Value {
    /// A value of bytes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Arc::new(bytes.into()))
    }

    /// A value of a list.
    pub fn list(values: impl Into<Vec<Value>>) -> Self {
        Self::List(Arc::new(values.into()))
    }

    /// The text, if the value is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Heap bytes this value keeps alive, its share only where it is shared.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Str(text) => text_bytes(text),
            Self::Bytes(bytes) => (bytes.capacity() + 32) / Arc::strong_count(bytes).max(1),
            Self::Map(map) => map.heap_bytes(),
            Self::List(list) => {
                let own = list.capacity() * size_of::<Self>() + 32;
                (own + list.iter().map(Self::heap_bytes).sum::<usize>()) / Arc::strong_count(list).max(1)
            }
            Self::Empty | Self::Bool(_) | Self::Int(_) | Self::Double(_) => 0,
        }
    }
}

/// Heap bytes of a text, its share only where it is shared.
pub(crate) fn text_bytes(text: &Text) -> usize {
    match Text::strong_count(text) {
        None => 0,
        Some(count) => (text.len() + 16) / count.max(1),
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Empty, Self::Empty) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::List(a), Self::List(b)) => Arc::ptr_eq(a, b) || **a == **b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Empty => {}
            Self::Bool(v) => v.hash(state),
            Self::Int(v) => v.hash(state),
            Self::Double(v) => v.to_bits().hash(state),
            Self::Str(v) => v.as_str().hash(state),
            Self::Bytes(v) => v.hash(state),
            Self::Map(v) => v.hash(state),
            Self::List(v) => v.hash(state),
        }
    }
}

impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::Double(v)
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Str(v.into())
    }
}

impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Str(v.into())
    }
}

impl From<Text> for Value {
    fn from(v: Text) -> Self {
        Self::Str(v)
    }
}

impl From<Attrs> for Value {
    fn from(v: Attrs) -> Self {
        Self::Map(v)
    }
}
