//! Which files a journal is made of: found anew whenever a directory changes.

use crate::{Id, glob};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Files that are read at the same time, or wait to be.
pub(crate) const FILES_MAX: usize = 4096;

/// Where journal files are.
#[derive(Clone, Debug)]
pub enum Source {
    /// The machine's own: `/var/log/journal` and `/run/log/journal` under a root, `/` for this machine.
    System {
        /// The root.
        root: PathBuf,
        /// Which namespaces.
        namespace: Namespace,
        /// Journals of other machines that lie there too.
        all_machines: bool,
    },
    /// A directory and those in it that are named after a machine.
    Directory(PathBuf),
    /// Files by path; patterns are looked up again whenever something changes.
    Files(Vec<String>),
}

/// Journal namespaces of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespace {
    /// What has no namespace.
    #[default]
    Default,
    /// A namespace.
    Named(String),
    /// A namespace and what has none.
    WithDefault(String),
    /// All.
    All,
}

impl Namespace {
    /// `journalctl --namespace`: a name, `+name` for it and what has none, `*` for all, nothing for what has none.
    pub fn parse(text: &str) -> Self {
        match text {
            "" => Self::Default,
            "*" => Self::All,
            _ => match text.strip_prefix('+') {
                Some(name) => Self::WithDefault(name.to_owned()),
                None => Self::Named(text.to_owned()),
            },
        }
    }

    fn has(&self, namespace: Option<&str>) -> bool {
        match self {
            Self::Default => namespace.is_none(),
            Self::Named(name) => namespace == Some(name),
            Self::WithDefault(name) => namespace.is_none_or(|namespace| namespace == name),
            Self::All => true,
        }
    }
}

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<FoundFile>,
    /// Directories in which files come and go and grow.
    pub(crate) directories: BTreeSet<PathBuf>,
    /// Directories in which a missing directory may appear.
    pub(crate) parents: BTreeSet<PathBuf>,
    /// What cannot be looked at.
    pub(crate) failed: Vec<(PathBuf, std::io::Error)>,
}

#[derive(Debug)]
pub(crate) struct FoundFile {
    pub(crate) path: PathBuf,
    /// Whose journal it is: the name of its directory, which says machine and namespace.
    pub(crate) origin: String,
    /// Whether somebody may still write to it, by its name.
    pub(crate) active: bool,
}

impl Source {
    /// Looks for files.
    pub(crate) fn look(&self) -> Found {
        let mut found = Found::default();
        match self {
            Self::System { root, namespace, all_machines } => {
                let machine = if *all_machines { None } else { machine_id(root) };
                for base in ["var/log/journal", "run/log/journal"] {
                    let directory = root.join(base);
                    let wanted = |name: &str| {
                        let (id, of) = name.split_once('.').map_or((name, None), |(id, namespace)| (id, Some(namespace)));
                        let id = Id::parse(id).filter(|_| id.len() == 32);
                        id.is_some_and(|id| machine.is_none_or(|machine| machine == id)) && namespace.has(of)
                    };
                    found.subdirectories(&directory, wanted, false);
                }
            }
            Self::Directory(directory) => {
                let wanted = |name: &str| {
                    let id = name.split('.').next().unwrap_or_default();
                    id.len() == 32 && Id::parse(id).is_some()
                };
                found.subdirectories(directory, wanted, true);
            }
            Self::Files(patterns) => {
                for pattern in patterns {
                    found.pattern(Path::new(pattern));
                }
            }
        }
        found
    }
}

impl Found {
    /// Takes the files of the wanted directories in one, and its own if asked for.
    fn subdirectories(&mut self, directory: &Path, wanted: impl Fn(&str) -> bool, own: bool) {
        let Some(names) = self.list(directory) else { return };
        for name in &names {
            let path = directory.join(name);
            if own && is_journal(name) {
                self.file(path);
            } else if wanted(name)
                && path.is_dir()
                && let Some(files) = self.list(&path)
            {
                files.iter().filter(|name| is_journal(name)).for_each(|name| self.file(path.join(name)));
            }
        }
    }

