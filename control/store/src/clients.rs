//! What is known of collectors, what they are to run, and what they could not run.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

/// Most collectors of a server that are known: of more, those that were heard of last.
pub const CLIENTS_MAX: usize = 8;

/// A collector as it told of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// Who it is.
    pub uid: String,
    /// The server it runs on.
    pub server: String,
    /// The credential it came with.
    pub credential: String,
    /// The number of its last message.
    pub sequence: u64,
    /// What it can do.
    pub capabilities: u64,
    /// What it is: attributes by name.
    #[schema(value_type = Object)]
    pub description: Value,
    /// How it fares.
    #[schema(value_type = Object)]
    pub health: Value,
    /// The hash of the last configuration it was given, in hexadecimal.
    pub config_hash: String,
    /// What became of that: `unset`, `applied`, `applying`, `failed`.
    pub config_status: String,
    /// Why it failed.
    pub config_error: String,
    /// The digest of the configuration that it says it runs.
    #[serde(default)]
    pub effective_hash: String,
    /// The hash of the last settings of its connection.
    pub settings_hash: String,
    /// Which version it is, and what became of the one that it was offered.
    #[serde(default)]
    pub package: ClientPackage,
    /// It said goodbye.
    pub stopped: bool,
    /// When it was heard of last, in milliseconds since 1970.
    pub seen: i64,
}

/// How it stands with packages on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientPackage {
    /// The version that runs.
    pub version: String,
    /// The hash of all packages that it was offered last, in hexadecimal.
    pub all: String,
    /// The hash of the one that it was offered last, in hexadecimal.
    pub offered: String,
    /// What became of that: `installed`, `pending`, `downloading`, `installing`, `failed`; empty if nothing was told.
    pub status: String,
    /// Why it failed.
    pub error: String,
}

/// What a server is to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Desired {
    /// In order, for each server.
    pub number: i64,
    /// What both sides know it by, in hexadecimal.
    pub hash: String,
    /// The document, with references in the place of secrets.
    pub body: String,
    /// Where its leaves came from.
    #[schema(value_type = Object)]
    pub provenance: Value,
    /// The version of the profile that it is made of.
    pub profile: i64,
    /// Milliseconds between two samples of it at the common store; zero if none arrive there.
    pub sample_interval: i64,
    /// The same of what is sent to the bus.
    pub bus_interval: i64,
    /// Why there is a new one.
    pub cause: String,
    /// Milliseconds since 1970.
    pub created: i64,
}

/// When a collector was heard of last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Who.
    pub uid: String,
    /// Milliseconds since 1970.
    pub seen: i64,
    /// The number of its message.
    pub sequence: u64,
    /// All that is known of it, as JSON, if that has changed.
    pub body: Option<String>,
}

/// A configuration that a server could not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// Its hash.
    pub hash: String,
    /// Why.
    pub error: String,
    /// Milliseconds since 1970.
    pub at: i64,
}

impl Store {
    /// A collector.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn client(&self, uid: &str) -> Result<Option<Client>, StoreError> {
        let row =
            sqlx::query("SELECT body, seen, sequence FROM clients WHERE uid = $1").bind(uid).fetch_optional(&self.pool).await?;
        row.as_ref().map(client).transpose()
    }

    /// The collectors of a server, the one heard of last first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients_of(&self, server: &str) -> Result<Vec<Client>, StoreError> {
        let statement = "SELECT body, seen, sequence FROM clients WHERE server = $1 ORDER BY seen DESC";
        sqlx::query(statement).bind(server).fetch_all(&self.pool).await?.iter().map(client).collect()
    }

    /// The configuration that a collector runs, without secrets; empty if it told none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn effective(&self, uid: &str) -> Result<String, StoreError> {
        let row = sqlx::query("SELECT effective FROM clients WHERE uid = $1").bind(uid).fetch_optional(&self.pool).await?;
        Ok(row.map_or(Ok(String::new()), |row| row.try_get(0))?)
    }

    /// What a server is to run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn desired(&self, server: &str) -> Result<Option<Desired>, StoreError> {
        Ok(self.desired_history(server, i64::MAX, 1).await?.pop())
    }

    /// The hash of what a server is to run: all that most messages of a collector need.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn desired_hash(&self, server: &str) -> Result<Option<String>, StoreError> {
        let statement = "SELECT hash FROM desired WHERE server = $1 ORDER BY number DESC LIMIT 1";
        let row = sqlx::query(statement).bind(server).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// What a server was to run by this number.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn desired_at(&self, server: &str, number: i64) -> Result<Desired, StoreError> {
        let found = self.desired_history(server, number.saturating_add(1), 1).await?.pop().filter(|found| found.number == number);
        found.ok_or_else(|| StoreError::Missing(format!("configuration {number} of server {server:?}")))
    }

    /// What a server was to run before a number, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn desired_history(&self, server: &str, before: i64, limit: i64) -> Result<Vec<Desired>, StoreError> {
        let statement = "SELECT number, hash, body, provenance, profile, cause, created, sample_interval, bus_interval FROM desired WHERE server = $1 \
                         AND number < $2 ORDER BY number DESC LIMIT $3";
        let rows = sqlx::query(statement).bind(server).bind(before).bind(limit).fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let provenance: String = row.try_get(3)?;
                Ok(Desired {
                    number: row.try_get(0)?,
                    hash: row.try_get(1)?,
                    body: row.try_get(2)?,
                    provenance: serde_json::from_str(&provenance)
                        .map_err(|error| StoreError::Malformed("a provenance", error))?,
                    profile: row.try_get(4)?,
                    cause: row.try_get(5)?,
                    created: row.try_get(6)?,
                    sample_interval: row.try_get(7)?,
                    bus_interval: row.try_get(8)?,
                })
            })
            .collect()
    }

    /// What a server could not run, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failures(&self, server: &str) -> Result<Vec<Failure>, StoreError> {
        let statement = "SELECT hash, error, created FROM failures WHERE server = $1 ORDER BY created DESC";
        let rows = sqlx::query(statement).bind(server).fetch_all(&self.pool).await?;
        rows.into_iter().map(|row| Ok(Failure { hash: row.try_get(0)?, error: row.try_get(1)?, at: row.try_get(2)? })).collect()
    }
}

