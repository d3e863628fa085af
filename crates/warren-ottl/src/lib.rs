//! The OpenTelemetry Transformation Language (OTTL) of v0.132.0, compiled.
//!
//! A text is read into a tree ([`syntax`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod syntax;
