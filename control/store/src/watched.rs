//! Servers whose data is to arrive.

use crate::database::Store;
use crate::error::StoreError;
use sqlx::Row;
use warren_fleet::Server;

/// A server whose data is to arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Its id.
    pub id: String,
    /// The name that its data carries.
    pub name: String,
    /// Provider and region.
    pub region: String,
    /// Milliseconds between two samples at the common store; zero if none are to arrive there.
    pub interval: i64,
    /// The same at the bus.
    pub bus: i64,
    /// Since when it is to run what it is to run, in milliseconds since 1970.
    pub since: i64,
}

impl Watched {
    /// A server with what it is to run.
    pub fn new(server: &Server, (interval, bus): (i64, i64), since: i64) -> Self {
        let region = format!("{}::{}", server.provider, server.region);
        Self { id: server.id.clone(), name: server.name.clone(), region, interval, bus, since }
    }
}

impl Store {
    /// All servers that have something to run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn watched(&self) -> Result<Vec<Watched>, StoreError> {
        let statement = "SELECT s.body, d.sample_interval, d.bus_interval, d.created FROM servers s JOIN desired d ON d.server = s.id \
                         WHERE d.number = (SELECT MAX(n.number) FROM desired n WHERE n.server = s.id)";
        let rows = sqlx::query(statement).fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let body: String = row.try_get(0)?;
                let server: Server = serde_json::from_str(&body).map_err(|error| StoreError::Malformed("a server", error))?;
                Ok(Watched::new(&server, (row.try_get(1)?, row.try_get(2)?), row.try_get(3)?))
            })
            .collect()
    }
}
