//! Processes: what `/proc/PID` says of each.

use crate::file::{read_up_to, read_whole};
use crate::text::{fields, hex, lines, number, numbers, split_once};
use crate::{ReadError, reason};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Processes that are looked at; of more only the number is told.
pub const PROCESSES_MAX: usize = 100_000;

/// Most bytes of a command line, and of the list of a process's control groups; the rest is cut off.
pub const COMMAND_BYTES_MAX: usize = 16 << 10;

/// Longest name that the kernel gives a process: that of a worker thread with what it works on.
const COMM_BYTES_MAX: usize = 64;

/// Room for entries of a directory.
const ENTRIES_BYTES: usize = 8 << 10;

/// A process by `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: u32,
    /// Letter of its state: `R`, `S`, `D`, `Z`, `T`, `t`, `I`, …
    pub state: u8,
    /// Number of its parent.
    pub parent: u32,
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Page faults that waited for a disk.
    pub major_faults: u64,
    /// Ticks spent in the program.
    pub user: u64,
    /// Ticks spent in the kernel.
    pub system: u64,
    /// Ticks spent waiting for a disk; zero unless the kernel accounts for delays.
    pub waiting: u64,
    /// Threads.
    pub threads: u64,
    /// When it started, in ticks after boot. With the number it tells a process from a later one of the same number.
    pub started: u64,
    comm: [u8; COMM_BYTES_MAX],
    comm_len: u8,
}

impl Stat {
    /// The name that the kernel keeps, which is that of the program, cut after 15 bytes.
    pub fn comm(&self) -> &[u8] {
        self.comm.get(..usize::from(self.comm_len)).unwrap_or_default()
    }
}

/// Reads `/proc/PID/stat`. The name may hold anything, parentheses and line ends among it: it ends at the last parenthesis.
pub fn stat(text: &[u8]) -> Option<Stat> {
    let (opening, closing) = (memchr::memchr(b'(', text)?, memchr::memrchr(b')', text)?);
    let pid = u32::try_from(number(text.get(..opening)?.trim_ascii())?).ok()?;
    let name = text.get(opening + 1..closing)?;
    let mut fields = fields(text.get(closing + 1..)?);
    // Fields as `proc(5)` counts them; the state is the third.
    let mut next = 3;
    let mut field = |wanted: usize| {
        let skipped = wanted - next;
        next = wanted + 1;
        fields.nth(skipped)
    };
    let state = *field(3)?.first()?;
    let parent = u32::try_from(number(field(4)?)?).ok()?;
    let (minor_faults, major_faults) = (number(field(10)?)?, number(field(12)?)?);
    let (user, system) = (number(field(14)?)?, number(field(15)?)?);
    let (threads, started) = (number(field(20)?)?, number(field(22)?)?);
    let waiting = field(42).and_then(number).unwrap_or(0);
    let mut comm = [0; COMM_BYTES_MAX];
    let kept = name.get(..COMM_BYTES_MAX).unwrap_or(name);
    comm.get_mut(..kept.len())?.copy_from_slice(kept);
    let comm_len = u8::try_from(kept.len()).ok()?;
    Some(Stat { pid, state, parent, minor_faults, major_faults, user, system, waiting, threads, started, comm, comm_len })
}

/// Memory of a process by `/proc/PID/statm`, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statm {
    /// All that it has mapped.
    pub virtual_pages: u64,
    /// What of it is in memory.
    pub resident_pages: u64,
}

/// Reads `/proc/PID/statm`.
pub fn statm(text: &[u8]) -> Option<Statm> {
    numbers(text).map(|[virtual_pages, resident_pages]| Statm { virtual_pages, resident_pages })
}

/// Input and output of a process by `/proc/PID/io`; what it lacks is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// Bytes that went through reading calls, be it from files, pipes or sockets.
    pub read_chars: u64,
    /// Bytes that went through writing calls.
    pub written_chars: u64,
    /// Reading calls.
    pub reads: u64,
    /// Writing calls.
    pub writes: u64,
    /// Bytes that were fetched from disks.
    pub read_bytes: u64,
    /// Bytes that were sent to disks.
    pub written_bytes: u64,
}

/// Reads `/proc/PID/io`; none when a count is no number.
pub fn io(text: &[u8]) -> Option<Io> {
    let mut io = Io::default();
    for (key, value) in keys(text) {
        let slot = match key {
            b"rchar" => &mut io.read_chars,
            b"wchar" => &mut io.written_chars,
            b"syscr" => &mut io.reads,
            b"syscw" => &mut io.writes,
            b"read_bytes" => &mut io.read_bytes,
            b"write_bytes" => &mut io.written_bytes,
            _ => continue,
        };
        *slot = number(value)?;
    }
    Some(io)
}

