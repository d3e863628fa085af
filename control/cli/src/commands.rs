//! What is asked of the control plane, and how the answers look.

use crate::adopt::adopt;
use crate::api::Api;
use crate::arguments::{Access, Add, Cluster, Command, Config, Integrations, Owner, Profile, Secrets, Servers, Settings, Tokens};
use crate::emergency::emergency;
use crate::import::import;
use crate::packages::packages;
use crate::rollouts::rollouts;
use crate::table::{ago, cell, table};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use warren_fleet::laid_over;

/// Asks, and gives the answer as text.
pub(crate) async fn run(access: &Access, command: Command) -> Result<String, String> {
    let api = Api::new(access)?;
    let shown = match command {
        Command::Servers(command) => servers(&api, command).await?,
        Command::Config(command) => config(&api, command).await?,
        Command::Adopt(command) => adopt(&api, command).await?,
        Command::Integrations(command) => integrations(&api, command).await?,
        Command::Settings(command) => settings(&api, command).await?,
        Command::Profile(command) => profile(&api, command).await?,
        Command::Packages(command) => packages(&api, command).await?,
        Command::Rollouts(command) => rollouts(&api, command).await?,
        Command::Emergency(command) => emergency(&api, command).await?,
        Command::Secrets(command) => secrets(&api, command).await?,
        Command::Tokens(command) => tokens(&api, command).await?,
        Command::Audit { limit } => audit(&api, limit).await?,
        Command::Serve(_) | Command::Backup(_) | Command::Restore(_) | Command::Completion { .. } | Command::Openapi => {
            return Ok(String::new());
        }
    };
    Ok(match shown {
        Shown { json, .. } if access.json => pretty(&json),
        Shown { text, .. } if access.dry_run => format!("{text}\n(--dry-run: nothing was changed)"),
        Shown { text, .. } => text,
    })
}

/// An answer, for programs and for people.
pub(crate) struct Shown {
    json: Value,
    text: String,
}

impl Shown {
    pub(crate) fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into() }
    }

    /// The same for both.
    pub(crate) fn plain(json: Value) -> Self {
        Self { text: pretty(&json), json }
    }
}

async fn servers(api: &Api, command: Servers) -> Result<Shown, String> {
    match command {
        Servers::List { tenant, cluster } => {
            let mut items = Vec::new();
            let mut after = String::new();
            loop {
                let mut query = format!("?limit=1000&after={}", encoded(&after));
                for (name, value) in [("tenant", &tenant), ("cluster", &cluster)] {
                    query.extend(value.iter().map(|value| format!("&{name}={}", encoded(value))));
                }
                let page = api.get(&format!("/servers{query}")).await?.body;
                items.extend(list(&page));
                match page.get("next").and_then(Value::as_str) {
                    Some(next) => next.clone_into(&mut after),
                    None => break,
                }
            }
            let rows: Vec<Vec<String>> = items.iter().map(server_row).collect();
            let head = ["ID", "TENANT", "CLUSTER", "PLAN", "BROKER", "LINK", "HEALTH", "CONFIG", "DATA", "SEEN", "REASON"];
            Ok(Shown::new(json!({"items": items}), table(&head, &rows)))
        }
        Servers::Show { id } => Ok(Shown::plain(api.get(&format!("/servers/{}", encoded(&id))).await?.body)),
        Servers::Add(add) => {
            let body = api.post("/servers", &server(add)?).await?.body;
            let text = format!("server {} is registered", cell(&body, "/id"));
            Ok(Shown::new(body, text))
        }
        Servers::Import { file, enrol } => import(api, &file, enrol).await,
        Servers::Label { id, labels } => {
            let path = format!("/servers/{}", encoded(&id));
            let known = api.get(&path).await?;
            let mut body = known.body;
            for label in &labels {
                let (name, value) = label.split_once('=').ok_or_else(|| format!("{label:?} is no label; write NAME=VALUE"))?;
                let labels = body.get_mut("labels").and_then(Value::as_object_mut).ok_or("the server has no labels")?;
                if value.is_empty() {
                    labels.remove(name);
                } else {
                    labels.insert(name.to_owned(), json!(value));
                }
            }
            // What is known of its state is not what it is.
            for key in ["state", "version"] {
                body.as_object_mut().and_then(|server| server.remove(key));
            }
            let body = api.put(&path, &body, known.version.as_ref()).await?.body;
            Ok(Shown::new(body, format!("server {id} is labelled")))
        }
        Servers::Remove { id } => {
            api.delete(&format!("/servers/{}", encoded(&id))).await?;
            Ok(Shown::new(Value::Null, format!("server {id} is removed")))
        }
        Servers::Enrol { id } => {
            let body = api.post(&format!("/servers/{}/enrolment-tokens", encoded(&id)), &json!({})).await?.body;
            let text = cell(&body, "/token");
            Ok(Shown::new(body, text))
        }
    }
}

