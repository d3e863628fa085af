//! The running extension.

use crate::config::{Config, ResponseBody};
use crate::verdict::{Reason, reasons};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use warren_component::{
    BoxFuture, BuildContext, BuildError, ComponentName, Control, Extension, Pulse, RunContext, RunError, ServiceStatus,
};
use warren_config::format_seconds;
use warren_http::server::{Handler, Reply, Request, Server, Sockets, Transport, plain_error};
use warren_telemetry::{Field, Logger};

/// How long the program may take to tell how it fares. It is starting, or stopping, if it takes longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What upstream tells of the time before the collector was well.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The extension.
pub(crate) struct HealthCheck {
    server: Mutex<Option<Server>>,
    sockets: Sockets,
    desk: Arc<Desk>,
    endpoint: String,
    log: Logger,
}

/// Answers requests.
struct Desk {
    path: String,
    body: Option<ResponseBody>,
    silence_max: Duration,
    by_flow: bool,
    control: Mutex<Option<Control>>,
    /// Since when it has been well, as far as was asked.
    well_since: Mutex<Option<(Timestamp, Instant)>>,
}

impl HealthCheck {
    pub(crate) fn new(config: &Config, cx: &BuildContext) -> Result<Self, BuildError> {
        let inherited = cx.inherited.take::<Sockets>().unwrap_or_default();
        let mut sockets = Sockets::default();
        let endpoint = &config.server.endpoint;
        let listener = sockets
            .listen(&inherited, Transport::Tcp, endpoint)
            .map_err(|error| BuildError::new(format!("failed to bind to address {endpoint}: {error}")))?;
        let desk = Arc::new(Desk {
            path: config.path.clone(),
            body: config.response_body.clone(),
            silence_max: config.silence_max(),
            by_flow: config.warren.flow,
            control: Mutex::default(),
            well_since: Mutex::default(),
        });
        let server = Server::new(&config.server, cx, listener, desk.clone())?;
        Ok(Self { server: Mutex::new(Some(server)), sockets, desk, endpoint: endpoint.clone(), log: cx.telemetry.log.clone() })
    }
}

impl Extension for HealthCheck {
    fn attach(&self, control: Control) {
        *self.desk.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(control);
    }

    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            self.log.info("Starting health_check extension", &[("endpoint", Field::Str(&self.endpoint))]);
            let Some(server) = server else { return Ok(()) };
            server.serve(cx.stop).await.map_err(|error| RunError(error.to_string()))
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.sockets.clone()))
    }
}

impl Handler for Desk {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let uri = &request.head.uri;
            let wanted = |pair: &str| pair == "verbose" || pair.strip_prefix("verbose=").is_some_and(|value| value != "false");
            let verbose = uri.query().is_some_and(|query| query.split('&').any(wanted));
            if uri.path() != self.path && !(self.path.ends_with('/') && uri.path().starts_with(&self.path)) {
                return plain_error(StatusCode::NOT_FOUND, "404 page not found");
            }
            if !matches!(request.head.method, Method::GET | Method::HEAD | Method::POST) {
                return plain_error(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed");
            }
            self.answer(verbose).await
        })
    }
}

impl Desk {
    async fn answer(&self, verbose: bool) -> Reply {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = match control {
            Some(control) => timeout(PATIENCE, control.status()).await.ok().and_then(Result::ok),
            None => None,
        };
        let reasons = match &status {
            Some(status) if self.by_flow => reasons(status, self.silence_max),
            _ => Vec::new(),
        };
        let well = status.is_some() && reasons.is_empty();
        let since = self.well_since(well);
        let code = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        if let Some(body) = self.body.as_ref().filter(|_| !verbose) {
            let mut reply = Reply::new(if well { body.healthy.clone() } else { body.unhealthy.clone() }.into());
            *reply.status_mut() = code;
            return reply;
        }
        let mut json = json!({
            "status": if well { "Server available" } else { "Server not available" },
            "upSince": since.map_or_else(|| NEVER.to_owned(), |(since, _)| since.to_string()),
            "uptime": since.map_or_else(String::new, |(_, since)| format_seconds(since.elapsed())),
        });
        if verbose {
            describe(&mut json, status.as_ref(), &reasons);
        }
        let mut reply = Reply::new(json.to_string().into());
        *reply.status_mut() = code;
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply
    }