/// What only `/proc/PID/status` says of a process; what it lacks is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The user it belongs to (real id).
    pub user: u32,
    /// Times it gave the processor up.
    pub voluntary_switches: u64,
    /// Times the processor was taken from it.
    pub involuntary_switches: u64,
    /// Mask of the signals that wait for the process as a whole.
    pub pending_signals: u64,
}

/// Reads `/proc/PID/status`; none when what is needed is no number.
pub fn status(text: &[u8]) -> Option<Status> {
    let mut status = Status::default();
    for (key, value) in keys(text) {
        match key {
            b"Uid" => status.user = u32::try_from(number(fields(value).next()?)?).ok()?,
            b"voluntary_ctxt_switches" => status.voluntary_switches = number(value)?,
            b"nonvoluntary_ctxt_switches" => status.involuntary_switches = number(value)?,
            b"ShdPnd" => status.pending_signals = hex(value.get(value.len().saturating_sub(16)..)?)?,
            _ => {}
        }
    }
    Some(status)
}

/// The words of a command line, without the zero bytes that end it; none when there is none, as with threads of the kernel.
pub fn words(cmdline: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = cmdline.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let words = cmdline.get(..end).unwrap_or_default();
    words.split(|byte| *byte == 0).take(if cmdline.is_empty() { 0 } else { usize::MAX })
}

fn keys(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(text).filter_map(|line| split_once(line, b':')).map(|(key, value)| (key, value.trim_ascii()))
}

/// A file of a process that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call} /proc/{pid}/{file}: {}", errno.map_or_else(|| "malformed".to_owned(), reason))]
pub struct ProcessError {
    /// The process.
    pub pid: u32,
    /// The file's name.
    pub file: &'static str,
    /// The system call.
    pub call: &'static str,
    /// Why; none when it does not read as it should.
    pub errno: Option<Errno>,
}

impl ProcessError {
    /// Whether the process ended in the meantime.
    pub fn is_gone(&self) -> bool {
        matches!(self.errno, Some(Errno::NOENT | Errno::SRCH))
    }
}

/// All processes, as of one look at them.
#[derive(Debug, Default)]
pub struct Processes {
    /// Those that could be read, by ascending number.
    pub list: Vec<Stat>,
    /// How many there were, those that ended meanwhile among them.
    pub directories: usize,
}

/// Reads files of processes.
#[derive(Debug)]
pub struct ProcessFiles {
    proc: OwnedFd,
    text: Vec<u8>,
    pids: Vec<u32>,
}

