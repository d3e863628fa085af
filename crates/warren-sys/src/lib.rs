//! The operating system, as far as a guest on somebody's server must know it: the allocator and what the process may use.
//!
//! The only crate with `unsafe`: each place has its proof beside it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod allocator;
pub mod cgroup;
mod code;
mod counts;
pub mod memory;
pub mod profile;
mod small;

pub use allocator::{Allocator, allocated_bytes, live_bytes, release_unused, tune};
pub use code::release_code;
pub use small::kept_bytes;