impl Change {
    /// Keeps what a collector told of itself, and the configuration that it runs if it told that. Forgets the collectors of its server that are
    /// more than [`CLIENTS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_client(&mut self, client: &Client, effective: Option<&str>) -> Result<(), StoreError> {
        let body = serde_json::to_string(client).map_err(|error| StoreError::Malformed("a collector", error))?;
        let statement = "INSERT INTO clients (uid, server, credential, sequence, seen, body, effective) VALUES ($1, $2, $3, $4, $5, $6, '') \
                         ON CONFLICT (uid) DO UPDATE SET server = $2, credential = $3, sequence = $4, seen = $5, body = $6";
        sqlx::query(statement)
            .bind(&client.uid)
            .bind(&client.server)
            .bind(&client.credential)
            .bind(i64::try_from(client.sequence).unwrap_or(i64::MAX))
            .bind(client.seen)
            .bind(body)
            .execute(&mut *self.tx)
            .await?;
        let statement = "DELETE FROM clients WHERE server = $1 AND uid <> $2 AND uid NOT IN \
                         (SELECT uid FROM clients WHERE server = $1 AND uid <> $2 ORDER BY seen DESC LIMIT $3)";
        let others = i64::try_from(CLIENTS_MAX - 1).unwrap_or(i64::MAX);
        sqlx::query(statement).bind(&client.server).bind(&client.uid).bind(others).execute(&mut *self.tx).await?;
        if let Some(effective) = effective {
            sqlx::query("UPDATE clients SET effective = $1 WHERE uid = $2")
                .bind(effective)
                .bind(&client.uid)
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(())
    }

    /// Collectors were heard of, and may have said that they fare otherwise.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_clients(&mut self, heard: &[Heard]) -> Result<(), StoreError> {
        let (alone, with_body) = (
            "UPDATE clients SET seen = $1, sequence = $2 WHERE uid = $3 AND seen < $1",
            "UPDATE clients SET seen = $1, sequence = $2, body = $4 WHERE uid = $3 AND seen < $1",
        );
        for Heard { uid, seen, sequence, body } in heard {
            let statement = sqlx::query(if body.is_some() { with_body } else { alone });
            let statement = statement.bind(*seen).bind(i64::try_from(*sequence).unwrap_or(i64::MAX)).bind(uid);
            match body {
                Some(body) => statement.bind(body).execute(&mut *self.tx).await?,
                None => statement.execute(&mut *self.tx).await?,
            };
        }
        Ok(())
    }

    /// What a server is to run from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_desired(&mut self, server: &str, desired: &Desired) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(number), 0) FROM desired WHERE server = $1")
            .bind(server)
            .fetch_one(&mut *self.tx)
            .await?;
        self.put_desired_after(server, row.try_get(0)?, desired).await
    }

    /// The same, where it is known which number it had last; zero if it had nothing to run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_desired_after(&mut self, server: &str, last: i64, desired: &Desired) -> Result<i64, StoreError> {
        let number = last + 1;
        let statement = "INSERT INTO desired (server, number, hash, body, provenance, profile, cause, created, sample_interval, \
                         bus_interval) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        sqlx::query(statement)
            .bind(server)
            .bind(number)
            .bind(&desired.hash)
            .bind(&desired.body)
            .bind(desired.provenance.to_string())
            .bind(desired.profile)
            .bind(&desired.cause)
            .bind(now())
            .bind(desired.sample_interval)
            .bind(desired.bus_interval)
            .execute(&mut *self.tx)
            .await?;
        Ok(number)
    }

    /// A server could not run this. Tells whether that is new: of what it was never to run, and of what has failed before, nothing is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_failure(&mut self, server: &str, hash: &str, error: &str) -> Result<bool, StoreError> {
        let known = sqlx::query("SELECT number FROM desired WHERE server = $1 AND hash = $2 LIMIT 1");
        if known.bind(server).bind(hash).fetch_optional(&mut *self.tx).await?.is_none() {
            return Ok(false);
        }
        let statement =
            "INSERT INTO failures (server, hash, error, created) VALUES ($1, $2, $3, $4) ON CONFLICT (server, hash) DO NOTHING";
        let done = sqlx::query(statement).bind(server).bind(hash).bind(error).bind(now()).execute(&mut *self.tx).await?;
        Ok(done.rows_affected() == 1)
    }
}

fn client(row: &AnyRow) -> Result<Client, StoreError> {
    let body: String = row.try_get(0)?;
    let client: Client = serde_json::from_str(&body).map_err(|error| StoreError::Malformed("a collector", error))?;
    let sequence: i64 = row.try_get(2)?;
    Ok(Client { seen: row.try_get(1)?, sequence: u64::try_from(sequence).unwrap_or(0), ..client })
}
