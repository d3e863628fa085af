//! What both protocols do with a request: ask for room, decode, hand on, and say what became of it.

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use std::sync::{Arc, Mutex, PoisonError};
use warren_component::{BuildContext, ClientInfo, Code, ConsumeError, Consumer, Identity, Outputs};
use warren_http::server::Peer;
use warren_otlp::{DecodeError, KnownSets, RpcStatus, decode_next_request};
use warren_pdata::{Batch, Signal};
use warren_telemetry::Counter;

/// The way into the pipelines for one protocol.
pub(crate) struct Intake {
    ways: Vec<Way>,
    /// Whether headers go along with the data.
    include_metadata: bool,
}

/// The way of one signal.
pub(crate) struct Way {
    pub(crate) signal: Signal,
    consumer: Arc<dyn Consumer>,
    accepted: Counter,
    refused: Counter,
    /// Attribute sets of earlier requests.
    known: Mutex<KnownSets>,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) status: RpcStatus,
}

impl Intake {
    /// Ways for all signals that are wanted. `transport` is `http` or `grpc`.
    pub(crate) fn new(cx: &BuildContext, outputs: &Outputs, transport: &str, include_metadata: bool) -> Self {
        let id = cx.id.to_string();
        let counter = |signal: Signal, verb: &str, help| {
            let name = format!("otelcol_receiver_{verb}_{}", signal.items());
            cx.telemetry.registry.counter(&name, help, &[("receiver", &id), ("transport", transport)])
        };
        let way = |signal| {
            Some(Way {
                signal,
                consumer: Arc::clone(outputs.get(signal)?),
                accepted: counter(signal, "accepted", "Number of items successfully pushed into the pipeline."),
                refused: counter(signal, "refused", "Number of items that could not be pushed into the pipeline."),
                known: Mutex::default(),
            })
        };
        Self { ways: Signal::ALL.into_iter().filter_map(way).collect(), include_metadata }
    }

    /// The way of a signal; none if no pipeline wants it.
    pub(crate) fn way(&self, signal: Signal) -> Option<&Way> {
        self.ways.iter().find(|way| way.signal == signal)
    }

    /// All signals that are wanted.
    pub(crate) fn signals(&self) -> impl Iterator<Item = Signal> + '_ {
        self.ways.iter().map(|way| way.signal)
    }

    /// Who sent a request.
    pub(crate) fn client(&self, head: &Parts, peer: Peer, identity: Option<Identity>) -> Arc<ClientInfo> {
        let metadata = if self.include_metadata { metadata(&head.headers, head) } else { Vec::new() };
        let address = peer.map(|peer| peer.ip());
        Arc::new(ClientInfo { address, metadata, identity: identity.unwrap_or_default() })
    }
}

/// Headers that are text, and the host as a header where HTTP/2 has it elsewhere.
fn metadata(headers: &HeaderMap, head: &Parts) -> Vec<(String, String)> {
    let text = headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let authority = head.uri.authority().filter(|_| !headers.contains_key(HOST));
    text.chain(authority.map(|authority| (HOST.as_str().to_owned(), authority.to_string()))).collect()
}

impl Way {
    /// Whether a request of so many bytes may come.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), Failure> {
        self.consumer.admit(bytes).map_err(Failure::from)
    }

    /// Reads a request in protobuf.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Batch, DecodeError> {
        decode_next_request(self.signal, bytes, &mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands a batch to the pipelines. An empty one goes nowhere, and well.
    pub(crate) async fn take(&self, batch: Batch, client: Arc<ClientInfo>) -> Result<(), Failure> {
        let items = batch.items() as u64;
        if items == 0 {
            return Ok(());
        }
        let taken = client.scope(self.consumer.consume(Arc::new(batch))).await;
        let counter = if taken.is_ok() { &self.accepted } else { &self.refused };
        counter.add(items);
        taken.map_err(Failure::from)
    }
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, status: RpcStatus::new(code as i32, message) }
    }
}

impl From<ConsumeError> for Failure {
    /// An error without a kind is one to try again after, unless it says that this cannot help.
    fn from(error: ConsumeError) -> Self {
        let code = error.code.unwrap_or(if error.permanent { Code::Internal } else { Code::Unavailable });
        let mut failure = Self::new(code, error.to_string());
        if let Some(wait) = error.retry_after {
            failure.status = failure.status.with_retry_delay(wait);
        }
        failure
    }
}
