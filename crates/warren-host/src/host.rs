//! One machine, looked at tick by tick: whatever is asked for within a tick is read once.

use crate::network::Socket;
use crate::process::{ProcessFiles, Processes};
use crate::sockets::Sockets;
use crate::{KernelFile, Paths, ReadError};
use std::path::{Path, PathBuf};

/// A kernel file by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `/proc/stat`
    Stat,
    /// `/proc/uptime`
    Uptime,
    /// `/proc/loadavg`
    Loadavg,
    /// `/proc/cpuinfo`
    Cpuinfo,
    /// `/proc/meminfo`
    Meminfo,
    /// `/proc/zoneinfo`
    Zoneinfo,
    /// `/proc/vmstat`
    Vmstat,
    /// `/proc/swaps`
    Swaps,
    /// `/proc/diskstats`
    Diskstats,
    /// `/proc/filesystems`
    Filesystems,
    /// `/proc/net/dev`
    NetDev,
    /// `/proc/sys/net/netfilter/nf_conntrack_count`
    ConntrackCount,
    /// `/proc/sys/net/netfilter/nf_conntrack_max`
    ConntrackMax,
}

/// The table of mounted file systems that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountTable<'a> {
    /// A `mountinfo`, and where it was.
    Mountinfo(&'a [u8], &'a Path),
    /// A `mounts`, which older kernels have instead.
    Mounts(&'a [u8]),
}

/// One machine.
#[derive(Debug)]
pub struct Host {
    paths: Paths,
    /// Where the network's files are: `net` below `/proc`, or below a process's directory.
    network: PathBuf,
    tick: u64,
    files: Vec<Kept>,
    mounts: Vec<KernelFile>,
    sockets: Sockets,
    process_files: Option<ProcessFiles>,
    processes: Processes,
    processes_of: Option<u64>,
}

/// A file and what came of it when it was last read.
#[derive(Debug)]
struct Kept {
    source: Source,
    file: KernelFile,
    tick: u64,
    failed: Option<ReadError>,
}

impl Host {
    /// The machine whose files are at these paths.
    pub fn new(paths: Paths) -> Self {
        let network = paths.proc.join("net");
        let own = paths.proc.join("1");
        // What the variable names stands for its whole directory, as in the reference.
        let tables = match paths.mountinfo.as_ref().map(|file| file.parent().unwrap_or(file).to_owned()) {
            Some(directory) => vec![directory],
            None => vec![own, paths.proc.join("self")],
        };
        let mounts =
            tables.iter().flat_map(|table| [table.join("mountinfo"), table.join("mounts")]).map(KernelFile::new).collect();
        Self {
            paths,
            sockets: Sockets::new(&network),
            network,
            tick: 0,
            files: Vec::new(),
            mounts,
            process_files: None,
            processes: Processes::default(),
            processes_of: None,
        }
    }

    /// The same machine, with the network as its first process has it, where that can be seen. `/proc/net` is always that of whoever looks, which
    /// in a container is the container's.
    pub fn with_network_of_first_process(mut self) -> Self {
        let network = self.paths.proc.join("1/net");
        if network.join("dev").exists() {
            self.sockets = Sockets::new(&network);
            self.network = network;
        }
        self
    }

    /// Where the files are.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Begins a new tick: what is asked for from now on is read anew.
    pub fn tick(&mut self) {
        self.tick += 1;
    }

    /// The bytes of a kernel file as of this tick.
    ///
    /// # Errors
    /// When it cannot be read; asking again within the tick gives the same error.
    pub fn text(&mut self, source: Source) -> Result<&[u8], ReadError> {
        let index = match self.files.iter().position(|kept| kept.source == source) {
            Some(index) => index,
            None => {
                let file = KernelFile::new(self.path(source));
                self.files.push(Kept { source, file, tick: u64::MAX, failed: None });
                self.files.len() - 1
            }
        };
        let kept = &mut self.files[index];
        if kept.tick != self.tick {
            kept.tick = self.tick;
            kept.failed = kept.file.read().err();
        }
        match &kept.failed {
            Some(error) => Err(error.clone()),
            None => Ok(kept.file.text()),
        }
    }

