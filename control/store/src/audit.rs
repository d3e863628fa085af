//! Who changed what: rows that hold the digest of the one before, so that none can be changed or taken out unseen.

use crate::change::{Actor, Change};
use crate::database::{Store, now};
use crate::error::StoreError;
use crate::tokens::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Row;
use utoipa::ToSchema;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Whose.
    pub tenant: String,
    /// Such as `integration.create`.
    pub action: String,
    /// Such as `clusters/hare/integrations/3`.
    pub resource: String,
    /// What it was before, and is now. Without secrets.
    pub detail: Value,
}

impl Entry {
    /// An entry.
    pub fn new(tenant: &str, action: &str, resource: impl Into<String>, detail: Value) -> Self {
        Self { tenant: tenant.to_owned(), action: action.to_owned(), resource: resource.into(), detail }
    }
}

/// What was done, as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Recorded {
    /// In order.
    pub number: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// Whose.
    pub tenant: String,
    /// What.
    pub action: String,
    /// To what.
    pub resource: String,
    /// From where, and what it was before and is now.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The digest of this entry and of the one before.
    pub digest: String,
}

impl Change {
    pub(crate) async fn record(&mut self, actor: &Actor, entry: &Entry) -> Result<(), StoreError> {
        let last =
            sqlx::query("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1").fetch_optional(&mut *self.tx).await?;
        let (number, previous): (i64, String) = match last {
            Some(row) => (row.try_get::<i64, _>(0)? + 1, row.try_get(1)?),
            None => (1, String::new()),
        };
        let body = json!({"from": actor.address, "change": entry.detail}).to_string();
        let at = now();
        let digest = chained(&previous, number, at, &actor.name, &entry.tenant, &entry.action, &entry.resource, &body);
        let statement = "INSERT INTO audit (number, at, actor, tenant, action, resource, body, previous, digest) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        sqlx::query(statement)
            .bind(number)
            .bind(at)
            .bind(&actor.name)
            .bind(&entry.tenant)
            .bind(&entry.action)
            .bind(&entry.resource)
            .bind(body)
            .bind(previous)
            .bind(digest)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Entries before a number, newest first; of one tenant if one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, tenant: Option<&str>, before: i64, limit: i64) -> Result<Vec<Recorded>, StoreError> {
        let statement = "SELECT number, at, actor, tenant, action, resource, body, digest FROM audit \
                         WHERE number < $1 AND ($2 = '' OR tenant = $2) ORDER BY number DESC LIMIT $3";
        let rows = sqlx::query(statement).bind(before).bind(tenant.unwrap_or_default()).bind(limit).fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let body: String = row.try_get(6)?;
                Ok(Recorded {
                    number: row.try_get(0)?,
                    at: row.try_get(1)?,
                    actor: row.try_get(2)?,
                    tenant: row.try_get(3)?,
                    action: row.try_get(4)?,
                    resource: row.try_get(5)?,
                    detail: serde_json::from_str(&body)
                        .map_err(|error| StoreError::Malformed("an entry of the audit log", error))?,
                    digest: row.try_get(7)?,
                })
            })
            .collect()
    }

    /// The number of the first entry that does not follow from the one before, be that forgotten; none if all do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn broken_audit(&self) -> Result<Option<i64>, StoreError> {
        let forgotten = sqlx::query("SELECT number, digest FROM audit_forgotten").fetch_optional(&self.pool).await?;
        let (mut number, mut previous): (i64, String) = match forgotten {
            Some(last) => (last.try_get(0)?, last.try_get(1)?),
            None => (0, String::new()),
        };
        loop {
            let statement = "SELECT number, at, actor, tenant, action, resource, body, previous, digest FROM audit \
                             WHERE number > $1 ORDER BY number LIMIT 500";
            let rows = sqlx::query(statement).bind(number).fetch_all(&self.pool).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                let text = |at: usize| row.try_get::<String, _>(at);
                let (found, at): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                let digest = chained(&previous, found, at, &text(2)?, &text(3)?, &text(4)?, &text(5)?, &text(6)?);
                if found != number + 1 || text(7)? != previous || text(8)? != digest {
                    return Ok(Some(found));
                }
                (number, previous) = (found, digest);
            }
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn chained(previous: &str, number: i64, at: i64, actor: &str, tenant: &str, action: &str, resource: &str, body: &str) -> String {
    let text = json!([previous, number, at, actor, tenant, action, resource, body]).to_string();
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}
