//! Everything that runs: started, switched to what is new, stopped.

use super::group::Group;
use super::leaving::Leaving;
use super::signals::{Signals, Word};
use crate::graph::{Built, Common, Node, Nodes, Start};
use crate::outline::{Key, Outline, Part};
use crate::own::{NewPages, Pages};
use indexmap::IndexMap;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use warren_component::{BoxFuture, ComponentName, Control, Health, Pulse, RunContext, RunError, StopHandle};
use warren_telemetry::{Field, Logger, Registry};

/// Parts of former configurations that may be on their way out at the same time; a further reload waits.
pub(crate) const LEAVING_MAX: usize = 8;

/// How long the pages of own metrics have to finish their answers.
const OWN_SERVERS_TIMEOUT: Duration = Duration::from_secs(1);

/// Everything that runs.
pub(crate) struct Running {
    outline: Outline,
    nodes: Nodes,
    groups: IndexMap<Key, Group>,
    pub(crate) pages: Pages,
    /// Where extensions may ask.
    control: Control,
    log: Logger,
    registry: Registry,
    drain_timeout: Duration,
    leaving: JoinSet<Vec<Label>>,
    /// Where those on their way out are told to hurry.
    hurry: Vec<StopHandle>,
}

/// A label of own metrics that is a component's alone.
type Label = (&'static str, String);

impl Running {
    /// Nothing yet.
    pub(crate) fn new(common: &Common, control: Control, drain_timeout: Duration) -> Self {
        Self {
            outline: Outline::default(),
            nodes: Nodes::new(),
            groups: IndexMap::new(),
            pages: Pages::default(),
            control,
            log: common.telemetry.log.clone(),
            registry: common.telemetry.registry.clone(),
            drain_timeout,
            leaving: JoinSet::new(),
            hurry: Vec::new(),
        }
    }

    /// What runs, to build beside.
    pub(crate) fn present(&self) -> (&Outline, &Nodes) {
        (&self.outline, &self.nodes)
    }

    /// Runs what was built instead of what is different, and lets the rest be. What is not wanted any more ends in the background.
    ///
    /// All of it happens between two turns of the runtime: no call sees half of it.
    pub(crate) fn switch(&mut self, mut built: Built, outline: Outline) {
        let mut leaving = Leaving::new();
        let before = std::mem::replace(&mut self.outline, outline);
        let (receivers, others): (Nodes, Nodes) =
            std::mem::take(&mut built.nodes).into_iter().partition(|(key, _)| matches!(key, Key::Receiver(_)));
        let mut replaced = Nodes::new();
        let mut old_groups = IndexMap::new();
        let mut keep = |key: &Key, old: Option<(Node, Group)>| {
            if let Some((node, group)) = old {
                replaced.insert(key.clone(), node);
                old_groups.insert(key.clone(), group);
            }
        };
        for (key, node) in others {
            let old = self.start(key.clone(), node, None);
            keep(&key, old);
        }
        leaving.wait_for(built.link());
        let mut waiting: IndexMap<Key, oneshot::Sender<()>> = IndexMap::new();
        for (key, node) in receivers {
            // What hands nothing over may hold what its successor needs, until it has ended.
            let must_wait = self.nodes.get(&key).is_some_and(|old| old.leaves().is_empty());
            let (told, after) = oneshot::channel();
            let old = self.start(key.clone(), node, must_wait.then_some(after));
            keep(&key, old);
            if must_wait {
                waiting.insert(key, told);
            }
        }
        let gone: Vec<Key> = self.nodes.keys().filter(|key| !self.outline.parts.contains_key(*key)).cloned().collect();
        for key in &gone {
            let old = self.nodes.shift_remove(key).zip(self.groups.shift_remove(key));
            keep(key, old.map(|(node, group)| (node, group.unwanted())));
        }
        // Backwards, as everything ends: the beginning of a pipeline before its end.
        for key in before.parts.keys().rev() {
            if let Some((node, group)) = replaced.shift_remove(key).zip(old_groups.shift_remove(key)) {
                if matches!(key, Key::Receiver(_)) {
                    leaving.wait_for(node.calls_apart_from(self.nodes.get(key)));
                }
                leaving.add(key, group, waiting.shift_remove(key));
            }
        }
        self.retire(leaving, &before);
    }

    /// Serves these pages of own metrics and no others.
    pub(crate) fn show(&mut self, pages: NewPages) {
        for group in self.pages.adopt(pages) {
            let log = self.log.clone();
            self.leaving.spawn(async move {
                group.stop(Instant::now() + OWN_SERVERS_TIMEOUT, &log).await;
                Vec::new()
            });
        }
    }

    /// Ends what leaves, in the background.
    fn retire(&mut self, leaving: Leaving, before: &Outline) {
        if leaving.is_empty() {
            return;
        }
        self.hurry.extend(leaving.handles());
        let after = labels(&self.outline);
        let gone: Vec<Label> = labels(before).into_iter().filter(|label| !after.contains(label)).collect();
        let (log, drain_timeout) = (self.log.clone(), self.drain_timeout);
        self.leaving.spawn(async move {
            leaving.end(drain_timeout, &log, || {}).await;
            gone
        });
    }

    /// How many parts of former configurations have not ended yet.
    pub(crate) fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// Resolves when something happened to what runs: it tells what ended that should go on, if it is a node which; or something that was on
    /// its way out has ended. The own metrics of what left go with it, unless there is such a component again.
    pub(crate) async fn event(&mut self) -> Option<(Option<Key>, String)> {
        let nodes = self.groups.iter_mut().map(|(key, group)| (Some(key), group));
        let all = self.pages.groups().map(|group| (None, group)).chain(nodes);
        let waits =
            all.map(|(key, group)| -> BoxFuture<'_, _> { Box::pin(async move { (key.cloned(), group.failure().await) }) });
        let failure = futures_util::future::select_all(waits.chain([never()]));
        let gone = tokio::select! {
            (failure, ..) = failure => return Some(failure),
            Some(gone) = self.leaving.join_next() => gone,
        };
        let present = labels(&self.outline);
        for (label, id) in gone.into_iter().flatten().filter(|label| !present.contains(label)) {
            self.registry.remove(label, &id);
        }
        if self.leaving.is_empty() {
            self.hurry.clear();
        }
        None
    }

    /// Starts a node, after something has happened if need be, and gives the one whose place it takes.
    fn start(&mut self, key: Key, mut node: Node, after: Option<oneshot::Receiver<()>>) -> Option<(Node, Group)> {
        let start = node.start();
        let name = key.to_string();
        let group = match start {
            Some(Start::Extension(extension)) => {
                let id = key.id().to_string();
                let log = self.log.with(&[("otelcol.component.id", &id), ("otelcol.component.kind", "extension")]);
                log.info("Extension is starting...", &[]);
                extension.attach(self.control.clone());
                let group = Group::of(name, |cx| extension.run(cx));
                log.info("Extension started.", &[]);
                group
            }
            Some(Start::Exporter(exporter)) => Group::of(name, |cx| exporter.run(cx)),
            Some(Start::Processor(processor)) => Group::of(name, |cx| processor.run(cx)),
            Some(Start::Receiver(receiver)) => match after {
                None => Group::of(name, |cx| receiver.run(cx)),
                Some(after) => Group::of(name, |cx: RunContext| -> BoxFuture<'static, Result<(), RunError>> {
                    Box::pin(async move {
                        tokio::select! {
                            _ = after => receiver.run(cx).await,
                            () = cx.stop.requested() => Ok(()),
                        }
                    })
                }),
            },
            None => Group::new(),
        };
        let old_group = self.groups.insert(key.clone(), group);
        self.nodes.insert(key, node).zip(old_group)
    }

    /// How the components fare, in the order of their start.
    pub(crate) fn components(&self) -> Vec<(ComponentName, Health)> {
        let health = |key| self.groups.get(key).map(Group::health).unwrap_or_default();
        self.outline.parts.keys().map(|key| (key.name(), health(key))).collect()
    }

    /// How data moves through the components that can tell.
    pub(crate) fn pulses(&self) -> Vec<(ComponentName, Pulse)> {
        let pulses = |key: &Key| {
            self.groups.get(key).into_iter().flat_map(Group::pulses).map(|pulse| (key.name(), pulse)).collect::<Vec<_>>()
        };
        self.outline.parts.keys().flat_map(pulses).collect()
    }

    /// Ends everything. A second signal cuts it short.
    pub(crate) async fn stop(mut self, signals: &mut Signals) {
        let (log, drain_timeout) = (self.log.clone(), self.drain_timeout);
        let mut leaving = Leaving::new();
        for key in self.outline.parts.keys().rev() {
            if let Some(group) = self.groups.shift_remove(key) {
                leaving.add(key, group, None);
            }
        }
        let mut hurry = std::mem::take(&mut self.hurry);
        hurry.extend(leaving.handles());
        let ending = async {
            leaving.end(drain_timeout, &log, || log.info("Stopping extensions...", &[])).await;
            while self.leaving.join_next().await.is_some() {}
        };
        tokio::pin!(ending);
        loop {
            tokio::select! {
                () = &mut ending => break,
                word = signals.next() => if let Word::End(name) = word {
                    log.warn("Received a second signal: stopping now", &[("signal", Field::Str(name))]);
                    hurry.iter().for_each(|handle| handle.request(Instant::now()));
                }
            }
        }
        self.pages.stop(Instant::now() + OWN_SERVERS_TIMEOUT, &self.log).await;
    }
}

fn never<'a>() -> BoxFuture<'a, (Option<Key>, String)> {
    Box::pin(std::future::pending())
}

/// The labels by which own metrics name the components of an outline.
fn labels(outline: &Outline) -> BTreeSet<Label> {
    let label = |(key, _): (&Key, &Part)| match key {
        // What is lost is on the label `component`, and stays.
        Key::Extension(_) => None,
        Key::Exporter(_, id) => Some(("exporter", id.to_string())),
        Key::Processor(_, id) => Some(("processor", id.to_string())),
        Key::Receiver(id) => Some(("receiver", id.to_string())),
    };
    outline.parts.iter().filter_map(label).collect()
}
