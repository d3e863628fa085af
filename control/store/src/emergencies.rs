//! What holds for some servers for a while, over everything else that is said of them.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;
use warren_fleet::Selector;

/// How it stands with one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmergencyState {
    /// It holds.
    #[default]
    Active,
    /// It does not hold any more, and not all servers have their configuration back yet.
    Ending,
    /// It is over.
    Ended,
}

/// What holds for some servers for a while.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Emergency {
    /// In order.
    pub number: i64,
    /// How it stands.
    pub state: EmergencyState,
    /// For which servers.
    #[serde(rename = "where")]
    pub when: Selector,
    /// A merge patch of their settings.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// A merge patch of their configurations.
    #[schema(value_type = Object)]
    pub config: Value,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub author: String,
    /// Since when, in milliseconds since 1970.
    pub created: i64,
    /// Until when, in milliseconds since 1970.
    pub expires: i64,
    /// The server up to which all have got what they are to have by now.
    pub after: String,
    /// Whether all have.
    pub settled: bool,
    /// Servers whose configuration was changed by it.
    pub servers: i64,
}

impl Emergency {
    /// Whether it holds now.
    pub fn holds(&self) -> bool {
        self.state == EmergencyState::Active && self.expires > now()
    }

    fn word(&self) -> &'static str {
        match self.state {
            EmergencyState::Active => "active",
            EmergencyState::Ending => "ending",
            EmergencyState::Ended => "ended",
        }
    }
}

impl Store {
    /// Those that hold, or whose servers have not all their configuration back, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current_emergencies(&self) -> Result<Vec<Emergency>, StoreError> {
        let statement = "SELECT body FROM emergencies WHERE state IN ('active', 'ending') ORDER BY number";
        sqlx::query(statement).fetch_all(&self.pool).await?.iter().map(emergency).collect()
    }

    /// All of them before a number, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn emergencies(&self, before: i64, limit: i64) -> Result<Vec<Emergency>, StoreError> {
        let statement = "SELECT body FROM emergencies WHERE number < $1 ORDER BY number DESC LIMIT $2";
        sqlx::query(statement).bind(before).bind(limit).fetch_all(&self.pool).await?.iter().map(emergency).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn emergency(&self, number: i64) -> Result<Emergency, StoreError> {
        let row = sqlx::query("SELECT body FROM emergencies WHERE number = $1").bind(number).fetch_optional(&self.pool).await?;
        emergency(&row.ok_or_else(|| StoreError::Missing(format!("emergency {number}")))?)
    }
}

impl Change {
    /// Adds one, and tells it with its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_emergency(&mut self, new: &Emergency) -> Result<Emergency, StoreError> {
        let new = Emergency { number: self.number("emergencies").await?, created: now(), ..new.clone() };
        sqlx::query("INSERT INTO emergencies (number, state, body) VALUES ($1, $2, $3)")
            .bind(new.number)
            .bind(new.word())
            .bind(text(&new)?)
            .execute(&mut *self.tx)
            .await?;
        Ok(new)
    }

    /// Keeps what has become of one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_emergency(&mut self, known: &Emergency) -> Result<(), StoreError> {
        sqlx::query("UPDATE emergencies SET state = $1, body = $2 WHERE number = $3")
            .bind(known.word())
            .bind(text(known)?)
            .bind(known.number)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}

fn emergency(row: &AnyRow) -> Result<Emergency, StoreError> {
    serde_json::from_str(&row.try_get::<String, _>(0)?).map_err(|error| StoreError::Malformed("an emergency", error))
}

fn text(emergency: &Emergency) -> Result<String, StoreError> {
    serde_json::to_string(emergency).map_err(|error| StoreError::Malformed("an emergency", error))
}
