//! This very machine: the same numbers as a second, independent reader of its files finds.

use super::{context, decoded, lines};
use std::collections::BTreeMap;
use std::path::Path;
use warren_host::Paths;
use warren_telemetry::Telemetry;

/// Every point of one scrape of this machine.
fn scraped(scrapers: &str) -> BTreeMap<String, f64> {
    let config = decoded(&format!("{{scrapers: {scrapers}}}")).unwrap();
    let (mut work, _) = config.work(&context(&Telemetry::discarded()), Paths::new(Path::new(""), |_| None)).unwrap();
    let lines = lines(&work.scrape());
    lines.iter().map(|line| line.rsplit_once(' ').unwrap()).map(|(key, value)| (key.to_owned(), value.parse().unwrap())).collect()
}

/// Counts that only grow lie between two readings.
fn between(before: f64, value: f64, after: f64, what: &str) {
    assert!(before <= value && value <= after, "{what}: {value} is not between {before} and {after}");
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn processor_time_is_that_of_the_kernel() {
    let read = || {
        let mut times = BTreeMap::new();
        for line in read("/proc/stat").lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for (index, state) in [(1, "user"), (2, "nice"), (3, "system"), (6, "interrupt"), (7, "softirq")] {
                let key = format!("system.cpu.time{{cpu={},state={state}}}", words[0]);
                times.insert(key, words[index].parse::<f64>().unwrap() / 100.0);
            }
        }
        times
    };
    let before = read();
    let found = scraped("{cpu: }");
    let after = read();
    assert!(!before.is_empty());
    for (key, least) in before {
        between(least, found[&key], after[&key], &key);
    }
}

#[test]
fn traffic_is_that_of_the_kernel() {
    let read = || {
        let text = read("/proc/net/dev");
        let rows = text.lines().skip(2).map(|line| line.split_once(':').unwrap());
        let rows = rows.map(|(name, counts)| {
            let counts: Vec<f64> = counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
            (name.trim().to_owned(), counts)
        });
        rows.collect::<BTreeMap<String, Vec<f64>>>()
    };
    let before = read();
    let found = scraped("{network: }");
    let after = read();
    for (name, least) in before {
        for (metric, direction, index) in
            [("io", "receive", 0), ("packets", "receive", 1), ("io", "transmit", 8), ("packets", "transmit", 9)]
        {
            let key = format!("system.network.{metric}{{device={name},direction={direction}}}");
            between(least[index], found[&key], after[&name][index], &key);
        }
    }
}

#[test]
fn faults_disks_and_tasks_are_those_of_the_kernel() {
    let read = || {
        let vmstat = read("/proc/vmstat");
        let of =
            |key: &str| vmstat.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse::<f64>().ok()).unwrap();
        let mut counts = BTreeMap::from([
            ("system.paging.faults{type=major}".to_owned(), of("pgmajfault") * 4096.0),
            ("system.paging.operations{direction=page_out,type=minor}".to_owned(), of("pgpgout") * 4096.0),
        ]);
        let tasks = read("/proc/stat");
        let created = tasks.lines().find_map(|line| line.strip_prefix("processes ")?.parse().ok()).unwrap();
        counts.insert("system.processes.created{}".to_owned(), created);
        for line in read("/proc/diskstats").lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words[3..].iter().any(|count| *count != "0") {
                let key = format!("system.disk.io{{device={},direction=write}}", words[2]);
                counts.insert(key, words[9].parse::<f64>().unwrap() * 512.0);
            }
        }
        counts
    };
    let before = read();
    let found = scraped("{paging: , processes: , disk: }");
    let after = read();
    for (key, least) in before {
        between(least, found[&key], after[&key], &key);
    }
}

#[test]
fn memory_adds_up_to_what_the_machine_has() {
    let found = scraped("{memory: {metrics: {system.memory.limit: {enabled: true}}}}");
    let parts: f64 =
        ["used", "free", "buffered", "cached"].iter().map(|state| found[&format!("system.memory.usage{{state={state}}}")]).sum();
    let total: f64 = read("/proc/meminfo").split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(found["system.memory.limit{}"], total * 1024.0);
    assert_eq!(parts, total * 1024.0);
}

#[test]
fn this_process_is_among_the_processes() {
    let config = decoded("{scrapers: {process: {mute_process_all_errors: true}}}").unwrap();
    let (mut work, _) = config.work(&context(&Telemetry::discarded()), Paths::new(Path::new(""), |_| None)).unwrap();
    let metrics = work.scrape();
    let own = i64::from(std::process::id());
    let pid = |group: &&warren_pdata::ResourceGroup<_>| group.resource.attrs.get("process.pid") == Some(&own.into());
    let group = metrics.resources.iter().find(pid).unwrap();
    let attribute = |key: &str| super::shown(group.resource.attrs.get(key).unwrap());
    assert_eq!(attribute("process.executable.path"), std::env::current_exe().unwrap().display().to_string());
    assert_eq!(attribute("process.command_line"), std::env::args().collect::<Vec<_>>().join(" "));
    assert_eq!(attribute("process.parent_pid"), std::os::unix::process::parent_id().to_string());
}

#[test]
fn a_scrape_in_steady_state_allocates_little_beyond_what_it_hands_on() {
    let all = "{cpu: , load: , memory: , disk: , filesystem: , network: , paging: , processes: , system: }";
    let config = decoded(&format!("{{scrapers: {all}}}")).unwrap();
    let (mut work, _) = config.work(&context(&Telemetry::discarded()), Paths::new(Path::new(""), |_| None)).unwrap();
    let first = work.scrape();
    let second = work.scrape();
    // Attribute sets are those of the scrape before.
    let mut shared = 0;
    for ((_, _, before), (_, _, after)) in first.iter().zip(second.iter()) {
        let (Some(before), Some(after)) = (before.data.numbers(), after.data.numbers()) else { continue };
        shared +=
            before.attrs.iter().zip(&after.attrs).filter(|(before, after)| !before.is_empty() && before.same(after)).count();
    }
    assert!(shared > 50, "{shared}");
}
