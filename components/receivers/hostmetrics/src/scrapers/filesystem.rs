//! `filesystem`: how full each mounted file system is.

use super::{each, texts};
use crate::config::Compat;
use crate::faults::Faults;
use crate::filter::{Filter, FilterSettings};
use crate::metric::{MetricSettings, gauge, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::{Scraper, ScraperConfig, ScraperContext};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use warren_config::{Block, Fields};
use warren_host::mount::{Mount, mountinfo, mounts, with_device};
use warren_host::{Host, MountTable, Mounts, Paths, Source, Usage};
use warren_pdata::Attrs;

metrics! {
    INODES = up_down("system.filesystem.inodes.usage", "{inodes}", &["device", "mode", "mountpoint", "type", "state"], "Files that there are, and that can be made yet.");
    USAGE = up_down("system.filesystem.usage", "By", &["device", "mode", "mountpoint", "type", "state"], "Space of file systems by what it is used for.");
    UTILIZATION = gauge("system.filesystem.utilization", "1", &["device", "mode", "mountpoint", "type"], "Share of the space of file systems that is used.").off();
}

/// How long one file system is waited for.
const MOUNT_PATIENCE: Duration = Duration::from_secs(1);

/// How long all file systems of one scrape are waited for, those that hang among them.
const SCRAPE_PATIENCE: Duration = Duration::from_secs(2);

/// Settings of the scraper.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    metrics: MetricSettings,
    /// Report file systems without a device as well: tmpfs, overlay, network file systems.
    include_virtual_filesystems: bool,
    devices: FilterSettings,
    fs_types: FilterSettings,
    mount_points: FilterSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metrics: MetricSettings::new(METRICS),
            include_virtual_filesystems: false,
            devices: FilterSettings::new(
                ["include_devices", "exclude_devices"],
                "devices",
                ["include_devices filter", "exclude_devices filter"],
            ),
            fs_types: FilterSettings::new(
                ["include_fs_types", "exclude_fs_types"],
                "fs_types",
                ["include_fs_types filter", "exclude_fs_types filter"],
            ),
            mount_points: FilterSettings::new(
                ["include_mount_points", "exclude_mount_points"],
                "mount_points",
                ["include_mount_points filter", "exclude_mount_points filter"],
            ),
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("metrics", &mut self.metrics);
        f.scalar("include_virtual_filesystems", &mut self.include_virtual_filesystems);
        f.squash(&mut self.devices);
        f.squash(&mut self.fs_types);
        f.squash(&mut self.mount_points);
    }
}

impl ScraperConfig for Config {
    fn metrics(&self) -> &MetricSettings {
        &self.metrics
    }

    fn build(&self, cx: &ScraperContext<'_>) -> Result<Box<dyn Scraper>, String> {
        Ok(Box::new(FileSystems {
            choice: Choice {
                with_virtual: self.include_virtual_filesystems,
                devices: self.devices.compile()?,
                kinds: self.fs_types.compile()?,
                points: self.mount_points.compile()?,
                corrected: cx.compat == Compat::Corrected,
                paths: cx.paths.clone(),
            },
            table: Vec::new(),
            mounted: Vec::new(),
            mounts: Mounts::default(),
            patience: cx.timeout.map_or(SCRAPE_PATIENCE, |timeout| timeout.min(SCRAPE_PATIENCE)),
        }))
    }
}

struct FileSystems {
    choice: Choice,
    /// The kernel's table as it was when [`FileSystems::mounted`] was made of it.
    table: Vec<u8>,
    mounted: Vec<Mounted>,
    mounts: Mounts,
    patience: Duration,
}

/// Which file systems are reported, and how.
struct Choice {
    with_virtual: bool,
    devices: Filter,
    kinds: Filter,
    points: Filter,
    corrected: bool,
    paths: Paths,
}

/// A mounted file system that is reported.
struct Mounted {
    /// Where it is, seen from here.
    path: PathBuf,
    /// Whether it has a device, so that no server and no program can make it hang.
    has_device: bool,
    /// Whether it answered last time.
    answered: bool,
    attrs: Attrs,
    /// Used, free, reserved.
    usage: [Attrs; 3],
    /// Used, free.
    inodes: [Attrs; 2],
}

