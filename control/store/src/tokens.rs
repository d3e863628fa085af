//! What opens doors: tokens of people and programs, enrolment tokens, credentials of collectors. Only their digests are kept.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use crate::keys::random;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::str::FromStr;
use utoipa::ToSchema;

/// What somebody may do; each may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To look.
    Viewer,
    /// To pause, resume and retry.
    Operator,
    /// To change settings and integrations.
    Editor,
    /// To start rollouts.
    Releaser,
    /// Everything.
    Admin,
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Releaser => "releaser",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Viewer, Self::Operator, Self::Editor, Self::Releaser, Self::Admin];
        let known = all.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| format!("there is no role {text:?}; use viewer, operator, editor, releaser or admin"))
    }
}

/// Whose token was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is known by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The tenant it is bound to; to none if it is empty.
    pub tenant: String,
}

/// What may be said of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    /// What it is known by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The tenant it is bound to; to none if it is empty.
    pub tenant: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// When it ends.
    pub expires: i64,
    /// When it was used last.
    pub used: i64,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// An enrolment token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// What it is known by.
    pub id: String,
    /// The server that it is for.
    pub server: String,
}

/// A token that nobody has seen yet.
///
/// # Errors
/// Without randomness.
pub fn new_token(prefix: &str) -> Result<String, StoreError> {
    let bytes: [u8; 32] = random().ok_or_else(|| StoreError::Sealed("a new token".to_owned()))?;
    Ok(format!("{prefix}{}", hex(&bytes)))
}

