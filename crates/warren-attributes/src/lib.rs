//! Editing attributes by a list of actions, and choosing what is edited: what the `attributes` and `resource` processors share.
//!
//! Settings ([`ActionSettings`], [`MatchSettings`]) are compiled into [`Actions`] and a [`Selector`]. An [`Editor`] applies actions to
//! attribute sets and remembers its results: a set that a receiver keeps (as a scrape does for its series) is edited when it is first
//! seen and found again afterwards, so that in the steady state a point costs one look-up.
//!
//! Semantics and texts are those of `internal/coreinternal/attraction` and `internal/filter` of the collector at v0.132.0.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod action;
mod convert;
mod editor;
mod matching;
mod selector;
mod settings;

pub use action::{ActionError, Actions};
pub use editor::Editor;
pub use selector::{SelectError, Selector};
pub use settings::{
    ActionSettings, AttributeMatch, LibraryMatch, MatchSettings, SelectionSettings, SeverityMatch, check_actions,
};
