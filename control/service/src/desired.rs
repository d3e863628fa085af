//! What a server is to run: made of what is known, checked by the collector's own validator, and kept when it is new.

use crate::app::{App, hex};
use crate::problem::Problem;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;
use warren_component::Factories;
use warren_fleet::{
    Fault, Input, Integration, Layer, Profile, Rendered, SecretRef, Server, Settings, render, reveal, settings_of,
};
use warren_store::{Change, Desired, Scope, StoreError, Versioned};

/// Secrets whose names begin so are the operator's; others are the tenant's.
pub(crate) const FLEET_SECRETS: &str = "fleet/";

/// The tenant that the operator's own secrets are kept under.
pub(crate) const OPERATOR: &str = "";

/// Servers looked at in one go; few in tests, so that there are several pages.
pub(crate) const PAGE: i64 = if cfg!(test) { 2 } else { 500 };

/// What collectors have.
pub(crate) struct Exporters {
    factories: Factories,
    kinds: BTreeSet<&'static str>,
}

impl Exporters {
    pub(crate) fn of_the_distribution() -> Self {
        let factories = warren_distribution_full::FACTORIES;
        Self { factories, kinds: factories.exporters.iter().map(|factory| factory.kind).collect() }
    }

    /// Whether collectors have a type of exporter.
    pub(crate) fn has(&self, kind: &str) -> bool {
        self.kinds.contains(kind)
    }
}

/// What a server's configuration is made of.
pub(crate) struct Inputs {
    pub(crate) server: Server,
    pub(crate) profile: Profile,
    pub(crate) profile_version: i64,
    pub(crate) layers: Vec<Layer>,
    pub(crate) integrations: Vec<Integration>,
}

impl Inputs {
    /// As they are in the store.
    pub(crate) async fn of(app: &App, server: Server) -> Result<Self, StoreError> {
        let profile = app.store.profile_of(&server.id).await?;
        let mut layers = Self::layers(app, &server.tenant, &server.cluster).await?;
        layers.extend(layer("server", app.store.settings(&Scope::Server(server.id.clone())).await?.body));
        layers.extend(Self::emergencies(app, &server).await?);
        let integrations = app.store.integrations(&server.tenant, &server.cluster).await?;
        let integrations = integrations.into_iter().map(|integration| integration.body).collect();
        Ok(Self { server, profile: profile.body, profile_version: profile.version, layers, integrations })
    }

    /// What a tenant and a cluster say.
    pub(crate) async fn layers(app: &App, tenant: &str, cluster: &str) -> Result<Vec<Layer>, StoreError> {
        let mut layers = Vec::new();
        let of_cluster = Scope::Cluster(tenant.to_owned(), cluster.to_owned());
        for (origin, scope) in [("tenant", Scope::Tenant(tenant.to_owned())), ("cluster", of_cluster)] {
            layers.extend(layer(origin, app.store.settings(&scope).await?.body));
        }
        Ok(layers)
    }

    /// What holds for a server in an emergency.
    pub(crate) async fn emergencies(app: &App, server: &Server) -> Result<Vec<Layer>, StoreError> {
        let current = app.store.current_emergencies().await?;
        Ok(current.iter().filter(|known| known.holds() && known.when.fits(server)).map(crate::emergency::layer).collect())
    }

    /// The same with another version of the profile.
    pub(crate) fn with_profile(self, profile: Versioned<Profile>) -> Self {
        Self { profile: profile.body, profile_version: profile.version, ..self }
    }

    /// The same with other settings of a scope.
    pub(crate) fn with_settings(mut self, origin: &str, body: Value) -> Self {
        let order = ["tenant", "cluster", "server"];
        let rank = |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
        self.layers.retain(|layer| layer.origin != origin);
        self.layers.extend(layer(origin, body));
        self.layers.sort_by_key(|layer| rank(&layer.origin));
        self
    }

    /// The settings alone.
    pub(crate) fn settings(&self) -> Result<Settings, Vec<Fault>> {
        settings_of(&self.server, &self.profile, &self.layers)
    }

    /// The configuration, if it is one that could run.
    pub(crate) fn configuration(&self, app: &App) -> Result<Rendered, Vec<Fault>> {
        let began = Instant::now();
        let exporters = |kind: &str| app.exporters.has(kind);
        let input = Input {
            server: &self.server,
            profile: &self.profile,
            layers: &self.layers,
            integrations: &self.integrations,
            exporters: &exporters,
        };
        let rendered = render(&input).and_then(|rendered| {
            let pipelines = serde_json::from_str::<Value>(&rendered.body).unwrap_or_default();
            if pipelines.pointer("/service/pipelines").is_none() {
                let message = "nothing is to be collected: give the profile a destination, or the cluster an integration";
                return Err(vec![Fault::new("/service/pipelines", message)]);
            }
            let findings = warren_service::check(&rendered.body, &app.exporters.factories);
            let faults: Vec<Fault> =
                findings.errors().map(|finding| Fault::new(finding.pointer.clone(), finding.message.clone())).collect();
            if faults.is_empty() { Ok(rendered) } else { Err(faults) }
        });
        app.figures.renders.observe(began.elapsed().as_secs_f64());
        if rendered.is_err() {
            app.figures.faults.add(1);
        }
        rendered
    }
}

