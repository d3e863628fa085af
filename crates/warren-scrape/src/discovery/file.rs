//! `file_sd_configs`: target groups in files, read when they change and at an interval.
//!
//! Changes are seen by looking at the files' times and sizes every two seconds. The reference is told by inotify and passes changes on
//! every five seconds; looking also works on network file systems and needs no watches.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use warren_config::{Diagnostics, Report};

use super::refresh::Health;
use super::{GROUPS_BYTES_MAX, LabelSet, Share, TargetGroup};
use crate::config::FileConfig;
use crate::config::yaml::read;
use crate::glob;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How long files must rest after a change before they are read, and how often that is waited for.
const SETTLE: Duration = Duration::from_millis(100);
const SETTLE_ROUNDS_MAX: usize = 20;

pub(super) struct FileDiscovery {
    patterns: Vec<PathBuf>,
    refresh_interval: Duration,
    share: Share,
    health: Health,
    /// Groups of the files as last read well.
    groups: BTreeMap<PathBuf, Vec<TargetGroup>>,
}

impl FileDiscovery {
    pub(super) fn new(config: &FileConfig, share: Share, health: Health) -> Self {
        let (patterns, refresh_interval) = (config.files.clone(), config.refresh_interval);
        Self { patterns, refresh_interval, share, health, groups: BTreeMap::new() }
    }

    pub(super) async fn run(mut self) {
        let mut seen = self.look().await;
        loop {
            self.refresh().await;
            let due = Instant::now() + self.refresh_interval;
            while Instant::now() < due {
                sleep(LOOK.min(self.refresh_interval)).await;
                let before = std::mem::replace(&mut seen, self.look().await);
                if before != seen {
                    seen = self.settled(seen).await;
                    break;
                }
            }
        }
    }

    /// Waits until the files rest, if they do so soon.
    async fn settled(&self, mut seen: Vec<Trace>) -> Vec<Trace> {
        for _ in 0..SETTLE_ROUNDS_MAX {
            sleep(SETTLE).await;
            let before = std::mem::replace(&mut seen, self.look().await);
            if before == seen {
                break;
            }
        }
        seen
    }

    async fn look(&self) -> Vec<Trace> {
        let patterns = self.patterns.clone();
        spawn_blocking(move || files(&patterns).filter_map(|path| Trace::of(&path)).collect()).await.unwrap_or_default()
    }

    async fn refresh(&mut self) {
        let patterns = self.patterns.clone();
        let Ok(read) = spawn_blocking(move || read_files(&patterns)).await else { return };
        self.groups.retain(|path, _| read.contains_key(path));
        self.health.retain(|what| read.contains_key(Path::new(what)));
        for (path, result) in read {
            if let Some(groups) = self.health.note(&path.to_string_lossy(), result) {
                self.groups.insert(path, groups);
            }
        }
        self.share.publish(self.groups.values().flatten().cloned().collect());
    }
}

/// What is seen of a file without reading it.
#[derive(PartialEq)]
struct Trace {
    path: PathBuf,
    /// Device, inode, size, and when it was modified in seconds and nanoseconds.
    state: (u64, u64, u64, i64, i64),
}

impl Trace {
    fn of(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        let state = (found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec());
        Some(Self { path: path.to_owned(), state })
    }
}

fn files(patterns: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    patterns.iter().flat_map(|pattern| glob::files(pattern))
}

fn read_files(patterns: &[PathBuf]) -> BTreeMap<PathBuf, Result<Vec<TargetGroup>, String>> {
    files(patterns).map(|path| (path.clone(), read_file(&path))).collect()
}

pub(super) fn read_file(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(GROUPS_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() > GROUPS_BYTES_MAX {
        return Err(format!("longer than {GROUPS_BYTES_MAX} bytes"));
    }
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut groups = if json { from_json(text.as_bytes())? } else { from_yaml(&text, path)? };
    let name = path.to_string_lossy();
    for (index, group) in groups.iter_mut().enumerate() {
        group.source = format!("{name}:{index}");
        group.labels.insert("__meta_filepath".to_owned(), name.clone().into_owned());
    }
    Ok(groups)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGroup {
    #[serde(default)]
    targets: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<LabelSet>,
}

/// Reads the JSON form, which HTTP discovery shares.
pub(super) fn from_json(text: &[u8]) -> Result<Vec<TargetGroup>, String> {
    let groups: Option<Vec<Option<JsonGroup>>> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let groups = groups.unwrap_or_default().into_iter().map(|group| {
        let group = group.ok_or("nil target group item found")?;
        let labels = group.labels.unwrap_or_default();
        if labels.contains_key("") {
            return Err("\"\" is not a valid label name".to_owned());
        }
        Ok(TargetGroup::from_addresses(group.targets.unwrap_or_default(), labels))
    });
    groups.collect()
}

fn from_yaml(text: &str, path: &Path) -> Result<Vec<TargetGroup>, String> {
    let node = warren_config::parse_yaml(&path.to_string_lossy(), text).map_err(|error| error.to_string())?;
    if node.as_list().is_some_and(|list| list.iter().any(|element| element.is_null())) {
        return Err("nil target group item found".to_owned());
    }
    let mut diagnostics = Diagnostics::new();
    let groups: Option<Vec<TargetGroup>> = read(&node, &mut Report::root(&mut diagnostics, Some(&node)));
    if diagnostics.has_errors() { Err(diagnostics.to_string()) } else { Ok(groups.unwrap_or_default()) }
}
