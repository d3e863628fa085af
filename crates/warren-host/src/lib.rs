//! What the kernel says of the machine: `/proc` and `/sys`, read as often as asked and no oftener.
//!
//! ```text
//! Host ── text(Source) ──▶ bytes, read once a tick into a buffer that stays ──▶ parser: an iterator that borrows from the bytes
//!      ── processes() ───▶ /proc/PID/stat of every process, once a tick       ──▶ further files of one process, on demand
//!      ── each_socket() ─▶ every TCP socket, over netlink or from /proc/net
//! Mounts ── usage(path) ─▶ statvfs on a thread that may hang; the caller never does
//! ```
//!
//! A [`Host`] keeps the files it reads often open and reads them again from their beginning, which makes the kernel write them anew. Parsers take
//! whatever bytes come: they skip or refuse what they do not understand, and neither panic nor allocate. All reading is blocking, and a process or a
//! mount that hangs may hang it: a [`Host`] belongs on a thread of its own.
//!
//! The crate knows nothing of telemetry.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod boot;
pub mod cpu;
pub mod disk;
mod error;
mod file;
mod host;
pub mod memory;
pub mod mount;
pub mod network;
mod paths;
pub mod process;
pub mod sock_diag;
mod sockets;
pub mod system;
pub mod text;
mod usage;
pub mod users;

pub use error::{Malformed, ReadError, look_at, reason};
pub use file::{KERNEL_FILE_BYTES_MAX, KernelFile};
pub use host::{Host, MountTable, Source};
pub use paths::Paths;
pub use usage::{MOUNTS_STUCK_MAX, Mounts, Usage, UsageError};
