//! Small blocks that the program's first thread freed, kept for what it allocates next.
//!
//! A batch of log records is tens of thousands of small blocks, allocated one after the other and freed one after the other, by one thread. glibc keeps
//! seven of a size at hand; all others pass through its bins, under a lock, and are merged, cut out and taken from lists again. What is kept here is
//! chained by size, the last one freed in front, and takes a dozen instructions to be had again.
//!
//! Blocks have the sizes that glibc's have in any case, so that none takes more memory than it would. Other threads come and go and keep nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

/// Bytes that are kept at most.
pub(crate) const KEPT_BYTES_MAX: usize = 4 << 20;

/// Sizes that are told apart; larger blocks are not kept.
const CLASSES: usize = 16;

/// Blocks that must lie at multiples of more are left to the system.
const ALIGN_MAX: usize = 8;

thread_local! {
    static KEPT: Kept = const { Kept::new() };
}

/// The blocks of one thread, by class; each holds the address of the next one in its first bytes.
struct Kept {
    on: Cell<bool>,
    bytes: Cell<usize>,
    chains: [Cell<*mut u8>; CLASSES],
}

/// A size of blocks: glibc's, which are sixteen bytes apart and at least 24.
#[derive(Clone, Copy)]
struct Class(usize);

impl Class {
    #[inline]
    fn of(size: usize, align: usize) -> Option<Self> {
        let class = (size.saturating_add(7) >> 4).max(1);
        (class < CLASSES && align <= ALIGN_MAX).then_some(Self(class))
    }

    #[inline]
    fn size(self) -> usize {
        16 * self.0 + 8
    }
}

/// The layout as the system gets to see it: small blocks have the size of their class, and who asks for less than [`ALIGN_MAX`] gets that, for a block that is
/// had again may be for somebody who asks for more than the one before did.
#[inline]
fn rounded(layout: Layout) -> Layout {
    if layout.align() > ALIGN_MAX {
        return layout;
    }
    let size = Class::of(layout.size(), layout.align()).map_or(layout.size(), Class::size);
    // Where rounding overflows there is no such block.
    Layout::from_size_align(size, ALIGN_MAX).unwrap_or(layout)
}

impl Kept {
    const fn new() -> Self {
        Self { on: Cell::new(false), bytes: Cell::new(0), chains: [const { Cell::new(null_mut()) }; CLASSES] }
    }

    #[inline]
    #[allow(unsafe_code)]
    fn take(&self, class: Class) -> Option<*mut u8> {
        let chain = self.chains.get(class.0)?;
        let block = chain.get();
        if block.is_null() {
            return None;
        }
        // SAFETY: what is in a chain was put there by `put`, which wrote the next one's address to its start; nobody else has the block meanwhile.
        chain.set(unsafe { block.cast::<*mut u8>().read() });
        self.bytes.set(self.bytes.get() - class.size());
        Some(block)
    }

    /// Keeps a block, unless enough are kept.
    ///
    /// # Safety
    /// The block is the system's, has the class' size, lies at a multiple of eight, and nobody uses it any more.
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn put(&self, class: Class, block: *mut u8) -> bool {
        let bytes = self.bytes.get() + class.size();
        match self.chains.get(class.0) {
            Some(chain) if self.on.get() && bytes <= KEPT_BYTES_MAX => {
                // SAFETY: it has at least 24 bytes, lies as an address must, and is ours.
                unsafe { block.cast::<*mut u8>().write(chain.get()) };
                chain.set(block);
                self.bytes.set(bytes);
                true
            }
            _ => false,
        }
    }
}

/// Has the thread that calls keep blocks from now on. To be called by one that lasts as long as the program: what others keep would be lost when they end.
pub(crate) fn keep() {
    KEPT.with(|kept| kept.on.set(cfg!(all(target_env = "gnu", target_pointer_width = "64"))));
}

/// Bytes that the thread that calls keeps; `None` for one that keeps nothing.
pub fn kept_bytes() -> Option<usize> {
    KEPT.with(|kept| kept.on.get().then(|| kept.bytes.get()))
}

/// Gives back what the thread that calls keeps.
#[allow(unsafe_code)]
pub(crate) fn give_back() {
    KEPT.with(|kept| {
        for class in (1..CLASSES).map(Class) {
            while let Some(block) = kept.take(class) {
                // SAFETY: it came from the system with the class' size, aligned as `rounded` has it, and is in no chain any more. The alignment is
                // a power of two, and the size is small.
                unsafe { System.dealloc(block, Layout::from_size_align_unchecked(class.size(), ALIGN_MAX)) };
            }
        }
    });
}

