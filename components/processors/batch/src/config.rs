//! Settings of the processor.

use crate::processor::Batcher;
use crate::shard::PENDING_BYTES_MAX;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Consumer, MemoryBound, Processor, ProcessorConfig};
use warren_config::{Block, Fields, GoDuration, Report};
use warren_pdata::Signal;

/// Settings of one `batch` processor.
#[derive(Clone, Debug)]
pub struct Config {
    /// After how long what there is goes on. Zero hands everything on at once.
    pub timeout: GoDuration,
    /// Spans, data points or log records that go on together. Zero hands everything on at once.
    pub send_batch_size: u32,
    /// The most that goes on together; zero for any number.
    pub send_batch_max_size: u32,
    /// Keys of the sender's metadata whose values are kept apart.
    pub metadata_keys: Vec<String>,
    /// Combinations of those values that may occur; zero for any number.
    pub metadata_cardinality_limit: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: GoDuration(200_000_000),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("timeout", &mut self.timeout);
        f.scalar("send_batch_size", &mut self.send_batch_size);
        f.scalar("send_batch_max_size", &mut self.send_batch_max_size);
        f.list("metadata_keys", &mut self.metadata_keys);
        f.scalar("metadata_cardinality_limit", &mut self.metadata_cardinality_limit);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
            report.error("", "send_batch_max_size must be greater or equal to send_batch_size");
        }
        if self.timeout.0 < 0 {
            report.error("", "timeout must be greater or equal to 0");
        }
        for (index, key) in self.metadata_keys.iter().enumerate() {
            if self.metadata_keys.iter().take(index).any(|before| before.eq_ignore_ascii_case(key)) {
                report.error("", format!("duplicate entry in metadata_keys: {:?} (case-insensitive)", key.to_ascii_lowercase()));
            }
        }
    }
}

impl Config {
    /// After how long what there is goes on.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.as_duration().unwrap_or_default()
    }
}

impl ProcessorConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        vec![MemoryBound::new("pending batches", PENDING_BYTES_MAX as u64)]
    }

    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        Ok(Arc::new(Batcher::new(self.clone(), &cx, signal, next)))
    }
}
