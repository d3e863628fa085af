//! Who holds memory: of the bytes that [`crate::Allocator`] hands out, about one in so many is looked at, with the callers of its allocation.
//!
//! While nobody has asked, an allocation costs one look at a flag. What was allocated before [`start`] is not seen.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Callers that are noted of an allocation.
const FRAMES_MAX: usize = 48;

/// Different stacks that are told apart; what comes after is counted under none.
const STACKS_MAX: usize = 4096;

/// Sampled blocks that are held at a time.
const BLOCKS_MAX: usize = 65_536;

/// Marks for addresses: most blocks that are freed were not sampled, and this tells so without a lock.
const MARKS: usize = 1 << 16;

/// Bytes between two samples; zero while nothing is sampled.
static RATE: AtomicUsize = AtomicUsize::new(0);
/// Bytes until the next sample.
static LEFT: AtomicI64 = AtomicI64::new(0);
static SEED: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
static MARKED: [AtomicU8; MARKS] = [const { AtomicU8::new(0) }; MARKS];
static TABLE: Mutex<Option<Table>> = Mutex::new(None);
static STARTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread is noting something: what that allocates is not looked at.
    static NOTING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct Table {
    numbers: HashMap<Box<[usize]>, u32>,
    stacks: Vec<Tally>,
    blocks: HashMap<usize, (u32, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    allocated: (f64, f64),
    freed: (f64, f64),
}

/// What was allocated by one stack of callers, reckoned from the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Return addresses, the innermost first.
    pub frames: Vec<usize>,
    /// Blocks allocated since the start.
    pub allocated_blocks: u64,
    /// Their bytes.
    pub allocated_bytes: u64,
    /// Blocks that are held.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
}

/// Starts to sample, about once in so many bytes. Does nothing more if it is done already.
pub fn start(rate: usize) {
    let rate = rate.max(1);
    if !STARTED.swap(true, Relaxed) {
        noting(|| *table() = Some(Table::default()));
    }
    LEFT.store(i64::try_from(rate).unwrap_or(i64::MAX), Relaxed);
    RATE.store(rate, Relaxed);
}

/// Samples no more, and forgets what was noted.
pub fn stop() {
    RATE.store(0, Relaxed);
    STARTED.store(false, Relaxed);
    noting(|| *table() = None);
    MARKED.iter().for_each(|mark| mark.store(0, Relaxed));
}

/// Bytes between two samples; zero while nothing is sampled.
pub fn rate() -> usize {
    RATE.load(Relaxed)
}

/// What was noted so far.
pub fn stacks() -> Vec<Stack> {
    let noted = noting(|| {
        let table = table();
        let Some(table) = table.as_ref() else { return Vec::new() };
        let tally = |number: &u32| table.stacks.get(*number as usize).copied();
        table.numbers.iter().filter_map(|(frames, number)| Some((frames.to_vec(), tally(number)?))).collect::<Vec<_>>()
    });
    let stack = |(frames, tally): (Vec<usize>, Tally)| {
        let round = |value: f64| value.max(0.0).round() as u64;
        Stack {
            frames,
            allocated_blocks: round(tally.allocated.0),
            allocated_bytes: round(tally.allocated.1),
            live_blocks: round(tally.allocated.0 - tally.freed.0),
            live_bytes: round(tally.allocated.1 - tally.freed.1),
        }
    };
    noted.unwrap_or_default().into_iter().map(stack).collect()
}

/// A block was allocated.
#[inline]
pub(crate) fn allocated(block: *mut u8, size: usize) {
    let rate = RATE.load(Relaxed);
    if rate != 0 && LEFT.fetch_sub(size as i64, Relaxed) <= size as i64 {
        sample(block, size, rate);
    }
}

/// A block is about to be freed.
#[inline]
pub(crate) fn freed(block: *mut u8) {
    if RATE.load(Relaxed) != 0 && mark(block.addr()).load(Relaxed) != 0 {
        forget(block.addr());
    }
}

#[cold]
fn sample(block: *mut u8, size: usize, rate: usize) {
    if block.is_null() {
        return;
    }
    noting(|| {
        LEFT.store(distance(rate), Relaxed);
        let mut frames = [0; FRAMES_MAX];
        let count = callers(&mut frames);
        let frames = frames.get(..count).unwrap_or_default();
        let mut table = table();
        let Some(Table { numbers, stacks, blocks }) = table.as_mut() else { return };
        let number = match numbers.get(frames) {
            Some(number) => *number,
            None => {
                // The last one stands for all that come too late.
                let frames = if stacks.len() < STACKS_MAX { frames } else { &[] };
                *numbers.entry(frames.into()).or_insert_with(|| {
                    stacks.push(Tally::default());
                    stacks.len() as u32 - 1
                })
            }
        };
        let Some(tally) = stacks.get_mut(number as usize) else { return };
        let weight = weight(size, rate);
        tally.allocated.0 += weight;
        tally.allocated.1 += weight * size as f64;
        if blocks.len() < BLOCKS_MAX {
            blocks.insert(block.addr(), (number, size));
            // A mark that has overflown stays, which costs a lock and nothing more.
            let _ = mark(block.addr()).fetch_update(Relaxed, Relaxed, |count| count.checked_add(1));
        } else {
            tally.freed.0 += weight;
            tally.freed.1 += weight * size as f64;
        }
    });
}