/// As [`GlobalAlloc::alloc`].
///
/// # Safety
/// As there.
#[inline]
#[allow(unsafe_code)]
pub(crate) unsafe fn alloc(layout: Layout) -> *mut u8 {
    let kept = Class::of(layout.size(), layout.align()).and_then(|class| KEPT.with(|kept| kept.take(class)));
    match kept {
        Some(block) => block,
        // SAFETY: the size is not zero, as the caller guarantees; rounding makes neither it nor the alignment smaller.
        None => unsafe { System.alloc(rounded(layout)) },
    }
}

/// As [`GlobalAlloc::alloc_zeroed`].
///
/// # Safety
/// As there.
#[inline]
#[allow(unsafe_code)]
pub(crate) unsafe fn alloc_zeroed(layout: Layout) -> *mut u8 {
    // SAFETY: as for `alloc`.
    unsafe { System.alloc_zeroed(rounded(layout)) }
}

/// As [`GlobalAlloc::dealloc`].
///
/// # Safety
/// As there; the block came from this module.
#[inline]
#[allow(unsafe_code)]
pub(crate) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    if let Some(class) = Class::of(layout.size(), layout.align()) {
        // SAFETY: a block of this layout was made by one of the functions here, each of which has the system give it the size of its class. The
        // system's blocks lie at multiples of at least eight. The caller is done with it.
        if KEPT.with(|kept| unsafe { kept.put(class, block) }) {
            return;
        }
    }
    // SAFETY: the block is the system's, and was made with the layout that rounding gives for the caller's.
    unsafe { System.dealloc(block, rounded(layout)) }
}

/// As [`GlobalAlloc::realloc`].
///
/// # Safety
/// As there; the block came from this module.
#[inline]
#[allow(unsafe_code)]
pub(crate) unsafe fn realloc(block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
    let (old, new) = (rounded(layout).size(), Class::of(size, layout.align()).map_or(size, Class::size));
    if old == new {
        return block;
    }
    // SAFETY: the block is the system's, and was made with the layout that rounding gives; the new size is not zero and, rounded or not, does not overflow,
    // as the caller guarantees.
    unsafe { System.realloc(block, rounded(layout), new) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    #[allow(unsafe_code)]
    fn blocks_hold_what_is_written_whatever_was_there_before() {
        std::thread::spawn(|| {
            keep();
            let mut blocks: Vec<(*mut u8, usize, u8)> = Vec::new();
            let mut state = 1u64;
            for round in 0..200_000u64 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (size, fill) = ((state >> 33) as usize % 300 + 1, (state >> 20) as u8);
                // SAFETY: blocks are written and read within their size, and freed once, with the layout they have.
                unsafe {
                    let filled = |block: *mut u8, size: usize, fill: u8| (0..size).all(|at| block.add(at).read() == fill);
                    match round % 5 {
                        0 | 1 => {
                            let block = alloc(layout(size));
                            block.write_bytes(fill, size);
                            blocks.push((block, size, fill));
                        }
                        2 => {
                            let block = alloc_zeroed(layout(size));
                            assert!(filled(block, size, 0));
                            block.write_bytes(fill, size);
                            blocks.push((block, size, fill));
                        }
                        3 => {
                            let at = state as usize % blocks.len();
                            let (block, old, fill) = blocks[at];
                            let block = realloc(block, layout(old), size);
                            assert!(filled(block, old.min(size), fill));
                            block.write_bytes(fill, size);
                            blocks[at].0 = block;
                            blocks[at].1 = size;
                        }
                        _ => {
                            let (block, size, fill) = blocks.swap_remove(state as usize % blocks.len());
                            assert!(filled(block, size, fill));
                            dealloc(block, layout(size));
                        }
                    }
                }
            }
            for (block, size, fill) in blocks {
                // SAFETY: as above.
                unsafe {
                    assert!((0..size).all(|at| block.add(at).read() == fill));
                    dealloc(block, layout(size));
                }
            }
            give_back();
            assert_eq!(kept_bytes(), Some(0));
        })
        .join()
        .unwrap();
    }

    #[test]
    #[allow(unsafe_code)]
    fn no_more_is_kept_than_there_may_be_and_nothing_by_other_threads() {
        std::thread::spawn(|| {
            let churn = || {
                // SAFETY: each block is freed once, with the layout it has.
                unsafe {
                    let blocks: Vec<*mut u8> = (0..60_000).map(|_| alloc(layout(100))).collect();
                    blocks.into_iter().for_each(|block| dealloc(block, layout(100)));
                }
                kept_bytes()
            };
            assert_eq!(churn(), None);
            keep();
            let kept = churn().unwrap();
            assert!(kept <= KEPT_BYTES_MAX && kept + 104 > KEPT_BYTES_MAX, "{kept}");
            give_back();
        })
        .join()
        .unwrap();
    }
}