/// What is kept of a token.
pub fn digest(token: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, token.as_bytes()).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Change {
    /// Keeps a token of a person or program.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_token(
        &mut self,
        token: &str,
        name: &str,
        role: Role,
        tenant: &str,
        expires: i64,
    ) -> Result<TokenInfo, StoreError> {
        let id = format!("tok-{}", self.number("tokens").await?);
        let created = now();
        let statement = "INSERT INTO tokens (digest, id, name, role, tenant, created, expires, used, revoked) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)";
        sqlx::query(statement)
            .bind(digest(token))
            .bind(&id)
            .bind(name)
            .bind(role.name())
            .bind(tenant)
            .bind(created)
            .bind(expires)
            .execute(&mut *self.tx)
            .await?;
        Ok(TokenInfo { id, name: name.to_owned(), role, tenant: tenant.to_owned(), created, expires, used: 0, revoked: false })
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn revoke_token(&mut self, id: &str) -> Result<(), StoreError> {
        let done =
            sqlx::query("UPDATE tokens SET revoked = $1 WHERE id = $2").bind(now()).bind(id).execute(&mut *self.tx).await?;
        if done.rows_affected() == 0 { Err(StoreError::Missing(format!("token {id}"))) } else { Ok(()) }
    }

    /// Keeps an enrolment token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_enrolment(&mut self, token: &str, server: &str, expires: i64) -> Result<String, StoreError> {
        let id = format!("enr-{}", self.number("enrolments").await?);
        sqlx::query("INSERT INTO enrolments (digest, id, server, created, expires, used) VALUES ($1, $2, $3, $4, $5, 0)")
            .bind(digest(token))
            .bind(&id)
            .bind(server)
            .bind(now())
            .bind(expires)
            .execute(&mut *self.tx)
            .await?;
        Ok(id)
    }

    /// Keeps a credential of a server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_credential(&mut self, token: &str, server: &str) -> Result<String, StoreError> {
        let id = format!("crd-{}", self.number("credentials").await?);
        sqlx::query("INSERT INTO credentials (digest, id, server, created, used, revoked) VALUES ($1, $2, $3, $4, 0, 0)")
            .bind(digest(token))
            .bind(&id)
            .bind(server)
            .bind(now())
            .execute(&mut *self.tx)
            .await?;
        Ok(id)
    }

    /// A credential was used: the enrolment token that it was exchanged for, and credentials from before, are of no use any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_credential(&mut self, id: &str, server: &str) -> Result<(), StoreError> {
        let at = now();
        sqlx::query("UPDATE credentials SET used = $1 WHERE id = $2").bind(at).bind(id).execute(&mut *self.tx).await?;
        sqlx::query("UPDATE credentials SET revoked = $1 WHERE server = $2 AND id <> $3 AND revoked = 0")
            .bind(at)
            .bind(server)
            .bind(id)
            .execute(&mut *self.tx)
            .await?;
        sqlx::query("UPDATE enrolments SET used = $1 WHERE server = $2 AND used = 0")
            .bind(at)
            .bind(server)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Takes all credentials of a server back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_credentials(&mut self, server: &str) -> Result<(), StoreError> {
        for statement in [
            "UPDATE credentials SET revoked = $1 WHERE server = $2 AND revoked = 0",
            "UPDATE enrolments SET used = $1 WHERE server = $2 AND used = 0",
        ] {
            sqlx::query(statement).bind(now()).bind(server).execute(&mut *self.tx).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Whose token this is, if it is good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token(&self, token: &str) -> Result<Option<Token>, StoreError> {
        let statement = "SELECT id, name, role, tenant FROM tokens WHERE digest = $1 AND revoked = 0 AND expires > $2";
        let row = sqlx::query(statement).bind(digest(token)).bind(now()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let role: String = row.try_get(2)?;
        let Ok(role) = role.parse() else { return Ok(None) };
        Ok(Some(Token { id: row.try_get(0)?, name: row.try_get(1)?, role, tenant: row.try_get(3)? }))
    }

    /// All tokens, without themselves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens(&self, tenant: Option<&str>) -> Result<Vec<TokenInfo>, StoreError> {
        let statement = "SELECT id, name, role, tenant, created, expires, used, revoked FROM tokens \
                         WHERE ($1 = '' OR tenant = $1) ORDER BY created, id";
        let rows = sqlx::query(statement).bind(tenant.unwrap_or_default()).fetch_all(&self.pool).await?;
        let info = |row: sqlx::any::AnyRow| {
            let role: String = row.try_get(2)?;
            Ok(TokenInfo {
                id: row.try_get(0)?,
                name: row.try_get(1)?,
                role: role.parse().unwrap_or(Role::Viewer),
                tenant: row.try_get(3)?,
                created: row.try_get(4)?,
                expires: row.try_get(5)?,
                used: row.try_get(6)?,
                revoked: row.try_get::<i64, _>(7)? != 0,
            })
        };
        rows.into_iter().map(info).collect()
    }

    /// What an enrolment token is for, if it is good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolment(&self, token: &str) -> Result<Option<Enrolment>, StoreError> {
        let statement = "SELECT id, server FROM enrolments WHERE digest = $1 AND used = 0 AND expires > $2";
        let row = sqlx::query(statement).bind(digest(token)).bind(now()).fetch_optional(&self.pool).await?;
        row.map(|row| Ok(Enrolment { id: row.try_get(0)?, server: row.try_get(1)? })).transpose()
    }

    /// The id of a good credential, its server, and whether it was used before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credential(&self, token: &str) -> Result<Option<(String, String, bool)>, StoreError> {
        let statement = "SELECT id, server, used FROM credentials WHERE digest = $1 AND revoked = 0";
        let row = sqlx::query(statement).bind(digest(token)).fetch_optional(&self.pool).await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get::<i64, _>(2)? != 0))).transpose()
    }

    /// Whether a credential or an enrolment token, by what it is known by, is good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_good(&self, id: &str) -> Result<bool, StoreError> {
        let statement = "SELECT (SELECT COUNT(*) FROM credentials WHERE id = $1 AND revoked = 0) \
                         + (SELECT COUNT(*) FROM enrolments WHERE id = $1 AND used = 0)";
        Ok(sqlx::query(statement).bind(id).fetch_one(&self.pool).await?.try_get::<i64, _>(0)? > 0)
    }
}