fn server_row(server: &Value) -> Vec<String> {
    let mut row: Vec<String> =
        ["/id", "/tenant", "/cluster", "/plan", "/broker/kind", "/state/link", "/state/health", "/state/config", "/state/data"]
            .iter()
            .map(|pointer| cell(server, pointer))
            .collect();
    row.push(ago(server, "/state/seen", now()));
    row.push(cell(server, "/state/reason").chars().take(80).collect());
    row
}

fn server(add: Add) -> Result<Value, String> {
    let labels = add.labels.iter().map(|label| {
        let (name, value) = label.split_once('=').ok_or_else(|| format!("{label:?} is no label; write NAME=VALUE"))?;
        Ok((name.to_owned(), json!(value)))
    });
    let labels = labels.collect::<Result<serde_json::Map<_, _>, String>>()?;
    Ok(json!({
        "name": add.name.unwrap_or_else(|| add.id.clone()), "id": add.id, "tenant": add.tenant, "cluster": add.cluster,
        "provider": add.provider, "region": add.region, "plan": add.plan, "labels": labels,
        "broker": {"kind": add.broker, "version": add.broker_version},
    }))
}

async fn config(api: &Api, command: Config) -> Result<Shown, String> {
    match command {
        Config::Show { id, effective } => {
            let body = api.get(&format!("/servers/{}/config", encoded(&id))).await?.body;
            let pointer = if effective { "/effective" } else { "/desired/body" };
            let text = body.pointer(pointer).filter(|config| !config.is_null()).map(pretty);
            Ok(Shown::new(body, text.unwrap_or_else(|| "there is none".to_owned())))
        }
        Config::Diff { id, from, to } => {
            let numbers = [("from", from), ("to", to)].into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
            let query = numbers.collect::<Vec<_>>().join("&");
            let body = api.get(&format!("/servers/{}/config/diff?{query}", encoded(&id))).await?.body;
            let changes = body.get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
            let lines = changes.iter().flat_map(|change| {
                let side = |sign: char, key: &str| {
                    let value = change.get(key).filter(|value| !value.is_null())?;
                    Some(format!("{sign} {}: {value}", cell(change, "/pointer")))
                };
                let origin = cell(change, "/origin");
                let new = side('+', "after").map(|line| if origin.is_empty() { line } else { format!("{line}    ({origin})") });
                [side('-', "before"), new].into_iter().flatten()
            });
            let lines: Vec<String> = lines.collect();
            let text = if lines.is_empty() { "nothing differs".to_owned() } else { lines.join("\n") };
            Ok(Shown::new(body, text))
        }
        Config::History { id } => {
            let body = api.get(&format!("/servers/{}/config/history", encoded(&id))).await?.body;
            let row = |entry: &Value| {
                vec![
                    cell(entry, "/number"),
                    cell(entry, "/hash").chars().take(12).collect(),
                    cell(entry, "/profile"),
                    ago(entry, "/created", now()),
                    cell(entry, "/cause"),
                ]
            };
            let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
            Ok(Shown::new(body, table(&["NUMBER", "HASH", "PROFILE", "AGE", "CAUSE"], &rows)))
        }
        Config::Retry { id } => {
            let body = api.post(&format!("/servers/{}/actions/retry", encoded(&id)), &json!({})).await?.body;
            Ok(Shown::new(body, format!("server {id} tries it again")))
        }
    }
}

async fn integrations(api: &Api, command: Integrations) -> Result<Shown, String> {
    let path = |of: &Cluster| format!("/tenants/{}/clusters/{}/integrations", encoded(&of.tenant), encoded(&of.cluster));
    match command {
        Integrations::List { cluster } => {
            let body = api.get(&path(&cluster)).await?.body;
            let row = |entry: &Value| {
                let place =
                    ["/destination/endpoint", "/destination/region", "/destination/environment_id", "/destination/domain"];
                let place = place.iter().map(|pointer| cell(entry, pointer)).find(|text| !text.is_empty());
                vec![cell(entry, "/id"), cell(entry, "/destination/kind"), cell(entry, "/enabled"), place.unwrap_or_default()]
            };
            let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
            Ok(Shown::new(body, table(&["ID", "KIND", "ENABLED", "PLACE"], &rows)))
        }
        Integrations::Add { cluster, integration } => {
            let body = api.post(&path(&cluster), &given(&integration)?).await?.body;
            let text = format!("integration {} is added", cell(&body, "/id"));
            Ok(Shown::new(body, text))
        }
        Integrations::Enable { cluster, id } => switch(api, &format!("{}/{id}", path(&cluster)), id, true).await,
        Integrations::Disable { cluster, id } => switch(api, &format!("{}/{id}", path(&cluster)), id, false).await,
        Integrations::Remove { cluster, id } => {
            api.delete(&format!("{}/{id}", path(&cluster))).await?;
            Ok(Shown::new(Value::Null, format!("integration {id} is removed")))
        }
    }
}

async fn switch(api: &Api, path: &str, id: i64, on: bool) -> Result<Shown, String> {
    let known = api.get(path).await?;
    let mut body = known.body;
    body["enabled"] = json!(on);
    let body = api.put(path, &body, known.version.as_ref()).await?.body;
    Ok(Shown::new(body, format!("integration {id} is {}", if on { "on" } else { "off" })))
}

