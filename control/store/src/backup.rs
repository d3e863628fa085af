//! Copies of SQLite's database, and whether one is whole.

use crate::database::Store;
use crate::error::StoreError;
use crate::secrets::unwrapped;
use sqlx::{AnyConnection, Connection, Row};
use std::path::{Path, PathBuf};

/// The file of SQLite's database at this address.
///
/// # Errors
/// When it is another kind of store.
pub fn sqlite_file(address: &str) -> Result<PathBuf, StoreError> {
    let kind = || StoreError::Address(address.split_once(':').map_or(address, |(kind, _)| kind).to_owned());
    let path = address.strip_prefix("sqlite:").and_then(|path| path.split('?').next()).ok_or_else(kind)?;
    Ok(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// Copies SQLite's database as it is at this moment, also while it is used, to a file that is not there yet.
///
/// # Errors
/// When there is no such database, or the copy cannot be written.
pub async fn copy(address: &str, to: &Path) -> Result<(), StoreError> {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite:{}?mode=rw", sqlite_file(address)?.display());
    let mut connection = AnyConnection::connect(&url).await?;
    sqlx::query("PRAGMA busy_timeout = 5000").execute(&mut connection).await?;
    sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

impl Store {
    /// Whether everything is as it was written: pages of the database, the chain of the audit log, and the keys of tenants, which have to open.
    ///
    /// # Errors
    /// What is not.
    pub async fn verify(&self) -> Result<(), StoreError> {
        if self.sqlite {
            let found: String = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&self.pool).await?.try_get(0)?;
            if found != "ok" {
                return Err(StoreError::Damaged(found));
            }
        }
        if let Some(number) = self.broken_audit().await? {
            return Err(StoreError::Damaged(format!("entry {number} of the audit log does not follow from the one before")));
        }
        for row in sqlx::query("SELECT tenant, wrapped FROM data_keys").fetch_all(&self.pool).await? {
            let (tenant, wrapped): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            unwrapped(&self.keys, &tenant, &wrapped)
                .ok_or_else(|| StoreError::Sealed(format!("the key of tenant {tenant:?}")))?;
        }
        Ok(())
    }
}
