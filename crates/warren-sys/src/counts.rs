//! How many bytes the program allocated and freed, counted by each thread for itself: an addition that other threads could interrupt costs more than the
//! rest of a small allocation.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// So many threads count for themselves, the first ones of the program; those after them share one place.
const THREADS: usize = 32;

/// Of a thread that has not counted yet.
const NEW: usize = usize::MAX;

/// On a line of the cache of its own.
#[repr(align(64))]
struct Counts {
    allocated: AtomicUsize,
    freed: AtomicUsize,
}

impl Counts {
    const fn new() -> Self {
        Self { allocated: AtomicUsize::new(0), freed: AtomicUsize::new(0) }
    }
}

static OWN: [Counts; THREADS] = [const { Counts::new() }; THREADS];
static SHARED: Counts = Counts::new();
static STARTED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which of [`OWN`] is this thread's.
    static PLACE: Cell<usize> = const { Cell::new(NEW) };
}

/// Bytes were allocated.
#[inline]
pub(crate) fn allocated(bytes: usize) {
    add(|counts| &counts.allocated, bytes);
}

/// Bytes were freed.
#[inline]
pub(crate) fn freed(bytes: usize) {
    add(|counts| &counts.freed, bytes);
}

/// Bytes ever allocated, and how many of them were freed.
pub(crate) fn totals() -> (usize, usize) {
    let sum = |of: fn(&Counts) -> &AtomicUsize| {
        OWN.iter().chain([&SHARED]).fold(0usize, |sum, counts| sum.wrapping_add(of(counts).load(Relaxed)))
    };
    // What is freed was allocated before.
    let freed = sum(|counts| &counts.freed);
    (sum(|counts| &counts.allocated), freed)
}

#[inline]
fn add(of: impl Fn(&Counts) -> &AtomicUsize, bytes: usize) {
    match OWN.get(PLACE.get()) {
        // Nobody else writes it.
        Some(counts) => {
            let count = of(counts);
            count.store(count.load(Relaxed).wrapping_add(bytes), Relaxed);
        }
        None => add_first(of, bytes),
    }
}

#[cold]
fn add_first(of: impl Fn(&Counts) -> &AtomicUsize, bytes: usize) {
    if PLACE.get() == NEW {
        PLACE.set(STARTED.fetch_add(1, Relaxed).min(THREADS));
    }
    of(OWN.get(PLACE.get()).unwrap_or(&SHARED)).fetch_add(bytes, Relaxed);
}
