//! Facts of upstream's `processor/filterprocessor` (`*_test.go`, v0.132.0) and of the recorded cases, as cases of ours; and where we differ.

mod conditions;
mod properties;
mod settings;

use crate::Config;
use std::sync::{Arc, Mutex};
use warren_component::{
    BoxFuture, BuildContext, BuildError, BuildInfo, ConsumeError, Consumer, Extensions, Gates, Inherited, Processor,
    ProcessorConfig,
};
use warren_config::{ComponentId, Diagnostics, decode_settings, parse_yaml};
use warren_pdata::{
    Attrs, Batch, Data, LogRecord, Logs, Metric, Metrics, Number, NumberPoint, Resource, ResourceGroup, Scope, ScopeGroup,
    Signal, Span, Telemetry, Traces,
};

#[derive(Default)]
struct Sink(Mutex<Vec<Arc<Batch>>>);

impl Consumer for Sink {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.0.lock().unwrap().push(batch);
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Running {
    processor: Arc<dyn Processor>,
    sink: Arc<Sink>,
    telemetry: warren_telemetry::Telemetry,
}

fn decoded(settings: &str) -> (Config, Diagnostics) {
    let mut config = Config::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&parse_yaml("test", settings).unwrap(), &mut config, &mut diagnostics);
    (config, diagnostics)
}

fn try_start(settings: &str, signal: Signal) -> Result<Running, BuildError> {
    try_start_with(settings, signal, Gates::default())
}

fn try_start_with(settings: &str, signal: Signal, gates: Gates) -> Result<Running, BuildError> {
    let (config, diagnostics) = decoded(settings);
    assert_eq!(diagnostics.to_string(), "", "{settings}");
    let sink = Arc::new(Sink::default());
    let telemetry = warren_telemetry::Telemetry::discarded();
    let cx = BuildContext {
        id: ComponentId::of_type("filter"),
        telemetry: telemetry.clone(),
        build: Arc::new(BuildInfo { command: "c".into(), description: "d".into(), version: "0".into() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates,
    };
    Ok(Running { processor: config.build(cx, signal, sink.clone())?, sink, telemetry })
}

fn start(settings: &str, signal: Signal) -> Running {
    try_start(settings, signal).unwrap()
}

impl Running {
    /// What goes on of a batch; `None` if nothing does.
    async fn send(&self, batch: impl Into<Batch>) -> Result<Option<Batch>, ConsumeError> {
        self.processor.consume(Arc::new(batch.into())).await?;
        Ok(self.sink.0.lock().unwrap().pop().map(Batch::owned))
    }

    fn filtered(&self, what: &str) -> f64 {
        let name = format!("otelcol_processor_filter_{what}_filtered");
        self.telemetry.registry.total(&name, &[("filter", "filter")])
    }
}

/// What goes on, by resource; nothing of it if the batch ends.
async fn names(settings: &str, batch: impl Into<Batch>) -> Vec<Vec<String>> {
    fn by_resource<T>(telemetry: &Telemetry<T>, name: impl Fn(&T) -> String) -> Vec<Vec<String>> {
        let group = |group: &ResourceGroup<T>| group.scopes.iter().flat_map(|scoped| &scoped.items).map(&name).collect();
        telemetry.resources.iter().map(group).collect()
    }
    let batch = batch.into();
    match start(settings, batch.signal()).send(batch).await.unwrap() {
        None => Vec::new(),
        Some(Batch::Metrics(metrics)) => by_resource(&metrics, |metric| format!("{}:{}", metric.name, metric.data.len())),
        Some(Batch::Logs(logs)) => by_resource(&logs, |log| log.body.as_str().unwrap_or_default().to_owned()),
        Some(Batch::Traces(traces)) => by_resource(&traces, |span| format!("{}:{}", span.name, span.events.len())),
    }
}

fn resource(attrs: &[(&str, &str)]) -> Resource {
    let attrs = attrs.iter().map(|(key, value)| warren_pdata::KeyValue::new(*key, *value)).collect();
    Resource { attrs, dropped_attributes: 0 }
}

/// One scope of each resource.
fn groups<T>(groups: Vec<(Resource, Vec<T>)>) -> Telemetry<T> {
    let group = |(resource, items)| {
        let scopes =
            vec![ScopeGroup { scope: Scope { name: "scope".into(), ..Scope::default() }, schema_url: "s".into(), items }];
        ResourceGroup { resource, schema_url: "r".into(), scopes }
    };
    Telemetry { resources: groups.into_iter().map(group).collect() }
}

fn gauge(name: &str, points: &[(Attrs, Number)]) -> Metric {
    let point = |(attrs, value): &(Attrs, Number)| NumberPoint { attrs: attrs.clone(), value: *value, ..NumberPoint::default() };
    Metric { name: name.into(), unit: "u".into(), data: Data::Gauge(points.iter().map(point).collect()), ..Metric::default() }
}

fn plain(name: &str) -> Metric {
    gauge(name, &[(Attrs::EMPTY, Number::Double(123.0))])
}

fn log(body: &str) -> LogRecord {
    LogRecord { body: body.into(), ..LogRecord::default() }
}

fn metrics(groups_of: Vec<(Resource, Vec<Metric>)>) -> Metrics {
    groups(groups_of)
}

fn logs(items: Vec<LogRecord>) -> Logs {
    groups(vec![(Resource::default(), items)])
}

fn traces(items: Vec<(Resource, Vec<Span>)>) -> Traces {
    groups(items)
}
