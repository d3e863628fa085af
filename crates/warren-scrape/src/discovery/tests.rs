use std::collections::VecDeque;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use warren_component::BoxFuture;

use super::*;
use crate::config::{FileConfig, HttpClientConfig, HttpConfig};

/// Gives prepared answers, one per request, and the last one again and again.
#[derive(Clone, Default)]
struct Prepared(Arc<Mutex<VecDeque<Result<Fetched, FetchError>>>>);

impl Prepared {
    fn json(body: &str) -> Result<Fetched, FetchError> {
        Ok(Fetched { status: 200, content_type: "application/json".into(), body: body.into() })
    }
}

impl Fetch for Prepared {
    fn client(&self, _: &HttpClientConfig) -> Result<Box<dyn FetchClient>, FetchError> {
        Ok(Box::new(self.clone()))
    }
}

impl FetchClient for Prepared {
    fn get<'a>(&'a self, request: Get<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        assert!(request.headers.contains(&("X-Prometheus-Refresh-Interval-Seconds", "60")));
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(std::future::ready(answer.unwrap()))
    }
}

fn tools(fetch: Prepared) -> Tools {
    Tools { telemetry: Telemetry::discarded(), fetch: Arc::new(fetch), resolver: Resolver::default() }
}

fn addresses(groups: &Groups) -> Vec<String> {
    groups.iter().flat_map(|group| group.addresses().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn start(configs: &[DiscoveryConfig], tools: &Tools) -> channel::Receiver<Groups> {
    let discovery = Discovery::new("job", configs, tools).unwrap();
    let groups = discovery.groups();
    tokio::spawn(discovery.run());
    groups
}

/// Waits until these addresses, and only these, are there.
async fn wait_for(groups: &mut channel::Receiver<Groups>, expected: &[&str]) {
    let found = tokio::time::timeout(Duration::from_secs(60), groups.wait_for(|groups| addresses(groups) == expected)).await;
    let came = found.is_ok_and(|found| found.is_ok());
    assert!(came, "{expected:?} never came, last {:?}", addresses(&groups.borrow()));
}

#[tokio::test]
async fn static_addresses_are_there_at_once() {
    let group = TargetGroup::from_addresses(["a:1".to_owned()], LabelSet::new());
    let discovery = Discovery::new("job", &[DiscoveryConfig::Static(vec![group])], &tools(Prepared::default())).unwrap();
    assert_eq!(addresses(&discovery.groups().borrow()), ["a:1"]);
    discovery.run().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_good_answer_is_kept() {
    let prepared = Prepared::default();
    prepared.0.lock().unwrap().extend([
        Prepared::json(r#"[{"targets": ["a:1", "b:1"], "labels": {"x": "y"}}, {"targets": null}]"#),
        Err(FetchError("connection refused".into())),
        Ok(Fetched { status: 500, ..Fetched::default() }),
        Ok(Fetched { status: 200, content_type: "text/html".into(), ..Fetched::default() }),
        Prepared::json(r#"[null]"#),
        Prepared::json(r#"[{"targets": ["c:1"], "unknown": 1}]"#),
        Prepared::json(r#"[{"targets": ["d:1"]}]"#),
    ]);
    let telemetry = Telemetry::discarded();
    let tools = Tools { telemetry: telemetry.clone(), ..tools(prepared) };
    let config = HttpConfig { url: "http://sd/x".to_owned(), ..HttpConfig::default() };
    let mut groups = start(&[DiscoveryConfig::Http(Box::new(config))], &tools);
    wait_for(&mut groups, &["a:1", "b:1"]).await;
    {
        let first = groups.borrow();
        let group = first.iter().next().unwrap();
        assert_eq!((group.source.as_str(), group.labels["__meta_url"].as_str()), ("http://sd/x:0", "http://sd/x"));
    }
    groups.mark_unchanged();
    groups.changed().await.unwrap();
    assert_eq!(addresses(&groups.borrow()), ["d:1"]);
    assert_eq!(telemetry.registry.total("warren_discovery_failures_total", &[]), 5.0);
}

#[tokio::test]
async fn files_are_read_again_when_they_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.json"), r#"[{"targets": ["a:1"], "labels": {"x": "y"}}]"#).unwrap();
    fs::write(path("b.yml"), "- targets: [b:1]\n  labels: {z: 5}\n").unwrap();
    let config = FileConfig { files: vec![path("*.json"), path("*.yml")], refresh_interval: Duration::from_millis(50) };
    let mut groups = start(&[DiscoveryConfig::File(config)], &tools(Prepared::default()));
    wait_for(&mut groups, &["a:1", "b:1"]).await;
    {
        let found = groups.borrow();
        let labels: Vec<_> = found.iter().map(|group| group.labels.clone()).collect();
        let filepath = |name: &str| path(name).to_str().unwrap().to_owned();
        assert_eq!((labels[0]["x"].as_str(), labels[0]["__meta_filepath"].as_str()), ("y", filepath("a.json").as_str()));
        assert_eq!((labels[1]["z"].as_str(), labels[1]["__meta_filepath"].as_str()), ("5", filepath("b.yml").as_str()));
    }
    // A file that has become unreadable keeps its groups, one that is new is read, one that is gone is forgotten.
    fs::write(path("a.json"), "[{").unwrap();
    fs::write(path("c.json"), r#"[{"targets": ["c:1"]}]"#).unwrap();
    wait_for(&mut groups, &["a:1", "b:1", "c:1"]).await;
    fs::remove_file(path("b.yml")).unwrap();
    fs::write(path("a.json"), r#"[{"targets": ["a:2"]}]"#).unwrap();
    wait_for(&mut groups, &["a:2", "c:1"]).await;
}

#[test]
fn files_with_faults_are_refused() {
    let cases = [
        ("x.json", "[{\"targets\": [\"a\"], \"nope\": 1}]", "unknown field `nope`"),
        ("x.json", "[null]", "nil target group item found"),
        ("x.json", "{}", "invalid type"),
        ("x.yml", "- null\n", "nil target group item found"),
        ("x.yml", "- targets: [a]\n  nope: 1\n", "field nope not found in type targetgroup.Group"),
        ("x.yml", "targets: [a]\n", "cannot unmarshal !!map"),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (name, text, expected) in cases {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        let error = file::read_file(&path).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
