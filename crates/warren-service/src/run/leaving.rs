//! Nodes on their way out: all of them at the end of the process, those that a reload takes away while the others go on.
//!
//! They end in the order of the data: receivers when what they acknowledged is handed on, processors from the beginning of their pipelines
//! to the end once no call is in them any more, exporters when their queues are empty, extensions last.

use super::group::Group;
use crate::edge::Calls;
use crate::outline::Key;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use warren_component::{Stop, StopHandle};
use warren_telemetry::Logger;

/// Nodes on their way out.
pub(super) struct Leaving {
    /// Each with whoever waits for its end.
    receivers: Vec<(Group, Option<oneshot::Sender<()>>)>,
    /// Calls that are still in what leaves.
    calls: Vec<Calls>,
    processors: Vec<Group>,
    exporters: Vec<Group>,
    extensions: Vec<Group>,
    stop: StopHandle,
}

impl Leaving {
    pub(super) fn new() -> Self {
        Self {
            receivers: Vec::new(),
            calls: Vec::new(),
            processors: Vec::new(),
            exporters: Vec::new(),
            extensions: Vec::new(),
            stop: Stop::new().0,
        }
    }

    /// Adds a node; processors and extensions in the order in which they are to end.
    pub(super) fn add(&mut self, key: &Key, group: Group, told: Option<oneshot::Sender<()>>) {
        match key {
            Key::Receiver(_) => self.receivers.push((group, told)),
            Key::Processor(..) => self.processors.push(group),
            Key::Exporter(..) => self.exporters.push(group),
            Key::Extension(_) => self.extensions.push(group),
        }
    }

    /// Adds calls that must be over before processors and exporters end.
    pub(super) fn wait_for(&mut self, calls: impl IntoIterator<Item = Calls>) {
        self.calls.extend(calls);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.receivers.is_empty() && self.processors.is_empty() && self.exporters.is_empty() && self.extensions.is_empty()
    }

    /// Where everything is told to hurry.
    pub(super) fn handles(&self) -> Vec<StopHandle> {
        let receivers = self.receivers.iter().map(|(group, _)| group);
        let groups = receivers.chain(&self.processors).chain(&self.exporters);
        groups.map(Group::handle).chain([self.stop.clone()]).collect()
    }

    /// Ends everything within the time to drain; `told` is called when only extensions are left.
    pub(super) async fn end(self, drain_timeout: Duration, log: &Logger, told: impl FnOnce()) {
        let now = Instant::now();
        let deadline = now + drain_timeout;
        // Clients that dawdle must not use up the time in which queues are emptied.
        let receivers_deadline = now + drain_timeout / 2;
        self.stop.request(deadline);
        let hurry = self.stop.subscribe();
        join_all(self.receivers.into_iter().map(|(group, told)| async {
            group.stop(receivers_deadline, log).await;
            if let Some(told) = told {
                // A successor that does not wait any more needs no telling.
                let _ = told.send(());
            }
        }))
        .await;
        tokio::select! {
            _ = join_all(self.calls.into_iter().map(Calls::over)) => {}
            () = hurry.overdue() => {}
        }
        for group in self.processors {
            group.stop(deadline, log).await;
        }
        join_all(self.exporters.into_iter().map(|group| group.stop(deadline, log))).await;
        told();
        for group in self.extensions {
            group.stop(Instant::now() + drain_timeout, log).await;
        }
    }
}
