//! Facts of Prometheus' `scrape/target_test.go` and `scrape/scrape_test.go` (commit 419d436a447a), and our own.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::config::Global;
use crate::relabel::{Action, Program, Rule};

fn set(pairs: &[(&str, &str)]) -> LabelSet {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn job() -> ScrapeConfig {
    ScrapeConfig { job_name: "job".to_owned(), ..ScrapeConfig::new(&Global::default()) }
}

fn show(target: &Target) -> String {
    target.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

const REST: &str = "__metrics_path__=/metrics __scheme__=http __scrape_interval__=1m __scrape_timeout__=10s";

#[test]
fn labels_come_together_in_order() {
    let group = set(&[("job", "group"), ("a", "group"), ("b", "group"), ("__meta_x", "y")]);
    let own = set(&[(ADDRESS, "1.2.3.4:1000"), ("a", "own"), ("b", "")]);
    let target = Target::new(&job(), &own, &group).unwrap().unwrap();
    assert_eq!(show(&target), format!("__address__=1.2.3.4:1000 {REST} a=own instance=1.2.3.4:1000 job=group"));
    assert_eq!(target.url, "http://1.2.3.4:1000/metrics");
    let public: Vec<_> = target.public_labels().collect();
    assert_eq!(public, [("a", "own"), ("instance", "1.2.3.4:1000"), ("job", "group")]);
}

#[test]
fn no_port_is_added_and_an_instance_is_kept() {
    let own = set(&[(ADDRESS, "host"), ("instance", "me"), (SCHEME, "https")]);
    let target = Target::new(&job(), &own, &LabelSet::new()).unwrap().unwrap();
    assert_eq!((target.url.as_str(), target.label("instance")), ("https://host/metrics", "me"));
}

#[test]
fn rules_may_set_everything_and_drop() {
    let replace = |target: &str, replacement: &str| Rule {
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
        ..Rule::default()
    };
    let rules = [
        replace(INTERVAL, "5s"),
        replace(TIMEOUT, "4s"),
        replace(METRICS_PATH, "m x"),
        replace(ADDRESS, "new:1"),
        Rule { source_labels: Some(vec!["__meta_x".to_owned()]), target_label: "x".to_owned(), ..Rule::default() },
    ];
    let job = ScrapeConfig { relabel: Program::new(&rules).unwrap(), ..job() };
    let own = set(&[(ADDRESS, "old:1"), ("__meta_x", "y")]);
    let target = Target::new(&job, &own, &LabelSet::new()).unwrap().unwrap();
    assert_eq!((target.interval, target.timeout), (Duration::from_secs(5), Duration::from_secs(4)));
    assert_eq!((target.url.as_str(), target.label("instance"), target.label("x")), ("http://new:1/m%20x", "new:1", "y"));

    let drop = Rule { action: Some(Action::Drop), ..Rule::default() };
    let job = ScrapeConfig { relabel: Program::new(&[drop]).unwrap(), ..self::job() };
    assert_eq!(Target::new(&job, &own, &LabelSet::new()).unwrap(), None);
}

#[test]
fn labels_that_make_no_target_are_refused_in_prometheus_words() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "no address"),
        (&[(ADDRESS, "a/b")], "\"a/b\" is not a valid hostname"),
        (&[(ADDRESS, "a"), (INTERVAL, "x")], "error parsing scrape interval: not a valid duration string: \"x\""),
        (&[(ADDRESS, "a"), (INTERVAL, "0s")], "scrape interval cannot be 0"),
        (&[(ADDRESS, "a"), (TIMEOUT, "0s")], "scrape timeout cannot be 0"),
        (&[(ADDRESS, "a"), (TIMEOUT, "x")], "error parsing scrape timeout: not a valid duration string: \"x\""),
        (
            &[(ADDRESS, "a"), (INTERVAL, "1s"), (TIMEOUT, "2s")],
            "scrape timeout cannot be greater than scrape interval (\"2s\" > \"1s\")",
        ),
    ];
    for (labels, expected) in cases {
        let error = Target::new(&job(), &set(labels), &LabelSet::new()).unwrap_err();
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn parameters_come_from_the_job_and_its_first_values_from_labels() {
    let mut job = job();
    job.params.insert("abc".to_owned(), vec!["foo".to_owned(), "bar".to_owned(), "b&z x".to_owned()]);
    job.params.insert("xyz".to_owned(), vec!["hoo".to_owned()]);
    job.params.insert("none".to_owned(), vec![]);
    let own = set(&[(ADDRESS, "example.com:1234"), ("__param_abc", "overwrite"), ("__param_cde", "huu")]);
    let target = Target::new(&job, &own, &LabelSet::new()).unwrap().unwrap();
    assert_eq!(target.url, "http://example.com:1234/metrics?abc=overwrite&abc=bar&abc=b%26z+x&cde=huu&xyz=hoo");
    assert_eq!(target.label("__param_xyz"), "hoo");
}

#[test]
fn the_same_target_is_one() {
    let mut group = TargetGroup::from_addresses(["a:1", "b:1", "a:1"].map(str::to_owned), LabelSet::new());
    group.targets.push(set(&[(ADDRESS, "a:1"), ("x", "y")]));
    group.targets.push(set(&[(ADDRESS, "c/d")]));
    group.source = "f.json:0".to_owned();
    let targets = Targets::new(&job(), [&group, &group.clone()]);
    assert_eq!(targets.active.iter().map(|target| target.url.as_str()).collect::<Vec<_>>().len(), 3);
    let failure = &targets.failures[0];
    assert_eq!(format!("{}: {}", failure.0, failure.1), "instance 4 in group f.json:0: \"c/d\" is not a valid hostname");
}

#[test]
fn a_target_limit_fails_all() {
    let group = TargetGroup::from_addresses(["a", "b"].map(str::to_owned), LabelSet::new());
    let mut job = job();
    let targets = Targets::new(&job, [&group]);
    assert_eq!(targets.limit_error(&job), None);
    job.limits.targets = 1;
    assert_eq!(targets.limit_error(&job).as_deref(), Some("target_limit exceeded (number of targets: 2, limit: 1)"));
}

#[test]
fn scrapes_are_spread_over_the_interval() {
    let groups: Vec<LabelSet> =
        (0..10_000).map(|i| set(&[(ADDRESS, "example.com:80"), ("label", &i.to_string()), (INTERVAL, "10s")])).collect();
    let mut buckets = [0i32; 10];
    for own in &groups {
        let target = Target::new(&job(), own, &LabelSet::new()).unwrap().unwrap();
        let offset = target.offset(Duration::from_millis(1_234_567), 0);
        assert!(offset <= Duration::from_secs(10));
        buckets[offset.as_secs().min(9) as usize] += 1;
    }
    assert!(buckets.iter().all(|&bucket| (bucket - 1000).abs() <= 150), "{buckets:?}");
}

#[test]
fn a_target_keeps_its_place_in_the_interval() {
    let own = set(&[(ADDRESS, "a:1")]);
    let target = Target::new(&job(), &own, &LabelSet::new()).unwrap().unwrap();
    let place = |now: Duration| (now + target.offset(now, 7)).as_nanos() % target.interval.as_nanos();
    let places: HashSet<u128> = [0, 1, 59_999, 60_000, 60_001, 1_000_000_007].map(|ms| place(Duration::from_millis(ms))).into();
    assert_eq!(places.len(), 1, "{places:?}");
    assert_ne!(target.offset(Duration::ZERO, 7), target.offset(Duration::ZERO, 8));
    assert_ne!(offset_seed("a", &[]), offset_seed("b", &[]));
}

#[test]
fn the_hash_is_the_published_fnv_1a() {
    assert_eq!(fnv_1a([b""]), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv_1a([b"a"]), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(fnv_1a([b"foo", b"bar"]), 0x85944171f73967e8);
}

proptest! {
    #[test]
    fn urls_hold_only_what_urls_may(path in ".{0,12}", name in ".{0,6}", value in ".{0,12}") {
        let own = set(&[(ADDRESS, "h:1"), (METRICS_PATH, &path), (&format!("__param_{name}"), &value)]);
        let target = Target::new(&job(), &own, &LabelSet::new()).unwrap().unwrap();
        prop_assert!(target.url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@%?".contains(&b)), "{}", target.url);
    }
}
