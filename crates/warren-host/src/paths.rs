//! Where `/proc`, `/sys` and their kind are: under the root of the machine that is looked at, which need not be the reader's own.

use std::path::{Path, PathBuf};

/// Where the kernel's files are.
///
/// In a container the machine's root is mounted somewhere (`root_path`); an environment variable (`HOST_PROC`, `HOST_SYS`, …) says it of one
/// directory and wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The machine's root as the reader sees it; empty for its own.
    pub root: PathBuf,
    /// `/proc`
    pub proc: PathBuf,
    /// `/sys`
    pub sys: PathBuf,
    /// `/etc`
    pub etc: PathBuf,
    /// `/dev`
    pub dev: PathBuf,
    /// What `HOST_PROC_MOUNTINFO` names.
    pub mountinfo: Option<PathBuf>,
    /// The root in which a container's mark is looked for: `HOST_ROOT`, which `root_path` does not move.
    pub marks: PathBuf,
}

impl Paths {
    /// The paths below `root`, as far as `variable` does not say otherwise.
    pub fn new(root: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let told = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let below = |name: &str, directory: &str| {
            told(name).unwrap_or_else(|| {
                if root.as_os_str().is_empty() { Path::new("/").join(directory) } else { root.join(directory) }
            })
        };
        Self {
            root: root.to_owned(),
            proc: below("HOST_PROC", "proc"),
            sys: below("HOST_SYS", "sys"),
            etc: below("HOST_ETC", "etc"),
            dev: below("HOST_DEV", "dev"),
            mountinfo: told("HOST_PROC_MOUNTINFO"),
            marks: told("HOST_ROOT").unwrap_or_else(|| PathBuf::from("/")),
        }
    }

    /// The same with the environment of this process.
    pub fn from_environment(root: &Path) -> Self {
        Self::new(root, |name| std::env::var(name).ok())
    }

    /// Whether another machine's root than the reader's own is looked at.
    pub fn elsewhere(&self) -> bool {
        !self.root.as_os_str().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_wins_over_the_root() {
        let own = Paths::new(Path::new(""), |_| None);
        assert_eq!((own.proc, own.sys), (PathBuf::from("/proc"), PathBuf::from("/sys")));
        let moved = Paths::new(Path::new("/hostfs"), |name| (name == "HOST_SYS").then(|| "/other".to_owned()));
        assert_eq!((moved.proc, moved.sys), (PathBuf::from("/hostfs/proc"), PathBuf::from("/other")));
        assert_eq!(moved.marks, PathBuf::from("/"));
    }
}
