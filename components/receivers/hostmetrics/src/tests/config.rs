//! Settings: what is accepted, what is refused and how.

use super::{Tree, context, decoded};
use crate::metric::MetricInfo;
use crate::scrapers;
use std::time::Duration;
use warren_config::{Node, encode};
use warren_telemetry::Telemetry;

#[test]
fn defaults_are_upstreams() {
    let mut config = decoded("{scrapers: {cpu: , load: {cpu_average: true}, system: {}}}").unwrap();
    assert_eq!((config.interval(), config.delay(), config.limit()), (Duration::from_secs(60), Duration::from_secs(1), None));
    let names: Vec<&str> = config.scrapers.wanted().map(|(name, _)| name).collect();
    assert_eq!(names, ["cpu", "load", "system"]);
    let written = warren_config::to_json(&Node::from_value(encode(&mut config)));
    assert!(written.contains("cpu_average") && written.contains("system.cpu.utilization"), "{written}");
}

#[test]
fn faults_are_told_in_upstreams_words() {
    for (text, says) in [
        ("{}", "must specify at least one scraper when using hostmetrics receiver"),
        ("{scrapers: {}}", "must specify at least one scraper when using hostmetrics receiver"),
        ("{scrapers: {nfs: {}}}", "invalid scraper key: nfs"),
        ("{scrapers: {cpu: }, collection_interval: 0s}", "\"collection_interval\": requires positive value"),
        ("{scrapers: {cpu: }, timeout: -1s}", "\"timeout\": requires positive value"),
        ("{scrapers: {cpu: }, root_path: /no/such/place}", "invalid root_path: stat /no/such/place: no such file or directory"),
        ("{scrapers: {cpu: {metrics: {system.cpu.tim: {enabled: true}}}}}", "has invalid keys: system.cpu.tim"),
        ("{scrapers: {cpu: {metrics: {system.cpu.time: {on: true}}}}}", "has invalid keys: on"),
        ("{scrapers: {cpu: {resource_attributes: {}}}}", "has invalid keys: resource_attributes"),
        (
            "{scrapers: {filesystem: {exclude_mount_points: {mount_points: [/a]}}}}",
            "error creating exclude_mount_points filter: unrecognized match_type: ''",
        ),
        (
            "{scrapers: {process: {resource_attributes: {process.pid: {metrics_include: [{}]}}}}}",
            "must specify either strict or regex",
        ),
        (
            "{scrapers: {process: {resource_attributes: {process.pid: {metrics_exclude: [{strict: a, regexp: b}]}}}}}",
            "strict and regex cannot be used together",
        ),
        ("{scrapers: {cpu: }, warren: {compat: better}}", "unknown figures \"better\""),
    ] {
        let errors = decoded(text).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(says)), "{text}: {errors:?}");
    }
}

#[test]
fn all_faults_are_told_together() {
    let text = "{collection_interval: -1s, scrapers: {nfs: , disk: {include: {devices: [a]}, metrics: {x: {}}}}}";
    assert_eq!(decoded(text).unwrap_err().len(), 4, "{:?}", decoded(text));
}

#[test]
fn every_key_of_upstream_is_accepted() {
    let text = "{collection_interval: 10s, initial_delay: -1s, timeout: 5s, root_path: /, metadata_collection_interval: 0, scrapers: {
        disk: {include: {devices: [sda], match_type: strict, regexp: {cacheenabled: true, cachemaxnumentries: 5}}},
        filesystem: {include_virtual_filesystems: true, exclude_fs_types: {fs_types: [tmpfs], match_type: strict}},
        network: {exclude: {interfaces: ['^veth'], match_type: regexp}, metrics: {system.network.conntrack.max: {enabled: true}}},
        process: {include: {names: [a], match_type: strict}, scrape_process_delay: 5s, mute_process_all_errors: true,
            mute_process_name_error: true, mute_process_exe_error: true, mute_process_io_error: true, mute_process_user_error: true,
            mute_process_cgroup_error: true, resource_attributes: {process.cgroup: {enabled: true, metrics_include: [{regexp: a}]}}}}}";
    assert_eq!(decoded(text).unwrap().delay(), Duration::ZERO);
}

