//! Whether data really arrives on the bus: seen by a queue of one's own beside those of its consumers.
//!
//! The queue is exclusive, bounded, and goes with the connection; messages are read for who sent them and when, and forgotten. As in the store of
//! metrics, what counts is the newest good scrape (`up` 1) of a server.

use crate::app::{App, now};
use crate::watch::Place;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{interval, sleep};
use warren_amqp::{Client, Consumer, Delivery, Endpoint, Source};
use warren_config::Secret;
use warren_http::tls::{ClientTls, TlsClientConfig};
use warren_otlp::{decode_json, decode_request};
use warren_pdata::{Batch, Data, Metrics, Signal};
use warren_telemetry::Field;

/// Time between two attempts to connect, and between two signs that the connection stands.
const EVERY: Duration = Duration::from_secs(5);

/// Messages that are on their way at the same time at most.
const PREFETCH: u16 = 100;

/// Messages that wait in the queue at most.
const QUEUE_MAX: u32 = 100_000;

/// The brokers' jobs.
const JOBS: [&str; 2] = ["rabbitmq", "lavinmq"];

/// Where the bus is.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Its URL: `amqp://host:port/vhost`, or `amqps://…`.
    pub url: String,
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
    /// The exchange that collectors publish to.
    pub exchange: String,
    /// The key that a queue is bound with there.
    pub key: String,
}

/// Watches, for ever.
pub(crate) async fn watch(app: App, bus: Bus) {
    let (client, source) = match prepared(&bus) {
        Ok(prepared) => prepared,
        Err(error) => return app.log.error("The bus cannot be watched", &[("error", Field::Str(&error))]),
    };
    app.freshness.looks(Place::Bus);
    let mut failing = false;
    loop {
        let ended = match Consumer::open(&client, &source).await {
            Ok(consumer) => {
                failing = false;
                app.log.info("The bus is watched", &[("exchange", Field::Str(&bus.exchange))]);
                // What was seen before the connection was gone says nothing about the time without one.
                app.freshness.looks(Place::Bus);
                look(&app, consumer).await
            }
            Err(error) => error,
        };
        if !failing {
            failing = true;
            app.log.error("The bus does not answer: whether data arrives there is not known", &[("error", Field::Str(&ended))]);
        }
        sleep(EVERY).await;
    }
}

/// Sees what passes until the connection ends; tells why it did.
async fn look(app: &App, mut consumer: Consumer) -> String {
    let mut tick = interval(EVERY);
    let mut unread = false;
    loop {
        let next = consumer.next();
        tokio::pin!(next);
        let delivery = loop {
            tokio::select! {
                delivery = &mut next => break delivery,
                _ = tick.tick() => app.freshness.answered(Place::Bus, []),
            }
        };
        match delivery.map(|delivery| newest(&delivery)) {
            Err(error) => return error,
            Ok(Ok(newest)) => app.freshness.answered(Place::Bus, newest),
            Ok(Err(error)) if !unread => {
                unread = true;
                app.log.warn("A message on the bus cannot be read; others may not be either", &[("error", Field::Str(&error))]);
            }
            Ok(Err(_)) => {}
        }
    }
}

fn prepared(bus: &Bus) -> Result<(Client, Source), String> {
    let endpoint: Endpoint = bus.url.parse().map_err(|error: warren_amqp::EndpointError| error.to_string())?;
    if endpoint.has_user {
        return Err("say user and password beside the URL, not in it".to_owned());
    }
    if bus.exchange.is_empty() {
        return Err("say the exchange that collectors publish to; nobody can listen at the default one".to_owned());
    }
    let tls = ClientTls::new(TlsClientConfig::default()).map_err(|error| error.to_string())?;
    let client = Client {
        tls,
        name: "warren watch".to_owned(),
        username: bus.user.clone(),
        password: Secret::new(bus.password.clone()),
        vhost: endpoint.vhost.clone().unwrap_or_else(|| "/".to_owned()),
        heartbeat: Duration::from_secs(10),
        connection_timeout: Duration::from_secs(30),
        confirm_timeout: Duration::from_secs(30),
        endpoint,
    };
    let source = Source { exchange: bus.exchange.clone(), key: bus.key.clone(), prefetch: PREFETCH, queue_max: QUEUE_MAX };
    Ok((client, source))
}