#[cold]
fn forget(address: usize) {
    noting(|| {
        let mut table = table();
        let Some(Table { stacks, blocks, .. }) = table.as_mut() else { return };
        let Some((number, size)) = blocks.remove(&address) else { return };
        let _ = mark(address).fetch_update(Relaxed, Relaxed, |count| if count == u8::MAX { None } else { count.checked_sub(1) });
        if let Some(tally) = stacks.get_mut(number as usize) {
            let weight = weight(size, RATE.load(Relaxed).max(1));
            tally.freed.0 += weight;
            tally.freed.1 += weight * size as f64;
        }
    });
}

/// How many blocks of a size one sampled block stands for.
fn weight(size: usize, rate: usize) -> f64 {
    1.0 / (1.0 - (-(size as f64) / rate as f64).exp()).max(f64::MIN_POSITIVE)
}

/// Bytes to the next sample: at random, so that no pattern of allocations is missed; on average the rate.
fn distance(rate: usize) -> i64 {
    let mut state = SEED.load(Relaxed);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    SEED.store(state, Relaxed);
    let uniform = ((state >> 11) as f64 + 1.0) / (1u64 << 53) as f64;
    // What is too large for the type becomes its largest number.
    ((-uniform.ln() * rate as f64) as i64).saturating_add(1)
}

fn mark(address: usize) -> &'static AtomicU8 {
    let spread = (address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize);
    // The place is below the length by its making.
    &MARKED[(spread >> (usize::BITS - 16)) % MARKS]
}

/// Does something whose own allocations are not looked at; not at all within itself, nor while the thread ends.
fn noting<T>(note: impl FnOnce() -> T) -> Option<T> {
    let begun = NOTING.try_with(|noting| !noting.replace(true)).unwrap_or(false);
    if !begun {
        return None;
    }
    let noted = note();
    let _ = NOTING.try_with(|noting| noting.set(false));
    Some(noted)
}

fn table() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who called: return addresses, the innermost first. Gives how many there are.
#[allow(unsafe_code)]
fn callers(frames: &mut [usize; FRAMES_MAX]) -> usize {
    /// What the system's unwinder, which the program has for panics, knows of a frame.
    #[repr(C)]
    struct Context {
        _opaque: [u8; 0],
    }

    type Visit = extern "C" fn(*mut Context, *mut libc::c_void) -> libc::c_int;

    unsafe extern "C" {
        fn _Unwind_Backtrace(visit: Visit, argument: *mut libc::c_void) -> libc::c_int;
        fn _Unwind_GetIP(context: *mut Context) -> usize;
    }

    struct Found<'a> {
        frames: &'a mut [usize; FRAMES_MAX],
        count: usize,
    }

    extern "C" fn visit(context: *mut Context, argument: *mut libc::c_void) -> libc::c_int {
        /// `_URC_NO_REASON`: go on.
        const GO_ON: libc::c_int = 0;
        /// `_URC_NORMAL_STOP`.
        const STOP: libc::c_int = 4;
        // SAFETY: `argument` is the `Found` that `callers` passes and uses for nothing else meanwhile; the unwinder passes a context that is valid for
        // this call.
        let (found, address) = unsafe { (&mut *argument.cast::<Found<'_>>(), _Unwind_GetIP(context)) };
        match found.frames.get_mut(found.count) {
            Some(frame) if address != 0 => {
                *frame = address;
                found.count += 1;
                GO_ON
            }
            _ => STOP,
        }
    }

    let mut found = Found { frames, count: 0 };
    // SAFETY: the unwinder walks the stack of this thread, which stands still meanwhile, by tables that the compiler made for every function (the
    // program unwinds its panics by them); it does not allocate. It calls `visit` with the argument it is given, which outlives the call, and `visit`
    // neither panics nor unwinds.
    unsafe { _Unwind_Backtrace(visit, (&raw mut found).cast()) };
    found.count
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::hint::black_box;

    #[inline(never)]
    fn hold(blocks: usize) -> Vec<Vec<u8>> {
        (0..blocks).map(|_| black_box(vec![1; 10_000])).collect()
    }

    #[test]
    fn held_memory_is_told_with_its_callers_and_freed_memory_is_not() {
        start(20_000);
        let held = hold(2_000);
        let large = |stack: &Stack| stack.live_bytes > 10_000_000;
        let stacks = stacks();
        let stack = stacks.iter().find(|stack| large(stack)).expect("a stack that holds most");
        let blocks = stack.live_blocks as f64;
        assert!((1_500.0..2_500.0).contains(&blocks) && stack.frames.len() > 3, "{blocks} {}", stack.frames.len());
        drop(held);
        assert!(!super::stacks().iter().any(large));
        assert!(super::stacks().iter().any(|stack| stack.allocated_bytes > 10_000_000));
        stop();
        assert_eq!((rate(), super::stacks()), (0, Vec::new()));
    }

    #[test]
    fn no_rate_is_too_large() {
        assert!((0..1000).all(|_| distance(usize::MAX) > 0));
    }
}
