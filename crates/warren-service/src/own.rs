//! The process's own metrics: figures of the process, and the pages that show all of them.

use crate::graph::Common;
use crate::run::group::Group;
use crate::telemetry::{PrometheusReader, TelemetrySettings};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use indexmap::IndexMap;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use warren_component::{BoxFuture, BuildContext, BuildError, Extensions, Inherited, RunError};
use warren_config::ComponentId;
use warren_http::server::{Handler, Listener, Reply, ReplyBody, Request, Server, ServerConfig, Transport};
use warren_telemetry::{Kind, Logger, PageStyle, Registry};

/// What upstream's own endpoint answers with.
const CONTENT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8; escaping=underscores");

/// The pages that are served, by address.
#[derive(Default)]
pub(crate) struct Pages(IndexMap<String, Served>);

struct Served {
    style: Arc<Mutex<PageStyle>>,
    group: Group,
}

/// Pages as other settings want them: those whose address is new have their sockets already.
pub(crate) struct NewPages(IndexMap<String, NewPage>);

enum NewPage {
    Restyled(PageStyle),
    Bound(Server, Arc<Mutex<PageStyle>>),
}

impl NewPages {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Pages {
    /// What settings ask for, as far as it can fail.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub(crate) fn prepare(
        &self,
        settings: &TelemetrySettings,
        common: &Common,
        resource: &IndexMap<String, String>,
    ) -> Result<NewPages, BuildError> {
        let mut pages = IndexMap::new();
        for reader in settings.endpoints() {
            let address = address(reader);
            let style = reader.style(resource);
            let page = if self.0.contains_key(&address) {
                NewPage::Restyled(style)
            } else {
                let style = Arc::new(Mutex::new(style));
                NewPage::Bound(server(&address, common, Arc::clone(&style))?, style)
            };
            pages.insert(address, page);
        }
        Ok(NewPages(pages))
    }

    /// Serves these pages and no others. Gives those that are not wanted any more.
    pub(crate) fn adopt(&mut self, pages: NewPages) -> Vec<Group> {
        let mut before = std::mem::take(&mut self.0);
        for (address, page) in pages.0 {
            match page {
                NewPage::Bound(server, style) => {
                    let group = Group::of("own telemetry".to_owned(), move |cx| {
                        Box::pin(async move { server.serve(cx.stop).await.map_err(|error| RunError(error.to_string())) })
                    });
                    self.0.insert(address, Served { style, group });
                }
                NewPage::Restyled(style) => {
                    let Some(served) = before.swap_remove(&address) else { continue };
                    *served.style.lock().unwrap_or_else(PoisonError::into_inner) = style;
                    self.0.insert(address, served);
                }
            }
        }
        before.into_values().map(|served| served.group).collect()
    }

    pub(crate) fn groups(&mut self) -> impl Iterator<Item = &mut Group> {
        self.0.values_mut().map(|served| &mut served.group)
    }

    /// Serves nothing any more.
    pub(crate) async fn stop(self, deadline: tokio::time::Instant, log: &Logger) {
        let stops = self.0.into_values().map(|served| served.group.stop(deadline, log));
        futures_util::future::join_all(stops).await;
    }
}

fn address(reader: &PrometheusReader) -> String {
    let host = if reader.host.contains(':') { format!("[{}]", reader.host) } else { reader.host.clone() };
    format!("{host}:{}", reader.port)
}

/// The server of one page.
fn server(address: &str, common: &Common, style: Arc<Mutex<PageStyle>>) -> Result<Server, BuildError> {
    let listener = Listener::bind(Transport::Tcp, address).map_err(|error| {
        let message = format!("failed to create SDK: binding address {address} for Prometheus exporter: {error}");
        BuildError::with_source(message, error)
    })?;
    let cx = BuildContext {
        id: ComponentId::of_type("telemetry"),
        telemetry: common.telemetry.clone(),
        build: Arc::clone(&common.build),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: common.gates.clone(),
    };
    let page = Page { registry: cx.telemetry.registry.clone(), style };
    Server::new(&ServerConfig::default(), &cx, listener, Arc::new(page))
}

struct Page {
    registry: Registry,
    style: Arc<Mutex<PageStyle>>,
}

impl Handler for Page {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        let head = &request.head;
        let found = head.uri.path() == "/metrics" && matches!(head.method, Method::GET | Method::HEAD);
        let mut reply = Reply::new(ReplyBody::from(Vec::new()));
        if found {
            let style = self.style.lock().unwrap_or_else(PoisonError::into_inner).clone();
            *reply.body_mut() = ReplyBody::from(self.registry.render(&style).into_bytes());
            reply.headers_mut().insert(CONTENT_TYPE, CONTENT);
        } else {
            *reply.body_mut() = ReplyBody::from(b"404 page not found\n".to_vec());
            *reply.status_mut() = StatusCode::NOT_FOUND;
        }
        Box::pin(std::future::ready(reply))
    }
}

/// Shows the figures of the process, read when they are asked for. Called inside the runtime.
pub(crate) fn watch_process(registry: &Registry) {
    let runtime = tokio::runtime::Handle::current().metrics();
    let tasks = move || Some(runtime.num_alive_tasks() as f64);
    registry.computed(Kind::Gauge, "warren_runtime_tasks", "Tasks that have not ended.", &[], tasks);
    let started = Instant::now();
    let counter = |name, help, value: fn() -> Option<f64>| registry.computed(Kind::Counter, name, help, &[], value);
    let gauge = |name, help, value: fn() -> Option<f64>| registry.computed(Kind::Gauge, name, help, &[], value);
    let uptime = move || Some(started.elapsed().as_secs_f64());
    registry.computed(Kind::Counter, "otelcol_process_uptime", "Uptime of the process [alpha]", &[], uptime);
    counter("otelcol_process_cpu_seconds", "Total CPU user and system time in seconds [alpha]", || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    });
    gauge("warren_runtime_kept_bytes", "Small blocks that were freed and are kept at hand, in bytes.", || {
        warren_sys::kept_bytes().map(|bytes| bytes as f64)
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
