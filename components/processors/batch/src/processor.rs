//! The running processor.

use crate::Config;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use warren_component::{BoxFuture, BuildContext, ClientInfo, ConsumeError, Consumer, Processor, RunContext, RunError, Stop};
use warren_delivery::{Backoff, RetryConfig, persist};
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Counter, Field, Gauge, Histogram, Logger};

/// Batches that wait to be put together.
const HAND_OFF: usize = 2;

/// Upper bounds of the histogram of batch sizes.
const SIZE_BOUNDS: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 7000.0, 8000.0, 9000.0,
    10000.0, 20000.0, 30000.0, 50000.0, 100_000.0,
];

/// Values of the metadata keys: what is kept apart.
type Key = Vec<Vec<String>>;

/// One batch on its way to be put together.
struct Arrival {
    key: Key,
    client: Option<Arc<ClientInfo>>,
    batch: Arc<Batch>,
}

/// The processor of one pipeline.
pub(crate) struct Batcher {
    config: Config,
    arrivals: mpsc::Sender<Arrival>,
    /// Taken by the task that puts batches together.
    receiver: Mutex<Option<mpsc::Receiver<Arrival>>>,
    known: Mutex<HashMap<Key, ()>>,
    next: Arc<dyn Consumer>,
    signal: Signal,
    log: Logger,
    figures: Figures,
}

struct Figures {
    sizes: Histogram,
    by_size: Counter,
    by_time: Counter,
    combinations: Gauge,
    dropped: Counter,
}

/// What waits to go on together.
struct Shard {
    client: Option<Arc<ClientInfo>>,
    pending: Batch,
    items: usize,
    flushed: Instant,
}