impl ProcessFiles {
    /// Processes of this `/proc`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(proc: &Path) -> Result<Self, ReadError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(CWD, proc, flags, Mode::empty());
        let proc = opened.map_err(|errno| ReadError { call: "open", path: proc.display().to_string(), errno })?;
        Ok(Self { proc, text: Vec::new(), pids: Vec::new() })
    }

    /// Looks at all processes. Those that end meanwhile are left out.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn look(&mut self, into: &mut Processes) -> Result<(), Errno> {
        into.list.clear();
        self.pids.clear();
        into.directories = 0;
        let pids = &mut self.pids;
        each_entry(&self.proc, &mut self.text, |name| {
            if let Some(pid) = number(name.to_bytes()).and_then(|pid| u32::try_from(pid).ok()) {
                into.directories += 1;
                if pids.len() < PROCESSES_MAX {
                    pids.push(pid);
                }
            }
        })?;
        let mut pids = std::mem::take(&mut self.pids);
        pids.sort_unstable();
        into.list.extend(pids.iter().filter_map(|pid| stat(self.whole(*pid, "stat").ok()?).filter(|stat| stat.pid == *pid)));
        self.pids = pids;
        for (room, used) in [(into.list.capacity(), into.list.len()), (self.pids.capacity(), self.pids.len())] {
            // A crowd that is gone holds no memory.
            if room > 4 * used.max(256) {
                into.list.shrink_to(used);
                self.pids.shrink_to(used);
            }
        }
        Ok(())
    }

    /// Memory of a process.
    ///
    /// # Errors
    /// When the file cannot be read, as when the process has ended.
    pub fn statm(&mut self, pid: u32) -> Result<Statm, ProcessError> {
        self.parsed(pid, "statm", statm)
    }

    /// Input and output of a process. Processes of other users need `CAP_SYS_PTRACE`.
    ///
    /// # Errors
    /// As [`ProcessFiles::statm`].
    pub fn io(&mut self, pid: u32) -> Result<Io, ProcessError> {
        self.parsed(pid, "io", io)
    }

    /// What only the status says.
    ///
    /// # Errors
    /// As [`ProcessFiles::statm`].
    pub fn status(&mut self, pid: u32) -> Result<Status, ProcessError> {
        self.parsed(pid, "status", status)
    }

    /// The command line, [`COMMAND_BYTES_MAX`] of it at most.
    ///
    /// # Errors
    /// As [`ProcessFiles::statm`].
    pub fn cmdline(&mut self, pid: u32) -> Result<&[u8], ProcessError> {
        self.beginning(pid, "cmdline", COMMAND_BYTES_MAX)
    }

    /// The control groups, without the line end of the last, [`COMMAND_BYTES_MAX`] of them at most.
    ///
    /// # Errors
    /// As [`ProcessFiles::statm`].
    pub fn cgroup(&mut self, pid: u32) -> Result<&[u8], ProcessError> {
        let text = self.beginning(pid, "cgroup", COMMAND_BYTES_MAX)?;
        Ok(text.strip_suffix(b"\n").unwrap_or(text))
    }

    /// The program's file. Processes of other users need `CAP_SYS_PTRACE`; threads of the kernel have none.
    ///
    /// # Errors
    /// As [`ProcessFiles::statm`].
    pub fn exe(&mut self, pid: u32) -> Result<&[u8], ProcessError> {
        const PATH_BYTES_MAX: usize = 4096;
        self.text.clear();
        self.text.reserve(PATH_BYTES_MAX);
        let read = with_path(pid, "exe", |path| {
            rustix::fs::readlinkat_raw(&self.proc, path, rustix::buffer::spare_capacity(&mut self.text))
        });
        match read {
            Ok(_) => Ok(&self.text),
            Err(errno) => Err(ProcessError { pid, file: "exe", call: "readlink", errno: Some(errno) }),
        }
    }

    /// How many descriptors are open. Processes of other users need `CAP_SYS_PTRACE`.
    ///
    /// # Errors
    /// As [`ProcessFiles::statm`].
    pub fn open_descriptors(&mut self, pid: u32) -> Result<u64, ProcessError> {
        let error = |call| move |errno| ProcessError { pid, file: "fd", call, errno: Some(errno) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = with_path(pid, "fd", |path| rustix::fs::openat(&self.proc, path, flags, Mode::empty()));
        let directory = directory.map_err(error("open"))?;
        let mut count = 0;
        each_entry(directory, &mut self.text, |name| count += u64::from(!name.to_bytes().starts_with(b".")))
            .map_err(error("readdirent"))?;
        Ok(count)
    }

    /// Whether the process still is there.
    pub fn exists(&self, pid: u32) -> bool {
        with_path(pid, "stat", |path| rustix::fs::statat(&self.proc, path, AtFlags::empty())).is_ok()
    }

    fn parsed<T>(&mut self, pid: u32, file: &'static str, parse: fn(&[u8]) -> Option<T>) -> Result<T, ProcessError> {
        parse(self.whole(pid, file)?).ok_or(ProcessError { pid, file, call: "read", errno: None })
    }

    fn whole(&mut self, pid: u32, file: &'static str) -> Result<&[u8], ProcessError> {
        self.read(pid, file, read_whole)
    }

    fn beginning(&mut self, pid: u32, file: &'static str, most: usize) -> Result<&[u8], ProcessError> {
        self.read(pid, file, |open, text| read_up_to(open, text, most).map(drop))
    }

    fn read(
        &mut self,
        pid: u32,
        file: &'static str,
        read: impl FnOnce(OwnedFd, &mut Vec<u8>) -> Result<(), Errno>,
    ) -> Result<&[u8], ProcessError> {
        let error = |call| move |errno| ProcessError { pid, file, call, errno: Some(errno) };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let open = with_path(pid, file, |path| rustix::fs::openat(&self.proc, path, flags, Mode::empty()));
        read(open.map_err(error("open"))?, &mut self.text).map_err(error("read"))?;
        Ok(&self.text)
    }
}

