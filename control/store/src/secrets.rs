//! Secrets, in versions.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use crate::keys::{KEY_BYTES, MasterKey, random};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::collections::HashMap;
use utoipa::ToSchema;
use warren_fleet::SecretRef;

/// What may be said of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretInfo {
    /// Its name.
    pub name: String,
    /// Its newest version.
    pub version: i64,
    /// Its last characters, if it is long enough to show them.
    pub last4: String,
    /// Milliseconds since 1970.
    pub updated: i64,
}

impl Change {
    /// Stores a new version of a secret.
    ///
    /// # Errors
    /// When the database fails, or the tenant's key cannot be opened.
    pub async fn put_secret(&mut self, tenant: &str, name: &str, value: &str) -> Result<SecretRef, StoreError> {
        let key = self.data_key(tenant).await?;
        let row = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM secrets WHERE tenant = $1 AND name = $2")
            .bind(tenant)
            .bind(name)
            .fetch_one(&mut *self.tx)
            .await?;
        let version = row.try_get::<i64, _>(0)? + 1;
        let secret = SecretRef { name: name.to_owned(), version };
        let sealed =
            key.seal(&purpose(tenant, &secret), value.as_bytes()).ok_or_else(|| StoreError::Sealed(secret.to_string()))?;
        let shown = value.chars().count() >= 16;
        let last4: String = value.chars().rev().take(4).filter(|_| shown).collect::<Vec<_>>().into_iter().rev().collect();
        sqlx::query("INSERT INTO secrets (tenant, name, version, sealed, last4, updated) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(tenant)
            .bind(name)
            .bind(version)
            .bind(sealed)
            .bind(last4)
            .bind(now())
            .execute(&mut *self.tx)
            .await?;
        Ok(secret)
    }

    /// The key of a tenant, which is made if there is none.
    async fn data_key(&mut self, tenant: &str) -> Result<MasterKey, StoreError> {
        let sealed = || StoreError::Sealed(format!("the key of tenant {tenant:?}"));
        let row =
            sqlx::query("SELECT wrapped FROM data_keys WHERE tenant = $1").bind(tenant).fetch_optional(&mut *self.tx).await?;
        if let Some(row) = row {
            return unwrapped(&self.store.keys, tenant, &row.try_get::<Vec<u8>, _>(0)?).ok_or_else(sealed);
        }
        let key: [u8; KEY_BYTES] = random().ok_or_else(sealed)?;
        let wrapped = self.store.keys.seal(&format!("data key|{tenant}"), &key).ok_or_else(sealed)?;
        sqlx::query("INSERT INTO data_keys (tenant, wrapped) VALUES ($1, $2)")
            .bind(tenant)
            .bind(wrapped)
            .execute(&mut *self.tx)
            .await?;
        MasterKey::new(&key).ok_or_else(sealed)
    }
}

impl Store {
    /// The secrets of a tenant that are referred to.
    ///
    /// # Errors
    /// When one is missing or cannot be decrypted, or the database fails.
    pub async fn secrets(&self, tenant: &str, wanted: &[SecretRef]) -> Result<HashMap<SecretRef, String>, StoreError> {
        let mut found = HashMap::new();
        if wanted.is_empty() {
            return Ok(found);
        }
        let sealed = || StoreError::Sealed(format!("the key of tenant {tenant:?}"));
        let row = sqlx::query("SELECT wrapped FROM data_keys WHERE tenant = $1").bind(tenant).fetch_optional(&self.pool).await?;
        let row = row.ok_or_else(|| StoreError::Missing(format!("secret of tenant {tenant:?}")))?;
        let key = unwrapped(&self.keys, tenant, &row.try_get::<Vec<u8>, _>(0)?).ok_or_else(sealed)?;
        for secret in wanted {
            let row = sqlx::query("SELECT sealed FROM secrets WHERE tenant = $1 AND name = $2 AND version = $3")
                .bind(tenant)
                .bind(&secret.name)
                .bind(secret.version)
                .fetch_optional(&self.pool)
                .await?;
            let row = row.ok_or_else(|| StoreError::Missing(format!("secret {secret}")))?;
            let plain = key.open(&purpose(tenant, secret), &row.try_get::<Vec<u8>, _>(0)?);
            let text = plain.and_then(|plain| String::from_utf8(plain).ok());
            found.insert(secret.clone(), text.ok_or_else(|| StoreError::Sealed(format!("secret {secret}")))?);
        }
        Ok(found)
    }

    /// What may be said of the newest versions of a tenant's secrets.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn secret_infos(&self, tenant: &str) -> Result<Vec<SecretInfo>, StoreError> {
        let statement = "SELECT s.name, s.version, s.last4, s.updated FROM secrets s WHERE s.tenant = $1 AND s.version = \
                         (SELECT MAX(n.version) FROM secrets n WHERE n.tenant = s.tenant AND n.name = s.name) ORDER BY s.name";
        let rows = sqlx::query(statement).bind(tenant).fetch_all(&self.pool).await?;
        let info = |row: sqlx::any::AnyRow| {
            Ok(SecretInfo { name: row.try_get(0)?, version: row.try_get(1)?, last4: row.try_get(2)?, updated: row.try_get(3)? })
        };
        rows.into_iter().map(info).collect()
    }
}

pub(crate) fn unwrapped(master: &MasterKey, tenant: &str, wrapped: &[u8]) -> Option<MasterKey> {
    MasterKey::new(&master.open(&format!("data key|{tenant}"), wrapped)?)
}

/// What a secret is encrypted for: it cannot be put in another's place.
fn purpose(tenant: &str, secret: &SecretRef) -> String {
    format!("{tenant}|{secret}")
}
