//! Answers that are given again when the same request comes again.

use crate::database::{Store, now};
use crate::error::StoreError;
use sqlx::Row;

/// How long answers are kept, in milliseconds.
const KEPT: i64 = 24 * 3600 * 1000;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The digest of what was asked.
    pub request: String,
    /// Status.
    pub status: u16,
    /// Body.
    pub body: String,
}

impl Store {
    /// The answer to a request that was given a name by whoever has a token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reply(&self, token: &str, name: &str) -> Result<Option<Kept>, StoreError> {
        let row = sqlx::query("SELECT request, status, body FROM replies WHERE token = $1 AND name = $2 AND created > $3")
            .bind(token)
            .bind(name)
            .bind(now() - KEPT)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            let status: i64 = row.try_get(1)?;
            Ok(Kept { request: row.try_get(0)?, status: u16::try_from(status).unwrap_or(500), body: row.try_get(2)? })
        })
        .transpose()
    }

    /// Keeps an answer for a day, and forgets older ones.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_reply(&self, token: &str, name: &str, kept: &Kept) -> Result<(), StoreError> {
        let _writer = self.writer.lock().await;
        sqlx::query("DELETE FROM replies WHERE created <= $1").bind(now() - KEPT).execute(&self.pool).await?;
        let statement = "INSERT INTO replies (token, name, request, status, body, created) VALUES ($1, $2, $3, $4, $5, $6) \
                         ON CONFLICT (token, name) DO NOTHING";
        sqlx::query(statement)
            .bind(token)
            .bind(name)
            .bind(&kept.request)
            .bind(i64::from(kept.status))
            .bind(&kept.body)
            .bind(now())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
