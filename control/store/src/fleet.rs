//! Servers, settings, integrations and profiles, each with a version that grows with every change.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;
use warren_fleet::{Integration, Profile, Server};

/// Something at a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Versioned<T> {
    /// Its version.
    pub version: i64,
    /// What it is.
    pub body: T,
}

/// Whose settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Of a tenant.
    Tenant(String),
    /// Of a cluster of a tenant.
    Cluster(String, String),
    /// Of a server.
    Server(String),
}

impl Scope {
    fn key(&self) -> (&'static str, String) {
        match self {
            Self::Tenant(tenant) => ("tenant", tenant.clone()),
            // Names hold no line breaks.
            Self::Cluster(tenant, cluster) => ("cluster", format!("{tenant}\n{cluster}")),
            Self::Server(id) => ("server", id.clone()),
        }
    }
}

impl Store {
    /// A server.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn server(&self, id: &str) -> Result<Versioned<Server>, StoreError> {
        let row = sqlx::query("SELECT version, body FROM servers WHERE id = $1").bind(id).fetch_optional(&self.pool).await?;
        versioned(&row.ok_or_else(|| StoreError::Missing(format!("server {id:?}")))?)
    }

    /// Whether there is a server of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_server(&self, id: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query("SELECT 1 FROM servers WHERE id = $1").bind(id).fetch_optional(&self.pool).await?.is_some())
    }

    /// Servers after an id, in order; of a tenant and a cluster if they are given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn servers(
        &self,
        tenant: Option<&str>,
        cluster: Option<&str>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Versioned<Server>>, StoreError> {
        let statement = "SELECT version, body FROM servers WHERE id > $1 AND ($2 = '' OR tenant = $2) AND ($3 = '' OR cluster = $3) \
                         ORDER BY id LIMIT $4";
        let rows = sqlx::query(statement)
            .bind(after)
            .bind(tenant.unwrap_or_default())
            .bind(cluster.unwrap_or_default())
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(versioned).collect()
    }

    /// How many servers there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn server_count(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query("SELECT COUNT(*) FROM servers").fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// The settings of a scope; version 0 and nothing if there are none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settings(&self, scope: &Scope) -> Result<Versioned<Value>, StoreError> {
        let (kind, id) = scope.key();
        let row = sqlx::query("SELECT version, body FROM settings WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map_or_else(|| Ok(Versioned { version: 0, body: Value::Object(Default::default()) }), versioned)
    }

    /// The integrations of a cluster.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn integrations(&self, tenant: &str, cluster: &str) -> Result<Vec<Versioned<Integration>>, StoreError> {
        let rows = sqlx::query("SELECT version, body FROM integrations WHERE tenant = $1 AND cluster = $2 ORDER BY id")
            .bind(tenant)
            .bind(cluster)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(versioned).collect()
    }

    /// An integration of a cluster.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn integration(&self, tenant: &str, cluster: &str, id: i64) -> Result<Versioned<Integration>, StoreError> {
        let row = sqlx::query("SELECT version, body FROM integrations WHERE tenant = $1 AND cluster = $2 AND id = $3")
            .bind(tenant)
            .bind(cluster)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        versioned(&row.ok_or_else(|| StoreError::Missing(format!("integration {id}")))?)
    }

    /// A version of the profile.
    ///
    /// # Errors
    /// When it is missing, or the database fails.
    pub async fn profile(&self, version: i64) -> Result<Versioned<Profile>, StoreError> {
        let statement = "SELECT version, body FROM profiles WHERE version = $1";
        let row = sqlx::query(statement).bind(version).fetch_optional(&self.pool).await?;
        versioned(&row.ok_or_else(|| StoreError::Missing(format!("version {version} of the profile")))?)
    }

    /// The version of the profile that holds where no rollout says otherwise; an empty one, version 0, if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn released_profile(&self) -> Result<Versioned<Profile>, StoreError> {
        let statement =
            "SELECT p.version, p.body FROM released r JOIN profiles p ON p.version = r.version ORDER BY r.number DESC LIMIT 1";
        let row = sqlx::query(statement).fetch_optional(&self.pool).await?;
        row.as_ref().map_or_else(|| Ok(Versioned { version: 0, body: Profile::default() }), versioned)
    }

    /// The version of the profile that a server's configuration is made of: the one that a rollout under way has given it, else the released one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_of(&self, server: &str) -> Result<Versioned<Profile>, StoreError> {
        match self.given_version(server).await? {
            Some(version) => self.profile(version).await,
            None => self.released_profile().await,
        }
    }
}

