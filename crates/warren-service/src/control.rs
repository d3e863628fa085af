//! The control socket: `control.sock` in the state directory, HTTP with JSON, for whoever may open it.
//!
//! | Request | Does |
//! |---|---|
//! | `POST /reload` | reads the sources again and applies them; with a body, that configuration instead |
//! | `POST /reload?dry_run=true` | tells what that would change |
//! | `POST /validate` | tells what is wrong with the body, or with the sources |
//! | `GET /status` | how every component fares |
//! | `GET /healthy` | whether this collector does its work: 200, or 503 and what is wrong, for who has just started it and may start another instead |
//!
//! What is refused is answered with 422, the reason for people and the findings for programs.

use crate::graph::Common;
use crate::state::StateDirectory;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use warren_component::{
    Applied, BoxFuture, BuildContext, ComponentName, Control, Extensions, Health, Inherited, Pulse, Refused, ServiceStatus, Stop,
};
use warren_config::ComponentId;
use warren_http::server::{Handler, Reply, Request, Server, ServerConfig, plain_error};

/// The longest interval of which the first time is waited for.
const OFTEN: Duration = Duration::from_secs(30);

/// How long after the control socket a receiver begins at most.
const JUST_STARTED: Duration = Duration::from_millis(100);

/// The server of the control socket; serves until it is dropped.
///
/// # Errors
/// When the socket cannot be made.
pub(crate) fn server(
    state: &StateDirectory,
    control: Control,
    common: &Common,
) -> Result<impl Future<Output = ()> + Send + use<>, String> {
    let listener = state.control_socket()?;
    let cx = BuildContext {
        id: ComponentId::of_type("control"),
        telemetry: common.telemetry.clone(),
        build: Arc::clone(&common.build),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: common.gates.clone(),
    };
    let server = Server::new(&ServerConfig::default(), &cx, listener, Arc::new(Door { control, started: Instant::now() }));
    let server = server.map_err(|error| error.to_string())?;
    let log = common.telemetry.log.clone();
    Ok(async move {
        let (_held, stop) = Stop::new();
        if let Err(error) = server.serve(stop).await {
            log.warn("The control socket is closed", &[("error", warren_telemetry::Field::Display(&error))]);
        }
    })
}

struct Door {
    control: Control,
    started: Instant,
}

impl Handler for Door {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let uri = &request.head.uri;
            let (method, path) = (request.head.method.clone(), uri.path().to_owned());
            let dry = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "dry_run=true"));
            match (method, path.as_str()) {
                (Method::GET, "/status") => match self.control.status().await {
                    Ok(status) => reply(StatusCode::OK, &status_json(&status)),
                    Err(gone) => plain_error(StatusCode::SERVICE_UNAVAILABLE, &gone.to_string()),
                },
                (Method::GET, "/healthy") => {
                    match self.control.status().await.map(|status| unwell(&status, self.started.elapsed())) {
                        Ok(None) => Reply::new(b"well\n".to_vec().into()),
                        Ok(Some(reason)) => plain_error(StatusCode::SERVICE_UNAVAILABLE, &reason),
                        Err(gone) => plain_error(StatusCode::SERVICE_UNAVAILABLE, &gone.to_string()),
                    }
                }
                (Method::POST, "/reload" | "/validate") => {
                    let config = match request.body().await {
                        Ok(body) if body.is_empty() => None,
                        Ok(body) => Some(String::from_utf8_lossy(&body).into_owned()),
                        Err(error) => return plain_error(error.status(), &error.to_string()),
                    };
                    let applies = path == "/reload" && !dry;
                    let answer = if applies { self.control.apply(config).await } else { self.control.plan(config).await };
                    match answer {
                        Ok(applied) => reply(StatusCode::OK, &applied_json(&applied, applies)),
                        Err(refused) => reply(StatusCode::UNPROCESSABLE_ENTITY, &refused_json(&refused)),
                    }
                }
                (_, "/status" | "/healthy" | "/reload" | "/validate") => {
                    plain_error(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed")
                }
                _ => plain_error(StatusCode::NOT_FOUND, "404 page not found"),
            }
        })
    }
}

/// What keeps a collector that was started so long ago from being taken for one that does its work. A destination that takes nothing is not its
/// fault; that it reads none of its sources, or that whoever manages it does not hear of it, would be.
fn unwell(status: &ServiceStatus, age: Duration) -> Option<String> {
    if let Some(reason) = &status.degraded {
        return Some(format!("the configuration asked for is refused: {reason}"));
    }
    let ill = status.components.iter().find_map(|(name, health)| match health {
        Health::Permanent(reason) => Some(format!("{} {}: {reason}", name.kind, name.id)),
        Health::Recoverable(reason) if name.kind == "extension" => Some(format!("extension {}: {reason}", name.id)),
        Health::Starting if name.kind == "extension" => Some(format!("extension {} is not ready", name.id)),
        _ => None,
    });
    ill.or_else(|| {
        status.pulses.iter().find_map(|(name, pulse)| {
            let reason = pulse.missed().or_else(|| match *pulse {
                Pulse::Collects { interval, ago } if interval <= OFTEN && ago + JUST_STARTED >= age => {
                    Some("nothing was collected yet".to_owned())
                }
                Pulse::Collects { .. } | Pulse::Sends { .. } => None,
            });
            Some(format!("{} {}: {}", name.kind, name.id, reason?))
        })
    })
}

