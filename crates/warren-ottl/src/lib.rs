//! The OpenTelemetry Transformation Language (OTTL) of v0.132.0, compiled.
//!
//! A text is read into a tree ([`syntax`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arithmetic;
mod compare;
pub mod function;
pub mod functions;
mod record;
pub mod syntax;
mod value;

pub use arithmetic::calculate;
pub use compare::{compare, equal};
pub use record::{Context, Failure, Item, Record};
pub use value::{ItemType, Opaque, Time, Val};
