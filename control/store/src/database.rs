//! The connection, and what is the same for every table.

use crate::error::StoreError;
use crate::keys::{MasterKey, random};
use crate::schema::STEPS;
use crate::tokens::hex;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyPool, Row};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;

/// Connections at a time.
const CONNECTIONS_MAX: u32 = 8;

/// How long a statement waits for a connection, or for SQLite's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// Number of the lock under which PostgreSQL's tables are brought up to date: any, as long as it stays the same.
const MIGRATING: i64 = 0x7761_7272_656e;

/// Number of the lock under which PostgreSQL is written to.
pub(crate) const WRITING: i64 = 0x7761_7272_656f;

/// What PostgreSQL does with a node that holds the lock and says nothing, or waits for it for ever: the others go on.
const BOUNDS: [&str; 2] = ["SET idle_in_transaction_session_timeout = '60s'", "SET lock_timeout = '60s'"];

/// What the control plane knows. Clones share it.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
    pub(crate) sqlite: bool,
    pub(crate) keys: Arc<MasterKey>,
    /// One at a time writes: SQLite could not do otherwise, and the audit log's chain has one end.
    pub(crate) writer: Arc<Mutex<()>>,
    /// Tells this process from others that have the same database.
    pub(crate) node: Arc<str>,
}

impl Store {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// When the address is none, or the database is away.
    pub async fn open(address: &str, keys: MasterKey) -> Result<Self, StoreError> {
        install_default_drivers();
        let sqlite = address.starts_with("sqlite:");
        if !sqlite && !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
            let kind = address.split_once(':').map_or(address, |(kind, _)| kind);
            return Err(StoreError::Address(kind.to_owned()));
        }
        let url = if sqlite && !address.contains('?') { format!("{address}?mode=rwc") } else { address.to_owned() };
        let options = AnyPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(PATIENCE);
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move {
                if sqlite {
                    for pragma in ["journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "foreign_keys = ON"] {
                        sqlx::query(&format!("PRAGMA {pragma}")).execute(&mut *connection).await?;
                    }
                } else {
                    for bound in BOUNDS {
                        sqlx::query(bound).execute(&mut *connection).await?;
                    }
                }
                Ok(())
            })
        });
        let node = hex(&random::<8>().ok_or_else(|| StoreError::Sealed("the name of a node".to_owned()))?).into();
        let (pool, keys, writer) = (options.connect(&url).await?, Arc::new(keys), Arc::new(Mutex::new(())));
        let store = Self { pool, sqlite, keys, writer, node };
        store.migrate().await?;
        Ok(store)
    }

    /// Whether others may have this database as well.
    pub fn is_shared(&self) -> bool {
        !self.sqlite
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs the steps that were not run yet.
    async fn migrate(&self) -> Result<(), StoreError> {
        let _writer = self.writer.lock().await;
        let mut tx = self.pool.begin().await?;
        if !self.sqlite {
            // Of several that start at once, one does it. Tables cannot be locked before they are there, and PostgreSQL lets two create one at the
            // same time and fails the slower.
            let lock = format!("SELECT 1 FROM pg_advisory_xact_lock({MIGRATING})");
            sqlx::query(&lock).fetch_one(&mut *tx).await?;
        }
        sqlx::query("CREATE TABLE IF NOT EXISTS steps (number BIGINT PRIMARY KEY, at BIGINT NOT NULL)").execute(&mut *tx).await?;
        let done: i64 = sqlx::query("SELECT COUNT(*) FROM steps").fetch_one(&mut *tx).await?.try_get(0)?;
        for (number, step) in (0i64..).zip(STEPS).skip(usize::try_from(done).unwrap_or(0)) {
            let step = step.replace("BYTES", if self.sqlite { "BLOB" } else { "BYTEA" });
            for statement in step.split(';') {
                sqlx::query(statement).execute(&mut *tx).await?;
            }
            sqlx::query("INSERT INTO steps (number, at) VALUES ($1, $2)").bind(number).bind(now()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