fn layer(origin: &str, body: Value) -> Option<Layer> {
    let part = |key: &str| body.get(key).cloned().unwrap_or(Value::Null);
    let layer = Layer { origin: origin.to_owned(), settings: part("settings"), config: part("config") };
    (!layer.settings.is_null() || !layer.config.is_null()).then_some(layer)
}

/// Keeps a server's configuration if it is another than before.
pub(crate) async fn keep(
    app: &App,
    change: &mut Change,
    inputs: &Inputs,
    rendered: &Rendered,
    cause: &str,
) -> Result<bool, StoreError> {
    let before = app.store.desired(&inputs.server.id).await?;
    // Not by the hash: what is to be tried again has another one, and is the same.
    if before.is_some_and(|before| before.body == rendered.body) {
        return Ok(false);
    }
    change.put_desired(&inputs.server.id, &made_of(inputs, rendered, &rendered.hash, cause)).await?;
    Ok(true)
}

/// What was made, as it is kept.
pub(crate) fn made_of(inputs: &Inputs, rendered: &Rendered, hash: &[u8], cause: &str) -> Desired {
    Desired {
        hash: hex(hash),
        sample_interval: sample_interval(rendered),
        body: rendered.body.clone(),
        provenance: serde_json::to_value(&rendered.provenance).unwrap_or_default(),
        profile: inputs.profile_version,
        cause: cause.to_owned(),
        ..Desired::default()
    }
}

/// A hash for what was made that its server has not seen yet. A collector never takes the same hash again: the attempt is part of it.
pub(crate) async fn attempt(app: &App, server: &str, rendered: &Rendered) -> Result<Vec<u8>, StoreError> {
    let attempt = app.store.desired(server).await?.map_or(0, |desired| desired.number) + 1;
    Ok(warren_opamp::Hash::default().with(&rendered.hash).with(&attempt.to_be_bytes()).finish())
}

/// Milliseconds between two samples at the common store; zero if none go there.
fn sample_interval(rendered: &Rendered) -> i64 {
    let there = rendered.settings.destinations.mimir.is_some();
    let interval = warren_config::parse_prometheus(&rendered.settings.scrape.interval).ok().filter(|_| there);
    interval.and_then(|interval| i64::try_from(interval.as_millis()).ok()).unwrap_or(0)
}

/// Makes the configuration of a server as it will be, and keeps it if it is another than before.
///
/// # Errors
/// Everything that is wrong with it; nothing is to be changed then.
pub(crate) async fn remake(app: &App, change: &mut Change, inputs: &Inputs, cause: &str) -> Result<bool, Problem> {
    let rendered = inputs.configuration(app).map_err(|faults| Problem::faults(faults).of_server(&inputs.server.id))?;
    Ok(keep(app, change, inputs, &rendered, cause).await?)
}

/// The same for all servers, or those of a tenant and a cluster, with something that is not in the store yet; tells who has something new.
pub(crate) async fn remake_all(
    app: &App,
    change: &mut Change,
    (tenant, cluster): (Option<&str>, Option<&str>),
    cause: &str,
    with: impl Fn(Inputs) -> Inputs,
) -> Result<Vec<String>, Problem> {
    let (mut remade, mut after) = (Vec::new(), String::new());
    loop {
        let servers = app.store.servers(tenant, cluster, &after, PAGE).await?;
        let Some(last) = servers.last() else { return Ok(remade) };
        after.clone_from(&last.body.id);
        for server in servers {
            let inputs = with(Inputs::of(app, server.body).await?);
            if remake(app, change, &inputs, cause).await? {
                remade.push(inputs.server.id);
            }
        }
    }
}

/// The secrets that a configuration refers to.
pub(crate) fn wanted(body: &str) -> BTreeSet<SecretRef> {
    let wanted = std::cell::RefCell::new(BTreeSet::new());
    let _ = reveal(body, &|secret| {
        wanted.borrow_mut().insert(secret.clone());
        Some(String::new())
    });
    wanted.into_inner()
}

/// A configuration's text as the collector gets it: with its secrets.
pub(crate) async fn revealed(app: &App, server: &Server, body: &str) -> Result<String, Problem> {
    let (fleet, own): (Vec<SecretRef>, Vec<SecretRef>) =
        wanted(body).into_iter().partition(|secret| secret.name.starts_with(FLEET_SECRETS));
    let mut found = app.store.secrets(OPERATOR, &fleet).await?;
    found.extend(app.store.secrets(&server.tenant, &own).await?);
    reveal(body, &|secret| found.get(secret).cloned()).map_err(|unknown| Problem::bad(unknown.to_string()))
}
