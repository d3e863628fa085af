//! The graph: what is built of the settings, and what leads from one to the next.
//!
//! A configuration's outline says which nodes there are and what follows each; here they are built, those that run already left out. Nodes
//! are built in the order of their start, each with an [`Edge`] to what follows it. Nothing that runs is touched: what is built can be
//! dropped again. [`Built::link`] then points the edges of nodes that stay at what is new.

use crate::config::Settings;
use crate::edge::{Calls, Edge};
use crate::outline::{Key, Outline, Part};
use indexmap::IndexMap;
use std::path::Path;
use std::sync::Arc;
use warren_component::{
    BuildContext, BuildError, BuildInfo, Consumer, Exporter, Extension, Extensions, Gates, Inherited, Outputs, Processor,
    Receiver,
};
use warren_pdata::Signal;
use warren_telemetry::Telemetry;

/// A node that runs, or is ready to.
pub(crate) struct Node {
    body: Body,
    /// Where each signal goes. They belong to the node's key: a successor has the same ones.
    edges: Vec<(Signal, Arc<Edge>)>,
}

enum Body {
    Extension(Arc<dyn Extension>),
    Exporter(Arc<dyn Exporter>),
    Processor(Arc<dyn Processor>),
    /// A receiver is asked what it hands over before it runs.
    Receiver(Option<Box<dyn Receiver>>, Inherited),
}

/// What a node does when it starts.
pub(crate) enum Start {
    Extension(Arc<dyn Extension>),
    Exporter(Arc<dyn Exporter>),
    Processor(Arc<dyn Processor>),
    Receiver(Box<dyn Receiver>),
}

/// Nodes by their keys, in the order of their start.
pub(crate) type Nodes = IndexMap<Key, Node>;

/// What follows a node.
type Consumers = Vec<Arc<dyn Consumer>>;

/// Nodes that are built and do not run yet.
pub(crate) struct Built {
    pub(crate) nodes: Nodes,
    links: Vec<(Arc<Edge>, Consumers)>,
}

/// What all components are built with.
pub(crate) struct Common {
    pub(crate) telemetry: Telemetry,
    pub(crate) build: Arc<BuildInfo>,
    pub(crate) collect_now: bool,
    pub(crate) gates: Gates,
    /// Where state is kept, if anywhere.
    pub(crate) state_directory: Option<Arc<Path>>,
}

impl Built {
    /// Builds every node of an outline that does not run in the same form. Called inside the runtime.
    ///
    /// # Errors
    /// In upstream's words, for the first node that cannot be built.
    pub(crate) fn new(
        settings: &Settings,
        outline: &Outline,
        running: (&Outline, &Nodes),
        common: &Common,
    ) -> Result<Self, BuildError> {
        let (before, nodes) = running;
        let stays = |key: &Key, part: &Part| before.parts.get(key).is_some_and(|old| old.print == part.print);
        let mut built = Self { nodes: Nodes::new(), links: Vec::new() };
        let mut extensions = Vec::new();
        for (key, part) in &outline.parts {
            let old = nodes.get(key);
            let kept = old.filter(|_| stays(key, part));
            let next = built.edges(part, old, nodes);
            if kept.is_none() {
                let ready = Extensions::new(extensions.iter().cloned().collect());
                let ready = ready.with_state_directory(common.state_directory.clone());
                let cx = common.context(key, &ready, old.map(Node::leaves).unwrap_or_default());
                let body = build(settings, key, &next, cx)?;
                built.nodes.insert(key.clone(), Node { body, edges: next });
            }
            if let Some(Node { body: Body::Extension(extension), .. }) = kept.or_else(|| built.nodes.get(key)) {
                extensions.push((key.id().clone(), Arc::clone(extension)));
            }
        }
        Ok(built)
    }

    /// The edges of a node: those it has, to be pointed where they are to lead, and new ones that lead there at once.
    fn edges(&mut self, part: &Part, old: Option<&Node>, running: &Nodes) -> Vec<(Signal, Arc<Edge>)> {
        let mut edges = Vec::new();
        for (signal, keys) in &part.next {
            let node = |key| self.nodes.get(key).or_else(|| running.get(key));
            let consumers: Consumers = keys.iter().filter_map(|key| node(key)?.consumer()).collect();
            let edge = match old.and_then(|old| old.edge(*signal)) {
                Some(edge) => {
                    self.links.push((Arc::clone(edge), consumers));
                    Arc::clone(edge)
                }
                None => Arc::new(Edge::new(consumers)),
            };
            edges.push((*signal, edge));
        }
        edges
    }

    /// Points the edges of nodes that stay, and of those whose place is taken, at what follows now. Gives the calls that are still where
    /// the edges led before.
    pub(crate) fn link(&mut self) -> Vec<Calls> {
        self.links.drain(..).filter_map(|(edge, consumers)| edge.point(consumers)).collect()
    }
}

