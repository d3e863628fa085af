//! Processors: `/proc/stat`, `/proc/cpuinfo` and the topology in `/sys`.

use crate::text::{fields, float, lines, number, split_once};
use crate::{KernelFile, Paths, ReadError};
use std::collections::BTreeSet;

/// Ticks that one processor spent in each state since boot, of a line `cpuN` of `/proc/stat`. The kernel counts `guest` within `user` and
/// `guest_nice` within `nice`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Programs.
    pub user: u64,
    /// Programs of low priority.
    pub nice: u64,
    /// The kernel.
    pub system: u64,
    /// Nothing.
    pub idle: u64,
    /// Nothing, while input or output was waited for.
    pub iowait: u64,
    /// Interrupts.
    pub irq: u64,
    /// Deferred interrupts.
    pub softirq: u64,
    /// Taken by the hypervisor.
    pub steal: u64,
    /// Programs of guests.
    pub guest: u64,
    /// Programs of low priority of guests.
    pub guest_nice: u64,
}

/// What `/proc/stat` says of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Processes and threads made since boot.
    pub created: u64,
    /// Threads that run or could.
    pub running: u64,
    /// Threads that wait for input or output.
    pub blocked: u64,
}

/// The processors of `/proc/stat` by name (`cpu0`), in its order, which leaves out those that are off-line. Lines that do not read well are
/// skipped.
pub fn processors(stat: &[u8]) -> impl Iterator<Item = (&str, Ticks)> {
    let own = lines(stat).skip(1).take_while(|line| line.starts_with(b"cpu"));
    own.filter_map(|line| {
        let name = str::from_utf8(fields(line).next()?).ok()?;
        let mut ticks = fields(line).skip(1).map(number);
        // Older kernels say less, but never less than seven.
        let mut needed = || ticks.next().flatten();
        let (user, nice, system, idle, iowait, irq, softirq) =
            (needed()?, needed()?, needed()?, needed()?, needed()?, needed()?, needed()?);
        let mut more = || ticks.next().unwrap_or(Some(0));
        let (steal, guest, guest_nice) = (more()?, more()?, more()?);
        Some((name, Ticks { user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice }))
    })
}

/// What `/proc/stat` says of processes; what it lacks is zero.
pub fn tasks(stat: &[u8]) -> Tasks {
    let mut tasks = Tasks::default();
    for line in lines(stat) {
        let Some((key, value)) = split_once(line, b' ') else { continue };
        let slot = match key {
            b"processes" => &mut tasks.created,
            b"procs_running" => &mut tasks.running,
            b"procs_blocked" => &mut tasks.blocked,
            _ => continue,
        };
        *slot = number(value.trim_ascii()).unwrap_or(*slot);
    }
    tasks
}

/// When the machine booted, in seconds since 1970, of `/proc/stat`.
pub fn boot_time(stat: &[u8]) -> Option<u64> {
    let mut times = lines(stat).filter_map(|line| line.strip_prefix(b"btime "));
    number(times.next()?.trim_ascii())
}

/// The clock of each processor in MHz, of `/proc/cpuinfo`, by its number.
pub fn frequencies(cpuinfo: &[u8]) -> impl Iterator<Item = (u64, f64)> {
    let mut processor = None;
    entries(cpuinfo).filter_map(move |(key, value)| match key {
        b"processor" => {
            processor = number(value);
            None
        }
        b"cpu MHz" => Some((processor?, float(value)?)),
        _ => None,
    })
}

/// How many processors there are that programs can run on.
pub fn logical(cpuinfo: &[u8], stat: &[u8]) -> usize {
    let told = entries(cpuinfo).filter(|(key, value)| key.eq_ignore_ascii_case(b"processor") && number(value).is_some()).count();
    if told > 0 { told } else { processors(stat).count() }
}

