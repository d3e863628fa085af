//! Where the program spends its time, and who holds its memory: the part of profiles that needs the system.
//!
//! [`cpu`] interrupts the program and copies registers and stack; who called whom is found out later, by safe code, from the copy.
//! [`heap`] notes the callers of a sample of the allocations that [`crate::Allocator`] makes. Neither costs anything until it is started.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod cpu;
pub mod heap;
