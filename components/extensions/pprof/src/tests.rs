//! Profiles, read by an independent decoder.

use crate::config::Config;
use crate::cpu;
use prost::Message;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};
use warren_component::{BuildContext, BuildInfo, ExtensionConfig, Extensions, Inherited, RunContext, Status, Stop};
use warren_config::read_settings;
use warren_sys::profile::heap;
use warren_telemetry::Telemetry;

#[derive(Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    kinds: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mappings: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    locations: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    functions: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    strings: Vec<String>,
    #[prost(int64, tag = "10")]
    duration: i64,
    #[prost(int64, tag = "12")]
    period: i64,
}

#[derive(Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    of: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    locations: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    values: Vec<i64>,
}

#[derive(Message)]
struct Mapping {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "5")]
    file: i64,
}

#[derive(Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    mapping: u64,
    #[prost(message, repeated, tag = "4")]
    lines: Vec<Line>,
}

#[derive(Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function: u64,
}

#[derive(Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
}

impl Profile {
    fn open(gzipped: &[u8]) -> Self {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(gzipped).read_to_end(&mut bytes).unwrap();
        let profile = Self::decode(bytes.as_slice()).unwrap();
        assert_eq!(profile.strings[0], "");
        for sample in &profile.samples {
            assert_eq!(sample.values.len(), profile.kinds.len());
        }
        profile
    }

    fn names(&self, sample: &Sample) -> Vec<&str> {
        let location = |id: &u64| self.locations.iter().find(|location| location.id == *id).expect("a location that is listed");
        let function = |id: u64| self.functions.iter().find(|function| function.id == id).expect("a function that is listed");
        let name =
            |location: &Location| location.lines.first().map_or("", |line| &self.strings[function(line.function).name as usize]);
        sample.locations.iter().map(location).map(name).collect()
    }
}

#[inline(never)]
fn burn(until: Instant) -> u64 {
    let mut sum = 0u64;
    while Instant::now() < until {
        sum = (0..10_000).fold(sum, |sum: u64, n| black_box(sum.wrapping_mul(31).wrapping_add(n)));
    }
    sum
}

#[inline(never)]
fn burn_deeper(depth: u32, until: Instant) -> u64 {
    let sum = if depth == 0 { burn(until) } else { burn_deeper(depth - 1, until) };
    black_box(sum.wrapping_add(1))
}

#[tokio::test]
async fn a_cpu_profile_tells_who_was_busy_and_who_called() {
    // The clock is of CPU time: however busy the machine is, a thread that computes is seen once it has had its share.
    let worker = std::thread::spawn(|| black_box(burn_deeper(5, Instant::now() + Duration::from_secs(6))));
    let over = async { tokio::time::sleep(Duration::from_secs(2)).await };
    let profile = Profile::open(&cpu::profile(over).await.unwrap());
    worker.join().unwrap();
    let text = |index: i64| profile.strings[index as usize].as_str();
    let kinds: Vec<_> = profile.kinds.iter().map(|kind| (text(kind.of), text(kind.unit))).collect();
    assert_eq!(kinds, [("samples", "count"), ("cpu", "nanoseconds")]);
    assert!(profile.period == 10_000_000 && profile.duration >= 1_900_000_000);
    let busy = profile.samples.iter().map(|sample| profile.names(sample));
    let deep = busy.filter(|names| names.iter().filter(|name| name.ends_with("burn_deeper")).count() == 6).count();
    assert!(deep > 0, "{:?}", profile.samples.iter().map(|sample| profile.names(sample)).collect::<Vec<_>>());
    let own = std::env::current_exe().unwrap();
    let mapped = profile.mappings.iter().find(|mapping| text(mapping.file) == own.to_string_lossy()).unwrap();
    assert!(profile.locations.iter().any(|location| location.mapping == mapped.id));
}

fn decode(yaml: &str) -> (Config, Vec<String>) {
    read_settings(yaml)
}

#[tokio::test]
async fn allocations_are_sampled_until_the_extension_is_taken_out() {
    for (for_good, rate) in [(false, 512 << 10), (true, 0)] {
        let cx = BuildContext {
            id: "pprof".parse().unwrap(),
            telemetry: Telemetry::discarded(),
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions: Extensions::new(BTreeMap::new()),
            inherited: Inherited::default(),
            collect_now: false,
            gates: Default::default(),
        };
        let extension = decode("{endpoint: \"127.0.0.1:0\"}").0.build(cx).unwrap();
        let (handle, stop) = Stop::new();
        let running = tokio::spawn(extension.run(RunContext { stop, status: Status::default() }));
        while heap::rate() == 0 {
            tokio::task::yield_now().await;
        }
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        if for_good {
            handle.request_for_good(deadline)
        } else {
            handle.request(deadline)
        }
        running.await.unwrap().unwrap();
        assert_eq!(heap::rate(), rate);
    }
}

#[test]
fn settings_are_upstreams_and_ours() {
    let (config, errors) = decode(
        "{endpoint: \"0.0.0.0:1777\", block_profile_fraction: 3, mutex_profile_fraction: 5, save_to_file: /tmp/x, dialer: {timeout: 1s}, warren: {heap_sample: 1KiB}}",
    );
    assert_eq!((config.server().endpoint.as_str(), config.warren.heap_sample.0, errors), ("0.0.0.0:1777", 1024, Vec::new()));
    assert_eq!(decode("{endpoint: \"\"}").1, ["\"endpoint\" is required when using the \"pprof\" extension"]);
}