async fn settings(api: &Api, command: Settings) -> Result<Shown, String> {
    let path = |owner: &Owner| match (&owner.server, &owner.tenant, &owner.cluster) {
        (Some(id), ..) => format!("/servers/{}/settings", encoded(id)),
        (None, tenant, cluster) => {
            let cluster = cluster.as_ref().map(|cluster| format!("/clusters/{}", encoded(cluster))).unwrap_or_default();
            format!("/tenants/{}{cluster}/settings", encoded(tenant.as_deref().unwrap_or_default()))
        }
    };
    match command {
        Settings::Show { owner } => Ok(Shown::plain(api.get(&path(&owner)).await?.body)),
        Settings::Set { owner, patch } => {
            let known = api.get(&path(&owner)).await?;
            let mut body = known.body;
            let mut settings = body.get("settings").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
            // What is stored is a patch itself: a null in it takes away what the layers before set, and has to stay.
            laid_over(&mut settings, &given(&patch)?);
            body["settings"] = settings;
            Ok(Shown::plain(api.put(&path(&owner), &body, known.version.as_ref()).await?.body))
        }
    }
}

async fn profile(api: &Api, command: Profile) -> Result<Shown, String> {
    match command {
        Profile::Show { version } => {
            let query = version.map(|version| format!("?version={version}")).unwrap_or_default();
            Ok(Shown::plain(api.get(&format!("/profile{query}")).await?.body))
        }
        Profile::Set { profile } => {
            let answer = api.post("/profile", &given(&profile)?).await?;
            let version = answer
                .version
                .as_ref()
                .and_then(|version| version.to_str().ok())
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned();
            Ok(Shown::new(answer.body, format!("version {version} of the profile")))
        }
    }
}

async fn secrets(api: &Api, command: Secrets) -> Result<Shown, String> {
    match command {
        Secrets::List => {
            let body = api.get("/secrets").await?.body;
            let row = |entry: &Value| {
                vec![cell(entry, "/name"), cell(entry, "/version"), cell(entry, "/last4"), ago(entry, "/updated", now())]
            };
            let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
            Ok(Shown::new(body, table(&["NAME", "VERSION", "LAST4", "AGE"], &rows)))
        }
        Secrets::Set { name } => {
            let mut value = String::new();
            std::io::stdin().read_to_string(&mut value).map_err(|error| format!("standard input: {error}"))?;
            let body = api.put(&format!("/secrets/{name}"), &json!({"value": value.trim_end_matches('\n')}), None).await?.body;
            let text = cell(&body, "/reference");
            Ok(Shown::new(body, text))
        }
    }
}

async fn tokens(api: &Api, command: Tokens) -> Result<Shown, String> {
    match command {
        Tokens::List => {
            let body = api.get("/tokens").await?.body;
            let row = |entry: &Value| {
                let mut row: Vec<String> =
                    ["/id", "/name", "/role", "/tenant", "/revoked"].iter().map(|pointer| cell(entry, pointer)).collect();
                row.push(ago(entry, "/created", now()));
                row
            };
            let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
            Ok(Shown::new(body, table(&["ID", "NAME", "ROLE", "TENANT", "REVOKED", "AGE"], &rows)))
        }
        Tokens::Create { name, role, tenant, days } => {
            let body = api.post("/tokens", &json!({"name": name, "role": role, "tenant": tenant, "days": days})).await?.body;
            let text = cell(&body, "/token");
            Ok(Shown::new(body, text))
        }
        Tokens::Revoke { id } => {
            api.delete(&format!("/tokens/{}", encoded(&id))).await?;
            Ok(Shown::new(Value::Null, format!("token {id} is revoked")))
        }
    }
}

async fn audit(api: &Api, limit: i64) -> Result<Shown, String> {
    let body = api.get(&format!("/audit?limit={limit}")).await?.body;
    let row = |entry: &Value| {
        let mut row = vec![cell(entry, "/number"), ago(entry, "/at", now())];
        row.extend(["/actor", "/action", "/resource"].iter().map(|pointer| cell(entry, pointer)));
        row
    };
    let rows: Vec<Vec<String>> = list(&body).iter().map(row).collect();
    Ok(Shown::new(body, table(&["NUMBER", "AGE", "ACTOR", "ACTION", "RESOURCE"], &rows)))
}

/// The entries of a list.
pub(crate) fn list(body: &Value) -> Vec<Value> {
    body.get("items").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// JSON as it was given: text, the content of a file, or standard input.
pub(crate) fn given(text: &str) -> Result<Value, String> {
    let text = match (text, text.strip_prefix('@')) {
        ("-", _) => {
            let mut read = String::new();
            std::io::stdin().read_to_string(&mut read).map_err(|error| format!("standard input: {error}"))?;
            read
        }
        (_, Some(path)) => read_text(Path::new(path))?,
        (text, None) => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| format!("this is no JSON: {error}"))
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A text as a part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
