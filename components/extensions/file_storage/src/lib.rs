//! The `file_storage` extension: gives components a directory each, in which they keep what must survive a restart.
//!
//! What is in such a directory, and how it stays whole, is the matter of `warren-storage`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod storage;

pub use config::{Compaction, Config};

use warren_component::{ExtensionFactory, Stability};

/// Makes `file_storage` extensions.
pub const FACTORY: ExtensionFactory =
    ExtensionFactory { kind: "file_storage", stability: Stability::Beta, config: || Box::new(Config::default()) };
