//! Choosing telemetry: lists of names ([`Names`]), lists of attributes ([`Attributes`]), expressions ([`Expression`]), and the match blocks of which processors' `include`
//! and `exclude` are made ([`SelectionSettings`], compiled into a [`Selector`]).
//!
//! Everything is compiled once, from settings that keep their places in the file; nothing is remembered of what was compared.
//!
//! Semantics and texts are those of `internal/filter` of the collector at v0.132.0.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod expr;
mod matching;
mod selector;
mod settings;
mod value;

pub use expr::{EXPRESSION_BYTES_MAX, ExprError, Expression};
pub use matching::{Attributes, Names};
pub use selector::{SelectError, Selector};
pub use settings::{AttributeMatch, LibraryMatch, MatchSettings, RegexpSettings, SelectionSettings, SeverityMatch};
pub use value::{text, written};
