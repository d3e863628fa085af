//! Adoption of servers whose collectors run with configurations of another's making.
//!
//! ```text
//! configurations ─▶ read ─▶ profile of what all have in common, if there is none yet
//!                     └───▶ by cluster: integrations get numbers ─▶ fit ─▶ render, check ─▶ servers, settings, secrets: kept together
//! ```

use super::body::{Json, Trial};
use crate::app::App;
use crate::auth::Caller;
use crate::desired::{Inputs, OPERATOR, keep, remake_all, wanted};
use crate::problem::Problem;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use warren_fleet::adopt::{Gap, Note, Read, Vault, Vaults, common, difference, read};
use warren_fleet::{Fault, Integration, Layer, Overlay, Profile, SecretRef, Selector, Server, Settings, laid_over, own_metrics};
use warren_store::{Change, Entry, Role, Scope, Versioned};

/// The largest request.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// The label of servers whose collector runs beside another, and its value then.
const BESIDE: (&str, &str) = ("adoption", "beside");

/// The port of a collector's own metrics while it runs beside another.
const BESIDE_PORT: u16 = 8898;

/// Types of extensions that listen, which two collectors on one machine cannot do on the same port.
const LISTENING: [&str; 4] = ["health_check", "pprof", "zpages", "remotetap"];

/// What is to be adopted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The servers.
    servers: Vec<Running>,
    /// Whether integrations that this build of the collector has no exporter for are kept switched off; otherwise their servers are refused.
    #[serde(default)]
    partial: bool,
    /// Whether the collectors are to run beside the others at first: servers get the label `adoption=beside`, for which an overlay of the profile
    /// keeps them from sending what the others send.
    #[serde(default)]
    beside: bool,
    /// A merge patch of that overlay (`settings`, `config`).
    #[serde(default)]
    #[schema(value_type = Object)]
    overlay: Value,
}

/// A server and what its collector runs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Running {
    /// What is known of it; what is empty is looked for in the configuration.
    server: Server,
    /// The configuration of its collector.
    #[schema(value_type = Object)]
    config: Value,
}

/// What came of a server.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Settings and integrations say all of it.
    Full,
    /// Parts of it are carried over as a patch.
    Patch,
    /// It is not adopted.
    Refused,
    /// It is registered already.
    Exists,
}

/// A server in the report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Told {
    server: Server,
    outcome: Outcome,
    /// What no setting can say; carried over as it is.
    gaps: Vec<Gap>,
    /// What will be otherwise.
    notes: Vec<Note>,
    /// Why it is not adopted.
    faults: Vec<Fault>,
    /// Its settings, besides what the profile says.
    #[schema(value_type = Object)]
    settings: Value,
    /// The patch of its configuration.
    #[schema(value_type = Object)]
    config: Value,
    /// The integrations it sends to, by kind.
    integrations: Vec<String>,
    /// Secrets that were found in clear, by the names that they are stored under.
    secrets: Vec<String>,
}

/// Adopts servers: reads what their collectors run, registers them with settings, integrations and secrets that say the same, and tells what
/// will be otherwise. A cluster is adopted as a whole or not at all.
#[utoipa::path(post, path = "/api/v1/adoptions", params(Trial), request_body = Wanted, responses((status = 200, body = Value)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(body): Json<Wanted>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let mut adoption = Adoption::begin(&app, &body).await?;
    let mut told = Vec::new();
    let mut clusters: BTreeMap<(String, String), Vec<Read>> = BTreeMap::new();
    for running in &body.servers {
        match adoption.read(running).await? {
            Ok(read) => clusters.entry((read.server.tenant.clone(), read.server.cluster.clone())).or_default().push(read),
            Err(refused) => told.push(refused),
        }
    }
    let all: Vec<&Read> = clusters.values().flatten().collect();
    let made = adoption.profile(&all, &body).await?;
    for ((tenant, cluster), servers) in clusters {
        told.extend(adoption.cluster(&tenant, &cluster, servers, body.partial).await?);
    }
    told.sort_by(|one, other| one.server.id.cmp(&other.server.id));
    let count = |wanted: fn(&Outcome) -> bool| told.iter().filter(|told| wanted(&told.outcome)).count();
    let summary = json!({
        "full": count(|outcome| matches!(outcome, Outcome::Full)), "patch": count(|outcome| matches!(outcome, Outcome::Patch)),
        "refused": count(|outcome| matches!(outcome, Outcome::Refused)), "exists": count(|outcome| matches!(outcome, Outcome::Exists)),
        "profile": made,
    });
    if !trial.dry_run {
        adoption.change.tell_nodes(&adoption.remade).await?;
        adoption.change.commit(&caller.actor(), &adoption.entries).await?;
        app.wake(&adoption.remade);
    }
    Ok((StatusCode::OK, axum::Json(json!({"items": told, "summary": summary}))).into_response())
}

