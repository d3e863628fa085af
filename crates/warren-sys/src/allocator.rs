//! The C library's allocator, told to give memory back, and counted.
//!
//! A scrape of a large page takes megabytes for a moment. Left alone, glibc raises its thresholds after the first such moment, to 32 MiB and twice
//! that, and keeps what was freed; pinned, large blocks come from the kernel and go back to it at once. Much smaller thresholds would have every
//! request of a few megabytes pay for fresh pages, which costs a third of what passing it on costs; what is held back meanwhile goes back when
//! nobody asks for it ([`release_unused`]).

use crate::code;
use crate::counts;
use crate::profile::heap;
use crate::small;
use std::alloc::{GlobalAlloc, Layout};

/// Blocks from this size on come from the kernel one by one.
#[cfg(target_env = "gnu")]
const MMAP_THRESHOLD_BYTES: libc::c_int = 2 << 20;

/// So much free memory at the top of the heap goes back.
#[cfg(target_env = "gnu")]
const TRIM_THRESHOLD_BYTES: libc::c_int = 4 << 20;

/// The system's allocator, with a count of the bytes that came and went. To be the program's `#[global_allocator]`.
pub struct Allocator;

/// Bytes that the program holds; zero when [`Allocator`] is not the program's.
pub fn live_bytes() -> usize {
    let (allocated, freed) = counts::totals();
    allocated.saturating_sub(freed)
}

/// Bytes that the program has ever allocated; zero when [`Allocator`] is not the program's.
pub fn allocated_bytes() -> usize {
    counts::totals().0
}

/// Pins the allocator's thresholds, has the thread that calls keep small blocks at hand, and finds out where the program's code lies. To be called first thing in `main`, while there is one thread.
#[allow(unsafe_code)]
pub fn tune() {
    #[cfg(target_env = "gnu")]
    for (option, value) in
        [(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES), (libc::M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES), (libc::M_ARENA_MAX, 1)]
    {
        // SAFETY: `mallopt` takes two integers, touches only the allocator's own settings, and is safe to call at any time; an option it
        // does not know makes it return 0, which changes nothing.
        unsafe { libc::mallopt(option, value) };
    }
    small::keep();
    code::find();
}

/// Gives memory that is free but still held back to the system.
#[allow(unsafe_code)]
pub fn release_unused() {
    small::give_back();
    #[cfg(target_env = "gnu")]
    // SAFETY: `malloc_trim` takes an integer and gives only pages back that hold no allocated block; it locks the arenas it walks.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[allow(unsafe_code)]
// SAFETY: every method passes its arguments to its namesake in `small` unchanged and returns what that returns, so that the guarantees there hold; the
// counters are not part of any of them. What notes samples does not touch the blocks, does not panic, and what it allocates itself passes through here once
// more without being noted (`heap::noting`).
// None is inlined: what counts and samples would stand at each of the many places that allocate or drop something, two megabytes in all.
unsafe impl GlobalAlloc for Allocator {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        counts::allocated(layout.size());
        // SAFETY: the caller upholds `GlobalAlloc::alloc`'s contract, which is that of `small`.
        let block = unsafe { small::alloc(layout) };
        heap::allocated(block, layout.size());
        block
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        counts::freed(layout.size());
        heap::freed(block);
        // SAFETY: the caller passes a block of this allocator, which `small` made, with its layout.
        unsafe { small::dealloc(block, layout) }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        counts::allocated(layout.size());
        // SAFETY: as for `alloc`.
        let block = unsafe { small::alloc_zeroed(layout) };
        heap::allocated(block, layout.size());
        block
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        counts::allocated(size);
        counts::freed(layout.size());
        heap::freed(block);
        // SAFETY: as for `dealloc`; `size` is not zero and does not overflow, as the caller guarantees.
        let block = unsafe { small::realloc(block, layout, size) };
        heap::allocated(block, size);
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    #[test]
    fn what_lives_is_counted_and_what_is_freed_is_not() {
        tune();
        let before = live_bytes();
        let block = vec![1u8; 64 << 20];
        assert!(live_bytes() >= before + (64 << 20));
        drop(block);
        release_unused();
        assert!(live_bytes() < before + (32 << 20));

        // More threads than count for themselves. What they take is never touched; other tests take and free less.
        let (before, allocated) = (live_bytes(), allocated_bytes());
        let threads: Vec<_> = (0..40).map(|_| std::thread::spawn(|| Vec::with_capacity(16 << 20))).collect();
        let blocks: Vec<Vec<u8>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(live_bytes() >= before + 30 * (16 << 20));
        drop(blocks);
        assert!(allocated_bytes() >= allocated + 40 * (16 << 20));
        assert!(live_bytes() < before + 20 * (16 << 20));
    }
}
