//! Processes: stored ones with known answers, and those that are hard to read.

use super::{Tree, context, lines, lines_of, shown};
use crate::work::Work;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use warren_pdata::Metrics;
use warren_telemetry::Telemetry;

/// A process of the tree, all of its files.
fn process(tree: &Tree, pid: u32, name: &str, state: char, started: u64) {
    let dir = format!("proc/{pid}");
    let stat = format!("{pid} ({name}) {state} 1 1 1 0 -1 0 100 0 7 0 250 150 0 0 20 0 3 0 {started} 0 0");
    tree.write(&format!("{dir}/stat"), &stat);
    tree.write(&format!("{dir}/statm"), "1000 200 0 0 0 0 0\n");
    tree.write(&format!("{dir}/io"), "rchar: 10\nwchar: 20\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\n");
    let status = "Uid:\t4242\t0\t0\t0\nShdPnd:\t0000000000000005\nvoluntary_ctxt_switches:\t8\nnonvoluntary_ctxt_switches:\t9\n";
    tree.write(&format!("{dir}/status"), status);
    tree.write(&format!("{dir}/cmdline"), &format!("/usr/bin/{name}\0--flag\0a b\0"));
    tree.write(&format!("{dir}/cgroup"), "0::/system.slice/x.service\n");
    tree.write(&format!("{dir}/fd/0"), "");
    tree.write(&format!("{dir}/fd/1"), "");
    let _ = symlink(format!("/usr/bin/{name}"), tree.path().join(&dir).join("exe"));
}

fn machine() -> Tree {
    Tree::new(&[
        (
            "proc/stat",
            "cpu 0\ncpu0 1 2 3 4 5 6 7\ncpu1 1 2 3 4 5 6 7\nbtime 1700000000\nprocesses 99\nprocs_running 2\nprocs_blocked 1\n",
        ),
        ("proc/meminfo", "MemTotal: 4000 kB\n"),
        ("etc/passwd", "rabbitmq:x:4242:1::/:/bin/sh\n"),
    ])
}

/// The attributes of each process's resource, by its number.
fn resources(metrics: &Metrics) -> BTreeMap<String, String> {
    let groups = metrics.resources.iter().map(|group| {
        let attrs = group.resource.attrs.iter().map(|entry| format!("{}={}", entry.key, shown(&entry.value))).collect::<Vec<_>>();
        let pid = group.resource.attrs.get("process.pid").map(shown).unwrap_or_default();
        (pid, attrs.join(" "))
    });
    groups.collect()
}

#[test]
fn a_process_has_a_resource_and_figures_of_its_own() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 500);
    let metrics = tree.corrected("{process: {resource_attributes: {process.cgroup: {enabled: true}}}}").scrape();
    let resource = "process.pid=10 process.parent_pid=1 process.executable.name=beam process.executable.path=/usr/bin/beam \
        process.cgroup=0::/system.slice/x.service process.command=/usr/bin/beam process.command_line=/usr/bin/beam --flag a b \
        process.owner=rabbitmq";
    assert_eq!(resources(&metrics)["10"], resource);
    let page = warren_host::system::page_bytes();
    let expected = [
        "process.cpu.time{state=user} 2.5".to_owned(),
        "process.cpu.time{state=system} 1.5".to_owned(),
        "process.cpu.time{state=wait} 0.0".to_owned(),
        "process.disk.io{direction=read} 4096".to_owned(),
        "process.disk.io{direction=write} 8192".to_owned(),
        format!("process.memory.usage{{}} {}", 200 * page),
        format!("process.memory.virtual{{}} {}", 1000 * page),
    ];
    assert_eq!(lines(&metrics), expected);
    let (_, _, metric) = metrics.iter().next().unwrap();
    assert_eq!(
        metric.data.numbers().unwrap().get(0).unwrap().start,
        1_700_000_005_000_000_000,
        "it counts from the start of the process"
    );
    // Upstream's disk is every call that reads or writes.
    let upstream = tree.work("{process: {mute_process_user_error: true}}").scrape();
    let expected = ["process.disk.io{direction=read} 10", "process.disk.io{direction=write} 20"];
    assert_eq!(lines_of(&upstream, "process.disk.io"), expected);
    assert!(!resources(&upstream)["10"].contains("process.cgroup"));
}

