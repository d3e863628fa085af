//! How much memory the process holds.

/// What there is to know, and to do.
pub(crate) trait Memory: Send + Sync {
    /// Bytes that live by the allocator's count at this moment; zero where it does not count.
    fn live(&self) -> u64;

    /// Bytes of memory that the system gave the process, used or not.
    fn resident(&self) -> u64;

    /// Returns what is free but held back to the system.
    fn release(&self);
}

/// The process's own.
pub(crate) struct Process;

impl Memory for Process {
    fn live(&self) -> u64 {
        warren_sys::live_bytes() as u64
    }

    fn resident(&self) -> u64 {
        warren_sys::memory::anonymous_bytes().unwrap_or_default()
    }

    fn release(&self) {
        warren_sys::release_unused();
    }
}
