//! One message per batch.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use warren_amqp::{PublishError, Publisher, Route};
use warren_component::{BoxFuture, BuildContext, Code, ConsumeError, Consumer, Encoding, Exporter, RunContext, RunError};
use warren_delivery::{Outcome, Progress, Sender};
use warren_pdata::Batch;
use warren_telemetry::Counter;

/// Publishes batches.
pub(crate) struct RabbitMq {
    publisher: Arc<Publisher>,
    /// None is OTLP in protobuf.
    encoding: Option<Arc<dyn Encoding>>,
    /// Where messages go, for errors.
    shown: String,
    /// Bytes of the last message: the next one will hardly be much larger.
    size: AtomicUsize,
    unroutable: Counter,
}

impl RabbitMq {
    pub(crate) fn new(publisher: Arc<Publisher>, encoding: Option<Arc<dyn Encoding>>, route: &Route, cx: &BuildContext) -> Self {
        let id = cx.id.to_string();
        let help = "Messages that came back because no queue takes them.";
        let unroutable = cx.telemetry.registry.counter("warren_rabbitmq_unroutable_messages_total", help, &[("exporter", &id)]);
        let shown = format!("exchange={:?} key={:?}", route.exchange, route.key);
        Self { publisher, encoding, shown, size: AtomicUsize::new(0), unroutable }
    }

    async fn publish(&self, batch: &Batch) -> Outcome {
        let mut message = Vec::with_capacity(self.size.load(Relaxed));
        match &self.encoding {
            None => warren_otlp::encode_request(batch, &mut message),
            Some(encoding) => {
                if let Err(error) = encoding.marshal(batch, &mut message) {
                    return Outcome::Failed(ConsumeError::permanent(format!("cannot be encoded: {error}")));
                }
            }
        }
        self.size.store(message.len(), Relaxed);
        match self.publisher.publish(message).await {
            Ok(()) => Outcome::Sent,
            Err(error) => Outcome::Failed(self.failure(&error)),
        }
    }

    fn failure(&self, error: &PublishError) -> ConsumeError {
        if error.unroutable {
            self.unroutable.add(1);
        }
        let text = match error.unroutable {
            true => format!("{error} {}", self.shown),
            false => error.to_string(),
        };
        match error.permanent {
            true => ConsumeError::permanent(text),
            false => ConsumeError::retryable(text).with_code(Code::Unavailable),
        }
    }
}

impl Sender for RabbitMq {
    fn send<'a>(&'a self, batch: &'a Batch, _progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(self.publish(batch))
    }
}

/// The exporter: delivery, and a goodbye to the broker when all is delivered.
pub(crate) struct Exporting {
    pub(crate) delivery: Arc<dyn Exporter>,
    pub(crate) publisher: Arc<Publisher>,
}

impl Consumer for Exporting {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.delivery.consume(batch)
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        self.delivery.admit(bytes)
    }
}

impl Exporter for Exporting {
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let ended = Arc::clone(&self.delivery).run(cx).await;
            self.publisher.close().await;
            ended
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        self.delivery.hand_over()
    }
}