struct Adoption {
    app: App,
    change: Change,
    entries: Vec<Entry>,
    profile: Versioned<Profile>,
    fleet: Vault,
    /// Secrets of tenants.
    own: BTreeMap<String, Vault>,
    /// Secrets that are not stored yet, by owner.
    unstored: BTreeMap<(String, SecretRef), String>,
    ids: BTreeSet<String>,
    /// Servers that were there before, and have something else to run now.
    remade: Vec<String>,
    beside: bool,
}

impl Adoption {
    async fn begin(app: &App, wanted: &Wanted) -> Result<Self, Problem> {
        let change = app.store.begin().await?;
        let profile = app.store.released_profile().await?;
        Ok(Self {
            app: app.clone(),
            change,
            entries: Vec::new(),
            profile,
            fleet: vault(app, OPERATOR).await?,
            own: BTreeMap::new(),
            unstored: BTreeMap::new(),
            ids: BTreeSet::new(),
            remade: Vec::new(),
            beside: wanted.beside,
        })
    }

    /// What a server's configuration says, or why it cannot be adopted.
    async fn read(&mut self, running: &Running) -> Result<Result<Read, Told>, Problem> {
        let mut server = running.server.clone();
        if self.beside {
            server.labels.insert(BESIDE.0.to_owned(), BESIDE.1.to_owned());
        }
        let refused = |outcome: Outcome, faults: Vec<Fault>| Ok(Err(Told { faults, ..untold(&server, outcome) }));
        if !self.ids.insert(server.id.clone()) {
            return refused(Outcome::Refused, vec![Fault::new("/id", "there are two servers of this id")]);
        }
        match self.app.store.server(&server.id).await {
            Ok(_) => return refused(Outcome::Exists, Vec::new()),
            Err(warren_store::StoreError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let own = match self.own.remove(&server.tenant) {
            Some(own) => own,
            None => vault(&self.app, &server.tenant).await?,
        };
        let mut vaults = Vaults { fleet: std::mem::take(&mut self.fleet), own };
        let read = read(&running.config, &server, &mut vaults);
        for (owner, vault) in [(OPERATOR, &mut vaults.fleet), (server.tenant.as_str(), &mut vaults.own)] {
            let taken = vault.taken().into_iter().map(|(secret, value)| ((owner.to_owned(), secret), value));
            self.unstored.extend(taken);
        }
        self.fleet = vaults.fleet;
        self.own.insert(server.tenant.clone(), vaults.own);
        let read = read.and_then(|read| super::servers::check(&read.server).map(|()| read).map_err(|problem| problem.errors));
        match read {
            Ok(read) => Ok(Ok(read)),
            Err(faults) => refused(Outcome::Refused, faults),
        }
    }

    /// Makes a profile of what all servers have in common, where there is none; and has one say what holds beside another collector.
    async fn profile(&mut self, servers: &[&Read], wanted: &Wanted) -> Result<Value, Problem> {
        let settings = |settings: &Settings| serde_json::to_value(settings).unwrap_or_default();
        let usual = settings(&Settings::default());
        let mut extensions = BTreeSet::new();
        let mut said = Vec::new();
        for server in servers {
            said.push(difference(&usual, &settings(&server.settings)));
            extensions.extend(server.settings.extensions.keys().cloned());
        }
        let mut profile = self.profile.body.clone();
        let shared = common(&said);
        if self.profile.version == 0 && !shared.is_null() {
            profile.overlays.push(Overlay { name: "base".to_owned(), settings: shared, ..Overlay::default() });
        }
        let selects = |overlay: &Overlay| overlay.when.labels.get(BESIDE.0).is_some_and(|value| value == BESIDE.1);
        if wanted.beside && !profile.overlays.iter().any(selects) {
            let mut overlay = beside(&extensions, &wanted.overlay);
            if !wanted.overlay.is_null() {
                // A `null` is to stay: it takes something away.
                laid_over(&mut overlay, &wanted.overlay);
            }
            let part = |key: &str| overlay.get(key).cloned().unwrap_or_default();
            profile.overlays.push(Overlay {
                name: BESIDE.1.to_owned(),
                when: Selector { labels: BTreeMap::from([(BESIDE.0.to_owned(), BESIDE.1.to_owned())]), ..Selector::default() },
                settings: part("settings"),
                config: part("config"),
                over: true,
            });
        }
        if profile == self.profile.body {
            return Ok(Value::Null);
        }
        if self.app.store.active_rollout().await?.is_some() {
            return Err(Problem::new(StatusCode::CONFLICT, "a rollout is under way: abort it first, or let it end"));
        }
        let version = self.change.add_profile(&profile, "adoption").await?;
        self.change.release_profile(version).await?;
        self.store(&json!(profile).to_string(), OPERATOR).await?;
        let shown = json!({"version": version, "body": profile});
        self.entries.push(Entry::new("", "profile.create", format!("profile/{version}"), json!({"version": version})));
        self.profile = Versioned { version, body: profile };
        // Before anybody is registered: what is read here was there.
        let with = |known: Inputs| known.with_profile(self.profile.clone());
        self.remade = remake_all(&self.app, &mut self.change, (None, None), &format!("profile {version}"), with).await?;
        Ok(shown)
    }

    /// Adopts the servers of a cluster, or none of them.
    async fn cluster(&mut self, tenant: &str, cluster: &str, servers: Vec<Read>, partial: bool) -> Result<Vec<Told>, Problem> {
        let app = self.app.clone();
        let mut integrations: Vec<Integration> =
            app.store.integrations(tenant, cluster).await?.into_iter().map(|known| known.body).collect();
        let before: Vec<i64> = integrations.iter().map(|integration| integration.id).collect();
        let populated = !cluster.is_empty() && !self.app.store.servers(Some(tenant), Some(cluster), "", 1).await?.is_empty();
        let mut done = Vec::new();
        for mut read in servers {
            let mut faults = Vec::new();
            let mut gaps = Vec::new();
            for integration in &mut read.integrations {
                let pointer = format!("/exporters ({})", integration.destination.exporter());
                if !self.app.exporters.has(integration.destination.exporter()) {
                    integration.enabled = false;
                    let message = format!(
                        "this build of the collector has no exporter {:?}; the integration is kept, switched off",
                        integration.destination.exporter()
                    );
                    if partial {
                        gaps.push(Gap { pointer: pointer.clone(), message });
                    } else {
                        faults.push(Fault::new(pointer.clone(), message.replace("; the integration is kept, switched off", "")));
                    }
                }
                match integrations.iter().find(|known| Integration { id: integration.id, ..(*known).clone() } == *integration) {
                    Some(known) => integration.id = known.id,
                    None if populated => {
                        let message =
                            "the other servers of its cluster do not send there; add the integration to the cluster first";
                        faults.push(Fault::new(pointer, message));
                    }
                    None => {
                        integration.id = self.change.integration_number().await?;
                        integrations.push(integration.clone());
                    }
                }
            }
            done.push((read, faults, gaps));
        }
        let layers = Inputs::layers(&self.app, tenant, cluster).await?;
        let mut told = Vec::new();
        let mut made = Vec::new();
        for (read, mut faults, gaps) in done {
            let fitted = if faults.is_empty() {
                read.fit(&self.profile.body, &layers, &integrations, &|kind| app.exporters.has(kind))
            } else {
                Err(Vec::new())
            };
            let mut item = Told { notes: read.notes.clone(), gaps, ..untold(&read.server, Outcome::Full) };
            item.integrations = read
                .integrations
                .iter()
                .filter_map(|known| Some(json!(known.destination).get("kind")?.as_str()?.to_owned()))
                .collect();
            match fitted {
                Ok(adopted) => {
                    item.gaps.extend(adopted.gaps);
                    item.outcome = if item.gaps.is_empty() { Outcome::Full } else { Outcome::Patch };
                    (item.settings, item.config) = (adopted.settings, adopted.config);
                    let inputs = inputs(&app, &self.profile, &layers, &item, &integrations).await?;
                    match inputs.configuration(&app) {
                        Ok(rendered) => made.push((inputs, rendered)),
                        Err(found) => faults.extend(found),
                    }
                }
                Err(found) => faults.extend(found),
            }
            if !faults.is_empty() {
                item.outcome = Outcome::Refused;
                item.faults = faults;
            }
            told.push(item);
        }
        if told.iter().any(|item| matches!(item.outcome, Outcome::Refused)) {
            for item in told.iter_mut().filter(|item| !matches!(item.outcome, Outcome::Refused)) {
                item.outcome = Outcome::Refused;
                item.faults.push(Fault::new("/cluster", "another server of its cluster cannot be adopted"));
            }
            return Ok(told);
        }
        for integration in integrations.iter().filter(|integration| !before.contains(&integration.id)) {
            self.change.add_integration(tenant, cluster, integration).await?;
            self.store(&json!(integration).to_string(), tenant).await?;
        }
        for (item, (inputs, rendered)) in told.iter_mut().zip(made) {
            let id = item.server.id.clone();
            let body = json!({"settings": item.settings, "config": item.config});
            item.secrets = self.store(&rendered.body, tenant).await?;
            item.secrets.extend(self.store(&body.to_string(), tenant).await?);
            self.change.add_server(&item.server).await?;
            if !item.settings.is_null() || !item.config.is_null() {
                self.change.put_settings(&Scope::Server(id.clone()), &body, 0).await?;
            }
            keep(&self.app, &mut self.change, &inputs, &rendered, "the server was adopted").await?;
            let detail = json!({"after": item.server, "settings": body, "gaps": item.gaps});
            self.entries.push(Entry::new(tenant, "server.adopt", format!("servers/{id}"), detail));
        }
        Ok(told)
    }

    /// Stores those secrets that a text refers to and that are not stored yet; tells their names.
    async fn store(&mut self, text: &str, tenant: &str) -> Result<Vec<String>, Problem> {
        let mut names = Vec::new();
        let referred: BTreeSet<SecretRef> = wanted(text).into_iter().chain(plainly(text)).collect();
        for secret in referred {
            for owner in [OPERATOR, tenant] {
                if let Some(value) = self.unstored.remove(&(owner.to_owned(), secret.clone())) {
                    self.change.put_secret(owner, &secret.name, &value).await?;
                    names.push(secret.name.clone());
                }
            }
        }
        Ok(names)
    }
}

/// What the configuration of a server that was read is made of.
async fn inputs(
    app: &App,
    profile: &Versioned<Profile>,
    layers: &[Layer],
    item: &Told,
    integrations: &[Integration],
) -> Result<Inputs, Problem> {
    let mut layers = layers.to_vec();
    layers.push(Layer { origin: "server".to_owned(), settings: item.settings.clone(), config: item.config.clone() });
    layers.extend(Inputs::emergencies(app, &item.server).await?);
    Ok(Inputs {
        server: item.server.clone(),
        profile: profile.body.clone(),
        profile_version: profile.version,
        layers,
        integrations: integrations.to_vec(),
    })
}

/// Secrets that settings and integrations refer to: texts of JSON that are nothing but a reference.
fn plainly(text: &str) -> Vec<SecretRef> {
    fn collect(value: &Value, found: &mut Vec<SecretRef>) {
        match value {
            Value::String(text) => found.extend(text.parse::<SecretRef>().ok()),
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            Value::Object(map) => map.values().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(text).unwrap_or_default(), &mut found);
    found
}

/// The newest secrets of an owner, by value.
async fn vault(app: &App, owner: &str) -> Result<Vault, Problem> {
    let infos = app.store.secret_infos(owner).await?;
    let newest: Vec<SecretRef> = infos.into_iter().map(|info| SecretRef { name: info.name, version: info.version }).collect();
    Ok(Vault::new(app.store.secrets(owner, &newest).await?))
}

fn untold(server: &Server, outcome: Outcome) -> Told {
    Told {
        server: server.clone(),
        outcome,
        gaps: Vec::new(),
        notes: Vec::new(),
        faults: Vec::new(),
        settings: Value::Null,
        config: Value::Null,
        integrations: Vec::new(),
        secrets: Vec::new(),
    }
}

/// What keeps a collector from doing what another on the same machine does: series have a label more, nothing else is sent anywhere, and nothing
/// listens where the other does. Its own metrics are on a port of their own, also where the configuration of a server names one.
fn beside(extensions: &BTreeSet<String>, wanted: &Value) -> Value {
    let port = wanted.pointer("/settings/telemetry_port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let port = port.unwrap_or(BESIDE_PORT);
    let mut settings = json!({
        "telemetry_port": port,
        "tags": {"collector": "warren"},
        "destinations": {"amqp": null, "loki": null},
        "direct_access": {"enabled": false},
        "integrations": {"enabled": false},
    });
    for id in extensions.iter().filter(|id| LISTENING.contains(&id.split('/').next().unwrap_or_default())) {
        settings["extensions"][id] = Value::Null;
    }
    json!({"settings": settings, "config": {"service": {"telemetry": {"metrics": {"readers": own_metrics(port)}}}}})
}

#[cfg(test)]
mod tests;
