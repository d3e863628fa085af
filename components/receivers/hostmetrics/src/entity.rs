//! The event that says that there is a host: what a pipeline of logs gets of this receiver.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{MissedTickBehavior, interval};
use warren_component::Consumer;
use warren_pdata::{Attrs, Batch, KeyValue, LogRecord, Logs, Resource, Scope, Value};
use warren_telemetry::{Counter, Field, Logger};

/// Sends an event at once and then every `every`; only one when that is zero.
pub(crate) async fn send(every: Duration, output: Arc<dyn Consumer>, accepted: Counter, refused: Counter, log: Logger) {
    let mut clock = interval(if every.is_zero() { Duration::MAX / 4 } else { every });
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        clock.tick().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match output.consume(Arc::new(event(now, every))).await {
            Ok(()) => accepted.add(1),
            Err(error) => {
                refused.add(1);
                log.error("Error sending entity event to the consumer", &[("error", Field::Display(&error))]);
            }
        }
        if every.is_zero() {
            return std::future::pending().await;
        }
    }
}

fn event(now: Duration, every: Duration) -> Batch {
    let mut attrs = vec![KeyValue::new("otel.entity.event.type", "entity_state"), KeyValue::new("otel.entity.type", "host")];
    if !every.is_zero() {
        attrs.push(KeyValue::new("otel.entity.interval", i64::try_from(every.as_millis()).unwrap_or(i64::MAX)));
    }
    let time = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let record = LogRecord { time, attrs: Attrs::new(attrs), ..LogRecord::default() };
    let scope = Scope { attrs: Attrs::from([("otel.entity.event_as_log", Value::Bool(true))]), ..Scope::default() };
    Batch::Logs(Logs::of(Resource::default(), scope, vec![record]))
}
