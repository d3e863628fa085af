//! From one node to what follows it: a handle that can be pointed elsewhere while calls go through it.
//!
//! Every node sends into an edge of its own and never learns what is behind it. On a reload the edges of nodes that stay are pointed at
//! what is new; a call that went in before ends where it went, and whoever retires what was behind the edge waits for such calls
//! ([`Calls`]).

use crate::fanout::fan_out;
use arc_swap::ArcSwap;
use std::sync::Arc;
use tokio::sync::watch;
use warren_component::{BoxFuture, ConsumeError, Consumer};
use warren_pdata::Batch;

/// A way from a node to those that follow it.
pub(crate) struct Edge(ArcSwap<Target>);

/// Where an edge leads. Calls hold it while they last.
struct Target {
    consumers: Vec<Arc<dyn Consumer>>,
    /// All of them as one.
    all: Arc<dyn Consumer>,
    /// Gone with the target.
    present: watch::Sender<()>,
}

/// The calls that went into a target.
pub(crate) struct Calls(watch::Receiver<()>);

impl Edge {
    /// An edge to these.
    pub(crate) fn new(consumers: Vec<Arc<dyn Consumer>>) -> Self {
        Self(ArcSwap::from_pointee(Target::new(consumers)))
    }

    /// Points the edge at these from now on, unless it leads there already. Gives the calls that went where it led before.
    pub(crate) fn point(&self, consumers: Vec<Arc<dyn Consumer>>) -> Option<Calls> {
        let before = self.0.load();
        let same = before.consumers.len() == consumers.len()
            && before.consumers.iter().zip(&consumers).all(|(old, new)| std::ptr::addr_eq(Arc::as_ptr(old), Arc::as_ptr(new)));
        drop(before);
        (!same).then(|| Calls(self.0.swap(Arc::new(Target::new(consumers))).present.subscribe()))
    }

    /// The calls that go where the edge leads, for when the edge itself goes away.
    pub(crate) fn calls(&self) -> Calls {
        Calls(self.0.load().present.subscribe())
    }
}

impl Target {
    fn new(consumers: Vec<Arc<dyn Consumer>>) -> Self {
        Self { all: fan_out(consumers.clone()), consumers, present: watch::Sender::new(()) }
    }
}

impl Calls {
    /// Resolves when the last call is over and no edge leads there any more.
    pub(crate) async fn over(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

impl Consumer for Edge {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let target = self.0.load_full();
        Box::pin(async move { target.all.consume(batch).await })
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.0.load().all.admit(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;
    use warren_pdata::Logs;

    /// Takes what it is given after a while.
    #[derive(Default)]
    struct Slow(Mutex<usize>);

    impl Consumer for Slow {
        fn consume<'a>(&'a self, _: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                *self.0.lock().unwrap() += 1;
                Ok(())
            })
        }
    }

    fn batch() -> Arc<Batch> {
        Arc::new(Batch::Logs(Logs::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_where_it_went_and_is_waited_for() {
        let (old, new) = (Arc::new(Slow::default()), Arc::new(Slow::default()));
        let edge = Arc::new(Edge::new(vec![old.clone()]));
        let calling = edge.clone();
        let call = tokio::spawn(async move { calling.consume(batch()).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let calls = edge.point(vec![new.clone()]).unwrap();
        let before = tokio::time::Instant::now();
        calls.over().await;
        assert_eq!(before.elapsed(), Duration::from_secs(2));
        call.await.unwrap().unwrap();
        edge.consume(batch()).await.unwrap();
        assert_eq!((*old.0.lock().unwrap(), *new.0.lock().unwrap()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn pointing_where_it_leads_already_changes_nothing() {
        let only: Arc<dyn Consumer> = Arc::new(Slow::default());
        let edge = Edge::new(vec![only.clone()]);
        assert!(edge.point(vec![only.clone()]).is_none());
        assert!(edge.point(vec![only.clone(), only]).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn without_calls_there_is_nothing_to_wait_for_once_the_edge_is_gone() {
        let edge = Edge::new(vec![Arc::new(Slow::default())]);
        let calls = edge.calls();
        drop(edge);
        calls.over().await;
    }
}