impl Batcher {
    pub(crate) fn new(config: Config, cx: &BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Self {
        let (arrivals, receiver) = mpsc::channel(HAND_OFF);
        let id = cx.id.to_string();
        let labels = [("processor", id.as_str())];
        let registry = &cx.telemetry.registry;
        let figures = Figures {
            sizes: registry.histogram(
                "otelcol_processor_batch_batch_send_size",
                "Number of units in the batch",
                &labels,
                SIZE_BOUNDS,
            ),
            by_size: registry.counter(
                "otelcol_processor_batch_batch_size_trigger_send",
                "Number of times the batch was sent due to a size trigger",
                &labels,
            ),
            by_time: registry.counter(
                "otelcol_processor_batch_timeout_trigger_send",
                "Number of times the batch was sent due to a timeout trigger",
                &labels,
            ),
            combinations: registry.gauge(
                "otelcol_processor_batch_metadata_cardinality",
                "Number of distinct metadata value combinations being processed",
                &labels,
            ),
            dropped: registry.counter(
                "warren_dropped_items_total",
                "Items lost, by component and reason.",
                &[("component", &id), ("signal", signal.name()), ("reason", "refused")],
            ),
        };
        let log = cx.telemetry.log.clone();
        Self { config, arrivals, receiver: Mutex::new(Some(receiver)), known: Mutex::default(), next, signal, log, figures }
    }

    /// The key of the present sender; an error when there are too many.
    fn key(&self, client: Option<&ClientInfo>) -> Result<Key, ConsumeError> {
        let values = |key: &String| client.into_iter().flat_map(|client| client.metadata(key)).map(str::to_owned).collect();
        let key: Key = self.config.metadata_keys.iter().map(values).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = self.config.metadata_cardinality_limit as usize;
        if !known.contains_key(&key) {
            if !key.is_empty() && limit > 0 && known.len() >= limit {
                return Err(ConsumeError::permanent("too many batcher metadata-value combinations"));
            }
            known.insert(key.clone(), ());
            self.figures.combinations.set(known.len() as f64);
        }
        Ok(key)
    }

    /// Whether batches wait for more; else they go on as they come.
    fn waits(&self) -> bool {
        self.config.timeout > Duration::ZERO && self.config.send_batch_size > 0
    }

    /// Puts batches together until asked to stop and nothing waits any more.
    async fn work(&self, mut receiver: mpsc::Receiver<Arrival>, stop: Stop) {
        let mut shards: HashMap<Key, Shard> = HashMap::new();
        loop {
            let due = shards.values().filter(|shard| shard.items > 0).map(|shard| self.due(shard)).min();
            tokio::select! {
                biased;
                arrival = receiver.recv() => match arrival {
                    Some(arrival) => self.add(&mut shards, arrival, &stop).await,
                    None => break,
                },
                () = wait_until(due) => {
                    let now = Instant::now();
                    for shard in shards.values_mut().filter(|shard| shard.items > 0 && self.due(shard) <= now) {
                        self.figures.by_time.add(1);
                        self.send(shard, &stop).await;
                    }
                }
                () = stop.requested() => break,
            }
        }
        // Whoever sends has stopped by now; what is still in the hand-off is the last.
        receiver.close();
        while let Some(arrival) = receiver.recv().await {
            self.add(&mut shards, arrival, &stop).await;
        }
        for shard in shards.values_mut() {
            while shard.items > 0 {
                self.figures.by_time.add(1);
                self.send(shard, &stop).await;
            }
        }
    }

    /// When what waits goes on: the time runs from one sending to the next, whether there was something to send or not.
    fn due(&self, shard: &Shard) -> Instant {
        shard.flushed + self.config.timeout
    }

    async fn add(&self, shards: &mut HashMap<Key, Shard>, arrival: Arrival, stop: &Stop) {
        let items = arrival.batch.items();
        if items == 0 {
            return;
        }
        let new = || Shard { client: arrival.client, pending: Batch::empty(self.signal), items: 0, flushed: Instant::now() };
        let shard = shards.entry(arrival.key).or_insert_with(new);
        if shard.items == 0 && self.config.timeout > Duration::ZERO {
            // The periods that went by with nothing to send.
            let periods = shard.flushed.elapsed().as_nanos() / self.config.timeout.as_nanos().max(1);
            let skipped = self.config.timeout.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX));
            shard.flushed = shard.flushed.checked_add(skipped).unwrap_or_else(Instant::now);
        }
        // A batch of another signal cannot come here: the pipeline has one.
        let _ = shard.pending.append(Batch::owned(arrival.batch));
        shard.items += items;
        while shard.items > 0 && (!self.waits() || shard.items >= self.config.send_batch_size as usize) {
            self.figures.by_size.add(1);
            self.send(shard, stop).await;
        }
    }

    /// Sends what waits, or as much of it as may go together.
    async fn send(&self, shard: &mut Shard, stop: &Stop) {
        let mut batch = std::mem::replace(&mut shard.pending, Batch::empty(self.signal));
        let most = self.config.send_batch_max_size as usize;
        if most > 0 && shard.items > most {
            shard.pending = batch.split_off(most);
        }
        let items = batch.items();
        shard.items = shard.pending.items();
        self.figures.sizes.observe(items as f64);
        let told = |error: &ConsumeError, wait: Duration| {
            self.log.warn("Sender failed", &[("error", Field::Display(error)), ("interval", Field::Duration(wait))]);
        };
        let sending = persist(self.next.as_ref(), Arc::new(batch), Backoff::new(&RetryConfig::default()), stop, told);
        let sent = match &shard.client {
            Some(client) => Arc::clone(client).scope(sending).await,
            None => sending.await,
        };
        if let Err(error) = sent {
            self.figures.dropped.add(items as u64);
            self.log.error(
                "Sender failed. Dropping data.",
                &[("error", Field::Display(&error)), ("dropped_items", Field::Int(items as i64))],
            );
        }
        shard.flushed = Instant::now();
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Consumer for Batcher {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        Box::pin(async move {
            let client = if self.config.metadata_keys.is_empty() { None } else { ClientInfo::current() };
            let key = self.key(client.as_deref())?;
            let arrival = Arrival { key, client, batch };
            self.arrivals.send(arrival).await.map_err(|_| ConsumeError::retryable("the batch processor is stopped"))
        })
    }
}

impl Processor for Batcher {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(receiver) = receiver {
                self.work(receiver, cx.stop).await;
            }
            Ok(())
        })
    }
}
