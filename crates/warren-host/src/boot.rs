//! When the machine booted: the start of everything the kernel counts.

use crate::text::{fields, float};
use crate::{Host, Paths, ReadError, Source, cpu};
use rustix::io::Errno;
use std::path::Path;
use std::time::Duration;

/// Why the boot time is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootTimeError {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// `/proc/stat` does not say it.
    #[error("could not find btime")]
    NotSaid,
    /// `/proc/uptime` is not a number.
    #[error("wrong uptime format")]
    Uptime,
}

/// When the machine booted, in seconds since 1970: what `/proc/stat` says; within a container of LXC or Docker reckoned from `/proc/uptime`, which may
/// be the container's own. `now` is the time since 1970.
///
/// # Errors
/// When neither can be read; but a reader without permission gets what the kernel tells by call.
pub fn time(host: &mut Host, now: Duration) -> Result<u64, BootTimeError> {
    let contained = in_container(host.paths());
    let source = if contained { Source::Uptime } else { Source::Stat };
    let text = match host.text(source) {
        Ok(text) => text,
        Err(error) if matches!(error.errno, Errno::ACCESS | Errno::PERM) => {
            return Ok(now.as_secs().saturating_sub(crate::system::uptime()));
        }
        Err(error) => return Err(error.into()),
    };
    if !contained {
        return cpu::boot_time(text).ok_or(BootTimeError::NotSaid);
    }
    let uptime = fields(text).next().and_then(float).filter(|uptime| uptime.is_finite() && *uptime >= 0.0);
    let uptime = uptime.ok_or(BootTimeError::Uptime)?;
    Ok((now.as_secs_f64() - uptime).max(0.0) as u64)
}

/// Whether the machine is a container of LXC or Docker, by the marks they leave.
fn in_container(paths: &Paths) -> bool {
    if paths.marks.join(".dockerenv").exists() {
        return true;
    }
    if has(&paths.etc.join("os-release"), &["ID=coreos", "ID=\"coreos\""]) {
        return false;
    }
    let groups = paths.proc.join("self/cgroup");
    if has(&groups, &["lxc", "docker"]) {
        return true;
    }
    if has(&groups, &["machine-rkt"]) || (groups.exists() && Path::new("/usr/bin/lxc-version").exists()) {
        return false;
    }
    has(&paths.proc.join("1/environ"), &["container=lxc"])
}

/// Whether a file can be read and has one of these texts in it.
fn has(path: &Path, texts: &[&str]) -> bool {
    let mut file = crate::KernelFile::new(path.to_owned());
    let Ok(read) = file.read() else { return false };
    texts.iter().any(|text| memchr::memmem::find(read, text.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booted(files: &[(&str, &str)]) -> Result<u64, BootTimeError> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut paths = Paths::new(root.path(), |_| None);
        paths.marks = root.path().to_owned();
        time(&mut Host::new(paths), Duration::from_millis(2_000_000_900))
    }

    #[test]
    fn a_container_counts_from_its_own_uptime() {
        let stat = ("proc/stat", "cpu 1\nbtime 1000\n");
        let uptime = ("proc/uptime", "100.5 7.0\n");
        assert_eq!(booted(&[stat, uptime]), Ok(1000));
        assert_eq!(booted(&[stat, uptime, ("proc/self/cgroup", "0::/docker/abc\n")]), Ok(1_999_900));
        assert_eq!(booted(&[stat, uptime, (".dockerenv", "")]), Ok(1_999_900));
        assert_eq!(booted(&[stat, uptime, ("proc/1/environ", "a=b\0container=lxc\0")]), Ok(1_999_900));
        assert_eq!(booted(&[stat, uptime, ("proc/self/cgroup", "0::/lxc/a\n"), ("etc/os-release", "ID=coreos\n")]), Ok(1000));
        assert_eq!(booted(&[("proc/stat", "cpu 1\n")]), Err(BootTimeError::NotSaid));
        assert_eq!(booted(&[stat, (".dockerenv", ""), ("proc/uptime", "x\n")]), Err(BootTimeError::Uptime));
        assert!(matches!(booted(&[]), Err(BootTimeError::Unreadable(_))));
    }
}