#[test]
fn every_metric_can_be_asked_for() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 500);
    let names = [
        "context_switches",
        "disk.operations",
        "memory.utilization",
        "open_file_descriptors",
        "paging.faults",
        "signals_pending",
        "threads",
        "uptime",
    ];
    let on: String = names.iter().map(|name| format!("process.{name}: {{enabled: true}}, ")).collect();
    let settings = format!("{{process: {{metrics: {{{on}}}}}}}");
    let (upstream, corrected) = (tree.work(&settings).scrape(), tree.corrected(&settings).scrape());
    for line in [
        "process.context_switches{type=involuntary} 9",
        "process.context_switches{type=voluntary} 8",
        "process.disk.operations{direction=write} 4",
        "process.open_file_descriptors{} 2",
        "process.paging.faults{type=major} 7",
        "process.paging.faults{type=minor} 100",
        "process.threads{} 3",
    ] {
        assert!(lines(&upstream).contains(&line.to_owned()) && lines(&corrected).contains(&line.to_owned()), "{line}");
    }
    let resident = (200 * warren_host::system::page_bytes()) as f64;
    let percent = f64::from(100.0 * resident as f32 / 4_096_000.0_f32);
    assert_eq!(lines_of(&upstream, "process.memory.utilization"), [format!("process.memory.utilization{{}} {percent:?}")]);
    let share = resident / 4_096_000.0;
    assert_eq!(lines_of(&corrected, "process.memory.utilization"), [format!("process.memory.utilization{{}} {share:?}")]);
    assert_eq!(lines_of(&upstream, "process.signals_pending"), ["process.signals_pending{} 5"]);
    assert_eq!(lines_of(&corrected, "process.signals_pending"), ["process.signals_pending{} 2"]);
    assert_eq!(lines_of(&upstream, "process.uptime").len(), 1);
}

#[test]
fn names_are_completed_by_the_command_line_and_filtered() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 1);
    process(&tree, 11, "fifteen-bytes-x", 'S', 1);
    tree.write("proc/11/cmdline", "/opt/fifteen-bytes-xyz\0");
    process(&tree, 12, "fifteen-bytes-y", 'S', 1);
    tree.write("proc/12/cmdline", "python\0");
    let named = |settings: &str| {
        let metrics = tree.work(&format!("{{process: {{mute_process_user_error: true, {settings}}}}}")).scrape();
        let names = metrics.resources.iter().map(|group| shown(group.resource.attrs.get("process.executable.name").unwrap()));
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(named(""), "beam fifteen-bytes-xyz fifteen-bytes-y");
    assert_eq!(named("include: {names: [fifteen-bytes-xyz], match_type: strict}"), "fifteen-bytes-xyz");
    assert_eq!(named("exclude: {names: [fifteen], match_type: regexp}"), "beam");
    let by_attribute = "resource_attributes: {process.pid: {metrics_exclude: [{strict: '10'}]}, process.executable.path: {metrics_include: [{regexp: -x$}, {strict: /usr/bin/beam}]}}";
    assert_eq!(named(by_attribute), "fifteen-bytes-xyz");
}

#[test]
fn threads_of_the_kernel_and_vanished_processes_are_no_faults() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 1);
    process(&tree, 11, "kworker/0:1", 'I', 1);
    tree.write("proc/11/cmdline", "");
    std::fs::remove_file(tree.path().join("proc/11/exe")).unwrap();
    // Gone between the listing and the look, and gone in the middle of it.
    std::fs::create_dir_all(tree.path().join("proc/12")).unwrap();
    process(&tree, 13, "gone", 'S', 1);
    std::fs::remove_file(tree.path().join("proc/13/statm")).unwrap();
    let telemetry = Telemetry::discarded();
    let mut work = tree.work_of("{scrapers: {process: {mute_process_user_error: true}}}", &context(&telemetry)).unwrap();
    let found = resources(&work.scrape());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["10", "11"]);
    assert!(found["11"].contains("process.executable.path= process.command= process.command_line="), "{}", found["11"]);
    assert_eq!(errored(&telemetry), 0.0);
}

fn errored(telemetry: &Telemetry) -> f64 {
    telemetry.registry.total("otelcol_scraper_errored_metric_points", &[("receiver", "hostmetrics/t"), ("scraper", "process")])
}