    /// The names in a directory, which is watched from now on; or where it may appear.
    fn list(&mut self, directory: &Path) -> Option<Vec<String>> {
        match std::fs::read_dir(directory) {
            Ok(entries) => {
                self.directories.insert(directory.to_owned());
                // Journal files have plain names.
                Some(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
            }
            Err(error) => {
                if error.kind() == std::io::ErrorKind::NotFound {
                    self.parents.extend(directory.ancestors().skip(1).find(|parent| parent.is_dir()).map(Path::to_owned));
                } else {
                    self.failed.push((directory.to_owned(), error));
                }
                None
            }
        }
    }

    /// Takes the files that a path with patterns in its parts stands for.
    fn pattern(&mut self, pattern: &Path) {
        let mut paths = vec![PathBuf::new()];
        let parts: Vec<Component<'_>> = pattern.components().collect();
        for (index, part) in parts.iter().enumerate() {
            let last = index + 1 == parts.len();
            let text = part.as_os_str().to_str().unwrap_or_default();
            if !glob::is_pattern(text) {
                paths.iter_mut().for_each(|path| path.push(part.as_os_str()));
                if last {
                    for path in std::mem::take(&mut paths) {
                        self.named(path);
                    }
                }
                continue;
            }
            let mut next = Vec::new();
            for directory in std::mem::take(&mut paths) {
                let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
                let hidden = text.starts_with('.');
                let names = self.list(&directory).unwrap_or_default();
                let fitting = names.iter().filter(|name| hidden || !name.starts_with('.'));
                next.extend(
                    fitting.filter(|name| glob::matches(text.as_bytes(), name.as_bytes())).map(|name| directory.join(name)),
                );
                next.truncate(FILES_MAX);
            }
            next.sort();
            paths = next;
            if last {
                for path in std::mem::take(&mut paths) {
                    self.file(path);
                }
            }
        }
    }

    /// Takes a file that is named in full; its directory is watched.
    fn named(&mut self, path: PathBuf) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if self.directories.contains(parent) || self.list(parent).is_some() {
            match path.try_exists() {
                Ok(true) => self.file(path),
                Ok(false) => {}
                Err(error) => self.failed.push((path, error)),
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        if self.files.iter().any(|file| file.path == path) {
            return;
        }
        let origin = path.parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default().to_owned();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let active = !name.contains('@') && !name.ends_with('~');
        self.files.push(FoundFile { path, origin, active });
    }
}

fn is_journal(name: &str) -> bool {
    name.ends_with(".journal") || name.ends_with(".journal~")
}

fn machine_id(root: &Path) -> Option<Id> {
    let text = std::fs::read_to_string(root.join("etc/machine-id")).ok()?;
    Id::parse(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "0123456789abcdef0123456789abcdef";

    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    fn names(found: &Found, root: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            found.files.iter().map(|file| file.path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_system_is_what_belongs_to_machine_and_namespace() {
        let own = format!("var/log/journal/{MACHINE}/system.journal");
        let volatile = format!("run/log/journal/{MACHINE}/system@1-2.journal");
        let named = format!("var/log/journal/{MACHINE}.web/system.journal");
        let other = format!("var/log/journal/{}/system.journal", MACHINE.replace('0', "f"));
        let root = tree(&[&own, &volatile, &named, &other, &format!("var/log/journal/{MACHINE}/note.txt")]);
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/machine-id"), format!("{MACHINE}\n")).unwrap();
        let look = |namespace: &str, all_machines| {
            let namespace = Namespace::parse(namespace);
            names(&Source::System { root: root.path().to_owned(), namespace, all_machines }.look(), root.path())
        };
        assert_eq!(look("", false), [volatile.as_str(), own.as_str()]);
        assert_eq!(look("web", false), [named.as_str()]);
        assert_eq!(look("+web", false), [volatile.as_str(), named.as_str(), own.as_str()]);
        assert_eq!(look("*", true).len(), 4);
    }

    #[test]
    fn a_directory_is_taken_with_those_of_machines_in_it() {
        let inner = format!("{MACHINE}/user-1000@1-2.journal~");
        let root = tree(&["a.journal", &inner, "notes/b.journal", "c.journal.gz"]);
        let found = Source::Directory(root.path().to_owned()).look();
        assert_eq!(names(&found, root.path()), [inner.as_str(), "a.journal"]);
        let active: Vec<bool> = found.files.iter().map(|file| file.active).collect();
        assert!(active.contains(&true) && active.contains(&false));
        assert_eq!(found.directories.len(), 2);
    }

    #[test]
    fn patterns_hold_in_every_part_of_a_path() {
        let root = tree(&["a/x.journal", "b/y.journal", "b/z.txt"]);
        let pattern = |text: &str| Source::Files(vec![root.path().join(text).to_str().unwrap().to_owned()]).look();
        assert_eq!(names(&pattern("*/*.journal"), root.path()), ["a/x.journal", "b/y.journal"]);
        assert_eq!(names(&pattern("b/z.txt"), root.path()), ["b/z.txt"]);
        let missing = pattern("c/d/e.journal");
        assert!(missing.files.is_empty());
        assert!(missing.parents.contains(root.path()));
    }
}
