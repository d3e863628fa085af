//! What every request has at hand.

use crate::desired::Exporters;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::metrics::Figures;
use crate::opamp::{Admission, Keeper};
use crate::packages::Files;
use crate::ramp::Ramp;
use crate::watch::Freshness;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{Mutex, Semaphore};
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
    /// Which collectors are let in now.
    pub(crate) admission: Admission,
    /// Places for collectors that stay connected.
    pub(crate) seats: Arc<Semaphore>,
    /// Servers whose turn to be told of a change is to come.
    pub(crate) ramp: Ramp,
    /// Writes down what collectors tell.
    pub(crate) keeper: Keeper,
    /// Whose turn it is of those that are to be done once.
    pub(crate) turns: Mutex<()>,
    pub(crate) bounds: Bounds,
    /// This node is about to end: whoever can goes to another one.
    pub(crate) ends: AtomicBool,
    /// The content of packages.
    pub(crate) files: Files,
}

/// How much, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Seconds between two signs of life of a collector.
    pub(crate) heartbeat: u64,
    /// Requests to the API a second of each token.
    pub(crate) api_rate: u32,
    /// Collectors that may connect, each second.
    pub(crate) admit_rate: u32,
    /// Servers that are told of a change for many, each second.
    pub(crate) push_rate: u32,
    /// Collectors that stay connected.
    pub(crate) connections_max: usize,
}

impl App {
    pub(crate) fn new(store: Store, log: Logger, bounds: Bounds, files: Files) -> Self {
        let registry = Registry::default();
        let figures = Figures::new(&registry);
        Self(Arc::new(Inner {
            keeper: Keeper::start(store.clone()),
            store,
            hub: Hub::default(),
            figures,
            registry,
            log,
            exporters: Exporters::of_the_distribution(),
            freshness: Freshness::default(),
            limits: Limits::new(bounds.api_rate),
            admission: Admission::new(bounds.admit_rate),
            seats: Arc::new(Semaphore::new(bounds.connections_max)),
            ramp: Ramp::default(),
            turns: Mutex::new(()),
            bounds,
            ends: AtomicBool::new(false),
            files,
        }))
    }
}

#[cfg(test)]
impl App {
    /// One that knows nothing yet, on a database of its own: SQLite in the directory, or where `WARREN_TEST_POSTGRES` names one, another beside that.
    pub(crate) async fn scratch() -> (Self, tempfile::TempDir) {
        Self::scratch_with(|_| {}).await
    }

    /// The same with other bounds.
    pub(crate) async fn scratch_with(change: impl FnOnce(&mut Bounds)) -> (Self, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let key = warren_store::MasterKey::from_file(&directory.path().join("key")).unwrap();
        let address = match std::env::var("WARREN_TEST_POSTGRES") {
            Ok(address) => fresh_database(&address).await,
            Err(_) => format!("sqlite:{}", directory.path().join("db").display()),
        };
        let store = Store::open(&address, key).await.unwrap();
        let mut bounds = Bounds { heartbeat: 30, api_rate: 0, admit_rate: 0, push_rate: 0, connections_max: 100 };
        change(&mut bounds);
        let files = Files::new(Some(directory.path().join("packages")), None, None);
        (Self::new(store, Logger::discarded(), bounds, files), directory)
    }
}

#[cfg(test)]
async fn fresh_database(address: &str) -> String {
    use sqlx::Connection;
    sqlx::any::install_default_drivers();
    let name = format!("test_{}", &warren_store::new_token("").unwrap()[..16]);
    let mut connection = sqlx::AnyConnection::connect(address).await.unwrap();
    sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut connection).await.unwrap();
    let (server, _) = address.rsplit_once('/').unwrap();
    format!("{server}/{name}")
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
