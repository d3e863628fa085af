//! Packages of collectors: which there are, which one holds, and where they have failed. Their content is kept elsewhere.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

/// Most packages that are kept.
const PACKAGES_MAX: i64 = 500;

/// A package of one version for one kind of machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Package {
    /// Its version.
    pub version: String,
    /// For which system.
    pub os: String,
    /// For which machines: `amd64`, `arm64`.
    pub arch: String,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Bytes of the content that is kept here; zero while there is none.
    pub size: u64,
    /// Where the content is had instead; empty if it is kept here.
    pub url: String,
    /// Who vouches for it: a signature of minisign.
    pub signature: String,
    /// When it was made, in seconds since 1970.
    pub built: u64,
    /// When collectors do not take it any more, in seconds since 1970.
    pub expires: u64,
    /// Whether collectors take it in the place of a newer version.
    pub allow_downgrade: bool,
    /// Who added it.
    pub author: String,
    /// Milliseconds since 1970.
    pub created: i64,
}

impl Package {
    /// Whether it can be had.
    pub fn is_there(&self) -> bool {
        self.size > 0 || !self.url.is_empty()
    }
}

/// How often a server has failed with a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageFailures {
    /// Times that somebody has seen, and wanted it to try again.
    pub forgiven: i64,
    /// Why it failed last, if nobody has.
    pub error: Option<String>,
}

impl Store {
    /// All packages, by version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn packages(&self) -> Result<Vec<Package>, StoreError> {
        let statement = "SELECT body FROM packages ORDER BY version, os, arch";
        sqlx::query(statement).fetch_all(&self.pool).await?.iter().map(package).collect()
    }

    /// The packages of a version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn packages_of(&self, version: &str) -> Result<Vec<Package>, StoreError> {
        let statement = "SELECT body FROM packages WHERE version = $1 ORDER BY os, arch";
        sqlx::query(statement).bind(version).fetch_all(&self.pool).await?.iter().map(package).collect()
    }

    /// The package with this content.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn package_with(&self, sha256: &str) -> Result<Option<Package>, StoreError> {
        let row =
            sqlx::query("SELECT body FROM packages WHERE sha256 = $1 LIMIT 1").bind(sha256).fetch_optional(&self.pool).await?;
        row.as_ref().map(package).transpose()
    }

    /// The version that holds where no rollout says otherwise; empty for what hosts came with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn released_package(&self) -> Result<String, StoreError> {
        let statement = "SELECT version FROM released_packages ORDER BY number DESC LIMIT 1";
        let row = sqlx::query(statement).fetch_optional(&self.pool).await?;
        Ok(row.map_or(Ok(String::new()), |row| row.try_get(0))?)
    }

    /// The version that a server is to have: the one that a rollout under way has given it, else the released one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn package_of(&self, server: &str) -> Result<String, StoreError> {
        match self.given_package(server).await? {
            Some(version) => Ok(version),
            None => self.released_package().await,
        }
    }

    /// Whether a version was taken back from a server.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn had_package(&self, server: &str) -> Result<bool, StoreError> {
        let statement = "SELECT t.server FROM targets t JOIN rollouts r ON r.number = t.rollout \
                         WHERE t.server = $1 AND t.state = 'rolled_back' AND r.package <> '' LIMIT 1";
        Ok(sqlx::query(statement).bind(server).fetch_optional(&self.pool).await?.is_some())
    }

    /// How often a server has failed with a package, by whatever that is known by.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn package_failures(&self, server: &str, package: &str) -> Result<PackageFailures, StoreError> {
        let statement = "SELECT error, forgiven FROM package_failures WHERE server = $1 AND package = $2 ORDER BY attempt";
        let rows = sqlx::query(statement).bind(server).bind(package).fetch_all(&self.pool).await?;
        let mut failures = PackageFailures::default();
        for row in rows {
            match row.try_get::<i64, _>(1)? {
                0 => failures.error = Some(row.try_get(0)?),
                _ => failures.forgiven += 1,
            }
        }
        Ok(failures)
    }
}

impl Change {
    /// Adds a package.
    ///
    /// # Errors
    /// When there is one for this version and machine, there are too many, or the database fails.
    pub async fn add_package(&mut self, package: &Package) -> Result<(), StoreError> {
        let count: i64 = sqlx::query("SELECT COUNT(*) FROM packages").fetch_one(&mut *self.tx).await?.try_get(0)?;
        if count >= PACKAGES_MAX {
            return Err(StoreError::Exists(format!("as many packages as there may be, {PACKAGES_MAX}; remove old ones")));
        }
        let package = Package { created: now(), ..package.clone() };
        let statement = "INSERT INTO packages (version, os, arch, sha256, body) VALUES ($1, $2, $3, $4, $5) \
                         ON CONFLICT (version, os, arch) DO NOTHING";
        let done = sqlx::query(statement)
            .bind(&package.version)
            .bind(&package.os)
            .bind(&package.arch)
            .bind(&package.sha256)
            .bind(text(&package)?)
            .execute(&mut *self.tx)
            .await?;
        match done.rows_affected() {
            0 => Err(StoreError::Exists(format!("version {} for {}/{}", package.version, package.os, package.arch))),
            _ => Ok(()),
        }
    }

    /// How it stands with a package from now on.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn put_package(&mut self, package: &Package) -> Result<(), StoreError> {
        let statement = "UPDATE packages SET body = $1 WHERE version = $2 AND os = $3 AND arch = $4 AND sha256 = $5";
        let done = sqlx::query(statement)
            .bind(text(package)?)
            .bind(&package.version)
            .bind(&package.os)
            .bind(&package.arch)
            .bind(&package.sha256)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::Missing(format!("package {}", package.version))) } else { Ok(()) }
    }

    /// Removes the packages of a version.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn remove_packages(&mut self, version: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM packages WHERE version = $1").bind(version).execute(&mut *self.tx).await?;
        if done.rows_affected() == 0 { Err(StoreError::Missing(format!("package {version:?}"))) } else { Ok(()) }
    }

    /// A version holds from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_package(&mut self, version: &str) -> Result<(), StoreError> {
        let statement = "INSERT INTO released_packages (number, version, created) \
                         VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM released_packages), $1, $2)";
        sqlx::query(statement).bind(version).bind(now()).execute(&mut *self.tx).await?;
        Ok(())
    }

    /// A server has failed with a package; tells whether that is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_package_failure(
        &mut self,
        server: &str,
        package: &str,
        attempt: i64,
        error: &str,
    ) -> Result<bool, StoreError> {
        let statement = "INSERT INTO package_failures (server, package, attempt, error, created, forgiven) VALUES ($1, $2, $3, $4, $5, 0) \
                         ON CONFLICT (server, package, attempt) DO NOTHING";
        let done = sqlx::query(statement)
            .bind(server)
            .bind(package)
            .bind(attempt)
            .bind(error)
            .bind(now())
            .execute(&mut *self.tx)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A server is to try a package again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forgive_package(&mut self, server: &str, package: &str) -> Result<(), StoreError> {
        let statement = "UPDATE package_failures SET forgiven = 1 WHERE server = $1 AND package = $2";
        sqlx::query(statement).bind(server).bind(package).execute(&mut *self.tx).await?;
        Ok(())
    }
}

fn package(row: &AnyRow) -> Result<Package, StoreError> {
    let body: String = row.try_get(0)?;
    serde_json::from_str(&body).map_err(|error| StoreError::Malformed("a package", error))
}

fn text(package: &Package) -> Result<String, StoreError> {
    serde_json::to_string(package).map_err(|error| StoreError::Malformed("a package", error))
}
