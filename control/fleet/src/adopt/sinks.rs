//! Exporters: which destination or integration each is.

use super::difference::difference;
use super::text::{address_at, hidden, is_secret, normal, parts, plain, scalar, take, text_at};
use super::vault::{Vault, Vaults, reference};
use crate::destination;
use crate::model::{Destination, Integration, OtlpAuth};
use crate::render::escaped;
use crate::secret::{SecretRef, escape};
use crate::settings::{Amqp, Settings, WebStore};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use warren_config::address_passwords;

/// What an exporter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    Mimir,
    Bus,
    Direct,
    Loki,
    /// One of the integrations that were found.
    Integration(usize),
    /// Nothing that the model knows; what it is set to.
    Other(Value),
}

impl Sink {
    /// What the exporter is called by the generator.
    pub(super) fn name(&self, id: &str, integrations: &[Integration]) -> String {
        match self {
            Self::Mimir => "prometheusremotewrite/mimir".to_owned(),
            Self::Bus => "rabbitmq/bus".to_owned(),
            Self::Direct => "prometheus/direct".to_owned(),
            Self::Loki => "otlphttp/loki".to_owned(),
            Self::Integration(at) => integrations.get(*at).map_or_else(
                || id.to_owned(),
                |integration| format!("{}/int-{}", integration.destination.exporter(), integration.id),
            ),
            Self::Other(_) => id.to_owned(),
        }
    }
}

/// Exporters, and what they use.
pub(super) struct Sinks {
    pub(super) sinks: BTreeMap<String, Sink>,
    pub(super) integrations: Vec<Integration>,
    /// Extensions that the generator makes itself.
    pub(super) extensions: BTreeSet<String>,
}

/// An exporter that is in pipelines.
pub(super) struct Exporter<'a> {
    pub(super) id: &'a str,
    pub(super) body: &'a Value,
    /// Kinds of the pipelines that it is in.
    pub(super) signals: BTreeSet<&'a str>,
}

struct Reader<'a> {
    settings: &'a mut Settings,
    vaults: &'a mut Vaults,
    extensions: &'a Map<String, Value>,
    /// Whether logs come from a journal.
    journal: bool,
    found: Sinks,
}

