//! The running extension.

use crate::config::Config;
use crate::cpu;
use crate::serve::Desk;
use std::any::Any;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use warren_component::{BoxFuture, BuildContext, BuildError, Extension, RunContext, RunError};
use warren_http::server::{Server, Sockets, Transport};
use warren_sys::profile::heap;
use warren_telemetry::{Field, Logger};

/// Extensions that run and want allocations to be sampled.
static SAMPLING: AtomicUsize = AtomicUsize::new(0);

/// The extension.
pub(crate) struct Pprof {
    server: Mutex<Option<Server>>,
    sockets: Sockets,
    endpoint: String,
    /// Bytes between two samples of the heap; zero for none.
    heap_rate: usize,
    /// Where a profile of the whole run goes.
    file: Option<PathBuf>,
    log: Logger,
}

impl Pprof {
    pub(crate) fn new(config: &Config, cx: &BuildContext) -> Result<Self, BuildError> {
        let inherited = cx.inherited.take::<Sockets>().unwrap_or_default();
        let mut sockets = Sockets::default();
        let listener = sockets.listen(&inherited, Transport::Tcp, &config.endpoint);
        let listener = listener.map_err(|error| BuildError::new(error.to_string()))?;
        let server = Server::new(&config.server(), cx, listener, Arc::new(Desk))?;
        Ok(Self {
            server: Mutex::new(Some(server)),
            sockets,
            endpoint: config.endpoint.clone(),
            heap_rate: usize::try_from(config.warren.heap_sample.0).unwrap_or_default(),
            file: Some(PathBuf::from(&config.save_to_file)).filter(|path| !path.as_os_str().is_empty()),
            log: cx.telemetry.log.clone(),
        })
    }

    /// Profiles the whole run.
    async fn save(&self, cx: &RunContext) {
        let Some(path) = self.file.clone() else { return };
        let saved = match cpu::profile(cx.stop.requested()).await {
            Ok(profile) => write(path, profile).await,
            Err(error) => Err(format!("Could not enable CPU profiling: {error}")),
        };
        if let Err(error) = saved {
            self.log.error("No CPU profile is saved", &[("error", Field::Str(&error))]);
        }
    }
}

impl Extension for Pprof {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let Some(server) = server else { return Ok(()) };
            match self.heap_rate {
                0 => heap::stop(),
                rate => {
                    SAMPLING.fetch_add(1, Relaxed);
                    heap::start(rate);
                }
            }
            self.log.info("Starting net/http/pprof server", &[("endpoint", Field::Str(&self.endpoint))]);
            let (served, ()) = tokio::join!(server.serve(cx.stop.clone()), self.save(&cx));
            // A successor goes on with what was noted; without one, and without another extension, nobody will ask.
            let is_last = self.heap_rate > 0 && SAMPLING.fetch_sub(1, Relaxed) == 1;
            if is_last && cx.stop.is_for_good() {
                heap::stop();
            }
            served.map_err(|error| RunError(error.to_string()))
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.sockets.clone()))
    }
}

async fn write(path: PathBuf, profile: Vec<u8>) -> Result<(), String> {
    let shown = path.display().to_string();
    let written = tokio::task::spawn_blocking(move || std::fs::write(path, profile)).await;
    let written = written.map_err(|error| error.to_string()).and_then(|written| written.map_err(|error| error.to_string()));
    written.map_err(|error| format!("{shown}: {error}"))
}
