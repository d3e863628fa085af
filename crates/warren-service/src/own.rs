//! The process's own metrics: figures of the process, and the endpoint that serves all of them.

use crate::telemetry::PrometheusReader;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Instant;
use warren_component::{BoxFuture, BuildContext, BuildError};
use warren_http::server::{Handler, Listener, Reply, ReplyBody, Request, Server, ServerConfig, Transport};
use warren_telemetry::{Counter, Gauge, Registry};

/// Clock ticks per second in which the kernel counts processor time; fixed in its interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// What upstream's own endpoint answers with.
const CONTENT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");

/// The endpoint.
pub(crate) fn server(
    reader: &PrometheusReader,
    cx: &BuildContext,
    resource: &IndexMap<String, String>,
) -> Result<Server, BuildError> {
    let failed = |error: &dyn std::fmt::Display| {
        BuildError::new(format!(
            "failed to create SDK: binding address {}:{} for Prometheus exporter: {error}",
            reader.host, reader.port
        ))
    };
    let host = if reader.host.contains(':') { format!("[{}]", reader.host) } else { reader.host.clone() };
    let listener = Listener::bind(Transport::Tcp, &format!("{host}:{}", reader.port)).map_err(|error| failed(&error))?;
    let constant =
        resource.iter().map(|(name, value)| (name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"), value.clone())).collect();
    let registry = cx.telemetry.registry.clone();
    let process = Process::new(&registry);
    Server::new(&ServerConfig::default(), cx, listener, Arc::new(Page { registry, constant, process }))
}

struct Page {
    registry: Registry,
    /// Labels on every series: upstream puts the resource there.
    constant: Vec<(String, String)>,
    process: Process,
}

impl Handler for Page {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        let head = &request.head;
        let found = head.uri.path() == "/metrics" && matches!(head.method, Method::GET | Method::HEAD);
        let mut reply = Reply::new(ReplyBody::from(Vec::new()));
        if found {
            self.process.refresh();
            *reply.body_mut() = ReplyBody::from(self.registry.render(&self.constant).into_bytes());
            reply.headers_mut().insert(CONTENT_TYPE, CONTENT);
        } else {
            *reply.body_mut() = ReplyBody::from(b"404 page not found\n".to_vec());
            *reply.status_mut() = StatusCode::NOT_FOUND;
        }
        Box::pin(std::future::ready(reply))
    }
}

/// Figures of the process, read when they are asked for.
struct Process {
    started: Instant,
    uptime: Counter,
    cpu: Counter,
    resident: Gauge,
    live: Gauge,
}

impl Process {
    fn new(registry: &Registry) -> Self {
        Self {
            started: Instant::now(),
            uptime: registry.counter("otelcol_process_uptime", "Uptime of the process", &[]),
            cpu: registry.counter("otelcol_process_cpu_seconds", "Total CPU user and system time in seconds", &[]),
            live: registry.gauge("otelcol_process_runtime_heap_alloc_bytes", "Bytes of allocated heap objects", &[]),
            resident: registry.gauge("otelcol_process_memory_rss", "Total physical memory (resident set size)", &[]),
        }
    }

    fn refresh(&self) {
        self.uptime.raise_to(self.started.elapsed().as_secs_f64());
        // Two small files of the kernel's memory: reading them does not block.
        if let Ok(stat) = std::fs::read_to_string("/proc/self/stat") {
            let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
            let ticks: f64 = behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
            self.cpu.raise_to(ticks / TICKS_PER_SECOND);
        }
        self.resident.set(warren_sys::memory::resident_bytes().unwrap_or_default() as f64);
        self.live.set(warren_sys::live_bytes() as f64);
    }
}
