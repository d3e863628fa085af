//! What every request has at hand.

use crate::desired::Exporters;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::metrics::Figures;
use crate::watch::Freshness;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;
use warren_store::Store;
use warren_telemetry::{Logger, Registry};

/// What every request has at hand. Clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) figures: Figures,
    pub(crate) registry: Registry,
    pub(crate) log: Logger,
    pub(crate) exporters: Exporters,
    pub(crate) freshness: Freshness,
    /// How often each token may ask.
    pub(crate) limits: Limits,
    /// Whose turn it is of those that are to be done once.
    pub(crate) turns: Mutex<()>,
    /// Seconds between two signs of life of a collector.
    pub(crate) heartbeat: u64,
}

impl App {
    pub(crate) fn new(store: Store, log: Logger, heartbeat: u64, api_rate: u32) -> Self {
        let registry = Registry::default();
        let figures = Figures::new(&registry);
        Self(Arc::new(Inner {
            store,
            hub: Hub::default(),
            figures,
            registry,
            log,
            exporters: Exporters::of_the_distribution(),
            freshness: Freshness::default(),
            limits: Limits::new(api_rate),
            turns: Mutex::new(()),
            heartbeat,
        }))
    }
}

#[cfg(test)]
impl App {
    /// One that knows nothing yet, on a database of its own, which lies in the directory.
    pub(crate) async fn scratch() -> (Self, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let key = warren_store::MasterKey::from_file(&directory.path().join("key")).unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("db").display()), key).await.unwrap();
        (Self::new(store, Logger::discarded(), 30, 0), directory)
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of their hexadecimal digits; none if they are none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if text.len() % 2 == 1 { None } else { (0..text.len()).step_by(2).map(digit).collect() }
}