fn reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Reply::new(format!("{body}\n").into_bytes().into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// What was applied, or would be.
fn applied_json(applied: &Applied, applies: bool) -> Value {
    let result = match (applies, applied.steps.is_empty() && !applied.telemetry) {
        (false, _) => "planned",
        (true, true) => "unchanged",
        (true, false) => "applied",
    };
    let steps = applied.steps.iter().map(|step| {
        let mut json = name_json(&step.component);
        json["action"] = json!(step.action);
        json["why"] = json!(step.why);
        json
    });
    json!({
        "result": result, "hash": applied.hash, "changes": steps.collect::<Vec<_>>(), "kept": applied.kept,
        "telemetry": applied.telemetry, "text": applied.summary, "warnings": applied.warnings,
    })
}

fn refused_json(refused: &Refused) -> Value {
    let findings: Value = serde_json::from_str(&refused.findings).unwrap_or_else(|_| json!([]));
    json!({ "result": "refused", "error": refused.reason, "findings": findings })
}

fn status_json(status: &ServiceStatus) -> Value {
    let component = |(name, health): &(ComponentName, Health)| {
        let mut json = name_json(name);
        let (word, reason) = words(health);
        json["health"] = json!(word);
        json["reason"] = json!(reason);
        let pulse = status.pulses.iter().find(|(other, _)| other == name);
        json["pulse"] = pulse.map_or(Value::Null, |(_, pulse)| pulse_json(pulse));
        json
    };
    json!({
        "hash": status.hash, "degraded": status.degraded, "leaving": status.leaving,
        "components": status.components.iter().map(component).collect::<Vec<_>>(),
    })
}

fn pulse_json(pulse: &Pulse) -> Value {
    match pulse {
        Pulse::Sends { waiting, silent } => json!({ "waiting": waiting, "silent_seconds": silent.as_secs() }),
        Pulse::Collects { interval, ago } => {
            json!({ "interval_seconds": interval.as_secs_f64(), "ago_seconds": ago.as_secs_f64() })
        }
    }
}

fn name_json(name: &ComponentName) -> Value {
    json!({
        "kind": name.kind, "id": name.id.to_string(), "signal": name.signal.map(|signal| signal.name()), "pipeline": name.pipeline,
    })
}

/// Upstream's word for how a component fares, and why.
fn words(health: &Health) -> (&'static str, Option<&str>) {
    match health {
        Health::Starting => ("Starting", None),
        Health::Ok => ("OK", None),
        Health::Recoverable(reason) => ("RecoverableError", Some(reason)),
        Health::Permanent(reason) => ("PermanentError", Some(reason)),
        Health::Stopping => ("Stopping", None),
        Health::Stopped => ("Stopped", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: &'static str) -> ComponentName {
        ComponentName { kind, id: ComponentId::of_type("x"), signal: None, pipeline: None }
    }

    #[test]
    fn a_collector_is_well_that_reads_its_sources_and_is_heard_of() {
        let age = Duration::from_secs(20);
        let with = |kind, health| ServiceStatus { components: vec![(name(kind), health)], ..ServiceStatus::default() };
        let collects = |interval, ago| {
            let pulse = Pulse::Collects { interval: Duration::from_secs(interval), ago: Duration::from_secs(ago) };
            ServiceStatus { pulses: vec![(name("receiver"), pulse)], ..ServiceStatus::default() }
        };
        for (status, expected) in [
            (ServiceStatus::default(), None),
            (ServiceStatus { degraded: Some("why".into()), ..ServiceStatus::default() }, Some("why")),
            (with("exporter", Health::Recoverable("the store is away".into())), None),
            (with("exporter", Health::Permanent("no such file".into())), Some("no such file")),
            (with("extension", Health::Recoverable("no connection".into())), Some("no connection")),
            (with("extension", Health::Starting), Some("not ready")),
            (with("receiver", Health::Starting), None),
            (collects(10, 5), None),
            (collects(10, 20), Some("nothing was collected yet")),
            (collects(60, 20), None),
            (collects(1, 5), Some("nothing was collected for 5s, which should happen every 1s")),
        ] {
            let told = unwell(&status, age);
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(expected.is_none_or(|part| told.clone().unwrap().contains(part)), "{told:?}");
        }
    }
}