impl Node {
    /// What the node is as the target of an edge.
    fn consumer(&self) -> Option<Arc<dyn Consumer>> {
        match &self.body {
            Body::Exporter(exporter) => Some(Arc::clone(exporter) as Arc<dyn Consumer>),
            Body::Processor(processor) => Some(Arc::clone(processor) as Arc<dyn Consumer>),
            Body::Extension(_) | Body::Receiver(..) => None,
        }
    }

    fn edge(&self, signal: Signal) -> Option<&Arc<Edge>> {
        self.edges.iter().find(|(own, _)| *own == signal).map(|(_, edge)| edge)
    }

    /// What the node has for a successor.
    pub(crate) fn leaves(&self) -> Inherited {
        match &self.body {
            Body::Extension(extension) => Inherited::of(extension.hand_over()),
            Body::Exporter(exporter) => Inherited::of(exporter.hand_over()),
            Body::Processor(processor) => Inherited::of(processor.hand_over()),
            Body::Receiver(_, leaves) => leaves.clone(),
        }
    }

    /// The calls behind those of the node's edges that its successor, if there is one, does not have.
    pub(crate) fn calls_apart_from(&self, successor: Option<&Self>) -> impl Iterator<Item = Calls> {
        let own = self.edges.iter().filter(|(signal, _)| successor.is_none_or(|node| node.edge(*signal).is_none()));
        own.map(|(_, edge)| edge.calls()).collect::<Vec<_>>().into_iter()
    }

    /// What is to be run of the node; a receiver is given once.
    pub(crate) fn start(&mut self) -> Option<Start> {
        match &mut self.body {
            Body::Extension(extension) => Some(Start::Extension(Arc::clone(extension))),
            Body::Exporter(exporter) => Some(Start::Exporter(Arc::clone(exporter))),
            Body::Processor(processor) => Some(Start::Processor(Arc::clone(processor))),
            Body::Receiver(receiver, _) => receiver.take().map(Start::Receiver),
        }
    }
}

impl Common {
    fn context(&self, key: &Key, extensions: &Extensions, inherited: Inherited) -> BuildContext {
        let id = key.id().to_string();
        let pipeline = key.pipeline().map(ToString::to_string);
        let mut fields = vec![("otelcol.component.id", id.as_str()), ("otelcol.component.kind", key.kind())];
        fields.extend(pipeline.as_deref().map(|pipeline| ("otelcol.pipeline.id", pipeline)));
        fields.extend(key.signal().map(|signal| ("otelcol.signal", signal.name())));
        BuildContext {
            id: key.id().clone(),
            telemetry: Telemetry { registry: self.telemetry.registry.clone(), log: self.telemetry.log.with(&fields) },
            build: Arc::clone(&self.build),
            extensions: extensions.clone(),
            inherited,
            collect_now: self.collect_now,
            gates: self.gates.clone(),
        }
    }
}

/// Builds one node.
fn build(settings: &Settings, key: &Key, edges: &[(Signal, Arc<Edge>)], cx: BuildContext) -> Result<Body, BuildError> {
    match key {
        Key::Extension(id) => {
            let config = settings.extensions.get(id).ok_or_else(|| unknown(key))?;
            let extension = config.build(cx);
            let extension = extension
                .map_err(|error| named(error, format!("failed to build extensions: failed to create extension \"{id}\"")))?;
            Ok(Body::Extension(extension))
        }
        Key::Exporter(signal, id) => {
            let config = settings.exporters.get(id).ok_or_else(|| unknown(key))?;
            let what = format!("failed to build pipelines: failed to create \"{id}\" exporter for data type \"{signal}\"");
            Ok(Body::Exporter(config.build(cx, *signal).map_err(|error| named(error, what))?))
        }
        Key::Processor(pipeline, id) => {
            let config = settings.processors.get(id).ok_or_else(|| unknown(key))?;
            let what = format!("failed to build pipelines: failed to create \"{id}\" processor, in pipeline \"{pipeline}\"");
            let next = edges.first().map(|(_, edge)| Arc::clone(edge)).ok_or_else(|| unknown(key))?;
            Ok(Body::Processor(config.build(cx, pipeline.signal(), next).map_err(|error| named(error, what))?))
        }
        Key::Receiver(id) => {
            let config = settings.receivers.get(id).ok_or_else(|| unknown(key))?;
            let with = |outputs: Outputs, (signal, edge): &(Signal, Arc<Edge>)| outputs.with(*signal, Arc::clone(edge) as _);
            let outputs = edges.iter().fold(Outputs::default(), with);
            let what = format!("cannot start pipelines: failed to start \"{id}\" receiver");
            let receiver = config.build(cx, outputs).map_err(|error| named(error, what))?;
            let leaves = Inherited::of(receiver.hand_over());
            Ok(Body::Receiver(Some(receiver), leaves))
        }
    }
}

fn unknown(key: &Key) -> BuildError {
    BuildError::new(format!("{key} is not configured"))
}

/// The error with what was being built in front.
fn named(error: BuildError, what: String) -> BuildError {
    BuildError::with_source(format!("{what}: {error}"), error)
}
