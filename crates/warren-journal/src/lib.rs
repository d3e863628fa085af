//! Reading systemd's journal files: several at once, in order, followed as they grow, rotate, move and vanish.
//!
//! ```text
//! Source ──look──▶ files ──┐                         Match
//! inotify ─news──▶         ├─▶ Tracked: next entry ──▶ merge ──▶ wanted? ──▶ Sink: fields, entry
//!                          │    (Walk over Objects                   │
//!                          │     through Windows)                    └─ FieldCache: shared fields are made once
//! Position ──where to begin┘
//! ```
//!
//! A [`Journal`] is told to [`refresh`](Journal::refresh) when its [`descriptor`](Journal::descriptor) is readable, and to
//! [`read`](Journal::read) in slices; both block on the disk at most. What it reads it hands to a [`Sink`]. How far it came it tells as a
//! [`Position`], from which another process can go on.
//!
//! Files are read with `pread` through a fixed number of windows, so memory does not follow the size of a journal, and a file that is cut
//! short is an error instead of a signal. Whatever a file says is checked before it is believed; damage costs the damaged entries and is
//! counted ([`Counts`]) and told once per file ([`Notice`]).
//!
//! The format is that of systemd's `docs/JOURNAL_FILE_FORMAT.md`: regular and compact files, keyed and unkeyed hashes, xz, lz4 and zstd.
//! Seals are not verified.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod cache;
mod cover;
mod error;
mod filter;
mod glob;
mod header;
mod id;
mod inflate;
mod journal;
mod object;
mod place;
mod position;
pub mod query;
mod scan;
mod source;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tracked;
mod walk;
mod watch;
mod windows;

pub use filter::Match;
pub use id::Id;
pub use inflate::FIELD_BYTES_MAX;
pub use journal::{Counts, Journal, Limit, Notice, Progress, Sink, Start};
pub use place::{Cursor, Place};
pub use position::Position;
pub use source::{Namespace, Source};
