//! What a page of servers has of its own, read at once: asking for each of ten thousand takes longer than what is done with the answers.

use crate::database::Store;
use crate::error::StoreError;
use serde_json::Value;
use sqlx::Row;
use std::collections::HashMap;

/// What servers have of their own, by their ids; what is not here they do not have.
#[derive(Debug, Default)]
pub struct Page {
    /// The documents that they are to run, and their numbers.
    pub desired: HashMap<String, (i64, String)>,
    /// Settings.
    pub settings: HashMap<String, Value>,
    /// Versions of the profile that a rollout under way has given them.
    pub given: HashMap<String, i64>,
}

impl Store {
    /// What the servers after an id, up to another, have of their own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(&self, after: &str, last: &str) -> Result<Page, StoreError> {
        let mut page = Page::default();
        let statement = "SELECT d.server, d.number, d.body FROM desired d JOIN \
                         (SELECT server, MAX(number) AS number FROM desired WHERE server > $1 AND server <= $2 GROUP BY server) n \
                         ON n.server = d.server AND n.number = d.number";
        for row in sqlx::query(statement).bind(after).bind(last).fetch_all(&self.pool).await? {
            page.desired.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
        }
        let statement = "SELECT id, body FROM settings WHERE kind = 'server' AND id > $1 AND id <= $2";
        for row in sqlx::query(statement).bind(after).bind(last).fetch_all(&self.pool).await? {
            let body: String = row.try_get(1)?;
            let body = serde_json::from_str(&body).map_err(|error| StoreError::Malformed("settings", error))?;
            page.settings.insert(row.try_get(0)?, body);
        }
        page.given = self.given_versions(after, last).await?;
        Ok(page)
    }
}
