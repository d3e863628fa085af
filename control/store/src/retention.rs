//! What is forgotten after a while, so that the database does not grow for ever.

use crate::audit::Entry;
use crate::change::{Actor, Change};
use crate::database::Store;
use crate::error::StoreError;
use serde_json::json;
use sqlx::Row;

/// Configurations of a server that are remembered at most, however new they are.
pub const HISTORY_MAX: i64 = 100;

impl Store {
    /// Forgets what is from before a time, in milliseconds since 1970, and tells how many rows that were: configurations that servers are not to run
    /// any more, and failures with them; tokens and credentials that open nothing any more; entries of the audit log. Of the last, what is left
    /// still follows from what was forgotten, and that it was is an entry.
    ///
    /// # Errors
    /// When the database fails; nothing is forgotten then.
    pub async fn forget(&self, before: i64, actor: &Actor) -> Result<u64, StoreError> {
        let mut change = self.begin().await?;
        let history = "DELETE FROM desired WHERE number < (SELECT MAX(n.number) FROM desired n WHERE n.server = desired.server) AND (created < $1 \
                       OR number <= (SELECT MAX(n.number) FROM desired n WHERE n.server = desired.server) - $2)";
        let mut rows = sqlx::query(history).bind(before).bind(HISTORY_MAX).execute(&mut *change.tx).await?.rows_affected();
        for statement in [
            "DELETE FROM failures WHERE created < $1 AND NOT EXISTS \
             (SELECT 1 FROM desired d WHERE d.server = failures.server AND d.hash = failures.hash)",
            // Those that were forgiven are counted in what their server knows an offer by.
            "DELETE FROM package_failures WHERE created < $1 AND forgiven = 0",
            "DELETE FROM enrolments WHERE expires < $1 OR used > 0 AND used < $1",
            "DELETE FROM credentials WHERE revoked > 0 AND revoked < $1",
            "DELETE FROM tokens WHERE expires < $1 OR revoked > 0 AND revoked < $1",
        ] {
            rows += sqlx::query(statement).bind(before).execute(&mut *change.tx).await?.rows_affected();
        }
        let mut entries = Vec::new();
        if let Some((until, count)) = change.forget_audit(before).await? {
            rows += count;
            entries.push(Entry::new("", "audit.forget", "audit", json!({"until": until, "entries": count})));
        }
        change.commit(actor, &entries).await?;
        Ok(rows)
    }
}

impl Change {
    /// Forgets entries of the audit log, and tells up to which number, and how many. The newest one stays.
    async fn forget_audit(&mut self, before: i64) -> Result<Option<(i64, u64)>, StoreError> {
        let statement = "SELECT number, digest FROM audit WHERE at < $1 AND number < (SELECT MAX(number) FROM audit) \
                         ORDER BY number DESC LIMIT 1";
        let Some(last) = sqlx::query(statement).bind(before).fetch_optional(&mut *self.tx).await? else { return Ok(None) };
        let (number, digest): (i64, String) = (last.try_get(0)?, last.try_get(1)?);
        let done = sqlx::query("DELETE FROM audit WHERE number <= $1").bind(number).execute(&mut *self.tx).await?;
        sqlx::query("DELETE FROM audit_forgotten").execute(&mut *self.tx).await?;
        let statement = "INSERT INTO audit_forgotten (number, digest) VALUES ($1, $2)";
        sqlx::query(statement).bind(number).bind(digest).execute(&mut *self.tx).await?;
        Ok(Some((number, done.rows_affected())))
    }
}
