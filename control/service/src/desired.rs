//! What a server is to run: made of what is known, checked by the collector's own validator, and kept when it is new.

use crate::app::{App, hex};
use crate::problem::Problem;
use serde_json::Value;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;
use warren_component::Factories;
use warren_fleet::{
    Fault, Input, Integration, Layer, Profile, Rendered, SecretRef, Server, Settings, render, reveal, settings_of,
};
use warren_store::{Change, Desired, Emergency, Page, Scope, StoreError, Versioned};

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
        Ok(fitting(&app.store.current_emergencies().await?, server))
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
            // A secret is a text, also within an address.
            let whole = reveal(&rendered.body, &|_| Some("secret".to_owned()));
            let findings = warren_service::check(whole.as_deref().unwrap_or(&rendered.body), &app.exporters.factories);
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

/// What emergencies say of a server.
fn fitting(emergencies: &[Emergency], server: &Server) -> Vec<Layer> {
    emergencies.iter().filter(|known| known.holds() && known.when.fits(server)).map(crate::emergency::layer).collect()
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
        sample_interval: sample_interval(rendered, rendered.settings.destinations.mimir.is_some()),
        bus_interval: sample_interval(rendered, rendered.settings.destinations.amqp.is_some()),
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

/// Milliseconds between two samples at a destination; zero if none go there.
fn sample_interval(rendered: &Rendered, there: bool) -> i64 {
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
    let (mut remade, mut after, mut common) = (Vec::new(), String::new(), Common::default());
    loop {
        let servers = app.store.servers(tenant, cluster, &after, PAGE).await?;
        let Some(last) = servers.last().map(|server| server.body.id.clone()) else { return Ok(remade) };
        let page = app.store.page(&after, &last).await?;
        let mut inputs = Vec::with_capacity(servers.len());
        for server in servers {
            inputs.push(with(common.inputs(app, server.body, &page).await?));
        }
        for (inputs, rendered) in made(app, inputs).await {
            let id = &inputs.server.id;
            let rendered = rendered.map_err(|faults| Problem::faults(faults).of_server(id))?;
            let before = page.desired.get(id);
            // Not by the hash: what is to be tried again has another one, and is the same.
            if before.is_some_and(|(_, body)| *body == rendered.body) {
                continue;
            }
            let desired = made_of(&inputs, &rendered, &rendered.hash, cause);
            change.put_desired_after(id, before.map_or(0, |(number, _)| *number), &desired).await?;
            remade.push(inputs.server.id);
        }
        after = last;
    }
}

/// Makes configurations, with all processors there are.
pub(crate) async fn made(app: &App, inputs: Vec<Inputs>) -> Vec<(Inputs, Result<Rendered, Vec<Fault>>)> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (mut inputs, mut tasks, mut made) = (inputs, Vec::new(), Vec::new());
    let part = inputs.len().div_ceil(processors).max(1);
    while !inputs.is_empty() {
        let rest = inputs.split_off(part.min(inputs.len()));
        let (app, part) = (app.clone(), std::mem::replace(&mut inputs, rest));
        tasks.push(tokio::task::spawn_blocking(move || {
            let make = |inputs: Inputs| {
                let rendered = inputs.configuration(&app);
                (inputs, rendered)
            };
            part.into_iter().map(make).collect::<Vec<_>>()
        }));
    }
    for task in tasks {
        match task.await {
            Ok(part) => made.extend(part),
            // Nobody is left out in silence.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // A task that is cut off belongs to a process that ends.
            Err(_) => {}
        }
    }
    made
}

/// What configurations of many servers have in common, each read once for all of them.
#[derive(Default)]
pub(crate) struct Common {
    profiles: HashMap<Option<i64>, Versioned<Profile>>,
    emergencies: Option<Vec<Emergency>>,
    /// These two of clusters.
    layers: HashMap<(String, String), Vec<Layer>>,
    integrations: HashMap<(String, String), Vec<Integration>>,
}

impl Common {
    /// What a server's configuration is made of, of which its own is on a page.
    pub(crate) async fn inputs(&mut self, app: &App, server: Server, page: &Page) -> Result<Inputs, StoreError> {
        let given = page.given.get(&server.id).copied();
        if let Entry::Vacant(entry) = self.profiles.entry(given) {
            entry.insert(match given {
                Some(version) => app.store.profile(version).await?,
                None => app.store.released_profile().await?,
            });
        }
        let profile = self.profiles.get(&given).cloned().unwrap_or(Versioned { version: 0, body: Profile::default() });
        let whose = (server.tenant.clone(), server.cluster.clone());
        if let Entry::Vacant(entry) = self.layers.entry(whose.clone()) {
            entry.insert(Inputs::layers(app, &whose.0, &whose.1).await?);
        }
        let mut layers = self.layers.get(&whose).cloned().unwrap_or_default();
        layers.extend(page.settings.get(&server.id).and_then(|body| layer("server", body.clone())));
        let emergencies = match self.emergencies.take() {
            Some(known) => known,
            None => app.store.current_emergencies().await?,
        };
        layers.extend(fitting(&emergencies, &server));
        self.emergencies = Some(emergencies);
        if let Entry::Vacant(entry) = self.integrations.entry(whose.clone()) {
            let known = app.store.integrations(&whose.0, &whose.1).await?;
            entry.insert(known.into_iter().map(|integration| integration.body).collect());
        }
        let integrations = self.integrations.get(&whose).cloned().unwrap_or_default();
        Ok(Inputs { server, profile: profile.body, profile_version: profile.version, layers, integrations })
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