impl Change {
    /// Adds a server.
    ///
    /// # Errors
    /// When there is one of this id, or the database fails.
    pub async fn add_server(&mut self, server: &Server) -> Result<(), StoreError> {
        let statement = "INSERT INTO servers (id, tenant, cluster, name, body, version, created) VALUES ($1, $2, $3, $4, $5, 1, $6) \
                         ON CONFLICT (id) DO NOTHING";
        let done = sqlx::query(statement)
            .bind(&server.id)
            .bind(&server.tenant)
            .bind(&server.cluster)
            .bind(&server.name)
            .bind(text(server)?)
            .bind(now())
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::Exists(format!("a server {:?}", server.id))) } else { Ok(()) }
    }

    /// Changes a server that is at this version.
    ///
    /// # Errors
    /// When it is at another one, or the database fails.
    pub async fn update_server(&mut self, server: &Server, version: i64) -> Result<i64, StoreError> {
        let statement =
            "UPDATE servers SET cluster = $1, name = $2, body = $3, version = version + 1 WHERE id = $4 AND version = $5";
        let done = sqlx::query(statement)
            .bind(&server.cluster)
            .bind(&server.name)
            .bind(text(server)?)
            .bind(&server.id)
            .bind(version)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 1 {
            return Ok(version + 1);
        }
        let row = sqlx::query("SELECT version FROM servers WHERE id = $1").bind(&server.id).fetch_optional(&mut *self.tx).await?;
        let what = format!("server {:?}", server.id);
        Err(match row {
            None => StoreError::Missing(what),
            Some(row) => StoreError::Stale { what, is: row.try_get(0)? },
        })
    }

    /// Removes a server and what is known of its collector.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn remove_server(&mut self, id: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM servers WHERE id = $1").bind(id).execute(&mut *self.tx).await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Missing(format!("server {id:?}")));
        }
        for statement in [
            "DELETE FROM settings WHERE kind = 'server' AND id = $1",
            "DELETE FROM desired WHERE server = $1",
            "DELETE FROM clients WHERE server = $1",
            "DELETE FROM failures WHERE server = $1",
            "DELETE FROM package_failures WHERE server = $1",
            "DELETE FROM targets WHERE server = $1",
        ] {
            sqlx::query(statement).bind(id).execute(&mut *self.tx).await?;
        }
        self.revoke_credentials(id).await
    }

    /// Sets the settings of a scope, which are at this version (0: there are none).
    ///
    /// # Errors
    /// When they are at another one, or the database fails.
    pub async fn put_settings(&mut self, scope: &Scope, body: &Value, version: i64) -> Result<i64, StoreError> {
        let (kind, id) = scope.key();
        let row = sqlx::query("SELECT version FROM settings WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(&id)
            .fetch_optional(&mut *self.tx)
            .await?;
        let is: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
        if is != version {
            return Err(StoreError::Stale { what: format!("the settings of {kind} {}", id.replace('\n', "/")), is });
        }
        let statement = "INSERT INTO settings (kind, id, body, version) VALUES ($1, $2, $3, $4) \
                         ON CONFLICT (kind, id) DO UPDATE SET body = $3, version = $4";
        sqlx::query(statement).bind(kind).bind(id).bind(text(body)?).bind(version + 1).execute(&mut *self.tx).await?;
        Ok(version + 1)
    }

    /// The number of the next integration.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn integration_number(&mut self) -> Result<i64, StoreError> {
        self.number("integrations").await
    }

    /// Adds an integration.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_integration(&mut self, tenant: &str, cluster: &str, integration: &Integration) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO integrations (id, tenant, cluster, body, version, created) VALUES ($1, $2, $3, $4, 1, $5)")
            .bind(integration.id)
            .bind(tenant)
            .bind(cluster)
            .bind(text(integration)?)
            .bind(now())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Changes an integration that is at this version.
    ///
    /// # Errors
    /// When it is at another one, or the database fails.
    pub async fn update_integration(&mut self, integration: &Integration, version: i64) -> Result<i64, StoreError> {
        let done = sqlx::query("UPDATE integrations SET body = $1, version = version + 1 WHERE id = $2 AND version = $3")
            .bind(text(integration)?)
            .bind(integration.id)
            .bind(version)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 1 {
            return Ok(version + 1);
        }
        let row = sqlx::query("SELECT version FROM integrations WHERE id = $1")
            .bind(integration.id)
            .fetch_optional(&mut *self.tx)
            .await?;
        let what = format!("integration {}", integration.id);
        Err(match row {
            None => StoreError::Missing(what),
            Some(row) => StoreError::Stale { what, is: row.try_get(0)? },
        })
    }

    /// Removes an integration.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn remove_integration(&mut self, tenant: &str, cluster: &str, id: i64) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM integrations WHERE tenant = $1 AND cluster = $2 AND id = $3")
            .bind(tenant)
            .bind(cluster)
            .bind(id)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::Missing(format!("integration {id}"))) } else { Ok(()) }
    }

    /// Adds a version of the profile, which holds for nobody yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_profile(&mut self, profile: &Profile, author: &str) -> Result<i64, StoreError> {
        let version = self.number("profiles").await?;
        sqlx::query("INSERT INTO profiles (version, body, created, author) VALUES ($1, $2, $3, $4)")
            .bind(version)
            .bind(text(profile)?)
            .bind(now())
            .bind(author)
            .execute(&mut *self.tx)
            .await?;
        Ok(version)
    }

    /// A version of the profile holds from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_profile(&mut self, version: i64) -> Result<(), StoreError> {
        let statement = "INSERT INTO released (number, version, created) \
                         VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM released), $1, $2)";
        sqlx::query(statement).bind(version).bind(now()).execute(&mut *self.tx).await?;
        Ok(())
    }
}

fn versioned<T: DeserializeOwned>(row: &AnyRow) -> Result<Versioned<T>, StoreError> {
    let body: String = row.try_get(1)?;
    let body = serde_json::from_str(&body).map_err(|error| StoreError::Malformed("an entry", error))?;
    Ok(Versioned { version: row.try_get(0)?, body })
}

fn text<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Malformed("an entry", error))
}
