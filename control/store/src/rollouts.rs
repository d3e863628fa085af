//! Rollouts of versions of the profile, and how far each server has come.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Rollouts whose servers are remembered; of older ones it is known what became of them.
const REMEMBERED: i64 = 50;

/// How it stands with a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// Servers are given the version, stage by stage.
    #[default]
    Running,
    /// Nothing is given to further servers until somebody says so.
    Paused,
    /// The version holds for everybody.
    Completed,
    /// Every server is back at the version before.
    RolledBack,
}

impl RolloutState {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether it is under way.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// A version of the profile, or of the collector, on its way to all servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rollout {
    /// In order.
    pub number: i64,
    /// The version that servers are given.
    pub version: i64,
    /// The version that they have before, and after a rollback.
    pub before: i64,
    /// The version of the collector that servers are given instead of one of the profile; empty if it is one of the profile.
    #[serde(default)]
    pub package: String,
    /// The version of the collector that they have before; empty for what hosts came with.
    #[serde(default)]
    pub package_before: String,
    /// How it stands.
    pub state: RolloutState,
    /// The stage that is under way, from zero.
    pub stage: usize,
    /// Since when all of that stage are done with, in milliseconds since 1970; zero if they are not.
    pub settled: i64,
    /// Failures that somebody has seen and went on with.
    pub forgiven: i64,
    /// Why it stands as it stands.
    pub reason: String,
    /// Stages and gates.
    #[schema(value_type = Object)]
    pub plan: Value,
    /// Who began it.
    pub author: String,
    /// When it began, in milliseconds since 1970.
    pub created: i64,
    /// When something was last done, in milliseconds since 1970.
    pub updated: i64,
}

/// How far a server has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// It was given nothing yet.
    #[default]
    Pending,
    /// It was given nothing yet, and may not be given anything at this time.
    Held,
    /// It has a new configuration, and is away; it gets it when it comes.
    Waiting,
    /// It was given its configuration.
    Given,
    /// It runs it, and has to show that it fares well.
    Applied,
    /// It fares well.
    Done,
    /// Its configuration is the same with both versions; of the collector: it cannot take the version.
    Same,
    /// It does not run it, or does not fare well.
    Failed,
    /// It was not given the version: there is no configuration with it that could run, or it has failed with it before.
    Refused,
    /// It is back at the version before.
    RolledBack,
}

impl TargetState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Held,
        Self::Waiting,
        Self::Given,
        Self::Applied,
        Self::Done,
        Self::Same,
        Self::Failed,
        Self::Refused,
        Self::RolledBack,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Waiting => "waiting",
            Self::Given => "given",
            Self::Applied => "applied",
            Self::Done => "done",
            Self::Same => "same",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A server of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// Its id.
    pub server: String,
    /// Its stage, from zero.
    pub stage: i64,
    /// How far it has come.
    pub state: TargetState,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// Since when it fares badly, in milliseconds since 1970; zero if it does not.
    pub ill: i64,
    /// Whether it fared well before it was given anything.
    pub well: bool,
    /// What is wrong with it.
    pub error: String,
    /// What its collector told of itself in figures before it was given anything, as JSON; nothing if it told nothing.
    pub baseline: String,
}

/// States in which a server has the version of its rollout.
const HAVE_IT: &str = "('waiting', 'given', 'applied', 'done', 'same', 'failed')";

/// How many servers of a rollout are in each state, by stage.
pub type TargetCounts = BTreeMap<(i64, TargetState), i64>;

