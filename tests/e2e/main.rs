//! End-to-end tests: real servers, the real program, the wire between them. One module per promise.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod servers;
