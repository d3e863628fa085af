//! The running processor: finds the shard of a batch, and runs the shards.

use crate::Config;
use crate::figures::Figures;
use crate::shard::{Common, Entrance, Shard, stopped};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use warren_component::{BoxFuture, BuildContext, ClientInfo, ConsumeError, Consumer, Processor, RunContext, RunError};
use warren_pdata::{Batch, Signal};

/// The values of each metadata key. No value is distinct from an empty one.
type Key = Vec<Vec<String>>;

/// The processor of one pipeline.
pub(crate) struct Batcher {
    common: Arc<Common>,
    /// The metadata keys as they are handed on: in lower case, sorted.
    keys: Vec<String>,
    shards: Mutex<HashMap<Key, Entrance>>,
    /// Shards on their way to the task that runs them; as many as `metadata_cardinality_limit` allows.
    new_shards: mpsc::UnboundedSender<Shard>,
    to_run: Mutex<Option<mpsc::UnboundedReceiver<Shard>>>,
}

impl Batcher {
    pub(crate) fn new(config: Config, cx: &BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Self {
        let (new_shards, to_run) = mpsc::unbounded_channel();
        let mut keys: Vec<String> = config.metadata_keys.iter().map(|key| key.to_ascii_lowercase()).collect();
        keys.sort_unstable();
        let figures = Figures::new(cx, signal);
        let common = Common {
            config,
            next,
            log: cx.telemetry.log.clone(),
            figures,
            pending_bytes: std::sync::atomic::AtomicUsize::new(0),
        };
        let batcher =
            Self { common: Arc::new(common), keys, shards: Mutex::default(), new_shards, to_run: Mutex::new(Some(to_run)) };
        if batcher.keys.is_empty() {
            // Nobody runs yet, and the first shard is within every limit: this cannot fail.
            let _ = batcher.shard();
        }
        batcher
    }

    /// Where the batch at hand belongs, by who sent it.
    fn shard(&self) -> Result<Entrance, ConsumeError> {
        let client = if self.keys.is_empty() { None } else { ClientInfo::current() };
        let values = |key: &String| client.iter().flat_map(|client| client.metadata(key)).map(str::to_owned).collect();
        let key: Key = self.keys.iter().map(values).collect();
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shards.get(&key) {
            return Ok(shard.clone());
        }
        let limit = self.common.config.metadata_cardinality_limit as usize;
        if limit > 0 && shards.len() >= limit && !self.keys.is_empty() {
            return Err(ConsumeError::permanent("too many batcher metadata-value combinations"));
        }
        let (shard, entrance) = Shard::new(self.common.clone(), self.client(&key));
        self.new_shards.send(shard).map_err(|_| stopped())?;
        shards.insert(key, entrance.clone());
        self.common.figures.combinations.set(shards.len() as f64);
        Ok(entrance)
    }

    /// What is still known of the sender behind a shard: the metadata by which it was found.
    fn client(&self, key: &Key) -> Option<Arc<ClientInfo>> {
        let pairs = self.keys.iter().zip(key).flat_map(|(key, values)| values.iter().map(|value| (key.clone(), value.clone())));
        let metadata: Vec<(String, String)> = pairs.collect();
        (!self.keys.is_empty()).then(|| Arc::new(ClientInfo { metadata, ..ClientInfo::default() }))
    }
}

impl Consumer for Batcher {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        Box::pin(async move { self.shard()?.give(batch).await })
    }
}

impl Processor for Batcher {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let to_run = self.to_run.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(mut to_run) = to_run else { return Ok(()) };
            let mut shards = FuturesUnordered::new();
            loop {
                tokio::select! {
                    Some(shard) = to_run.recv() => shards.push(shard.work(cx.stop.clone())),
                    Some(()) = shards.next() => {}
                    () = cx.stop.requested() => break,
                }
            }
            to_run.close();
            while let Some(shard) = to_run.recv().await {
                shards.push(shard.work(cx.stop.clone()));
            }
            while shards.next().await.is_some() {}
            Ok(())
        })
    }
}
