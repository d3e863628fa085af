//! One message per batch, or several where a message has a limit.

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
    /// What a message may have.
    most: usize,
    /// Bytes of the last message: the next one will hardly be much larger.
    size: AtomicUsize,
    unroutable: Counter,
}

impl RabbitMq {
    pub(crate) fn new(
        publisher: Arc<Publisher>,
        encoding: Option<Arc<dyn Encoding>>,
        route: &Route,
        most: usize,
        cx: &BuildContext,
    ) -> Self {
        let id = cx.id.to_string();
        let help = "Messages that came back because no queue takes them.";
        let unroutable = cx.telemetry.registry.counter("warren_rabbitmq_unroutable_messages_total", help, &[("exporter", &id)]);
        let shown = format!("exchange={:?} key={:?}", route.exchange, route.key);
        Self { publisher, encoding, shown, most, size: AtomicUsize::new(0), unroutable }
    }

    async fn publish(&self, batch: &Batch, progress: &mut Progress) -> Result<(), ConsumeError> {
        let message = self.encode(batch)?;
        if message.len() <= self.most {
            self.size.store(message.len(), Relaxed);
            return self.publisher.publish(message).await.map_err(|error| self.failure(&error));
        }
        let (items, bytes) = (batch.items(), message.len());
        drop(message);
        // The same pieces at every attempt: positions are items.
        let each = (items as u128 * self.most as u128 / bytes as u128) as usize;
        let mut start = 0;
        for piece in batch.clone().into_chunks(each.max(1)) {
            let end = start + piece.items() as u64;
            self.publish_pieces(start, piece, progress).await?;
            start = end;
        }
        Ok(())
    }

    /// Publishes what begins at a position, cut in halves until a message is not too large.
    async fn publish_pieces(&self, start: u64, piece: Batch, progress: &mut Progress) -> Result<(), ConsumeError> {
        let mut pieces = vec![(start, piece)];
        while let Some((start, mut piece)) = pieces.pop() {
            let items = piece.items();
            let positions = start..start + items as u64;
            if progress.open(start).start >= positions.end {
                continue;
            }
            let message = self.encode(&piece)?;
            if message.len() <= self.most {
                self.publisher.publish(message).await.map_err(|error| self.failure(&error))?;
                progress.sent(positions, items as u64);
            } else if items <= 1 {
                let text = format!("a message of {} bytes, more than warren::max_message_bytes {}", message.len(), self.most);
                progress.dropped(positions, items as u64, ConsumeError::permanent(text));
            } else {
                let rest = piece.split_off(items / 2);
                pieces.push((start + (items / 2) as u64, rest));
                pieces.push((start, piece));
            }
        }
        Ok(())
    }

    fn encode(&self, batch: &Batch) -> Result<Vec<u8>, ConsumeError> {
        let mut message = Vec::with_capacity(self.size.load(Relaxed));
        match &self.encoding {
            None => warren_otlp::encode_request(batch, &mut message),
            Some(encoding) => encoding
                .marshal(batch, &mut message)
                .map_err(|error| ConsumeError::permanent(format!("cannot be encoded: {error}")))?,
        }
        Ok(message)
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
    fn send<'a>(&'a self, batch: &'a Batch, progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::from(self.publish(batch, progress).await) })
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
