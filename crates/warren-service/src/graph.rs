//! The graph: what is built of the settings, and what leads from one to the next.
//!
//! Receivers are one node per id, with one output per signal that pipelines want; processors one per pipeline; exporters one per signal and id,
//! shared by pipelines. Nodes are built from the end to the beginning, each with what follows it.

use crate::config::Settings;
use crate::fanout::fan_out;
use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use warren_component::{
    BuildContext, BuildError, BuildInfo, Consumer, Exporter, Extension, Extensions, Gates, Inherited, Outputs, Processor,
    Receiver,
};
use warren_config::{ComponentId, PipelineId};
use warren_pdata::Signal;
use warren_telemetry::Telemetry;

/// Everything that is built, in the order of its start.
pub(crate) struct Graph {
    pub(crate) extensions: Started,
    pub(crate) exporters: Vec<(Signal, ComponentId, Arc<dyn Exporter>)>,
    /// From the end of each pipeline to its beginning.
    pub(crate) processors: Vec<(PipelineId, ComponentId, Arc<dyn Processor>)>,
    pub(crate) receivers: Vec<(ComponentId, Box<dyn Receiver>)>,
}

/// Extensions in the order of their start.
pub(crate) type Started = Vec<(ComponentId, Arc<dyn Extension>)>;

/// What all components are built with.
pub(crate) struct Common {
    pub(crate) telemetry: Telemetry,
    pub(crate) build: Arc<BuildInfo>,
    pub(crate) collect_now: bool,
    pub(crate) gates: Gates,
}

impl Graph {
    /// Builds everything that pipelines use. Called inside the runtime.
    pub(crate) fn build(settings: &Settings, common: &Common) -> Result<Self, BuildError> {
        let extensions = build_extensions(settings, common)?;
        let running = Extensions::new(extensions.iter().cloned().collect());
        let mut graph = Self { extensions, exporters: Vec::new(), processors: Vec::new(), receivers: Vec::new() };
        let mut exporters: BTreeMap<(Signal, ComponentId), Arc<dyn Exporter>> = BTreeMap::new();
        let mut starts: IndexMap<ComponentId, BTreeMap<Signal, Vec<Arc<dyn Consumer>>>> = IndexMap::new();
        for (pipeline_id, pipeline) in &settings.pipelines {
            let signal = pipeline_id.signal();
            let mut ends: Vec<Arc<dyn Consumer>> = Vec::new();
            for id in &pipeline.exporters {
                let key = (signal, id.clone());
                if !exporters.contains_key(&key) {
                    let exporter = graph.build_exporter(settings, common, &running, id, signal)?;
                    exporters.insert(key.clone(), exporter);
                }
                ends.extend(exporters.get(&key).map(|exporter| Arc::clone(exporter) as Arc<dyn Consumer>));
            }
            let mut next = fan_out(ends);
            for id in pipeline.processors.iter().rev() {
                let processor = build_processor(settings, common, &running, id, pipeline_id, next)?;
                graph.processors.push((pipeline_id.clone(), id.clone(), Arc::clone(&processor)));
                next = processor;
            }
            for id in &pipeline.receivers {
                starts.entry(id.clone()).or_default().entry(signal).or_default().push(Arc::clone(&next));
            }
        }
        for (id, signals) in starts {
            let outputs = signals
                .into_iter()
                .fold(Outputs::default(), |outputs, (signal, consumers)| outputs.with(signal, fan_out(consumers)));
            let receiver = build_receiver(settings, common, &running, &id, outputs)?;
            graph.receivers.push((id, receiver));
        }
        Ok(graph)
    }

    fn build_exporter(
        &mut self,
        settings: &Settings,
        common: &Common,
        running: &Extensions,
        id: &ComponentId,
        signal: Signal,
    ) -> Result<Arc<dyn Exporter>, BuildError> {
        let config = settings.exporters.get(id).ok_or_else(|| BuildError::new(format!("exporter {id} is not configured")))?;
        let cx = common.context(id, running, &[("otelcol.component.kind", "exporter"), ("otelcol.signal", signal.name())]);
        let what = format!("failed to build pipelines: failed to create \"{id}\" exporter for data type \"{signal}\"");
        let failed = |error| named(error, what);
        let exporter = config.build(cx, signal).map_err(failed)?;
        self.exporters.push((signal, id.clone(), Arc::clone(&exporter)));
        Ok(exporter)
    }
}

impl Common {
    fn context(&self, id: &ComponentId, extensions: &Extensions, fields: &[(&str, &str)]) -> BuildContext {
        let text = id.to_string();
        let mut all = vec![("otelcol.component.id", text.as_str())];
        all.extend_from_slice(fields);
        BuildContext {
            id: id.clone(),
            telemetry: Telemetry { registry: self.telemetry.registry.clone(), log: self.telemetry.log.with(&all) },
            build: Arc::clone(&self.build),
            extensions: extensions.clone(),
            inherited: Inherited::default(),
            collect_now: self.collect_now,
            gates: self.gates.clone(),
        }
    }
}

fn build_extensions(settings: &Settings, common: &Common) -> Result<Started, BuildError> {
    let mut built = Vec::new();
    for id in &settings.running_extensions {
        let config = settings.extensions.get(id).ok_or_else(|| BuildError::new(format!("extension {id} is not configured")))?;
        let before = Extensions::new(built.iter().cloned().collect());
        let cx = common.context(id, &before, &[("otelcol.component.kind", "extension")]);
        let extension = config
            .build(cx)
            .map_err(|error| named(error, format!("failed to build extensions: failed to create extension \"{id}\"")))?;
        built.push((id.clone(), extension));
    }
    Ok(built)
}

fn build_processor(
    settings: &Settings,
    common: &Common,
    running: &Extensions,
    id: &ComponentId,
    pipeline: &PipelineId,
    next: Arc<dyn Consumer>,
) -> Result<Arc<dyn Processor>, BuildError> {
    let config = settings.processors.get(id).ok_or_else(|| BuildError::new(format!("processor {id} is not configured")))?;
    let pipeline_text = pipeline.to_string();
    let signal = pipeline.signal();
    let fields = [
        ("otelcol.component.kind", "processor"),
        ("otelcol.pipeline.id", pipeline_text.as_str()),
        ("otelcol.signal", signal.name()),
    ];
    let cx = common.context(id, running, &fields);
    config.build(cx, signal, next).map_err(|error| {
        named(error, format!("failed to build pipelines: failed to create \"{id}\" processor, in pipeline \"{pipeline}\""))
    })
}

fn build_receiver(
    settings: &Settings,
    common: &Common,
    running: &Extensions,
    id: &ComponentId,
    outputs: Outputs,
) -> Result<Box<dyn Receiver>, BuildError> {
    let config = settings.receivers.get(id).ok_or_else(|| BuildError::new(format!("receiver {id} is not configured")))?;
    let cx = common.context(id, running, &[("otelcol.component.kind", "receiver")]);
    config.build(cx, outputs).map_err(|error| named(error, format!("cannot start pipelines: failed to start \"{id}\" receiver")))
}

/// The error with what was being built in front.
fn named(error: BuildError, what: String) -> BuildError {
    BuildError::with_source(format!("{what}: {error}"), error)
}
