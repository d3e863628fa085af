//! The running exporter.

use crate::config::Config;
use crate::labels::Context;
use crate::serve::{PAGES_MAX, Shop};
use crate::store::{Losses, Settings, Store};
use crate::translation::Translation;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use warren_component::{
    BoxFuture, BuildContext, BuildError, ConsumeError, Consumer, Exporter, Health, RunContext, RunError, Stop,
};
use warren_delivery::{DeliveryConfig, Outcome, Progress, QueueConfig, RetryConfig, Sender, deliver};
use warren_http::server::{Server, Sockets, Transport};
use warren_pdata::{Batch, Signal};
use warren_telemetry::{Field, Kind, Registry, Telemetry};

/// Points that are taken without letting other work go first.
const POINTS: usize = 4096;

/// How often series are looked through for those that were not updated.
const SWEEP_MAX: Duration = Duration::from_secs(30);

/// The exporter.
struct Prometheus {
    delivery: Arc<dyn Exporter>,
    /// Until it runs.
    server: Mutex<Option<Server>>,
    own: Handed,
    settings: Settings,
    endpoint: String,
    telemetry: Telemetry,
    exporter: String,
}

/// What a successor takes over.
#[derive(Clone)]
struct Handed {
    sockets: Sockets,
    store: Arc<Mutex<Store>>,
    translation: Arc<Translation>,
}

/// Builds the exporter.
pub(crate) fn build(
    config: &Config,
    settings: Settings,
    cx: &BuildContext,
    signal: Signal,
) -> Result<Arc<dyn Exporter>, BuildError> {
    let exporter = cx.id.to_string();
    let inherited = cx.inherited.take::<Handed>();
    let mut sockets = Sockets::default();
    let before = inherited.as_ref().map(|inherited| inherited.sockets.clone()).unwrap_or_default();
    let endpoint = config.server.endpoint.trim().to_owned();
    let listener = sockets.listen(&before, Transport::Tcp, &endpoint).map_err(|error| BuildError::new(error.to_string()))?;
    // Series under other names would be shown besides their successors.
    let store = inherited.filter(|inherited| inherited.translation == settings.translation).map(|inherited| inherited.store);
    let new = || Arc::new(Mutex::new(Store::new(settings.clone(), Losses::new(cx.telemetry.clone(), &exporter))));
    let store = store.unwrap_or_else(new);
    let shop = Shop {
        store: Arc::clone(&store),
        paths: config.paths(),
        open_metrics: config.enable_open_metrics,
        timestamps: config.send_timestamps,
        room: Arc::new(Semaphore::new(PAGES_MAX)),
    };
    let server = Server::new(&config.server, cx, listener, Arc::new(shop))?;
    let delivery = DeliveryConfig {
        queue: QueueConfig::disabled(),
        retry: RetryConfig { enabled: false, ..RetryConfig::default() },
        timeout: None,
        ordered: true,
    };
    let intake = intake(&store, &settings.translation);
    Ok(Arc::new(Prometheus {
        delivery: deliver(cx, signal, delivery, intake)?,
        server: Mutex::new(Some(server)),
        own: Handed { sockets, store, translation: Arc::clone(&settings.translation) },
        settings,
        endpoint,
        telemetry: cx.telemetry.clone(),
        exporter,
    }))
}

impl Consumer for Prometheus {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.delivery.consume(batch)
    }
}

impl Exporter for Prometheus {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        let delivery = Arc::clone(&self.delivery).run(cx.clone());
        Box::pin(async move {
            let Some(server) = server else { return delivery.await };
            let losses = Losses::new(self.telemetry.clone(), &self.exporter);
            lock(&self.own.store).configure(self.settings.clone(), losses);
            watch(&self.telemetry.registry, &self.exporter, &self.own.store);
            self.telemetry.log.info("Starting HTTP server", &[("endpoint", Field::Str(&self.endpoint))]);
            cx.status.tell(Health::Ok);
            let sweep = async {
                sweep(&self.own.store, self.settings.expiration, &cx.stop).await;
                Ok(())
            };
            let serve = async { server.serve(cx.stop.clone()).await.map_err(|error| RunError(error.to_string())) };
            tokio::try_join!(delivery, serve, sweep).map(|_| ())
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.own.clone()))
    }
}

fn lock(store: &Mutex<Store>) -> std::sync::MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows how much is held whenever the page of the process's own metrics is asked for.
fn watch(registry: &Registry, exporter: &str, store: &Arc<Mutex<Store>>) {
    type Question = fn((usize, usize)) -> usize;
    let questions: [(&str, &'static str, Question); 2] = [
        ("warren_exporter_series", "Series that are shown.", |size| size.0),
        ("warren_exporter_series_bytes", "Bytes of the series that are shown.", |size| size.1),
    ];
    for (name, help, question) in questions {
        let store: Weak<Mutex<Store>> = Arc::downgrade(store);
        let value = move || Some(question(lock(&*store.upgrade()?).size()) as f64);
        registry.computed(Kind::Gauge, name, help, &[("exporter", exporter)], value);
    }
}

/// Forgets series that are not updated any more, whether somebody asks for the page or not.
async fn sweep(store: &Mutex<Store>, expiration: Duration, stop: &Stop) {
    let pause = (expiration / 2).clamp(Duration::from_millis(100), SWEEP_MAX);
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let mut name = lock(store).expire_after(None);
        while let Some(before) = name {
            tokio::task::yield_now().await;
            name = lock(store).expire_after(Some(&before));
        }
    }
}

/// Puts batches into the store.
struct Intake {
    store: Arc<Mutex<Store>>,
    translation: Arc<Translation>,
}

/// What puts batches into a store.
pub(crate) fn intake(store: &Arc<Mutex<Store>>, translation: &Arc<Translation>) -> impl Sender + use<> {
    Intake { store: Arc::clone(store), translation: Arc::clone(translation) }
}

impl Sender for Intake {
    fn send<'a>(&'a self, batch: &'a Batch, _progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Batch::Metrics(metrics) = batch else { return Outcome::Sent };
            let mut taken = 0;
            for group in &metrics.resources {
                lock(&self.store).take_target(&group.resource.attrs);
                for scoped in &group.scopes {
                    let context = Context::new(&group.resource.attrs, &scoped.scope, &scoped.schema_url, &self.translation);
                    let context = Arc::new(context);
                    for metric in &scoped.items {
                        let points = metric.data.len();
                        let mut from = 0;
                        while from < points {
                            let to = points.min(from + POINTS - taken);
                            lock(&self.store).take(&context, metric, from..to);
                            taken += to - from;
                            from = to;
                            if taken >= POINTS {
                                taken = 0;
                                tokio::task::yield_now().await;
                            }
                        }
                    }
                }
            }
            Outcome::Sent
        })
    }
}