impl Scraper for FileSystems {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        const FAILED: usize = 2;
        if let Err(error) = self.look(host) {
            return faults.add("mounts", "", FAILED, || error);
        }
        let (begun, mut answered) = (Instant::now(), 0);
        for mounted in &mut self.mounted {
            let left = self.patience.saturating_sub(begun.elapsed()).min(MOUNT_PATIENCE);
            let asked = match left.is_zero() {
                true => Err("not asked, because others took too long".to_owned()),
                false => self.mounts.usage(&mounted.path, mounted.answered, left).map_err(|error| error.to_string()),
            };
            mounted.answered = asked.is_ok();
            match asked {
                Ok(usage) => {
                    answered += 1;
                    mounted.record(&usage, self.choice.corrected, out);
                }
                Err(error) => {
                    let path = mounted.path.display().to_string();
                    faults.add("usage", &path, 0, || format!("failed to read usage at {path}: {error}"));
                }
            }
        }
        if answered == 0 && !self.mounted.is_empty() {
            faults.add("all", "", FAILED, || "no file system could be read".to_owned());
        }
    }
}

impl FileSystems {
    /// Looks which file systems are mounted, if that changed.
    fn look(&mut self, host: &mut Host) -> Result<(), String> {
        let table = host.mounts().map_err(|error| error.to_string())?;
        let (MountTable::Mountinfo(text, _) | MountTable::Mounts(text)) = table;
        if text == self.table && !text.is_empty() {
            return Ok(());
        }
        let (old, is_mountinfo) = (text.to_vec(), matches!(table, MountTable::Mountinfo(..)));
        let source = match table {
            MountTable::Mountinfo(_, path) => path.display().to_string(),
            MountTable::Mounts(_) => String::new(),
        };
        let kinds: HashSet<Vec<u8>> = match host.text(Source::Filesystems) {
            Ok(text) => with_device(text).map(<[u8]>::to_vec).collect(),
            Err(_) if self.choice.with_virtual => HashSet::new(),
            Err(error) => return Err(error.to_string()),
        };
        let mut found = Vec::new();
        if is_mountinfo {
            for mount in mountinfo(&old) {
                found.push(mount.map_err(|error| format!("error parsing mountinfo file {source}: {error}"))?);
            }
        } else {
            found.extend(mounts(&old));
        }
        self.mounted = self.choice.choose(&found, &kinds);
        self.table = old;
        Ok(())
    }
}

impl Choice {
    /// The file systems that are reported, each once, those that cannot hang first.
    fn choose(&self, found: &[Mount<'_>], kinds: &HashSet<Vec<u8>>) -> Vec<Mounted> {
        let mut seen = HashSet::new();
        let mut chosen = Vec::new();
        for mount in found {
            let has_device = mount.device != "none" && kinds.contains(mount.kind.as_bytes());
            if !has_device && !self.with_virtual {
                continue;
            }
            let device = mount.real_device(&self.paths);
            let passes = self.devices.passes(&device) && self.kinds.passes(&mount.kind) && self.points.passes(&mount.point);
            if seen.insert((mount.point.clone(), device.clone())) && passes {
                chosen.push(self.mounted(mount, &device, has_device));
            }
        }
        chosen.sort_by_key(|mounted| !mounted.has_device);
        chosen
    }

    fn mounted(&self, mount: &Mount<'_>, device: &str, has_device: bool) -> Mounted {
        let mode = if self.corrected { mount.true_mode() } else { mount.mode() };
        let attrs = texts([("device", device), ("mode", mode), ("mountpoint", &mount.point), ("type", &mount.kind)]);
        // A table that a variable names holds paths as they are seen from here.
        let path = match self.paths.mountinfo {
            None if self.paths.elsewhere() => self.paths.root.join(mount.point.trim_start_matches('/')),
            _ => PathBuf::from(&mount.point),
        };
        Mounted {
            path,
            has_device,
            answered: false,
            usage: each(&attrs, "state", ["used", "free", "reserved"]),
            inodes: each(&attrs, "state", ["used", "free"]),
            attrs,
        }
    }
}

impl Mounted {
    fn record(&self, told: &Usage, corrected: bool, out: &mut Recorder) {
        // Upstream counts in blocks for transfers, which on some network file systems are others than those that are counted.
        let block = if corrected { told.block_bytes } else { told.transfer_block_bytes };
        let total = told.blocks.wrapping_mul(block);
        let used = told.blocks.wrapping_sub(told.blocks_free).wrapping_mul(block);
        let free = told.blocks_available.wrapping_mul(block);
        let reserved = total.wrapping_sub(used).wrapping_sub(free);
        for (attrs, bytes) in self.usage.iter().zip([used, free, reserved]) {
            out.count(USAGE, attrs, bytes);
        }
        let all = used.wrapping_add(free);
        out.fraction(UTILIZATION, &self.attrs, if all == 0 { 0.0 } else { used as f64 / all as f64 * 100.0 / 100.0 });
        for (attrs, files) in self.inodes.iter().zip([told.files.saturating_sub(told.files_free), told.files_free]) {
            out.count(INODES, attrs, files);
        }
    }
}
