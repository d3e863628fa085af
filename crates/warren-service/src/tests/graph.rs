//! What is built of a configuration, what leads where, and in which order it starts and stops. Facts of
//! `service/internal/graph/graph_test.go` and `internal/fanoutconsumer` (v0.132.0) are among them.

use super::*;
use crate::config::{Settings, decode};
use crate::graph::{Built, Common, Nodes};
use crate::outline::Outline;
use crate::run::running::Running as Service;
use crate::run::signals::Signals as Os;
use std::collections::BTreeMap;
use warren_component::{BuildInfo, Control, Gates};
use warren_config::Diagnostics;
use warren_pdata::{LogRecord, Logs, Resource, Scope};
use warren_telemetry::Telemetry;

pub(crate) fn outlined(text: &str) -> (Settings, Outline) {
    let mut diagnostics = Diagnostics::new();
    let root = warren_config::parse_yaml("c.yaml", text).unwrap();
    let mut settings = decode(&root, &FACTORIES, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    let outline = Outline::of(&mut settings, &diagnostics);
    (settings, outline)
}

pub(super) fn common() -> Common {
    let build = BuildInfo { command: String::new(), description: String::new(), version: String::new() };
    Common {
        telemetry: Telemetry::discarded(),
        build: Arc::new(build),
        collect_now: false,
        gates: Gates::default(),
        state_directory: None,
    }
}

fn build(text: &str) -> Result<Built, String> {
    let (settings, outline) = outlined(text);
    Built::new(&settings, &outline, (&Outline::default(), &Nodes::new()), &common()).map_err(|error| error.to_string())
}

/// Runs a configuration beside nothing.
pub(super) fn started(text: &str) -> Service {
    let mut running = Service::new(&common(), Control::new().0, Duration::from_secs(10));
    running.switch(build(text).unwrap(), outlined(text).1);
    running
}

/// Builds, and gives what the sources were given.
fn outputs(text: &str) -> BTreeMap<String, Outputs> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    BUILT.with(|built| *built.lock().unwrap() = Some(sender));
    build(text).unwrap();
    BUILT.with(|built| *built.lock().unwrap() = None);
    let mut outputs = BTreeMap::new();
    while let Ok((id, given)) = receiver.try_recv() {
        assert!(outputs.insert(id.to_string(), given).is_none(), "{id} was built twice");
    }
    outputs
}

fn logs(items: usize) -> Arc<Batch> {
    Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default(); items])))
}

const TWO_PIPELINES: &str = "
receivers: {source: , source/only_logs: }
processors: {pass/a: , pass/b: }
exporters: {sink/shared: , sink/other: }
service:
  pipelines:
    logs/1: {receivers: [source], processors: [pass/a, pass/b], exporters: [sink/shared]}
    logs/2: {receivers: [source, source/only_logs], exporters: [sink/shared, sink/other]}
    metrics: {receivers: [source], exporters: [sink/shared]}
";

#[tokio::test]
async fn a_receiver_is_one_node_with_an_output_for_each_signal_that_is_wanted() {
    let outputs = outputs(TWO_PIPELINES);
    let signals = |id: &str| outputs[id].signals().collect::<Vec<_>>();
    assert_eq!(signals("source"), [Signal::Metrics, Signal::Logs]);
    assert_eq!(signals("source/only_logs"), [Signal::Logs]);
}

#[tokio::test]
async fn an_exporter_is_one_node_for_each_signal_whatever_pipelines_use_it() {
    build(TWO_PIPELINES).unwrap();
    let mut built = Diary::mine().take();
    built.sort();
    assert_eq!(built, ["sink/other is built for logs", "sink/shared is built for logs", "sink/shared is built for metrics"]);
}

#[tokio::test]
async fn a_batch_goes_through_every_pipeline_of_its_signal_and_is_shared_not_copied() {
    let outputs = outputs(TWO_PIPELINES);
    Diary::mine().take();
    outputs["source"].get(Signal::Logs).unwrap().consume(logs(3)).await.unwrap();
    let mut seen = Diary::mine().take();
    seen.retain(|line| !line.contains("takes"));
    assert_eq!(seen, ["pass/a passes 3 logs", "pass/b passes 3 logs"]);
    outputs["source/only_logs"].get(Signal::Logs).unwrap().consume(logs(2)).await.unwrap();
    let seen = Diary::mine().take();
    assert_eq!(seen, ["sink/shared takes 2 logs, one of 2", "sink/other takes 2 logs, one of 1"]);
}

#[tokio::test]
async fn a_refusal_comes_back_and_keeps_nobody_from_taking() {
    let text = "
receivers: {source: }
exporters: {sink/full: , sink/good: }
service: {pipelines: {logs: {receivers: [source], exporters: [sink/full, sink/good]}}}
";
    let outputs = outputs(text);
    Diary::mine().take();
    let answer = outputs["source"].get(Signal::Logs).unwrap().consume(logs(1)).await;
    assert_eq!(answer, Err(ConsumeError { partial: true, ..ConsumeError::retryable("full") }));
    assert_eq!(Diary::mine().take().len(), 2);
}

#[tokio::test]
async fn another_name_of_a_type_means_the_same() {
    let text = "
receivers: {source: }
exporters: {drain/x: }
service: {pipelines: {logs: {receivers: [source], exporters: [drain/x]}}}
";
    build(text).unwrap();
    assert_eq!(Diary::mine().take(), ["drain/x is built for logs"]);
}

#[tokio::test]
async fn what_cannot_be_built_is_named_in_upstreams_words() {
    let text = |receiver: &str, exporter: &str| {
        format!(
            "
receivers: {{{receiver}: }}
exporters: {{sink: {exporter}}}
extensions: {{badge: }}
service: {{extensions: [badge], pipelines: {{logs: {{receivers: [{receiver}], exporters: [sink]}}}}}}
"
        )
    };
    for (receiver, exporter, says) in [
        (
            "source/broken",
            "{}",
            "cannot start pipelines: failed to start \"source/broken\" receiver: listen tcp 127.0.0.1:1: bind: address already in use",
        ),
        (
            "source",
            "{auth: badge}",
            "failed to build pipelines: failed to create \"sink\" exporter for data type \"logs\": \
             requested authenticator is not a HTTP client authenticator",
        ),
    ] {
        assert_eq!(build(&text(receiver, exporter)).err().unwrap(), says);
    }
}

const WITH_EXTENSIONS: &str = "
receivers: {source: }
exporters: {sink: }
extensions: {badge/1: , badge/2: }
service: {extensions: [badge/1, badge/2], pipelines: {logs: {receivers: [source], exporters: [sink]}}}
";

#[tokio::test(start_paused = true)]
async fn extensions_start_first_and_receivers_last_and_the_other_way_round_they_stop() {
    let diary = Diary::mine();
    let running = started(WITH_EXTENSIONS);
    diary.take();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(diary.take(), ["extension badge/1 runs", "extension badge/2 runs", "exporter sink runs", "receiver source runs"]);
    running.stop(&mut Os::new().unwrap()).await;
    assert_eq!(
        diary.take(),
        ["receiver source stops", "exporter sink stops", "extension badge/2 stops", "extension badge/1 stops"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_component_that_cannot_go_on_ends_the_process_with_its_reason() {
    let text = WITH_EXTENSIONS.replace("source", "source/ill");
    let (key, failure) = started(&text).event().await.unwrap();
    assert_eq!(key.unwrap().to_string(), "receiver source/ill");
    assert_eq!(failure, "receiver source/ill: no space left on device");
}
