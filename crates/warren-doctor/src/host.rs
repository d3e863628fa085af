//! The host: files below a root directory, and whether programs may be asked.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Files that one directory may have to be looked at.
const FILES_MAX: usize = 1000;

/// A host, or a tree of files that stands for one.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Host {
    /// The host whose files are below this directory.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether it is this machine and not a tree that stands for one.
    pub(crate) fn is_real(&self) -> bool {
        self.root == Path::new("/")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The text of a file, as far as it may be read.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        read(&self.path(path))
    }

    /// Whether a directory has something whose name begins so.
    pub(crate) fn has_named(directory: &Path, beginning: &str) -> bool {
        entries(directory).iter().any(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning)))
    }

    /// What is in a directory, by name.
    pub(crate) fn entries(&self, directory: &str) -> Vec<PathBuf> {
        entries(&self.path(directory))
    }

    /// Texts of the files in a directory whose names end so, by name.
    pub(crate) fn read_all(&self, directory: &str, ending: &str) -> Vec<String> {
        let paths = self.entries(directory);
        paths.iter().filter(|path| path.to_string_lossy().ends_with(ending)).filter_map(|path| read(path)).collect()
    }

    /// What a program says, if it is there and ends well. Only asked on the real host.
    pub(crate) fn ask(&self, program: &str, arguments: &[&str]) -> Option<String> {
        if !self.is_real() {
            return None;
        }
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().take(FILES_MAX);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