impl Store {
    /// A rollout.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn rollout(&self, number: i64) -> Result<Rollout, StoreError> {
        let row = sqlx::query("SELECT body FROM rollouts WHERE number = $1").bind(number).fetch_optional(&self.pool).await?;
        rollout(&row.ok_or_else(|| StoreError::Missing(format!("rollout {number}")))?)
    }

    /// The rollout that is under way; there is one at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_rollout(&self) -> Result<Option<Rollout>, StoreError> {
        let statement = "SELECT body FROM rollouts WHERE state IN ('running', 'paused') ORDER BY number LIMIT 1";
        sqlx::query(statement).fetch_optional(&self.pool).await?.as_ref().map(rollout).transpose()
    }

    /// Rollouts before a number, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rollouts(&self, before: i64, limit: i64) -> Result<Vec<Rollout>, StoreError> {
        let statement = "SELECT body FROM rollouts WHERE number < $1 ORDER BY number DESC LIMIT $2";
        sqlx::query(statement).bind(before).bind(limit).fetch_all(&self.pool).await?.iter().map(rollout).collect()
    }

    /// The version of the profile that a rollout under way has given a server.
    pub(crate) async fn given_version(&self, server: &str) -> Result<Option<i64>, StoreError> {
        let statement = format!(
            "SELECT r.version FROM targets t JOIN rollouts r ON r.number = t.rollout \
             WHERE t.server = $1 AND t.state IN {HAVE_IT} AND r.state IN ('running', 'paused') AND r.package = ''"
        );
        let row = sqlx::query(&statement).bind(server).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The version of the collector that a rollout under way has given a server.
    pub(crate) async fn given_package(&self, server: &str) -> Result<Option<String>, StoreError> {
        let statement = format!(
            "SELECT r.package FROM targets t JOIN rollouts r ON r.number = t.rollout \
             WHERE t.server = $1 AND t.state IN {HAVE_IT} AND t.state <> 'same' AND r.state IN ('running', 'paused') AND r.package <> ''"
        );
        let row = sqlx::query(&statement).bind(server).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The same of the servers after an id, up to another, that it has given one.
    pub(crate) async fn given_versions(&self, after: &str, last: &str) -> Result<HashMap<String, i64>, StoreError> {
        let statement = format!(
            "SELECT t.server, r.version FROM rollouts r JOIN targets t ON t.rollout = r.number \
             WHERE r.state IN ('running', 'paused') AND t.server > $1 AND t.server <= $2 AND t.state IN {HAVE_IT} AND r.package = ''"
        );
        let rows = sqlx::query(&statement).bind(after).bind(last).fetch_all(&self.pool).await?;
        rows.into_iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Servers of a rollout after an id, in order; those in one state if one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn targets(
        &self,
        rollout: i64,
        state: Option<TargetState>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Target>, StoreError> {
        targets(&self.pool, rollout, state, after, limit).await
    }

    /// Servers up to a stage that were given nothing yet, those of earlier stages first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_targets(&self, rollout: i64, stage: usize, limit: i64) -> Result<Vec<Target>, StoreError> {
        let statement = "SELECT server, stage, state, since, ill, well, error, baseline FROM targets \
                         WHERE rollout = $1 AND state = 'pending' AND stage <= $2 ORDER BY stage, server LIMIT $3";
        let stage = i64::try_from(stage).unwrap_or(i64::MAX);
        let rows = sqlx::query(statement).bind(rollout).bind(stage).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(target).collect()
    }

    /// How many servers of a rollout are in each state, by stage.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn target_counts(&self, rollout: i64) -> Result<TargetCounts, StoreError> {
        counts(&self.pool, rollout).await
    }

    /// Servers that a rollout does not know: they came after it began.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn late_servers(&self, rollout: i64, limit: i64) -> Result<Vec<String>, StoreError> {
        let statement = "SELECT id FROM servers s WHERE NOT EXISTS \
                         (SELECT 1 FROM targets t WHERE t.rollout = $1 AND t.server = s.id) ORDER BY id LIMIT $2";
        let rows = sqlx::query(statement).bind(rollout).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

impl Change {
    /// Begins a rollout, and tells its number. Of the oldest ones the servers are forgotten.
    ///
    /// # Errors
    /// When one is under way, or the database fails.
    pub async fn add_rollout(&mut self, rollout: &Rollout) -> Result<Rollout, StoreError> {
        if let Some(active) = self.store.active_rollout().await? {
            return Err(StoreError::Exists(format!("a rollout under way, number {}; abort it, or let it end", active.number)));
        }
        let rollout = Rollout { number: self.number("rollouts").await?, created: now(), updated: now(), ..rollout.clone() };
        sqlx::query("INSERT INTO rollouts (number, version, state, body, package) VALUES ($1, $2, $3, $4, $5)")
            .bind(rollout.number)
            .bind(rollout.version)
            .bind(rollout.state.name())
            .bind(text(&rollout)?)
            .bind(&rollout.package)
            .execute(&mut *self.tx)
            .await?;
        let old = rollout.number.saturating_sub(REMEMBERED);
        sqlx::query("DELETE FROM targets WHERE rollout <= $1").bind(old).execute(&mut *self.tx).await?;
        Ok(rollout)
    }

    /// How it stands with a rollout from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_rollout(&mut self, rollout: &Rollout) -> Result<(), StoreError> {
        let rollout = Rollout { updated: now(), ..rollout.clone() };
        sqlx::query("UPDATE rollouts SET state = $1, body = $2 WHERE number = $3")
            .bind(rollout.state.name())
            .bind(text(&rollout)?)
            .bind(rollout.number)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// A server becomes part of a rollout, if it is not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_target(&mut self, rollout: i64, server: &str, stage: usize) -> Result<(), StoreError> {
        let statement = "INSERT INTO targets (rollout, server, stage, state, since, ill, well, error) VALUES ($1, $2, $3, $4, $5, 0, 0, '') \
                         ON CONFLICT (rollout, server) DO NOTHING";
        sqlx::query(statement)
            .bind(rollout)
            .bind(server)
            .bind(i64::try_from(stage).unwrap_or(i64::MAX))
            .bind(TargetState::Pending.name())
            .bind(now())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// How far a server has come in a rollout. One that was removed meanwhile is not part of it any more, and does not come back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_target(&mut self, rollout: i64, target: &Target) -> Result<(), StoreError> {
        let statement = "UPDATE targets SET state = $1, since = $2, ill = $3, well = $4, error = $5, baseline = $6 WHERE rollout = $7 AND server = $8";
        sqlx::query(statement)
            .bind(target.state.name())
            .bind(target.since)
            .bind(target.ill)
            .bind(i64::from(target.well))
            .bind(&target.error)
            .bind(&target.baseline)
            .bind(rollout)
            .bind(&target.server)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// A server is back at the version before. What it failed with stays, unless there is something newer to say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn return_target(&mut self, rollout: i64, target: &Target) -> Result<(), StoreError> {
        let statement = "UPDATE targets SET state = 'rolled_back', since = $1, ill = 0, error = CASE WHEN $2 = '' THEN error ELSE $2 END \
                         WHERE rollout = $3 AND server = $4";
        sqlx::query(statement)
            .bind(target.since)
            .bind(&target.error)
            .bind(rollout)
            .bind(&target.server)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// A server is no part of a rollout any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_target(&mut self, rollout: i64, server: &str) -> Result<(), StoreError> {
        let statement = "DELETE FROM targets WHERE rollout = $1 AND server = $2";
        sqlx::query(statement).bind(rollout).bind(server).execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Servers of a rollout in a state, with this change, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn targets(&mut self, rollout: i64, state: TargetState, limit: i64) -> Result<Vec<Target>, StoreError> {
        targets(&mut *self.tx, rollout, Some(state), "", limit).await
    }

    /// How many servers of a rollout are in each state, by stage, with this change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn target_counts(&mut self, rollout: i64) -> Result<TargetCounts, StoreError> {
        counts(&mut *self.tx, rollout).await
    }
}

async fn targets(
    executor: impl Executor<'_, Database = Any>,
    rollout: i64,
    state: Option<TargetState>,
    after: &str,
    limit: i64,
) -> Result<Vec<Target>, StoreError> {
    let statement = "SELECT server, stage, state, since, ill, well, error, baseline FROM targets \
                     WHERE rollout = $1 AND ($2 = '' OR state = $2) AND server > $3 ORDER BY server LIMIT $4";
    let state = state.map(TargetState::name).unwrap_or_default();
    let rows = sqlx::query(statement).bind(rollout).bind(state).bind(after).bind(limit).fetch_all(executor).await?;
    rows.iter().map(target).collect()
}

async fn counts(executor: impl Executor<'_, Database = Any>, rollout: i64) -> Result<TargetCounts, StoreError> {
    let statement = "SELECT stage, state, COUNT(*) FROM targets WHERE rollout = $1 GROUP BY stage, state";
    let rows = sqlx::query(statement).bind(rollout).fetch_all(executor).await?;
    let mut counts = TargetCounts::new();
    for row in rows {
        counts.insert((row.try_get(0)?, state(&row, 1)?), row.try_get(2)?);
    }
    Ok(counts)
}

fn rollout(row: &AnyRow) -> Result<Rollout, StoreError> {
    let body: String = row.try_get(0)?;
    serde_json::from_str(&body).map_err(|error| StoreError::Malformed("a rollout", error))
}

fn text(rollout: &Rollout) -> Result<String, StoreError> {
    serde_json::to_string(rollout).map_err(|error| StoreError::Malformed("a rollout", error))
}

fn target(row: &AnyRow) -> Result<Target, StoreError> {
    Ok(Target {
        server: row.try_get(0)?,
        stage: row.try_get(1)?,
        state: state(row, 2)?,
        since: row.try_get(3)?,
        ill: row.try_get(4)?,
        well: row.try_get::<i64, _>(5)? != 0,
        error: row.try_get(6)?,
        baseline: row.try_get(7)?,
    })
}

fn state(row: &AnyRow, at: usize) -> Result<TargetState, StoreError> {
    let name: String = row.try_get(at)?;
    serde_json::from_value(Value::String(name)).map_err(|error| StoreError::Malformed("the state of a server", error))
}
