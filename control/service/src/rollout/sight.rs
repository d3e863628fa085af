//! How it stands with a server, as far as that counts in a rollout.

use super::figures::Figures;
use super::judge::{Proof, Sight};
use super::plan::Gates;
use crate::app::App;
use crate::standing::standing;
use crate::watch::Data;
use warren_fleet::Server;
use warren_store::StoreError;

/// What is known of a server now.
pub(super) async fn sight(app: &App, server: &Server, gates: &Gates) -> Result<Sight, StoreError> {
    let client = app.store.clients_of(&server.id).await?.into_iter().next();
    let desired = app.store.desired(&server.id).await?;
    let standing = standing(app, server, client.as_ref(), desired.as_ref());
    let interval = desired.map_or(0, |desired| app.freshness.interval(desired.sample_interval, desired.bus_interval));
    let data = match (app.freshness.answers(), standing.data) {
        (None, _) => Proof::Unasked,
        _ if interval == 0 || !gates.data => Proof::Unasked,
        (Some(false), _) => Proof::Unknown,
        (Some(true), Data::Stale | Data::Absent) => Proof::Lacking { interval },
        (Some(true), Data::Fresh | Data::Unknown) => Proof::Arrives { newest: standing.newest.unwrap_or(0), interval },
    };
    Ok(Sight {
        connected: standing.link == "connected",
        stopped: standing.link == "stopped",
        config: standing.config,
        well: !matches!(standing.health, "degraded" | "unhealthy"),
        reason: standing.reason,
        data,
        figures: client.as_ref().and_then(|client| Figures::told(&client.health)),
    })
}
