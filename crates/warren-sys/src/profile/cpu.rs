//! Samples of what the program is doing: the timer of the system interrupts it after each bit of CPU time, and the handler of that signal copies
//! the registers and the top of the stack into memory that was set aside before.
//!
//! The handler does nothing that is not safe at any instruction: it touches atomics and its slot, and asks the kernel to copy the stack
//! (`process_vm_readv`), which refuses what is not mapped where a plain read would end the process.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of the stack that are copied with each sample.
const STACK_BYTES: usize = 32 << 10;

/// Samples that may wait to be read.
const SLOTS: usize = 64;

/// The unit in which the kernel copies; what is not mapped ends the copy.
const PAGE: usize = 4096;

/// Pieces of a copy: whole pages, and what is left of the first.
const PIECES: usize = STACK_BYTES / PAGE + 1;

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const FULL: u8 = 2;

static RUNNING: AtomicBool = AtomicBool::new(false);
static RING: AtomicPtr<Ring> = AtomicPtr::new(std::ptr::null_mut());
/// Handlers that are running.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Samples the program until it is dropped.
pub struct Profiler {
    ring: *mut Ring,
    period: Duration,
}

/// Why the program cannot be sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It is already.
    Running,
    /// The system refuses.
    System(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("cpu profiling already in use"),
            Self::System(error) => write!(f, "the system's profiling timer: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// One sample.
pub struct Sample<'a> {
    /// Instruction that was next.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer.
    pub fp: u64,
    /// Link register; zero where there is none.
    pub lr: u64,
    /// The stack from the stack pointer on, as far as it could be had.
    pub stack: &'a [u8],
}

struct Ring {
    slots: Vec<Slot>,
    next: AtomicUsize,
    lost: AtomicU64,
}

struct Slot {
    state: AtomicU8,
    content: UnsafeCell<Content>,
}

struct Content {
    registers: [u64; 4],
    length: usize,
    stack: Box<[u8; STACK_BYTES]>,
}

#[allow(unsafe_code)]
// SAFETY: the content of a slot is touched by whoever took its state from `EMPTY` to `WRITING` (one handler, by compare-and-exchange), and after that
// has set it to `FULL` with release ordering, by the one `Profiler`, which sets it back to `EMPTY` in the same way when it has read it.
unsafe impl Sync for Ring {}

#[allow(unsafe_code)]
// SAFETY: the ring behind the pointer is `Sync` and owned by this profiler alone; nothing in it belongs to a thread.
unsafe impl Send for Profiler {}

impl Profiler {
    /// Samples after each `period` of CPU time that all threads took together.
    ///
    /// # Errors
    /// When the program is sampled already, or the system has no such timer.
    #[allow(unsafe_code)]
    pub fn start(period: Duration) -> Result<Self, StartError> {
        if RUNNING.swap(true, Ordering::SeqCst) {
            return Err(StartError::Running);
        }
        let slot = |_| Slot {
            state: AtomicU8::new(EMPTY),
            content: UnsafeCell::new(Content { registers: [0; 4], length: 0, stack: Box::new([0; STACK_BYTES]) }),
        };
        let ring = Ring { slots: (0..SLOTS).map(slot).collect(), next: AtomicUsize::new(0), lost: AtomicU64::new(0) };
        let profiler = Self { ring: Box::into_raw(Box::new(ring)), period };
        RING.store(profiler.ring, Ordering::SeqCst);
        // SAFETY: the structure is plain data for which zeros are valid; the handler has the signature that `SA_SIGINFO` asks for and does only what is
        // safe in a signal handler (see `handle`).
        let set = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(libc::SIGPROF, &raw const action, std::ptr::null_mut())
        };
        let set = if set == 0 { timer(period) } else { set };
        // On an error the drop of the profiler puts everything back.
        if set == 0 { Ok(profiler) } else { Err(StartError::System(std::io::Error::last_os_error().to_string())) }
    }

    /// How much CPU time passes between two samples.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Hands over the samples that were taken since the last call.
    #[allow(unsafe_code)]
    pub fn read(&mut self, mut take: impl FnMut(Sample<'_>)) {
        // SAFETY: the ring lives until this profiler is dropped.
        let ring = unsafe { &*self.ring };
        for slot in ring.slots.iter().filter(|slot| slot.state.load(Ordering::Acquire) == FULL) {
            // SAFETY: the slot is full: the handler that wrote it is done, and none writes to it before it is empty again; `&mut self` makes this the
            // only reader.
            let content = unsafe { &*slot.content.get() };
            let [ip, sp, fp, lr] = content.registers;
            take(Sample { ip, sp, fp, lr, stack: content.stack.get(..content.length).unwrap_or_default() });
            slot.state.store(EMPTY, Ordering::Release);
        }
    }

    /// Samples that found no room, because they were not read in time.
    #[allow(unsafe_code)]
    pub fn lost(&self) -> u64 {
        // SAFETY: the ring lives until this profiler is dropped.
        unsafe { &*self.ring }.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Profiler {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        timer(Duration::ZERO);
        // SAFETY: ignoring a signal has no handler to be wrong about. A signal that is still on its way does nothing then, where the default would end
        // the process.
        unsafe { libc::signal(libc::SIGPROF, libc::SIG_IGN) };
        RING.store(std::ptr::null_mut(), Ordering::SeqCst);
        // A handler that has seen the ring has counted itself before; it is done in microseconds.
        while INSIDE.load(Ordering::SeqCst) != 0 {
            std::thread::yield_now();
        }
        // SAFETY: the pointer came from `Box::into_raw` in `start`, is freed here only, and no handler has it any more: each counts itself into `INSIDE`
        // before it loads `RING`, all in one total order, and we saw none inside after `RING` was null.
        drop(unsafe { Box::from_raw(self.ring) });
        RUNNING.store(false, Ordering::SeqCst);
    }
}

/// Sets the timer; zero stops it.
#[allow(unsafe_code)]
fn timer(period: Duration) -> libc::c_int {
    let time =
        libc::timeval { tv_sec: period.as_secs() as libc::time_t, tv_usec: libc::suseconds_t::from(period.subsec_micros()) };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: the structure is read only during the call; no old value is asked for.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, std::ptr::null_mut()) }
}

