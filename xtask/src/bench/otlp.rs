//! OTLP requests written by hand: just the fields that the measured telemetry has, so that the bench shares no code with the program it measures.

/// Telemetry of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Metrics,
    Logs,
}

impl Signal {
    pub(super) const ALL: [Signal; 2] = [Signal::Metrics, Signal::Logs];

    pub(super) fn name(self) -> &'static str {
        match self {
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }

    /// The key of an attribute that no statement takes away: each item that arrives has it once.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Signal::Metrics => "vhost",
            Signal::Logs => "unit",
        }
    }

    /// An export request of so many items. Their values and times depend on `seed`.
    pub(super) fn request(self, items: usize, seed: u64) -> Vec<u8> {
        let groups = match self {
            Signal::Metrics => metrics(items, seed),
            Signal::Logs => logs(items, seed),
        };
        let mut resource = Vec::new();
        attribute(&mut resource, 1, "host.name", "server-name-01");
        attribute(&mut resource, 1, "service.name", "rabbitmq");
        let mut of_resource = Vec::new();
        field(&mut of_resource, 1, &resource);
        field(&mut of_resource, 2, &groups);
        let mut request = Vec::new();
        field(&mut request, 1, &of_resource);
        request
    }
}

const METRICS: usize = 10;
const TIME: u64 = 1_755_000_000_000_000_000;

/// Gauges of queues, as one scope.
fn metrics(points: usize, seed: u64) -> Vec<u8> {
    let mut scope = Vec::new();
    for metric in 0..METRICS {
        let mut gauge = Vec::new();
        for index in 0..points / METRICS {
            let mut point = Vec::new();
            fixed(&mut point, 3, TIME + seed);
            fixed(&mut point, 4, (((index as u64 * 7 + seed) % 1000) as f64).to_bits());
            attribute(&mut point, 7, "vhost", if index % 2 == 1 { "prod" } else { "/" });
            attribute(&mut point, 7, "queue", &format!("tenant-{}.orders.{index:05}", index % 17));
            attribute(&mut point, 7, "node", "rabbit@vm");
            field(&mut gauge, 1, &point);
        }
        let mut message = Vec::new();
        field(&mut message, 1, format!("rabbitmq_queue_messages_{metric}").as_bytes());
        field(&mut message, 3, if metric == 3 { b"By" } else { b"" });
        field(&mut message, 5, &gauge);
        field(&mut scope, 2, &message);
    }
    scope
}

/// Lines of a broker's log, as one scope.
fn logs(records: usize, seed: u64) -> Vec<u8> {
    let mut scope = Vec::new();
    for index in 0..records {
        let level = if index % 9 == 0 { "error" } else { "info" };
        let vhost = if index % 2 == 1 { "prod" } else { "/" };
        let line = format!(
            "2025-08-12 12:00:{:02} [{level}] <0.{index}.0> connection user 'app' vhost '{vhost}' password=hunter{index}",
            index % 60
        );
        let mut body = Vec::new();
        field(&mut body, 1, line.as_bytes());
        let mut record = Vec::new();
        fixed(&mut record, 1, TIME + seed * records as u64 + index as u64);
        varint(&mut record, 2 << 3);
        varint(&mut record, 9);
        field(&mut record, 3, b"INFO");
        field(&mut record, 5, &body);
        attribute(&mut record, 6, "unit", "rabbitmq-server.service");
        attribute(&mut record, 6, "node", "rabbit@vm");
        attribute(&mut record, 6, "pid", &index.to_string());
        field(&mut scope, 2, &record);
    }
    scope
}

fn attribute(out: &mut Vec<u8>, number: u64, key: &str, value: &str) {
    let (mut text, mut entry) = (Vec::new(), Vec::new());
    field(&mut text, 1, value.as_bytes());
    field(&mut entry, 1, key.as_bytes());
    field(&mut entry, 2, &text);
    field(out, number, &entry);
}

/// A field of bytes, text or a message.
fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A field of eight bytes.
fn fixed(out: &mut Vec<u8>, number: u64, bits: u64) {
    varint(out, number << 3 | 1);
    out.extend_from_slice(&bits.to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_its_mark_once() {
        for signal in Signal::ALL {
            let request = signal.request(50, 1);
            let mark = signal.mark().as_bytes();
            // As a key: behind its tag and length.
            let key: Vec<u8> = [&[0x0a, mark.len() as u8], mark].concat();
            assert_eq!(request.windows(key.len()).filter(|window| *window == key).count(), 50);
        }
    }

    #[test]
    fn numbers_are_written_seven_bits_at_a_time() {
        let mut out = Vec::new();
        varint(&mut out, 300);
        field(&mut out, 1, b"a");
        assert_eq!(out, [0xac, 0x02, 0x0a, 1, b'a']);
    }
}
