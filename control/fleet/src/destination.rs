//! From a destination to the exporter that sends there.

use crate::model::{Destination, Fault, Integration, OtlpAuth};
use crate::secret::{SecretRef, escape};
use serde_json::{Map, Value, json};

/// An exporter, and what belongs to it.
pub(crate) struct Sink {
    pub(crate) exporter_type: &'static str,
    /// Its settings.
    pub(crate) exporter: Value,
    /// User and password of basic authentication.
    pub(crate) basic: Option<(String, Option<SecretRef>)>,
    pub(crate) metrics: bool,
    pub(crate) logs: bool,
    /// Whether it takes changes instead of sums.
    pub(crate) delta: bool,
}

/// The exporter of an integration.
///
/// # Errors
/// What is wrong with its parameters.
pub(crate) fn sink(integration: &Integration) -> Result<Sink, Fault> {
    let destination = &integration.destination;
    let at = |field: &str| format!("/integrations/{}/destination/{field}", integration.id);
    let sink = |exporter: Value| Sink {
        exporter_type: destination.exporter(),
        exporter,
        basic: None,
        metrics: true,
        logs: false,
        delta: false,
    };
    let basic = |user: &str, password: Option<&SecretRef>| {
        (!user.is_empty() || password.is_some()).then(|| (user.to_owned(), password.cloned()))
    };
    Ok(match destination {
        Destination::RemoteWrite { endpoint, username, password } => {
            web_address(&at("endpoint"), endpoint)?;
            Sink { basic: basic(username, password.as_ref()), ..sink(json!({"endpoint": escape(endpoint)})) }
        }
        Destination::GrafanaCloud { endpoint, instance_id, api_token } => {
            web_address(&at("endpoint"), endpoint)?;
            Sink { basic: basic(instance_id, Some(api_token)), ..sink(json!({"endpoint": escape(endpoint)})) }
        }
        Destination::Otlp { endpoint, auth, logs } => {
            web_address(&at("endpoint"), endpoint)?;
            let mut exporter = json!({"endpoint": escape(endpoint)});
            let basic = match auth {
                OtlpAuth::None => None,
                OtlpAuth::Basic { username, password } => basic(username, Some(password)),
                OtlpAuth::Headers { headers } => {
                    let headers = headers.iter().map(|(name, value)| (name.clone(), Value::String(value.placeholder())));
                    exporter["headers"] = Value::Object(headers.collect::<Map<_, _>>());
                    None
                }
            };
            Sink { basic, logs: *logs, ..sink(exporter) }
        }
        Destination::NewRelic { region, api_key } => {
            let host = match region.as_str() {
                "us" => "otlp.nr-data.net",
                "eu" => "otlp.eu01.nr-data.net",
                other => return Err(Fault::new(at("region"), format!("there is no region {other:?}; use us or eu"))),
            };
            let exporter = json!({"endpoint": format!("https://{host}"), "headers": {"api-key": api_key.placeholder()}});
            Sink { delta: true, ..sink(exporter) }
        }
        Destination::Dynatrace { environment_id, access_token } => {
            if environment_id.is_empty() || !environment_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(Fault::new(at("environment_id"), "an environment's id is made of letters and digits"));
            }
            let exporter = json!({
                "endpoint": format!("https://{environment_id}.live.dynatrace.com/api/v2/otlp"),
                "headers": {"Authorization": format!("Api-Token {}", access_token.placeholder())},
            });
            Sink { delta: true, ..sink(exporter) }
        }
        Destination::Loki { endpoint, username, password } => {
            web_address(&at("endpoint"), endpoint)?;
            let exporter = sink(json!({"endpoint": escape(endpoint)}));
            Sink { basic: basic(username, password.as_ref()), metrics: false, logs: true, ..exporter }
        }
        // The collector's exporter decides how these are written; where it has none, that is told before anything else.
        Destination::Datadog { region, api_key } => {
            let site = match region.as_str() {
                "us1" => "datadoghq.com",
                "us3" => "us3.datadoghq.com",
                "us5" => "us5.datadoghq.com",
                "eu1" => "datadoghq.eu",
                "ap2" => "ap2.datadoghq.com",
                other => {
                    return Err(Fault::new(at("region"), format!("there is no region {other:?}; use us1, us3, us5, eu1 or ap2")));
                }
            };
            sink(json!({"api": {"key": api_key.placeholder(), "site": site}}))
        }
        Destination::Cloudwatch { region, iam_role, iam_external_id } => {
            sink(json!({"region": escape(region), "role_arn": escape(iam_role), "external_id": escape(iam_external_id)}))
        }
        Destination::Stackdriver { credentials } => sink(json!({"credentials": credentials.placeholder()})),
        Destination::Splunk { endpoint, token } => {
            web_address(&at("endpoint"), endpoint)?;
            sink(json!({"endpoint": escape(endpoint), "token": token.placeholder()}))
        }
        Destination::AzureMonitor { connection_string } => sink(json!({"connection_string": connection_string.placeholder()})),
        Destination::Coralogix { domain, application, private_key } => sink(
            json!({"domain": escape(domain), "application_name": escape(application), "private_key": private_key.placeholder()}),
        ),
    })
}

/// Whether a text is the URL of something on the web.
pub(crate) fn web_address(pointer: &str, text: &str) -> Result<(), Fault> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match rest {
        Some(rest) if plain && !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#']) => Ok(()),
        _ => Err(Fault::new(pointer, format!("{text:?} is no URL that begins with http:// or https://"))),
    }
}
