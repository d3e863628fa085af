//! Remote write as a receiver sees it: the messages of both versions, decoded independently of the collector's encoder, and a loopback
//! receiver that answers as a test tells it.
//!
//! The messages follow the field tables of the Prometheus remote-write specifications 1.0 and 2.0.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message as _;

use crate::error::{Error, Result};
use crate::http::{Answer, Headers, Message, Server};
use crate::wait;

/// Largest message accepted once decompressed.
const DECODED_BYTES_MAX: usize = 64 << 20;

/// Bits of the value that marks a series as gone.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// `prometheus.WriteRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WriteRequest {
    /// Series with their samples.
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<TimeSeries>,
    /// Descriptions of metric families.
    #[prost(message, repeated, tag = "3")]
    pub metadata: Vec<Metadata>,
}

/// `prometheus.TimeSeries`, without the parts the tests do not look at.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TimeSeries {
    /// Labels, sorted by name.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// Samples.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
}

/// `prometheus.Label`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Label {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `prometheus.Sample`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sample {
    /// Value.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

/// `prometheus.MetricMetadata`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    /// Kind of metric: 1 counter, 2 gauge, 3 histogram, …
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// Name of the family.
    #[prost(string, tag = "2")]
    pub family: String,
    /// HELP text.
    #[prost(string, tag = "4")]
    pub help: String,
    /// Unit.
    #[prost(string, tag = "5")]
    pub unit: String,
}

impl TimeSeries {
    /// Value of a label, empty when absent.
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|label| label.name == name).map_or("", |label| label.value.as_str())
    }

    /// Name of the metric.
    pub fn name(&self) -> &str {
        self.label("__name__")
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Push {
    /// Header fields.
    pub headers: Headers,
    /// Size of the compressed body.
    pub wire_bytes: usize,
    /// Decoded message.
    pub request: WriteRequest,
    /// Status it was answered with; 0 when the connection was taken over.
    pub status: u16,
}

/// A loopback receiver that keeps every request.
pub struct Receiver {
    server: Server,
    pushes: Arc<Mutex<Vec<Push>>>,
}

impl Receiver {
    /// Accepts everything with 204.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start() -> Result<Receiver> {
        Receiver::answering(|_| Answer::status(204))
    }

    /// Answers each decoded request as `decide` says; a request that does not decode gets 400.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn answering(decide: impl Fn(&Push) -> Answer + Send + Sync + 'static) -> Result<Receiver> {
        let pushes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&pushes);
        let server = Server::start(move |message| {
            let (headers, wire_bytes) = (message.headers.clone(), message.body.len());
            let Ok(request) = decode(&message) else {
                return Answer::ok("text/plain", *b"not a remote-write request").with_status(400);
            };
            let mut push = Push { headers, wire_bytes, request, status: 0 };
            let answer = decide(&push);
            if let Answer::Reply { status, .. } = &answer {
                push.status = *status;
            }
            lock(&kept).push(push);
            answer
        })?;
        Ok(Receiver { server, pushes })
    }

    /// Address that takes remote write.
    pub fn url(&self) -> String {
        self.server.url("/api/v1/write")
    }

    /// All requests so far.
    pub fn pushes(&self) -> Vec<Push> {
        lock(&self.pushes).clone()
    }

    /// How many requests have come so far.
    pub fn requests(&self) -> usize {
        lock(&self.pushes).len()
    }

    /// Every sample accepted (answered 2xx) so far, in order of arrival: labels, value, milliseconds.
    pub fn samples(&self) -> Vec<(BTreeMap<String, String>, f64, i64)> {
        let mut samples = Vec::new();
        for push in lock(&self.pushes).iter().filter(|push| (200..300).contains(&push.status)) {
            for series in &push.request.timeseries {
                let labels: BTreeMap<_, _> =
                    series.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
                samples.extend(series.samples.iter().map(|sample| (labels.clone(), sample.value, sample.timestamp)));
            }
        }
        samples
    }

    /// Accepted values of one metric, in order of arrival.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let of_metric =
            |sample: &(BTreeMap<String, String>, f64, i64)| sample.0.get("__name__").is_some_and(|found| found == name);
        self.samples().iter().filter(|sample| of_metric(sample)).map(|sample| sample.1).collect()
    }

    /// Waits until `found` answers on the accepted values of a metric.
    ///
    /// # Errors
    /// [`Error::Late`].
    pub fn wait_for(&self, name: &str, within: Duration, found: impl Fn(&[f64]) -> bool) -> Result<Vec<f64>> {
        wait::until(format!("{name} arrives as expected"), within, || {
            let values = self.values(name);
            found(&values).then_some(values)
        })
    }
}

/// Decodes a remote-write 1.0 request.
///
/// # Errors
/// When the body is not a snappy block holding the message.
pub fn decode(message: &Message) -> Result<WriteRequest> {
    let malformed = |reason: String| Error::Malformed { what: "a remote-write request".to_owned(), reason };
    let length = snap::raw::decompress_len(&message.body).map_err(|error| malformed(error.to_string()))?;
    if length > DECODED_BYTES_MAX {
        return Err(malformed(format!("{length} bytes once decompressed")));
    }
    let plain = snap::raw::Decoder::new().decompress_vec(&message.body).map_err(|error| malformed(error.to_string()))?;
    WriteRequest::decode(plain.as_slice()).map_err(|error| malformed(error.to_string()))
}

fn lock(pushes: &Mutex<Vec<Push>>) -> MutexGuard<'_, Vec<Push>> {
    pushes.lock().unwrap_or_else(PoisonError::into_inner)
}
