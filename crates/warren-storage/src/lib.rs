//! What survives a restart.
//!
//! A [`Directory`] belongs to one client, such as one exporter's queue, and is locked while it is held. It keeps small values that are
//! replaced as a whole, and a [`Log`]: records that are appended, read in order and settled in any order, whatever happens to the process
//! or to the disk meanwhile.
//!
//! Everything here blocks on the disk: call it from a thread that may wait, never from the runtime's. Bytes that come from the disk are
//! checked like any other input.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod directory;
mod log;

pub use directory::{Directory, DirectoryError, Place, Policy, VALUE_BYTES_MAX, file_name};
pub use log::{Damage, Log, PAYLOAD_BYTES_MAX, Receipt, Record, StageError, Tally};
