//! The machine as a whole: load, uptime, sizes.

use crate::text::{fields, float};

/// The load averages of one, five and fifteen minutes of `/proc/loadavg`.
pub fn load(loadavg: &[u8]) -> Option<[f64; 3]> {
    let mut averages = fields(loadavg).map(float);
    let mut next = || averages.next().flatten();
    Some([next()?, next()?, next()?])
}

/// The load averages as the kernel tells them by call.
pub fn load_by_call() -> [f64; 3] {
    rustix::system::sysinfo().loads.map(|load| load as f64 / 65_536.0)
}

/// Whole seconds since boot.
pub fn uptime() -> u64 {
    u64::try_from(rustix::system::sysinfo().uptime).unwrap_or_default()
}

/// Bytes of a page of memory.
pub fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// Ticks of a second in which the kernel counts processor time.
pub fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

/// How many processors this process may run on, whatever share of them its control group gives it.
pub fn processors_allowed() -> Option<u32> {
    rustix::thread::sched_getaffinity(None).ok().map(|set| set.count()).filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_three_numbers() {
        assert_eq!(load(b"0.52 1.58 0.59 2/310 9999\n"), Some([0.52, 1.58, 0.59]));
        assert_eq!(load(b"0.52 1.58\n"), None);
        assert_eq!(load(b"0.52 x 1\n"), None);
        assert!(load_by_call().iter().all(|load| *load >= 0.0));
    }

    #[test]
    fn the_machine_answers() {
        assert!(uptime() > 0);
        assert!(page_bytes().is_power_of_two());
        assert!(ticks_per_second() >= 100);
        assert!(processors_allowed().unwrap() >= 1);
    }
}