fn scrape_of(tree: &Tree, settings: &str) -> (Metrics, f64) {
    let telemetry = Telemetry::discarded();
    let text = format!("{{scrapers: {{process: {{{settings}}}}}}}");
    let metrics = tree.work_of(&text, &context(&telemetry)).unwrap().scrape();
    (metrics, errored(&telemetry))
}

#[test]
fn what_cannot_be_read_is_counted_unless_it_is_muted_and_the_rest_is_reported() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 1);
    tree.write("proc/10/io", "rchar: many\n");
    let (metrics, failed) = scrape_of(&tree, "");
    assert_eq!(failed, 1.0);
    assert!(lines_of(&metrics, "process.disk.io").is_empty() && lines_of(&metrics, "process.memory.usage").len() == 1);
    assert_eq!(scrape_of(&tree, "mute_process_io_error: true").1, 0.0);
    assert_eq!(scrape_of(&tree, "mute_process_all_errors: true").1, 0.0);
    tree.write("proc/10/statm", "x\n");
    assert_eq!(scrape_of(&tree, "mute_process_io_error: true, metrics: {process.memory.utilization: {enabled: true}}").1, 3.0);
    assert_eq!(scrape_of(&tree, "mute_process_io_error: true, metrics: {process.handles: {enabled: true}}").1, 3.0);
}

#[test]
fn a_process_is_told_from_a_later_one_of_the_same_number() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 1);
    let mut work = tree.work("{process: {metrics: {process.cpu.utilization: {enabled: true}}}}");
    assert!(lines_of(&work.scrape(), "process.cpu.utilization").is_empty(), "the first look gives no share");
    assert_eq!(lines_of(&work.scrape(), "process.cpu.utilization").len(), 3);
    process(&tree, 10, "other", 'S', 77);
    let after = work.scrape();
    assert!(lines_of(&after, "process.cpu.utilization").is_empty());
    assert!(resources(&after)["10"].contains("process.executable.name=other"));
}

#[test]
fn attributes_are_shared_until_they_change() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 1);
    let mut work = tree.work("{process: {mute_process_user_error: true}}");
    let set = |work: &mut Work| work.scrape().resources[0].resource.attrs.clone();
    let first = set(&mut work);
    assert!(first.same(&set(&mut work)));
    tree.write("proc/10/cmdline", "renamed\0");
    let second = set(&mut work);
    assert!(!first.same(&second));
    assert_eq!(shown(second.get("process.command").unwrap()), "renamed");
}

#[test]
fn young_processes_wait_for_their_delay() {
    let tree = machine();
    process(&tree, 10, "beam", 'S', 1);
    assert_eq!(scrape_of(&tree, "scrape_process_delay: 1h").0.resources.len(), 1, "it started years ago");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    tree.write("proc/stat", &format!("cpu 0\ncpu0 1 2 3 4 5 6 7\nbtime {now}\n"));
    assert!(scrape_of(&tree, "scrape_process_delay: 1h").0.resources.is_empty());
}

#[test]
fn processes_are_counted_by_state_and_the_kernel_counts_threads() {
    let tree = machine();
    for (pid, state) in [(1, 'S'), (2, 'S'), (3, 'I'), (4, 'Z'), (5, 'T'), (6, 't'), (7, 'X'), (8, 'R'), (9, 'D')] {
        process(&tree, pid, "p", state, 1);
    }
    let counted = |metrics: &Metrics| {
        let all = lines_of(metrics, "system.processes.count");
        all.iter().map(|line| line.split_once("status=").unwrap().1.replace('}', "")).collect::<Vec<_>>().join(", ")
    };
    let upstream = tree.work("{processes: }").scrape();
    assert_eq!(counted(&upstream), "blocked 1, idle 1, running 2, sleeping 2, stopped 2, unknown 1, zombies 1");
    assert_eq!(lines_of(&upstream, "system.processes.created"), ["system.processes.created{} 99"]);
    // Two that ended after they were listed have no state.
    std::fs::create_dir_all(tree.path().join("proc/100")).unwrap();
    std::fs::create_dir_all(tree.path().join("proc/101")).unwrap();
    let ours = tree.corrected("{processes: }").scrape();
    assert_eq!(counted(&ours), "blocked 1, idle 1, locked 0, paging 0, running 2, sleeping 2, stopped 2, unknown 2, zombies 1");
}
