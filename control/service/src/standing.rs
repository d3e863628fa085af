//! How it stands with a server, for people and for rollouts.

use crate::app::{App, now};
use crate::watch::Data;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use warren_fleet::Server;
use warren_store::{Client, Desired, Watched};

/// How it stands with the collector of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// `connected`, `late`, `offline`, `stopped`, `never_seen`.
    pub(crate) link: &'static str,
    /// `healthy`, `degraded`, `unhealthy`, `unknown`.
    pub(crate) health: &'static str,
    /// What is wrong, in the collector's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// `none`, `waiting`, `applying`, `applied`, `failed`.
    pub(crate) config: &'static str,
    /// The version of the collector, as it says itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// What became of the version that it was offered last: `installed`, `pending`, `downloading`, `installing`, `failed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) package: String,
    /// Why that is not run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) package_error: String,
    /// Whether its data arrives where it is stored.
    pub(crate) data: Data,
    /// Of when its newest sample is, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) newest: Option<i64>,
    /// Since when its data is known not to arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<i64>,
    /// Connected, well by its own account, and its data arrives (or nobody can say).
    operational: bool,
    /// When the collector was heard of last, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
}

/// How it stands, from what the collector told and when it was heard of.
pub(crate) fn standing(app: &App, server: &Server, client: Option<&Client>, desired: Option<&Desired>) -> Standing {
    let watched = desired.map(|desired| Watched::new(server, (desired.sample_interval, desired.bus_interval), desired.created));
    let (data, newest) = watched.map_or((Data::Unknown, None), |watched| app.freshness.of(&watched));
    let silent = app.freshness.silent_since(&server.id);
    let Some(client) = client else {
        return Standing {
            link: "never_seen",
            health: "unknown",
            reason: String::new(),
            config: if desired.is_some() { "waiting" } else { "none" },
            version: String::new(),
            package: String::new(),
            package_error: String::new(),
            data,
            newest,
            silent,
            operational: false,
            seen: None,
        };
    };
    let desired = desired.map(|desired| desired.hash.as_str());
    let seen = app.hub.seen(&client.uid).unwrap_or(0).max(client.seen);
    let beat = i64::try_from(app.bounds.heartbeat).unwrap_or(30) * 1000;
    let age = now() - seen;
    let link = match age {
        _ if client.stopped => "stopped",
        age if age > (3 * beat).max(300_000) => "offline",
        age if age > 2 * beat + 10_000 => "late",
        _ if app.hub.connected(&client.uid) || age <= beat + 10_000 => "connected",
        _ => "late",
    };
    let health = match client.health.get("healthy").and_then(Value::as_bool) {
        None => "unknown",
        Some(true) => "healthy",
        Some(false) if client.health.get("status") == Some(&json!("StatusPermanentError")) => "unhealthy",
        Some(false) => "degraded",
    };
    let config = match desired {
        None => "none",
        Some(hash) if hash != client.config_hash => "waiting",
        Some(_) => match client.config_status.as_str() {
            "applied" => "applied",
            "failed" => "failed",
            _ => "applying",
        },
    };
    let told = client.health.get("error").and_then(Value::as_str).unwrap_or_default();
    let reason = if config == "failed" { client.config_error.clone() } else { told.to_owned() };
    let operational = link == "connected" && health == "healthy" && !matches!(data, Data::Stale | Data::Absent);
    let said = client.description.pointer("/identifying/service.version").and_then(Value::as_str).unwrap_or_default();
    let version = if client.package.version.is_empty() { said } else { &client.package.version };
    Standing {
        link,
        health,
        reason,
        config,
        version: version.to_owned(),
        package: client.package.status.clone(),
        package_error: client.package.error.clone(),
        data,
        newest,
        silent,
        operational,
        seen: Some(seen),
    }
}
