//! The service with components of its own: a source that sends on demand, a processor, a sink, and an extension that others refer to.

mod graph;
mod reload;

pub(crate) use graph::outlined;

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use warren_component::{
    BoxFuture, BuildContext, BuildError, ConsumeError, Consumer, Exporter, ExporterConfig, ExporterFactory, Extension,
    ExtensionConfig, ExtensionFactory, Factories, Outputs, Processor, ProcessorConfig, ProcessorFactory, Receiver,
    ReceiverConfig, ReceiverFactory, RunContext, RunError, Signals, Stability, Stage, Staged,
};
use warren_config::{Block, ComponentId, Fields, ReferenceKind, Report};
use warren_pdata::{Batch, Signal};

const BETA: Signals = Signals { traces: Stability::Undefined, metrics: Stability::Beta, logs: Stability::Beta };

/// Everything below.
pub(crate) const FACTORIES: Factories = Factories {
    receivers: &[ReceiverFactory { kind: "source", signals: BETA, config: || Box::new(Source::default()) }],
    processors: &[ProcessorFactory { kind: "pass", signals: BETA, config: || Box::new(Pass) }],
    exporters: &[ExporterFactory { kind: "sink", aliases: &["drain"], signals: BETA, config: || Box::new(Sink::default()) }],
    extensions: &[ExtensionFactory { kind: "badge", stability: Stability::Beta, config: || Box::new(Badge::default()) }],
};

thread_local! {
    /// What the components of the test on this thread did, in order.
    static DIARY: Diary = Diary::default();
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    /// The diary of the test on this thread.
    pub(crate) fn mine() -> Self {
        DIARY.with(Clone::clone)
    }

    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Sends its outputs to whoever asks for them.
#[derive(Default)]
pub(crate) struct Source {
    interval: Duration,
}

thread_local! {
    /// Receives the outputs of every source that is built on this thread.
    pub(crate) static BUILT: Mutex<Option<mpsc::UnboundedSender<(ComponentId, Outputs)>>> = const { Mutex::new(None) };
}

impl Block for Source {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("interval", &mut self.interval);
    }
}

impl ReceiverConfig for Source {
    fn build(&self, cx: BuildContext, outputs: Outputs) -> Result<Box<dyn Receiver>, BuildError> {
        if cx.id.name() == "broken" {
            return Err(BuildError::new("listen tcp 127.0.0.1:1: bind: address already in use"));
        }
        BUILT.with(|built| {
            if let Some(built) = &*built.lock().unwrap() {
                let _ = built.send((cx.id.clone(), outputs));
            }
        });
        Ok(Box::new(Running { name: format!("receiver {}", cx.id), diary: Diary::mine() }))
    }
}

/// Notes when it starts and stops.
struct Running {
    name: String,
    diary: Diary,
}

impl Running {
    async fn run(name: String, diary: Diary, cx: RunContext) -> Result<(), RunError> {
        diary.note(format!("{name} runs"));
        if name.ends_with("/ill") {
            return Err(RunError("no space left on device".to_owned()));
        }
        cx.stop.requested().await;
        diary.note(format!("{name} stops"));
        Ok(())
    }
}

impl Receiver for Running {
    fn run(self: Box<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(Self::run(self.name, self.diary, cx))
    }
}

struct Pass;

impl Block for Pass {
    fn fields(&mut self, _: &mut Fields<'_>) {}
}

impl ProcessorConfig for Pass {
    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        struct Noting(String, Diary);
        impl Stage for Noting {
            fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError> {
                self.1.note(format!("{} passes {} {}", self.0, batch.items(), batch.signal()));
                Ok(Some(batch))
            }
        }
        Ok(Arc::new(Staged::new(Noting(cx.id.to_string(), Diary::mine()), &cx, signal, next)))
    }
}

#[derive(Default)]
struct Sink {
    auth: Option<ComponentId>,
}

impl Block for Sink {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("auth", &mut self.auth);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Some(id) = &self.auth {
            report.reference("auth", ReferenceKind::Authenticator, id);
        }
    }
}

impl ExporterConfig for Sink {
    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        if let Some(id) = &self.auth {
            cx.extensions.client_auth(id)?;
        }
        let diary = Diary::mine();
        diary.note(format!("{} is built for {signal}", cx.id));
        Ok(Arc::new(Taking { id: cx.id, diary }))
    }
}

struct Taking {
    id: ComponentId,
    diary: Diary,
}

impl Consumer for Taking {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        let copies = Arc::strong_count(&batch);
        self.diary.note(format!("{} takes {} {}, one of {copies}", self.id, batch.items(), batch.signal()));
        if self.id.name() == "slow" {
            return Box::pin(async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                self.diary.note(format!("{} has taken it", self.id));
                Ok(())
            });
        }
        let answer = if self.id.name() == "full" { Err(ConsumeError::retryable("full")) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    }
}

impl Exporter for Taking {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(Running::run(format!("exporter {}", self.id), self.diary.clone(), cx))
    }
}

struct Badge {
    name: String,
    file: Option<String>,
}

impl Default for Badge {
    fn default() -> Self {
        Self { name: "guest".to_owned(), file: None }
    }
}

impl Block for Badge {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("name", &mut self.name);
        f.optional_scalar("file", &mut self.file);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.name.is_empty() {
            report.error("name", "must not be empty");
        }
        match &self.file {
            Some(directory) if directory.ends_with('/') => report.directory("file", directory),
            Some(file) => report.file("file", file),
            None => {}
        }
    }
}

impl ExtensionConfig for Badge {
    fn build(&self, cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        struct Shown(String, Diary);
        impl Extension for Shown {
            fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
                Box::pin(Running::run(self.0.clone(), self.1.clone(), cx))
            }
        }
        Ok(Arc::new(Shown(format!("extension {}", cx.id), Diary::mine())))
    }
}
