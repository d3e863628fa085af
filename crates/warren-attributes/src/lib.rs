//! Editing attributes by a list of actions: what the `attributes` and `resource` processors share.
//!
//! Settings ([`ActionSettings`]) are compiled into [`Actions`]. An [`Editor`] applies actions to
//! attribute sets and remembers its results: a set that a receiver keeps (as a scrape does for its series) is edited when it is first
//! seen and found again afterwards, so that in the steady state a point costs one look-up.
//!
//! Semantics and texts are those of `internal/coreinternal/attraction` of the collector at v0.132.0.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod action;
mod convert;
mod editor;
mod settings;

pub use action::{ActionError, Actions};
pub use editor::Editor;
pub use settings::{ActionSettings, check_actions};
