//! The process's own metrics: figures of the process, and the pages that show all of them.

use crate::telemetry::PrometheusReader;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use indexmap::IndexMap;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Instant;
use warren_component::{BoxFuture, BuildContext, BuildError};
use warren_http::server::{Handler, Listener, Reply, ReplyBody, Request, Server, ServerConfig, Transport};
use warren_telemetry::{Kind, PageStyle, Registry};

/// What upstream's own endpoint answers with.
const CONTENT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");

/// The endpoint of one reader.
pub(crate) fn server(
    reader: &PrometheusReader,
    cx: &BuildContext,
    resource: &IndexMap<String, String>,
) -> Result<Server, BuildError> {
    let host = if reader.host.contains(':') { format!("[{}]", reader.host) } else { reader.host.clone() };
    let address = format!("{host}:{}", reader.port);
    let listener = Listener::bind(Transport::Tcp, &address).map_err(|error| {
        let message = format!("failed to create SDK: binding address {address} for Prometheus exporter: {error}");
        BuildError::with_source(message, error)
    })?;
    let page = Page { registry: cx.telemetry.registry.clone(), style: reader.style(resource) };
    Server::new(&ServerConfig::default(), cx, listener, Arc::new(page))
}

struct Page {
    registry: Registry,
    style: PageStyle,
}

impl Handler for Page {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        let head = &request.head;
        let found = head.uri.path() == "/metrics" && matches!(head.method, Method::GET | Method::HEAD);
        let mut reply = Reply::new(ReplyBody::from(Vec::new()));
        if found {
            *reply.body_mut() = ReplyBody::from(self.registry.render(&self.style).into_bytes());
            reply.headers_mut().insert(CONTENT_TYPE, CONTENT);
        } else {
            *reply.body_mut() = ReplyBody::from(b"404 page not found\n".to_vec());
            *reply.status_mut() = StatusCode::NOT_FOUND;
        }
        Box::pin(std::future::ready(reply))
    }
}

/// Shows the figures of the process, read when they are asked for.
pub(crate) fn watch_process(registry: &Registry) {
    let started = Instant::now();
    let counter = |name, help, value: fn() -> Option<f64>| registry.computed(Kind::Counter, name, help, &[], value);
    let gauge = |name, help, value: fn() -> Option<f64>| registry.computed(Kind::Gauge, name, help, &[], value);
    let uptime = move || Some(started.elapsed().as_secs_f64());
    registry.computed(Kind::Counter, "otelcol_process_uptime", "Uptime of the process [alpha]", &[], uptime);
    counter("otelcol_process_cpu_seconds", "Total CPU user and system time in seconds [alpha]", || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    });
    // Small files of the kernel's memory: reading them does not block.
    gauge("otelcol_process_memory_rss", "Total physical memory (resident set size) [alpha]", || {
        warren_sys::memory::resident_bytes().map(|bytes| bytes as f64)
    });
    gauge("otelcol_process_runtime_heap_alloc_bytes", "Bytes that are allocated [alpha]", || {
        Some(warren_sys::live_bytes() as f64)
    });
    counter("otelcol_process_runtime_total_alloc_bytes", "Bytes that were allocated since the start [alpha]", || {
        Some(warren_sys::allocated_bytes() as f64)
    });
    gauge("otelcol_process_runtime_total_sys_memory_bytes", "Private memory obtained from the system [alpha]", || {
        warren_sys::memory::data_bytes().map(|bytes| bytes as f64)
    });
}