/// Of when the newest good scrape of each server in a message is, in milliseconds since 1970. Of logs and traces nothing is taken.
fn newest(delivery: &Delivery) -> Result<HashMap<String, i64>, String> {
    let signal = match delivery.key.as_str() {
        key if key.contains("logs") || key.contains("spans") || key.contains("traces") => return Ok(HashMap::new()),
        _ => Signal::Metrics,
    };
    let decode = if delivery.body.first() == Some(&b'{') { decode_json } else { decode_request };
    match decode(signal, &delivery.body).map_err(|error| error.to_string())? {
        Batch::Metrics(metrics) => Ok(scrapes(&metrics)),
        Batch::Logs(_) | Batch::Traces(_) => Ok(HashMap::new()),
    }
}

fn scrapes(metrics: &Metrics) -> HashMap<String, i64> {
    let mut newest = HashMap::new();
    for group in &metrics.resources {
        let text = |key: &str| group.resource.attrs.get(key).and_then(|value| value.as_str());
        let (Some(name), Some(job)) = (text("service.instance.id"), text("service.name")) else { continue };
        if !JOBS.contains(&job) {
            continue;
        }
        let metrics = group.scopes.iter().flat_map(|scope| &scope.items);
        let up = metrics.filter(|metric| &*metric.name == "up").filter_map(|metric| match &metric.data {
            Data::Gauge(points) => Some(points),
            _ => None,
        });
        let good =
            up.flat_map(|points| (0..points.len()).filter(|at| points.value(*at).as_f64() == 1.0).map(|at| points.time.get(at)));
        if let Some(at) = good.max() {
            // Nobody's clock makes what has arrived fresher than now.
            let at = i64::try_from(at / 1_000_000).unwrap_or(i64::MAX).min(now());
            let known = newest.entry(name.to_owned()).or_insert(at);
            *known = at.max(*known);
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn message(job: &str, value: f64, at: i64) -> Delivery {
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let body: Value = json!({"resourceMetrics": [{
            "resource": {"attributes": [text("service.instance.id", "n"), text("service.name", job)]},
            "scopeMetrics": [{"metrics": [
                {"name": "up", "gauge": {"dataPoints": [{"timeUnixNano": (at * 1_000_000).to_string(), "asDouble": value}]}},
                {"name": "other", "gauge": {"dataPoints": [{"timeUnixNano": "9000000000000000", "asDouble": 1.0}]}},
            ]}],
        }]});
        Delivery { key: "otlp_metrics".into(), body: body.to_string().into_bytes() }
    }

    #[test]
    fn good_scrapes_of_brokers_count() {
        assert_eq!(newest(&message("rabbitmq", 1.0, 5000)).unwrap(), HashMap::from([("n".to_owned(), 5000)]));
        assert!(newest(&message("rabbitmq", 0.0, 5000)).unwrap().is_empty());
        assert!(newest(&message("host", 1.0, 5000)).unwrap().is_empty());
        assert!(newest(&message("lavinmq", 1.0, i64::MAX / 1_000_000)).unwrap()["n"] <= now(), "a clock that is wrong");
        assert!(newest(&Delivery { key: "otlp_logs".into(), body: b"?".to_vec() }).unwrap().is_empty());
        assert!(newest(&Delivery { key: "otlp_metrics".into(), body: b"{".to_vec() }).is_err());
    }

    #[test]
    fn a_bus_that_cannot_be_watched_is_told() {
        let bus = |url: &str, exchange: &str| Bus {
            url: url.into(),
            user: "u".into(),
            password: "p".into(),
            exchange: exchange.into(),
            key: "#".into(),
        };
        assert!(prepared(&bus("amqp://h", "metrics")).is_ok());
        for (url, exchange) in [("http://h", "m"), ("amqp://u:secret@h", "m"), ("amqp://h", "")] {
            let error = prepared(&bus(url, exchange)).err().unwrap();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
