//! The memory limit of the control groups that a process is in, versions 1 and 2.
//!
//! Upstream looks at the root of the mount alone, so that a `MemoryMax=` of systemd is not seen on a plain host. Here the process's own group and all
//! above it count: the smallest limit holds.

use std::path::{Path, PathBuf};

/// A limit of version 1 from this size on means none.
const NO_LIMIT_V1: u64 = 1 << 60;

/// The smallest memory limit on the way from the process's group to the root; none when there is none.
pub fn memory_limit() -> Option<u64> {
    memory_limit_in(Path::new("/"))
}

/// The same for a tree that looks like the root of a file system: `proc/self/cgroup` and `sys/fs/cgroup`.
pub fn memory_limit_in(root: &Path) -> Option<u64> {
    let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mount = root.join("sys/fs/cgroup");
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if controllers.is_empty() {
            limits.extend(limits_up(&mount, path, "memory.max"));
            // Above this one the kernel throttles the group.
            limits.extend(limits_up(&mount, path, "memory.high"));
        } else if controllers.split(',').any(|controller| controller == "memory") {
            limits.extend(limits_up(&mount.join("memory"), path, "memory.limit_in_bytes"));
        }
    }
    limits.into_iter().filter(|limit| *limit < NO_LIMIT_V1).min()
}

/// The limits of a group and all above it, up to the mount. In a container the group's path is often that of the host: then the mount itself is
/// the group.
fn limits_up(mount: &Path, path: &str, file: &str) -> Vec<u64> {
    let relative = path.trim_start_matches('/');
    let inside = !relative.split('/').any(|part| part == "..") && mount.join(relative).is_dir();
    let mut group: PathBuf = if inside { mount.join(relative) } else { mount.to_path_buf() };
    let mut limits = Vec::new();
    loop {
        let text = std::fs::read_to_string(group.join(file));
        limits.extend(text.ok().and_then(|text| text.trim().parse::<u64>().ok()));
        if group == mount || !group.pop() || !group.starts_with(mount) {
            return limits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        root
    }

    #[test]
    fn the_smallest_limit_on_the_way_to_the_root_holds() {
        for (files, expected) in [
            (
                vec![
                    ("proc/self/cgroup", "0::/a/b\n"),
                    ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                    ("sys/fs/cgroup/a/memory.max", "1048576\n"),
                ],
                Some(1_048_576),
            ),
            (
                vec![
                    ("proc/self/cgroup", "0::/a/b\n"),
                    ("sys/fs/cgroup/a/b/memory.max", "100\n"),
                    ("sys/fs/cgroup/a/memory.max", "200\n"),
                    ("sys/fs/cgroup/a/memory.high", "90\n"),
                ],
                Some(90),
            ),
            (vec![("proc/self/cgroup", "0::/not/here\n"), ("sys/fs/cgroup/memory.max", "300\n")], Some(300)),
            (vec![("proc/self/cgroup", "0::/../../x\n"), ("sys/fs/cgroup/memory.max", "300\n")], Some(300)),
            (
                vec![("proc/self/cgroup", "4:cpu:/\n3:memory,x:/g\n"), ("sys/fs/cgroup/memory/g/memory.limit_in_bytes", "400\n")],
                Some(400),
            ),
            (
                vec![
                    ("proc/self/cgroup", "3:memory:/g\n"),
                    ("sys/fs/cgroup/memory/g/memory.limit_in_bytes", "9223372036854771712\n"),
                ],
                None,
            ),
            (vec![("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cgroup.procs", "1\n")], None),
            (vec![("proc/self/status", "")], None),
        ] {
            assert_eq!(memory_limit_in(tree(&files).path()), expected, "{files:?}");
        }
    }
}