/// How many cores there are: of the topology in `/sys`, else as `/proc/cpuinfo` says.
pub fn cores(paths: &Paths, cpuinfo: impl FnOnce() -> Result<usize, ReadError>) -> Result<usize, ReadError> {
    let directory = paths.sys.join("devices/system/cpu");
    let names = std::fs::read_dir(&directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let numbered =
        |name: &std::ffi::OsString| name.to_str()?.strip_prefix("cpu")?.starts_with(|c: char| c.is_ascii_digit()).then_some(());
    let processors: Vec<_> = names.filter(|name| numbered(name).is_some()).map(|name| directory.join(name)).collect();
    for file in ["core_cpus_list", "thread_siblings_list"] {
        let lists = processors.iter().filter_map(|processor| {
            let mut file = KernelFile::new(processor.join("topology").join(file));
            let text = file.read().ok()?;
            (lines(text).count() == 1).then(|| text.to_vec())
        });
        let cores = lists.collect::<BTreeSet<_>>().len();
        if cores > 0 {
            return Ok(cores);
        }
    }
    cpuinfo()
}

/// How many cores `/proc/cpuinfo` tells of: those of each package.
pub fn cores_of_cpuinfo(cpuinfo: &[u8]) -> usize {
    let (mut package, mut packages) = (None, Vec::<(u64, u64)>::new());
    for (key, value) in entries(cpuinfo) {
        match key {
            b"processor" => package = None,
            b"physical id" => package = number(value),
            b"cpu cores" => {
                let (Some(package), Some(cores)) = (package, number(value)) else { continue };
                if !packages.iter().any(|(known, _)| *known == package) {
                    packages.push((package, cores));
                }
            }
            _ => {}
        }
    }
    packages.iter().map(|(_, cores)| usize::try_from(*cores).unwrap_or(usize::MAX)).fold(0, usize::saturating_add)
}

/// Keys and values of `/proc/cpuinfo`.
fn entries(cpuinfo: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(cpuinfo).filter_map(|line| split_once(line, b':')).map(|(key, value)| (key.trim_ascii(), value.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] =
        b"cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu2 11 12 13 14 15 16 17\ncpu3 1 2 3\ncpu4 1 2 3 4 5 6 x\n\
        intr 5 1 2\nctxt 7\nbtime 1700000000\nprocesses 42\nprocs_running 3\nprocs_blocked 1\n";

    #[test]
    fn processors_keep_their_names_and_old_kernels_say_less() {
        let found: Vec<_> = processors(STAT).collect();
        let first =
            Ticks { user: 1, nice: 2, system: 3, idle: 4, iowait: 5, irq: 6, softirq: 7, steal: 8, guest: 9, guest_nice: 10 };
        let second = Ticks { user: 11, nice: 12, system: 13, idle: 14, iowait: 15, irq: 16, softirq: 17, ..Ticks::default() };
        assert_eq!(found, [("cpu0", first), ("cpu2", second)]);
        assert_eq!(processors(b"cpu 1 2 3 4 5 6 7\n").count(), 0);
    }

    #[test]
    fn tasks_and_boot_time_are_found_wherever_they_stand() {
        assert_eq!(tasks(STAT), Tasks { created: 42, running: 3, blocked: 1 });
        assert_eq!(boot_time(STAT), Some(1_700_000_000));
        assert_eq!(boot_time(b"cpu 1\n"), None);
    }

    #[test]
    fn cores_and_clocks_are_those_of_cpuinfo() {
        let cpuinfo = b"processor\t: 0\nmodel name\t: Xeon\ncpu MHz\t\t: 2400.5\nphysical id\t: 0\ncpu cores\t: 2\n\n\
            processor\t: 1\ncpu MHz\t\t: 800\nphysical id\t: 0\ncpu cores\t: 2\n\nprocessor\t: 2\nphysical id\t: 1\ncpu cores\t: 4\n";
        assert_eq!(frequencies(cpuinfo).collect::<Vec<_>>(), [(0, 2400.5), (1, 800.0)]);
        assert_eq!(cores_of_cpuinfo(cpuinfo), 6);
        assert_eq!(logical(cpuinfo, STAT), 3);
        assert_eq!(logical(b"Features : fp\n", STAT), 2);
    }

    #[test]
    fn siblings_share_a_core() {
        let root = tempfile::tempdir().unwrap();
        for (cpu, siblings) in [("cpu0", "0,2\n"), ("cpu1", "1,3\n"), ("cpu2", "0,2\n"), ("cpu3", "1,3\n"), ("cpufreq", "9\n")] {
            let topology = root.path().join("sys/devices/system/cpu").join(cpu).join("topology");
            std::fs::create_dir_all(&topology).unwrap();
            std::fs::write(topology.join("core_cpus_list"), siblings).unwrap();
        }
        let paths = Paths::new(root.path(), |_| None);
        assert_eq!(cores(&paths, || Ok(9)), Ok(2));
        assert_eq!(cores(&Paths::new(std::path::Path::new("/nowhere"), |_| None), || Ok(9)), Ok(9));
    }
}