/// Calls with the path `PID/FILE`, which is put together without allocating.
fn with_path<T>(pid: u32, file: &str, call: impl FnOnce(&CStr) -> Result<T, Errno>) -> Result<T, Errno> {
    let mut path = [0; 32];
    let mut rest = path.as_mut_slice();
    write!(rest, "{pid}/{file}\0").map_err(|_| Errno::NAMETOOLONG)?;
    call(CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?)
}

/// Visits the names in a directory from its beginning.
fn each_entry(directory: impl std::os::fd::AsFd, room: &mut Vec<u8>, mut visit: impl FnMut(&CStr)) -> Result<(), Errno> {
    rustix::fs::seek(&directory, SeekFrom::Start(0))?;
    room.clear();
    room.reserve(ENTRIES_BYTES);
    let mut entries = RawDir::new(&directory, room.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        visit(entry?.file_name());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str =
        "S 1 2 3 4 -1 6 100 7 12 8 1500 300 9 10 20 0 11 0 5000 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 77 33";

    #[test]
    fn names_with_parentheses_and_line_ends_are_understood() {
        for name in ["bash", "tmux: server", "a) b (c", "(sd-pam)", "x\ny", ""] {
            let found = stat(format!("42 ({name}) {TAIL}\n").as_bytes()).unwrap();
            assert_eq!(found.comm(), name.as_bytes());
            assert_eq!((found.pid, found.state, found.parent, found.threads), (42, b'S', 1, 11));
            assert_eq!((found.minor_faults, found.major_faults), (100, 12));
            assert_eq!((found.user, found.system, found.started, found.waiting), (1500, 300, 5000, 77));
        }
        for broken in ["", "42 (x", "42 x) S 1", "x (y) S 1", "42 (x) S 1 2 3", ") 1 ("] {
            assert_eq!(stat(broken.as_bytes()), None, "{broken}");
        }
        let long = format!("1 ({}) {TAIL}", "k".repeat(500));
        assert_eq!(stat(long.as_bytes()).unwrap().comm().len(), COMM_BYTES_MAX);
    }

    #[test]
    fn the_other_files_are_read_by_key() {
        assert_eq!(statm(b"100 20 3 4 0 5 0\n"), Some(Statm { virtual_pages: 100, resident_pages: 20 }));
        let text = b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n";
        let expected = Io { read_chars: 1, written_chars: 2, reads: 3, writes: 4, read_bytes: 5, written_bytes: 6 };
        assert_eq!(io(text), Some(expected));
        assert_eq!(io(b"rchar: x\n"), None);
        let text = b"Name:\ta:b\nUid:\t1000\t0\t0\t0\nShdPnd:\t0000000000000201\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n";
        let expected = Status { user: 1000, voluntary_switches: 5, involuntary_switches: 6, pending_signals: 0x201 };
        assert_eq!(status(text), Some(expected));
    }

    #[test]
    fn words_of_a_command_line_may_be_empty() {
        let split = |line: &'static [u8]| words(line).collect::<Vec<_>>();
        assert_eq!(split(b"erl\0-x\0\0"), [&b"erl"[..], b"-x"]);
        assert_eq!(split(b"a\0\0b\0"), [&b"a"[..], b"", b"b"]);
        assert_eq!(split(b""), [&b""[..]; 0]);
        assert_eq!(split(b"\0\0"), [&b""[..]]);
        assert_eq!(split(b"nginx: master process"), [&b"nginx: master process"[..]]);
    }

    #[test]
    fn this_very_process_is_found() {
        let mut files = ProcessFiles::open(Path::new("/proc")).unwrap();
        let mut processes = Processes::default();
        let own = std::process::id();
        for _ in 0..2 {
            files.look(&mut processes).unwrap();
            assert!(processes.directories >= processes.list.len());
            let found = processes.list.iter().find(|process| process.pid == own).unwrap();
            assert_eq!(found.comm(), std::fs::read("/proc/self/comm").unwrap().trim_ascii_end());
        }
        assert!(files.exists(own));
        assert_eq!(files.exe(own).unwrap(), std::env::current_exe().unwrap().as_os_str().as_encoded_bytes());
        assert_eq!(files.cmdline(own).unwrap(), std::fs::read("/proc/self/cmdline").unwrap());
        assert!(files.statm(own).unwrap().resident_pages > 0);
        assert!(files.open_descriptors(own).unwrap() >= 3);
        assert_eq!(files.status(own).unwrap().user, rustix::process::getuid().as_raw());
        let gone = files.statm(u32::MAX).unwrap_err();
        assert!(gone.is_gone());
        assert_eq!(gone.to_string(), "open /proc/4294967295/statm: no such file or directory");
    }
}
