//! Host metrics are the machine's truth: the same numbers as the node exporter, `free` and `df` say, and a mount that hangs hangs nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use warren_e2e::Result;
use warren_e2e::collector::{Setup, binary};
use warren_e2e::node_exporter::{NodeExporter, Page, label};
use warren_e2e::remote_write::Receiver;

use crate::support::PATIENCE;

const MIB: f64 = 1024.0 * 1024.0;

/// A collector that scrapes this machine each second, remote-writing to `receiver`.
fn setup(scrapers: Value, receiver: &Receiver) -> Result<Setup> {
    let config = json!({
        "receivers": {"hostmetrics": {"collection_interval": "1s", "scrapers": scrapers}},
        "exporters": {"prometheusremotewrite": {"endpoint": receiver.url()}},
        "service": {"pipelines": {"metrics": {"receivers": ["hostmetrics"], "exporters": ["prometheusremotewrite"]}}},
    });
    Ok(Setup::new(config)?.args(["--scrape-now"]))
}

/// One scrape of this machine, by name and labels.
struct Scraped(Vec<(BTreeMap<String, String>, f64)>);

impl Scraped {
    /// What a new collector says first. `last` is a metric of the last scraper, so that all have arrived with it.
    fn of(scrapers: Value, last: &str) -> Result<Scraped> {
        let receiver = Receiver::start()?;
        let mut collector = setup(scrapers, &receiver)?.start()?;
        receiver.wait_for(last, PATIENCE, |values| !values.is_empty())?;
        collector.stop()?;
        let mut first: Vec<(BTreeMap<String, String>, f64)> = Vec::new();
        for (labels, value, _) in receiver.samples() {
            if !first.iter().any(|(known, _)| *known == labels) {
                first.push((labels, value));
            }
        }
        Ok(Scraped(first))
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = |have: &BTreeMap<String, String>| {
            have.get("__name__").is_some_and(|found| found == name)
                && labels.iter().all(|(key, value)| have.get(*key).is_some_and(|found| found == value))
        };
        self.0.iter().find(|(have, _)| wanted(have)).map(|(_, value)| *value)
    }
}

/// Compares what the collector said with what another program said before and after.
struct Comparison<'a> {
    before: &'a Page,
    after: &'a Page,
    scraped: &'a Scraped,
    compared: usize,
}

impl Comparison<'_> {
    /// All series of a counter of the node exporter, times `scale`: each must lie between its two pages.
    fn counters(&mut self, theirs: &str, scale: f64, ours: impl Fn(&str) -> (&'static str, Vec<(&'static str, String)>)) {
        for (labels, before) in self.before.series(theirs) {
            let Some(after) = self.after.value(theirs, labels) else { continue };
            let (name, wanted) = ours(labels);
            let wanted: Vec<(&str, &str)> = wanted.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let Some(value) = self.scraped.value(name, &wanted) else {
                // Devices that never did anything are not reported.
                assert_eq!(before, 0.0, "{name} {wanted:?} is missing");
                continue;
            };
            // The exporter's page shows six digits and an exponent beyond that.
            let slack = 1e-6 * after.abs() * scale + 1e-6;
            let (least, most) = (before * scale - slack, after * scale + slack);
            assert!(least <= value && value <= most, "{name} {wanted:?}: {value} is not between {least} and {most} ({theirs})");
            self.compared += 1;
        }
    }

    /// A value that moves both ways: it must be within `slack` of one of the two pages.
    fn gauge(&mut self, theirs: &str, labels: &str, name: &str, wanted: &[(&str, &str)], slack: f64) {
        let (Some(before), Some(after)) = (self.before.value(theirs, labels), self.after.value(theirs, labels)) else { return };
        let value = self.scraped.value(name, wanted).unwrap_or_else(|| panic!("{name} {wanted:?} is missing"));
        let (least, most) = (before.min(after) - slack, before.max(after) + slack);
        assert!(least <= value && value <= most, "{name} {wanted:?}: {value} is not between {least} and {most} ({theirs})");
        self.compared += 1;
    }
}