/// The handler of `SIGPROF`.
#[allow(unsafe_code)]
extern "C" fn handle(_signal: libc::c_int, _info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    INSIDE.fetch_add(1, Ordering::SeqCst);
    let ring = RING.load(Ordering::SeqCst);
    // SAFETY: the ring is not freed while `INSIDE` counts this handler. The kernel hands a handler set with `SA_SIGINFO` a valid `ucontext_t` that is its
    // own until it returns. `errno` is the thread's own and put back, for the interrupted code may be about to read it.
    unsafe {
        if let (Some(ring), Some(context)) = (ring.as_ref(), context.cast::<libc::ucontext_t>().as_ref()) {
            let errno = libc::__errno_location();
            let before = *errno;
            ring.sample(registers(context));
            *errno = before;
        }
    }
    INSIDE.fetch_sub(1, Ordering::SeqCst);
}

/// Instruction, stack, frame, link.
#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> [u64; 4] {
    let register = |which: libc::c_int| context.uc_mcontext.gregs[which as usize] as u64;
    [register(libc::REG_RIP), register(libc::REG_RSP), register(libc::REG_RBP), 0]
}

/// Instruction, stack, frame, link.
#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> [u64; 4] {
    let machine = &context.uc_mcontext;
    [machine.pc, machine.sp, machine.regs[29], machine.regs[30]]
}

impl Ring {
    /// Writes a sample into a slot. Called by the handler: no allocation, no lock, nothing that can panic.
    #[allow(unsafe_code)]
    fn sample(&self, registers: [u64; 4]) {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % SLOTS;
        let Some(slot) = self.slots.get(number) else { return };
        if slot.state.compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // SAFETY: this handler has just made the slot its own.
        let content = unsafe { &mut *slot.content.get() };
        content.registers = registers;
        content.length = copy(registers[1] as usize, content.stack.as_mut_slice());
        slot.state.store(FULL, Ordering::Release);
    }
}

/// Copies what is mapped of the memory from an address on. Gives its length.
#[allow(unsafe_code)]
fn copy(from: usize, to: &mut [u8]) -> usize {
    let mut pieces = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; PIECES];
    let (mut at, mut left, mut count) = (from, to.len(), 0);
    for piece in &mut pieces {
        let length = (PAGE - at % PAGE).min(left);
        *piece = libc::iovec { iov_base: std::ptr::without_provenance_mut(at), iov_len: length };
        at = at.wrapping_add(length);
        left -= length;
        count += libc::c_ulong::from(length > 0);
    }
    let target = libc::iovec { iov_base: to.as_mut_ptr().cast(), iov_len: to.len() };
    // SAFETY: a system call without state of the C library's besides `errno`. The kernel writes into `to` alone, whose length it is told, and checks every
    // address that it reads from: what is not mapped ends the copy with what was copied before. The process is our own.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &raw const target, 1, pieces.as_ptr(), count, 0) };
    usize::try_from(copied).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[inline(never)]
    fn work(rounds: u64) -> u64 {
        (0..rounds).fold(0, |sum: u64, round| black_box(sum.wrapping_mul(31).wrapping_add(round)))
    }

    #[test]
    fn samples_are_of_what_runs_and_only_one_can_sample() {
        let mut profiler = Profiler::start(Duration::from_millis(1)).unwrap();
        assert_eq!(Profiler::start(Duration::from_millis(1)).err(), Some(StartError::Running));
        let (mut samples, mut with_stack) = (0, 0);
        while samples < 20 {
            black_box(work(1_000_000));
            profiler.read(|sample| {
                samples += 1;
                with_stack += usize::from(sample.stack.len() >= 64 && sample.sp != 0 && sample.ip != 0);
            });
        }
        assert!(with_stack > 0, "no sample has a stack");
        drop(profiler);
        black_box(work(1_000_000));
        drop(Profiler::start(Duration::from_millis(1)).unwrap());
    }

    #[test]
    fn a_copy_ends_where_nothing_is_mapped() {
        let mut to = vec![0; STACK_BYTES];
        assert_eq!(copy(16, &mut to), 0);
        let from = vec![7u8; STACK_BYTES];
        assert_eq!(copy(from.as_ptr() as usize, &mut to), STACK_BYTES);
        assert_eq!(to, from);
    }
}