    /// Since when it has been well, now that it is known whether it is.
    fn well_since(&self, well: bool) -> Option<(Timestamp, Instant)> {
        let mut since = self.well_since.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            since.get_or_insert_with(|| (Timestamp::now(), Instant::now()));
        } else {
            *since = None;
        }
        *since
    }
}

/// Adds why, and how data moves.
fn describe(json: &mut Value, status: Option<&ServiceStatus>, reasons: &[Reason]) {
    let told = |reason: &Reason| {
        let mut json = named(&reason.component);
        json["reason"] = json!(reason.text);
        json
    };
    json["reasons"] = match status {
        Some(_) => reasons.iter().map(told).collect(),
        None => json!([{ "reason": "the collector is starting or stopping" }]),
    };
    let Some(status) = status else { return };
    let flow = |(name, pulse): &(ComponentName, Pulse)| {
        let mut json = named(name);
        match pulse {
            Pulse::Sends { waiting, silent } => {
                json["waiting"] = json!(waiting);
                json["silent_seconds"] = json!(silent.as_secs_f64());
            }
            Pulse::Collects { interval, ago } => {
                json["interval_seconds"] = json!(interval.as_secs_f64());
                json["ago_seconds"] = json!(ago.as_secs_f64());
            }
        }
        json
    };
    json["components"] = status.pulses.iter().map(flow).collect();
    json["config"] = json!({ "hash": status.hash, "degraded": status.degraded });
}

fn named(name: &ComponentName) -> Value {
    json!({ "kind": name.kind, "id": name.id.to_string(), "signal": name.signal.map(|signal| signal.name()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use warren_component::Request as Asked;

    /// A desk whose program fares as told.
    fn desk(status: Option<ServiceStatus>, body: Option<ResponseBody>) -> Desk {
        let (control, mut requests) = Control::new();
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                match (request, &status) {
                    (Asked::Status { reply }, Some(status)) => drop(reply.send(status.clone())),
                    // A program that is busy starting does not answer.
                    _ => std::future::pending::<()>().await,
                }
            }
        });
        Desk {
            path: "/".to_owned(),
            body,
            silence_max: Duration::from_secs(300),
            by_flow: true,
            control: Mutex::new(Some(control)),
            well_since: Mutex::default(),
        }
    }

    fn stuck() -> ServiceStatus {
        let name = ComponentName { kind: "exporter", id: "otlphttp/x".parse().unwrap(), signal: None, pipeline: None };
        let pulse = Pulse::Sends { waiting: 3, silent: Duration::from_secs(400) };
        ServiceStatus { pulses: vec![(name, pulse)], ..ServiceStatus::default() }
    }

    async fn ask(desk: &Desk, verbose: bool) -> (u16, String) {
        let (head, body) = desk.answer(verbose).await.into_parts();
        (head.status.as_u16(), String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_whose_data_moves_is_available_since_it_was_first_seen_so() {
        let desk = desk(Some(ServiceStatus::default()), None);
        assert_eq!(ask(&desk, false).await.0, 200);
        tokio::time::advance(Duration::from_secs(90)).await;
        let (status, body) = ask(&desk, false).await;
        let json: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &json["status"], &json["uptime"]), (200, &json!("Server available"), &json!("1m30s")));
        assert!(json["upSince"].as_str().unwrap().starts_with("20"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_does_not_answer_or_is_stuck_is_not_available() {
        let (status, body) = ask(&desk(None, None), false).await;
        assert_eq!(
            (status, serde_json::from_str::<Value>(&body).unwrap()),
            (503, json!({ "status": "Server not available", "upSince": NEVER, "uptime": "" }))
        );
        let (status, body) = ask(&desk(Some(stuck()), None), true).await;
        let json: Value = serde_json::from_str(&body).unwrap();
        let reason = "3 waiting, and the destination has taken nothing for 6m40s";
        assert_eq!(
            (status, &json["reasons"][0]["id"], &json["reasons"][0]["reason"]),
            (503, &json!("otlphttp/x"), &json!(reason))
        );
        assert_eq!(json["components"][0]["waiting"], json!(3));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_are_those_of_the_settings() {
        let body = || Some(ResponseBody { healthy: "good".to_owned(), unhealthy: "bad".to_owned() });
        assert_eq!(ask(&desk(Some(ServiceStatus::default()), body()), false).await, (200, "good".to_owned()));
        assert_eq!(ask(&desk(Some(stuck()), body()), false).await, (503, "bad".to_owned()));
    }
}