/// Reads exporters.
pub(super) fn sinks(
    exporters: &[Exporter<'_>],
    extensions: &Map<String, Value>,
    journal: bool,
    settings: &mut Settings,
    vaults: &mut Vaults,
) -> Sinks {
    let found = Sinks { sinks: BTreeMap::new(), integrations: Vec::new(), extensions: BTreeSet::new() };
    let mut reader = Reader { settings, vaults, extensions, journal, found };
    // Of several stores the one called so is the fleet's; else the first that is no integration's.
    let writes =
        || exporters.iter().filter(|exporter| parts(exporter.id).0 == "prometheusremotewrite").map(|exporter| exporter.id);
    let mimir = writes().find(|id| parts(id).1 == "mimir").or_else(|| writes().find(|id| number(id).is_none()));
    for exporter in exporters {
        let sink = reader.sink(exporter, mimir == Some(exporter.id));
        let sink = sink.unwrap_or_else(|| {
            let body = hidden(exporter.body, &format!("fleet/{}", exporter.id), &mut reader.vaults.fleet);
            Sink::Other(normal(&body))
        });
        reader.found.sinks.insert(exporter.id.to_owned(), sink);
    }
    // What somebody else uses as well is not only the generator's.
    for (id, _) in reader.found.sinks.iter().filter(|(_, sink)| matches!(sink, Sink::Other(_))) {
        let body = exporters.iter().find(|exporter| exporter.id == id).map(|exporter| exporter.body);
        if let Some(used) = body.and_then(|body| text_at(body, "/auth/authenticator")) {
            reader.found.extensions.remove(&used);
        }
    }
    reader.found
}

/// The number of the integration that an exporter is of by its name.
fn number(id: &str) -> Option<i64> {
    parts(id).1.strip_prefix("int-")?.parse().ok()
}

impl Reader<'_> {
    fn sink(&mut self, exporter: &Exporter<'_>, mimir: bool) -> Option<Sink> {
        let (kind, name) = parts(exporter.id);
        let (metrics, logs) = (exporter.signals.contains("metrics"), exporter.signals.contains("logs"));
        let known: BTreeSet<&str> = BTreeSet::from(["metrics", "logs"]);
        // An exporter of logs alone is the generator's if these are logs that it reads.
        if !exporter.signals.is_subset(&known) || (logs && !metrics && !self.journal) {
            return None;
        }
        let at = |pointer: &str| text_at(exporter.body, pointer);
        match kind {
            "prometheusremotewrite" if mimir => {
                self.settings.destinations.mimir = Some(self.web_store(exporter, "mimir")?);
                Some(Sink::Mimir)
            }
            "rabbitmq" if self.settings.destinations.amqp.is_none() && metrics && !logs => self.bus(exporter),
            "prometheus" if !self.settings.direct_access.enabled && metrics && !logs => {
                let listen = at("/endpoint")?;
                let path = at("/path").unwrap_or_else(|| "/metrics".to_owned());
                let mut body = normal(exporter.body);
                take(&mut body, "endpoint");
                take(&mut body, "path");
                if body.as_object().is_some_and(|rest| !rest.is_empty()) {
                    return None;
                }
                self.settings.direct_access = crate::settings::DirectAccess { enabled: true, listen, path };
                Some(Sink::Direct)
            }
            "otlphttp" if logs && !metrics && self.settings.destinations.loki.is_none() && number(exporter.id).is_none() => {
                self.settings.destinations.loki = Some(self.web_store(exporter, "loki")?);
                Some(Sink::Loki)
            }
            _ => self.integration(exporter, name, (metrics, logs)),
        }
    }

    /// The store that an exporter writes to; its password is kept by this name.
    fn web_store(&mut self, exporter: &Exporter<'_>, name: &str) -> Option<WebStore> {
        let (basic, auth) = self.basic(exporter.body, true, name);
        let (endpoint, headers) = (address_at(exporter.body, "/endpoint")?, open_headers(exporter.body));
        let generated = json!({"endpoint": escape(&endpoint), "headers": escaped(&headers)});
        let rest = self.rest(exporter, &generated, basic.is_some());
        let (username, password) = basic.unwrap_or_default();
        self.found.extensions.extend(auth);
        Some(WebStore { endpoint, username, password, headers, exporter: rest })
    }

    fn bus(&mut self, exporter: &Exporter<'_>) -> Option<Sink> {
        let at = |pointer: &str| text_at(exporter.body, pointer);
        let password = exporter.body.pointer("/connection/auth/plain/password").and_then(scalar);
        let password = match password {
            Some(text) if !text.is_empty() => Some(self.vaults.fleet.keep("fleet/bus", &text)?),
            _ => None,
        };
        let mut bus = Amqp {
            endpoint: address_at(exporter.body, "/connection/endpoint")?,
            username: at("/connection/auth/plain/username").unwrap_or_default(),
            password,
            vhost: at("/connection/vhost").unwrap_or_default(),
            exchange: at("/routing/exchange").unwrap_or_default(),
            routing_key: at("/routing/routing_key").unwrap_or_default(),
            exporter: Value::Null,
        };
        let mut body = normal(exporter.body);
        // The generator calls the connection by the server's name.
        body.get_mut("connection").and_then(|connection| take(connection, "name"));
        let mut generated = json!({"connection": {"endpoint": escape(&bus.endpoint), "auth": {"plain": {
            "username": escape(&bus.username),
            "password": bus.password.as_ref().map(SecretRef::placeholder).unwrap_or_default(),
        }}}});
        if let Some(password) = &bus.password {
            body["connection"]["auth"]["plain"]["password"] = json!(password.placeholder());
        }
        for (pointer, key, value) in [
            ("connection", "vhost", &bus.vhost),
            ("routing", "exchange", &bus.exchange),
            ("routing", "routing_key", &bus.routing_key),
        ] {
            if !value.is_empty() {
                generated[pointer][key] = json!(escape(value));
            }
        }
        let body = hidden(&body, &format!("fleet/{}", exporter.id), &mut self.vaults.fleet);
        bus.exporter = difference(&generated, &body);
        self.settings.destinations.amqp = Some(bus);
        Some(Sink::Bus)
    }

    fn integration(&mut self, exporter: &Exporter<'_>, name: &str, (metrics, logs): (bool, bool)) -> Option<Sink> {
        let (kind, body) = (parts(exporter.id).0, exporter.body);
        let at = |pointer: &str| text_at(body, pointer);
        let raw = |pointer: &str| body.pointer(pointer).and_then(scalar);
        let (basic, auth) = self.basic(body, false, exporter.id);
        let (user, password) = basic.clone().unwrap_or_default();
        let endpoint = address_at(body, "/endpoint").unwrap_or_default();
        let host = endpoint.strip_prefix("https://").unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
        let own = &mut self.vaults.own;
        let mut keep = |field: &str, text: &str| own.keep(&format!("adopted/{kind}-{name}/{field}"), text);
        let destination = match kind {
            "prometheusremotewrite" => match password {
                Some(api_token) if host.ends_with(".grafana.net") => {
                    Destination::GrafanaCloud { endpoint: endpoint.clone(), instance_id: user, api_token }
                }
                password => Destination::RemoteWrite { endpoint: endpoint.clone(), username: user, password },
            },
            "otlphttp" if metrics && !logs && matches!(host, "otlp.nr-data.net" | "otlp.eu01.nr-data.net") => {
                let region = if host.contains("eu01") { "eu" } else { "us" };
                Destination::NewRelic { region: region.to_owned(), api_key: keep("api_key", &raw("/headers/api-key")?)? }
            }
            "otlphttp" if metrics && !logs && endpoint.ends_with(".live.dynatrace.com/api/v2/otlp") => Destination::Dynatrace {
                environment_id: host.split('.').next()?.to_owned(),
                access_token: keep("access_token", raw("/headers/Authorization")?.strip_prefix("Api-Token ")?)?,
            },
            "otlphttp" if logs && !metrics && headers(body).is_empty() => {
                Destination::Loki { endpoint: endpoint.clone(), username: user, password }
            }
            "otlphttp" if metrics => {
                let headers = headers(body);
                let auth = match (password, headers.is_empty()) {
                    (Some(password), _) => OtlpAuth::Basic { username: user, password },
                    (None, true) => OtlpAuth::None,
                    (None, false) => {
                        let kept = headers.iter().map(|(name, text)| Some((name.clone(), keep(name, text)?)));
                        OtlpAuth::Headers { headers: kept.collect::<Option<_>>()? }
                    }
                };
                Destination::Otlp { endpoint: endpoint.clone(), auth, logs }
            }
            "datadog" => Destination::Datadog {
                region: match at("/api/site").as_deref().unwrap_or("datadoghq.com") {
                    "datadoghq.com" => "us1",
                    "us3.datadoghq.com" => "us3",
                    "us5.datadoghq.com" => "us5",
                    "datadoghq.eu" => "eu1",
                    "ap2.datadoghq.com" => "ap2",
                    _ => return None,
                }
                .to_owned(),
                api_key: keep("api_key", &raw("/api/key")?)?,
            },
            "awsemf" => Destination::Cloudwatch {
                region: at("/region")?,
                iam_role: at("/role_arn").unwrap_or_default(),
                iam_external_id: at("/external_id").unwrap_or_default(),
            },
            "googlecloud" => Destination::Stackdriver { credentials: keep("credentials", &raw("/credentials")?)? },
            "splunk_hec" => Destination::Splunk { endpoint: endpoint.clone(), token: keep("token", &raw("/token")?)? },
            "azuremonitor" => {
                Destination::AzureMonitor { connection_string: keep("connection_string", &raw("/connection_string")?)? }
            }
            "coralogix" => Destination::Coralogix {
                domain: at("/domain")?,
                application: at("/application_name")?,
                private_key: keep("private_key", &raw("/private_key")?)?,
            },
            _ => return None,
        };
        let mut integration = Integration::new(number(exporter.id).unwrap_or(0), destination);
        let generated = destination::sink(&integration).ok()?.exporter;
        integration.exporter = self.rest(exporter, &generated, basic.is_some());
        self.found.extensions.extend(auth);
        self.found.integrations.push(integration);
        Some(Sink::Integration(self.found.integrations.len() - 1))
    }

    /// User and password of basic authentication, and the extension that knows them; none if there is none, or it is of another kind.
    fn basic(&mut self, body: &Value, fleet: bool, name: &str) -> (Option<(String, Option<SecretRef>)>, Option<String>) {
        let id = body.pointer("/auth/authenticator").and_then(Value::as_str).unwrap_or_default();
        let nothing = (None, None);
        let Some(client) = self.extensions.get(id).filter(|_| parts(id).0 == "basicauth") else { return nothing };
        let keys = client.pointer("/client_auth").and_then(Value::as_object);
        let only = client.as_object().is_some_and(|map| map.len() == 1)
            && keys.is_some_and(|keys| keys.keys().all(|key| key == "username" || key == "password"))
            && body.get("auth").and_then(Value::as_object).is_some_and(|auth| auth.len() == 1);
        let Some(user) = text_at(client, "/client_auth/username").filter(|_| only) else { return nothing };
        let vault: &mut Vault = if fleet { &mut self.vaults.fleet } else { &mut self.vaults.own };
        let name = if fleet { format!("fleet/{name}") } else { format!("adopted/{}/password", name.replace('/', "-")) };
        let password = match client.pointer("/client_auth/password") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(said) => match scalar(said).and_then(|text| vault.keep(&name, &text)) {
                Some(secret) => Some(secret),
                None => return nothing,
            },
        };
        (Some((user, password)), Some(id.to_owned()))
    }

    /// What an exporter is set to besides what the generator sets.
    fn rest(&mut self, exporter: &Exporter<'_>, generated: &Value, signed: bool) -> Value {
        let mut body = exporter.body.clone();
        if signed {
            take(&mut body, "auth");
        }
        let mut generated = generated.clone();
        if generated.get("headers").is_some_and(|headers| headers.as_object().is_some_and(Map::is_empty)) {
            take(&mut generated, "headers");
        }
        // What is a secret at the same place there is the same one here.
        same_secrets(&mut body, &generated);
        difference(&generated, &normal(&hidden(&body, &format!("fleet/{}", exporter.id), &mut self.vaults.fleet)))
    }
}

/// Puts references where they are in another value.
fn same_secrets(value: &mut Value, other: &Value) {
    match (value, other) {
        (Value::Object(map), Value::Object(other)) => {
            for (key, value) in map {
                same_secrets(value, other.get(key).unwrap_or(&Value::Null));
            }
        }
        (Value::String(text), Value::String(other)) if other.contains("${secret:") => text.clone_from(other),
        _ => {}
    }
}

fn headers(body: &Value) -> BTreeMap<String, String> {
    let headers = body.get("headers").and_then(Value::as_object);
    headers.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Headers that are no secrets.
fn open_headers(body: &Value) -> BTreeMap<String, String> {
    let open = |(name, text): (String, String)| {
        let secret = is_secret(&name) || reference(&text).is_some() || !address_passwords(&text).is_empty();
        plain(&text).filter(|_| !secret).map(|text| (name, text))
    };
    headers(body).into_iter().filter_map(open).collect()
}
