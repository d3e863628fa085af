//! CPU profiles: samples, and who called whom in each.

use crate::modules::Modules;
use crate::profile::{Kind, Profile};
use framehop::Unwinder;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use warren_sys::profile::cpu::{Profiler, Sample, StartError};

/// CPU time between two samples.
const PERIOD: Duration = Duration::from_millis(10);

/// How often samples are read. In this time four threads at full load fill what there is room for.
const READ: Duration = Duration::from_millis(100);

/// Different stacks of one profile; what comes after is left out.
const STACKS_MAX: usize = 20_000;

/// Frames of one stack.
const FRAMES_MAX: usize = 256;

/// Frames of all stacks of one profile.
const FRAMES_OF_ALL_MAX: usize = 1 << 20;

#[cfg(target_arch = "x86_64")]
mod native {
    pub(super) use framehop::x86_64::{CacheX86_64 as Cache, UnwinderX86_64 as Native};

    pub(super) fn registers(sample: &super::Sample<'_>) -> framehop::x86_64::UnwindRegsX86_64 {
        framehop::x86_64::UnwindRegsX86_64::new(sample.ip, sample.sp, sample.fp)
    }
}

#[cfg(target_arch = "aarch64")]
mod native {
    pub(super) use framehop::aarch64::{CacheAarch64 as Cache, UnwinderAarch64 as Native};

    pub(super) fn registers(sample: &super::Sample<'_>) -> framehop::aarch64::UnwindRegsAarch64 {
        framehop::aarch64::UnwindRegsAarch64::new(sample.lr, sample.sp, sample.fp)
    }
}

/// Counts stacks.
struct Stacks {
    unwinder: native::Native<Vec<u8>>,
    cache: native::Cache,
    counts: HashMap<Vec<u64>, u64>,
    /// Frames of all that are counted.
    frames: usize,
}

/// Samples until a future resolves. Gives the profile, gzipped.
///
/// # Errors
/// When the program is sampled already, or cannot be.
pub(crate) async fn profile(until: impl Future<Output = ()>) -> Result<Vec<u8>, StartError> {
    let read = tokio::task::spawn_blocking(Modules::read).await;
    let mut modules = read.map_err(|error| StartError::System(error.to_string()))?;
    let mut stacks = Stacks::new();
    modules.take_unwind_data().for_each(|module| stacks.unwinder.add_module(module));
    let (started, clock) = (SystemTime::now(), Instant::now());
    let mut profiler = Profiler::start(PERIOD)?;
    let mut until = std::pin::pin!(until);
    let mut ended = false;
    while !ended {
        tokio::select! {
            () = &mut until => ended = true,
            () = tokio::time::sleep(READ) => {}
        }
        profiler.read(|sample| stacks.add(&sample));
    }
    drop(profiler);
    let took = clock.elapsed();
    let encode = move || {
        let period = PERIOD.as_nanos() as i64;
        let mut profile = Profile::new(
            &[Kind::new("samples", "count"), Kind::new("cpu", "nanoseconds")],
            Kind::new("cpu", "nanoseconds"),
            period,
        );
        profile.lasted(started, took);
        for (frames, count) in stacks.counts {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            profile.sample(frames, &[count, count.saturating_mul(period)]);
        }
        profile.encode(&modules)
    };
    tokio::task::spawn_blocking(encode).await.map_err(|error| StartError::System(error.to_string()))
}

impl Stacks {
    fn new() -> Self {
        Self { unwinder: native::Native::new(), cache: native::Cache::new(), counts: HashMap::new(), frames: 0 }
    }

    fn add(&mut self, sample: &Sample<'_>) {
        // What lies outside of the copy ends the walk.
        let mut read = |address: u64| {
            let at = usize::try_from(address.checked_sub(sample.sp).ok_or(())?).map_err(|_| ())?;
            let word = at.checked_add(8).and_then(|end| sample.stack.get(at..end)).and_then(|bytes| bytes.try_into().ok());
            word.map(u64::from_ne_bytes).ok_or(())
        };
        let mut frames = Vec::with_capacity(32);
        let mut walk = self.unwinder.iter_frames(sample.ip, native::registers(sample), &mut self.cache, &mut read);
        while let Ok(Some(frame)) = walk.next() {
            frames.push(frame.address_for_lookup());
            if frames.len() == FRAMES_MAX {
                break;
            }
        }
        self.count(frames);
    }

    fn count(&mut self, mut frames: Vec<u64>) {
        if let Some(count) = self.counts.get_mut(&frames) {
            *count += 1;
        } else if self.counts.len() < STACKS_MAX && self.frames + frames.len() <= FRAMES_OF_ALL_MAX {
            frames.shrink_to_fit();
            self.frames += frames.len();
            self.counts.insert(frames, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_all_stacks_have_a_bound_and_known_stacks_go_on_counting() {
        let mut stacks = Stacks::new();
        let stack = |number: u64| (0..FRAMES_MAX as u64).map(|frame| frame + number * 1000).collect::<Vec<_>>();
        (0..STACKS_MAX as u64).for_each(|number| stacks.count(stack(number)));
        assert_eq!(stacks.counts.len(), FRAMES_OF_ALL_MAX / FRAMES_MAX);
        stacks.count(stack(0));
        assert_eq!(stacks.counts.get(&stack(0)), Some(&2));
    }
}