#[test]
fn the_node_exporter_says_the_same() -> Result<()> {
    let exporter = NodeExporter::start()?;
    let before = exporter.page()?;
    let scrapers = json!({"cpu": null, "load": null, "memory": null, "disk": null, "filesystem": null, "network": null, "paging": null,
        "processes": null, "system": null});
    let scraped = Scraped::of(scrapers, "system_uptime_seconds")?;
    let after = exporter.page()?;
    let mut all = Comparison { before: &before, after: &after, scraped: &scraped, compared: 0 };
    for (mode, state) in [("user", "user"), ("system", "system"), ("nice", "nice"), ("softirq", "softirq"), ("irq", "interrupt")]
    {
        let cpus: Vec<String> =
            before.series("node_cpu_seconds_total").map(|(labels, _)| label(labels, "cpu").to_owned()).collect();
        for cpu in cpus {
            let labels = format!("cpu=\"{cpu}\",mode=\"{mode}\"");
            let name = format!("cpu{cpu}");
            all.gauge(
                "node_cpu_seconds_total",
                &labels,
                "system_cpu_time_seconds_total",
                &[("cpu", &name), ("state", state)],
                0.011,
            );
        }
    }
    for (family, name) in [
        ("bytes", "system_network_io_bytes_total"),
        ("packets", "system_network_packets_total"),
        ("errs", "system_network_errors_total"),
        ("drop", "system_network_dropped_total"),
    ] {
        for direction in ["receive", "transmit"] {
            all.counters(&format!("node_network_{direction}_{family}_total"), 1.0, |labels| {
                (name, vec![("device", label(labels, "device").to_owned()), ("direction", direction.to_owned())])
            });
        }
    }
    for (family, direction) in [("read", "read"), ("written", "write")] {
        all.counters(&format!("node_disk_{family}_bytes_total"), 1.0, |labels| {
            let device = label(labels, "device").to_owned();
            ("system_disk_io_bytes_total", vec![("device", device), ("direction", direction.to_owned())])
        });
    }
    all.counters("node_disk_io_time_seconds_total", 1.0, |labels| {
        ("system_disk_io_time_seconds_total", vec![("device", label(labels, "device").to_owned())])
    });
    all.counters("node_vmstat_pgmajfault", 4096.0, |_| ("system_paging_faults_total", vec![("type", "major".to_owned())]));
    all.counters("node_forks_total", 1.0, |_| ("system_processes_created_total", Vec::new()));
    for (theirs, state) in [("MemFree", "free"), ("Buffers", "buffered"), ("SReclaimable", "slab_reclaimable")] {
        all.gauge(&format!("node_memory_{theirs}_bytes"), "", "system_memory_usage_bytes", &[("state", state)], 256.0 * MIB);
    }
    for (metric, family) in [("1m", "1"), ("5m", "5"), ("15m", "15")] {
        all.gauge(&format!("node_load{family}"), "", &format!("system_cpu_load_average_{metric}"), &[], 1.0);
    }
    let mounts: Vec<String> = before.series("node_filesystem_avail_bytes").map(|(labels, _)| labels.to_owned()).collect();
    for labels in mounts.iter().filter(|labels| ["ext4", "xfs", "btrfs"].contains(&label(labels, "fstype"))) {
        let place = [("mountpoint", label(labels, "mountpoint")), ("state", "free")];
        all.gauge("node_filesystem_avail_bytes", labels, "system_filesystem_usage_bytes", &place, 512.0 * MIB);
        all.gauge("node_filesystem_files_free", labels, "system_filesystem_inodes_usage", &place, 100_000.0);
    }
    assert!(all.compared > 20, "only {} series have a counterpart", all.compared);
    Ok(())
}

