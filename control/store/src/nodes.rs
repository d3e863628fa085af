//! Several control planes on one database: what one changes the others hear of, and what is to be done once is done by one of them.
//!
//! News are numbered under the lock that all writing is done under, so that nobody who asks for what came after a number misses any. On SQLite
//! there is one control plane: it hears of nothing, and has every lease.

use crate::change::Change;
use crate::database::{Store, now};
use crate::error::StoreError;
use sqlx::Row;

/// Rows of a statement.
const ROWS: usize = 200;

/// How long news are kept, in milliseconds: longer than anybody is away without starting anew.
const KEPT: i64 = 600_000;

/// Servers that something has changed of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The number of the last.
    pub number: i64,
    /// Those that others have changed.
    pub servers: Vec<String>,
}

impl Change {
    /// Tells the other nodes that something has changed of servers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_nodes(&mut self, servers: &[String]) -> Result<(), StoreError> {
        if self.store.sqlite || servers.is_empty() {
            return Ok(());
        }
        for part in servers.chunks(ROWS) {
            let count = i64::try_from(part.len()).unwrap_or(0);
            let statement = "INSERT INTO counters (name, value) VALUES ('news', $1) \
                             ON CONFLICT (name) DO UPDATE SET value = counters.value + $1 RETURNING value";
            let last: i64 = sqlx::query(statement).bind(count).fetch_one(&mut *self.tx).await?.try_get(0)?;
            let rows: Vec<String> = (0..part.len()).map(|row| format!("(${}, $1, ${}, $2)", 2 * row + 3, 2 * row + 4)).collect();
            let statement = format!("INSERT INTO news (number, node, server, at) VALUES {}", rows.join(", "));
            let mut query = sqlx::query(&statement).bind(self.store.node.to_string()).bind(now());
            for (number, server) in (last - count + 1..).zip(part) {
                query = query.bind(number).bind(server);
            }
            query.execute(&mut *self.tx).await?;
        }
        sqlx::query("DELETE FROM news WHERE at < $1").bind(now() - KEPT).execute(&mut *self.tx).await?;
        Ok(())
    }
}

impl Store {
    /// The number of the newest news.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_news(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT value FROM counters WHERE name = 'news'").fetch_optional(&self.pool).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get(0))?)
    }

    /// What others have changed since a number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn news(&self, after: i64) -> Result<News, StoreError> {
        let statement = "SELECT number, node, server FROM news WHERE number > $1 ORDER BY number";
        let mut news = News { number: after, servers: Vec::new() };
        for row in sqlx::query(statement).bind(after).fetch_all(&self.pool).await? {
            news.number = row.try_get(0)?;
            if row.try_get::<String, _>(1)? != *self.node {
                news.servers.push(row.try_get(2)?);
            }
        }
        Ok(news)
    }

    /// Whether this node is the one to do something from now on, for so many milliseconds. Whoever has a lease keeps it by asking again; after a
    /// node's end another one has it when the time is over, which is the database's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease(&self, name: &str, milliseconds: i64) -> Result<bool, StoreError> {
        if self.sqlite {
            return Ok(true);
        }
        let now = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";
        let statement = format!(
            "INSERT INTO leases (name, node, until) VALUES ($1, $2, {now} + $3) ON CONFLICT (name) DO UPDATE \
             SET node = $2, until = {now} + $3 WHERE leases.node = $2 OR leases.until < {now}"
        );
        let done = sqlx::query(&statement).bind(name).bind(self.node.to_string()).bind(milliseconds).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a lease back, so that another node need not wait for its end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release(&self, name: &str) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM leases WHERE name = $1 AND node = $2").bind(name).bind(self.node.to_string());
        statement.execute(&self.pool).await?;
        Ok(())
    }
}
