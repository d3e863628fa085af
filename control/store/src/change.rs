//! Writing: one transaction that ends in the audit log.

use crate::audit::Entry;
use crate::database::{Store, WRITING};
use crate::error::StoreError;
use sqlx::{Any, Row, Transaction};
use tokio::sync::OwnedMutexGuard;

/// Who changes something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// Such as `token:ci` or `collector:srv-1`.
    pub name: String,
    /// From where.
    pub address: String,
}

/// A change in the making. Dropped before it is committed, it did not happen.
pub struct Change {
    pub(crate) tx: Transaction<'static, Any>,
    pub(crate) store: Store,
    _writer: OwnedMutexGuard<()>,
}

impl Store {
    /// Begins a change; others wait for its end.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin(&self) -> Result<Change, StoreError> {
        let writer = self.writer.clone().lock_owned().await;
        let tx = if self.sqlite {
            self.pool.begin_with("BEGIN IMMEDIATE").await?
        } else {
            let mut tx = self.pool.begin().await?;
            // Of several nodes one at a time writes, for the same reasons.
            sqlx::query(&format!("SELECT 1 FROM pg_advisory_xact_lock({WRITING})")).fetch_one(&mut *tx).await?;
            tx
        };
        Ok(Change { tx, store: self.clone(), _writer: writer })
    }
}

impl Change {
    /// Makes it so, and writes down who did what. What collectors report of themselves is no act of anybody, and has no entries.
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn commit(mut self, actor: &Actor, entries: &[Entry]) -> Result<(), StoreError> {
        for entry in entries {
            self.record(actor, entry).await?;
        }
        self.tx.commit().await?;
        Ok(())
    }

    /// Writes down one thing that somebody did, before it is made so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell(&mut self, actor: &Actor, entry: &Entry) -> Result<(), StoreError> {
        self.record(actor, entry).await
    }

    /// The next number of a row.
    pub(crate) async fn number(&mut self, name: &str) -> Result<i64, StoreError> {
        let statement = "INSERT INTO counters (name, value) VALUES ($1, 1) \
                         ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
        Ok(sqlx::query(statement).bind(name).fetch_one(&mut *self.tx).await?.try_get(0)?)
    }
}