#[test]
fn a_machine_that_does_not_say_when_it_booted_is_refused_unless_only_processes_are_looked_at() {
    let tree = Tree::new(&[("proc/stat", "cpu 1\n"), ("proc/cpuinfo", "processor : 0\n")]);
    let cx = context(&Telemetry::discarded());
    let refused = tree.work_of("{scrapers: {load: }}", &cx).err().unwrap();
    assert_eq!(refused.to_string(), "could not find btime");
    assert!(tree.work_of("{scrapers: {process: }}", &cx).is_ok());
}

/// The facts of upstream's tables at v0.132.0: name, unit, kind (`g` gauge, `c` counter, `u` up and down), on or off, attributes.
const UPSTREAM: &str = "
system.cpu.frequency Hz g off cpu
system.cpu.logical.count {cpu} u off -
system.cpu.physical.count {cpu} u off -
system.cpu.time s c on cpu,state
system.cpu.utilization 1 g off cpu,state
system.cpu.load_average.15m {thread} g on -
system.cpu.load_average.1m {thread} g on -
system.cpu.load_average.5m {thread} g on -
system.linux.memory.available By u off -
system.linux.memory.dirty By u off -
system.memory.limit By u off -
system.memory.page_size By g off -
system.memory.usage By u on state
system.memory.utilization 1 g off state
system.disk.io By c on device,direction
system.disk.io_time s c on device
system.disk.merged {operations} c on device,direction
system.disk.operation_time s c on device,direction
system.disk.operations {operations} c on device,direction
system.disk.pending_operations {operations} u on device
system.disk.weighted_io_time s c on device
system.filesystem.inodes.usage {inodes} u on device,mode,mountpoint,type,state
system.filesystem.usage By u on device,mode,mountpoint,type,state
system.filesystem.utilization 1 g off device,mode,mountpoint,type
system.network.connections {connections} u on protocol,state
system.network.conntrack.count {entries} u off -
system.network.conntrack.max {entries} u off -
system.network.dropped {packets} c on device,direction
system.network.errors {errors} c on device,direction
system.network.io By c on device,direction
system.network.packets {packets} c on device,direction
system.paging.faults {faults} c on type
system.paging.operations {operations} c on direction,type
system.paging.usage By u on device,state
system.paging.utilization 1 g off device,state
process.context_switches {count} c off type
process.cpu.time s c on state
process.cpu.utilization 1 g off state
process.disk.io By c on direction
process.disk.operations {operations} c off direction
process.handles {count} u off -
process.memory.usage By u on -
process.memory.utilization 1 g off -
process.memory.virtual By u on -
process.open_file_descriptors {count} u off -
process.paging.faults {faults} c off type
process.signals_pending {signals} u off -
process.threads {threads} u off -
process.uptime s g off -
system.processes.count {processes} u on status
system.processes.created {processes} c on -
system.uptime s g on -
";

#[test]
fn the_tables_are_upstreams() {
    use crate::metric::Kind;
    let tables: [&[MetricInfo]; 10] = [
        scrapers::cpu::METRICS,
        scrapers::load::METRICS,
        scrapers::memory::METRICS,
        scrapers::disk::METRICS,
        scrapers::filesystem::METRICS,
        scrapers::network::METRICS,
        scrapers::paging::METRICS,
        scrapers::process::METRICS,
        scrapers::processes::METRICS,
        scrapers::system::METRICS,
    ];
    let row = |info: &MetricInfo| {
        let kind = match info.kind {
            Kind::Gauge => "g",
            Kind::Counter => "c",
            Kind::UpDown => "u",
        };
        let attributes = if info.attributes.is_empty() { "-".to_owned() } else { info.attributes.join(",") };
        format!("{} {} {kind} {} {attributes}", info.name, info.unit, if info.enabled { "on" } else { "off" })
    };
    let rows: Vec<String> = tables.iter().flat_map(|table| table.iter().map(row)).collect();
    assert_eq!(rows, UPSTREAM.trim().lines().collect::<Vec<_>>());
    for table in tables {
        assert!(table.is_sorted_by_key(|info| info.name), "metrics are reported sorted by name");
        assert!(table.iter().all(|info| info.description.ends_with('.')));
    }
}