    /// The table of mounts: of the machine's first process, else of the reader.
    ///
    /// # Errors
    /// When none can be read; the error is that of the last that was tried.
    pub fn mounts(&mut self) -> Result<MountTable<'_>, ReadError> {
        let mut last = None;
        let mut found = None;
        for (index, file) in self.mounts.iter_mut().enumerate() {
            match file.read() {
                Ok(_) => {
                    found = Some(index);
                    break;
                }
                Err(error) => last = Some(error),
            }
        }
        match (found.and_then(|index| self.mounts.get(index)), last) {
            (Some(file), _) if file.path().ends_with("mounts") => Ok(MountTable::Mounts(file.text())),
            (Some(file), _) => Ok(MountTable::Mountinfo(file.text(), file.path())),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(MountTable::Mounts(&[])),
        }
    }

    /// All processes as of this tick, and their further files.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn processes(&mut self) -> Result<(&Processes, &mut ProcessFiles), ReadError> {
        let files = match &mut self.process_files {
            Some(files) => files,
            empty => empty.insert(ProcessFiles::open(&self.paths.proc)?),
        };
        if self.processes_of != Some(self.tick) {
            let error = |errno| ReadError { call: "readdirent", path: self.paths.proc.display().to_string(), errno };
            files.look(&mut self.processes).map_err(error)?;
            self.processes_of = Some(self.tick);
        }
        Ok((&self.processes, files))
    }

    /// Visits every TCP socket of both versions of IP.
    ///
    /// # Errors
    /// When those of version 4 cannot be read, or those of version 6 are there and cannot be.
    pub fn each_socket(&mut self, visit: impl FnMut(Socket)) -> Result<(), ReadError> {
        self.sockets.each(visit)
    }

    fn path(&self, source: Source) -> PathBuf {
        let name = match source {
            Source::Stat => "stat",
            Source::Uptime => "uptime",
            Source::Loadavg => "loadavg",
            Source::Cpuinfo => "cpuinfo",
            Source::Meminfo => "meminfo",
            Source::Zoneinfo => "zoneinfo",
            Source::Vmstat => "vmstat",
            Source::Swaps => "swaps",
            Source::Diskstats => "diskstats",
            Source::Filesystems => "filesystems",
            Source::NetDev => return self.network.join("dev"),
            Source::ConntrackCount => "sys/net/netfilter/nf_conntrack_count",
            Source::ConntrackMax => "sys/net/netfilter/nf_conntrack_max",
        };
        self.paths.proc.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_a_tick() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path().join("proc");
        std::fs::create_dir_all(&proc).unwrap();
        let mut host = Host::new(Paths::new(root.path(), |_| None));
        assert!(host.text(Source::Stat).is_err());
        std::fs::write(proc.join("stat"), "one").unwrap();
        assert!(host.text(Source::Stat).is_err(), "the tick has its answer");
        host.tick();
        assert_eq!(host.text(Source::Stat).unwrap(), b"one");
        std::fs::write(proc.join("stat"), "two").unwrap();
        assert_eq!(host.text(Source::Stat).unwrap(), b"one");
        host.tick();
        assert_eq!(host.text(Source::Stat).unwrap(), b"two");
    }

    #[test]
    fn the_first_process_has_the_mounts_and_older_kernels_say_it_otherwise() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path().join("proc");
        let write = |path: &str, text: &str| {
            let path = proc.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let mut host = Host::new(Paths::new(root.path(), |_| None));
        assert!(host.mounts().is_err());
        write("self/mounts", "a");
        assert_eq!(host.mounts().unwrap(), MountTable::Mounts(b"a"));
        write("self/mountinfo", "b");
        assert!(matches!(host.mounts().unwrap(), MountTable::Mountinfo(b"b", _)));
        write("1/mounts", "c");
        assert_eq!(host.mounts().unwrap(), MountTable::Mounts(b"c"));
        write("1/mountinfo", "d");
        assert!(matches!(host.mounts().unwrap(), MountTable::Mountinfo(b"d", _)));
        let named = |name: &str| (name == "HOST_PROC_MOUNTINFO").then(|| proc.join("self/x").display().to_string());
        let mut host = Host::new(Paths::new(root.path(), named));
        assert!(matches!(host.mounts().unwrap(), MountTable::Mountinfo(b"b", _)));
    }

    #[test]
    fn the_network_may_be_that_of_the_first_process() {
        let root = tempfile::tempdir().unwrap();
        for (directory, text) in [("proc/net", "own"), ("proc/1/net", "first")] {
            std::fs::create_dir_all(root.path().join(directory)).unwrap();
            std::fs::write(root.path().join(directory).join("dev"), text).unwrap();
        }
        let paths = Paths::new(root.path(), |_| None);
        assert_eq!(Host::new(paths.clone()).text(Source::NetDev).unwrap(), b"own");
        assert_eq!(Host::new(paths).with_network_of_first_process().text(Source::NetDev).unwrap(), b"first");
    }
}
