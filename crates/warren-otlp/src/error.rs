//! Why bytes are no OTLP message.

/// Why bytes could not be decoded, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid OTLP at byte {} ({}): {}", .0.offset, .0.place, .0.fault)]
pub struct DecodeError(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    offset: usize,
    place: &'static str,
    fault: Fault,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes end within a field, or a length points beyond their end.
    #[error("unexpected EOF")]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("integer overflow")]
    Varint,
    /// A tag without a field number, or with a wire type that does not exist.
    #[error("illegal tag {0}")]
    Tag(u64),
    /// Groups are not part of this protocol.
    #[error("field {0} is a group, which OTLP does not have")]
    Group(u32),
    /// The field is known, and this is not how it is encoded.
    #[error("wrong wireType = {wire} for field {field}")]
    WireType {
        /// Number of the field.
        field: u32,
        /// The wire type that stands there.
        wire: u8,
    },
    /// A trace or span id of a wrong length.
    #[error("an id has {expected} bytes, not {found}")]
    IdLength {
        /// As it should be.
        expected: usize,
        /// As it is.
        found: usize,
    },
    /// Values within values, see [`DEPTH_MAX`](crate::DEPTH_MAX).
    #[error("values are nested more than {} deep", crate::DEPTH_MAX)]
    Depth,
    /// The request would take far more memory than its size, see [`EXPANSION_MAX`](crate::EXPANSION_MAX).
    #[error("the message would take more than {} times its size in memory", crate::EXPANSION_MAX)]
    Expansion,
    /// JSON: something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// JSON: a number that its field cannot hold.
    #[error("the number does not fit a field of type {0}")]
    Range(&'static str),
    /// JSON: a name that is none of the enumeration's.
    #[error("unknown name of an enumeration")]
    Enum,
    /// JSON: an escape that does not exist.
    #[error("invalid escape in a string")]
    Escape,
    /// JSON: a control character that must be escaped.
    #[error("a control character in a string must be escaped")]
    Control,
    /// JSON: no hexadecimal digits.
    #[error("an id must be hexadecimal")]
    Hex,
    /// JSON: no base64.
    #[error("bytes must be base64")]
    Base64,
    /// JSON: text after the message.
    #[error("unexpected text after the message")]
    Trailing,
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(offset: usize, place: &'static str, fault: Fault) -> Self {
        Self(Box::new(Parts { offset, place, fault }))
    }

    /// Where: bytes from the start of the message.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// What is wrong.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }
}