#[test]
fn free_and_df_say_the_same() -> Result<()> {
    let scraped = Scraped::of(json!({"filesystem": null, "memory": null}), "system_memory_usage_bytes")?;
    let free = output("free", &["--bytes", "--wide"]);
    let memory: Vec<f64> =
        free.lines().nth(1).unwrap().split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
    let of = |state: &str| scraped.value("system_memory_usage_bytes", &[("state", state)]).unwrap();
    let total = ["used", "free", "buffered", "cached"].map(of).iter().sum::<f64>();
    assert_eq!(total, memory[0], "{free}");
    // Columns: total, used, free, shared, buffers, cache.
    for (state, told) in [("free", memory[2]), ("buffered", memory[4]), ("cached", memory[5])] {
        assert!((of(state) - told).abs() < 512.0 * MIB, "{state}: {} is not {told}", of(state));
    }
    let df = output(
        "df",
        &["--block-size=1", "--local", "--output=target,fstype,used,avail", "--type=ext4", "--type=xfs", "--type=btrfs"],
    );
    let mut compared = 0;
    for line in df.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [place, _, used, available] = words[..] else { continue };
        for (state, told) in [("used", used), ("free", available)] {
            let told: f64 = told.parse().unwrap();
            let value = scraped.value("system_filesystem_usage_bytes", &[("mountpoint", place), ("state", state)]).unwrap();
            assert!((value - told).abs() < 512.0 * MIB, "{place} {state}: {value} is not {told}");
            compared += 1;
        }
    }
    assert!(compared > 0 || df.lines().count() <= 1, "{df}");
    Ok(())
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A program that mounts a file system in user space whose server never says a word, so that whoever asks it anything waits for ever, and then
/// runs the collector. The mount is seen by nobody else and ends with it.
fn with_dead_mount(directory: &Path, place: &Path) -> std::path::PathBuf {
    let script = directory.join("collector");
    let (place, collector) = (place.display(), binary().unwrap().display().to_string());
    let inner = format!(
        "exec 3<>/dev/fuse && mount -i -t fuse dead {place} -o fd=3,rootmode=40000,user_id=0,group_id=0 && exec {collector} \"$@\""
    );
    std::fs::write(&script, format!("#!/bin/sh\nexec unshare --mount --propagation private sh -c '{inner}' sh \"$@\"\n"))
        .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    script
}

/// Whether this user may mount in user space.
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", "exec 3<>/dev/fuse && mount -t tmpfs none /mnt"]);
    command.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_mount_that_hangs_is_marked_and_hangs_nothing() -> Result<()> {
    if !may_mount() {
        // Without root and FUSE there is nothing that hangs.
        return Ok(());
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("dead");
    std::fs::create_dir(&place).unwrap();
    let receiver = Receiver::start()?;
    let scrapers = json!({"filesystem": {"include_virtual_filesystems": true}, "load": null});
    let setup = setup(scrapers, &receiver)?.binary(with_dead_mount(directory.path(), &place));
    // The first process does not see the mount.
    let mut collector = setup.env("HOST_PROC_MOUNTINFO", "/proc/self/mountinfo").start()?;
    receiver.wait_for("system_cpu_load_average_1m", PATIENCE, |values| values.len() >= 4)?;
    let place = place.display().to_string();
    collector.wait_for_log(&format!("failed to read usage at {place}: does not answer"), PATIENCE)?;
    assert_eq!(collector.log().matches("does not answer").count(), 1, "it is told once");
    let samples = receiver.samples();
    let usage =
        |place: &str| samples.iter().filter(|(labels, ..)| labels.get("mountpoint").is_some_and(|found| found == place)).count();
    assert!(usage("/") > 0, "the others are reported");
    assert_eq!(usage(&place), 0);
    let stopping = Instant::now();
    assert!(collector.stop()?.success());
    assert!(stopping.elapsed() < PATIENCE, "it stops although a thread hangs");
    Ok(())
}
