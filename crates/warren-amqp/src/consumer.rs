//! Consuming: a queue of one's own, bound to an exchange, for whoever only wants to see what passes.

use crate::handshake::{Agreed, CHANNEL, Talk, shake_hands};
use crate::publisher::Client;
use crate::wire::{self, BODY, CONTENT_HEADER, Frame, HEARTBEAT, METHOD, Method, Output};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

/// The largest message that is kept; of a larger one there is no body.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// Time between heartbeats where the broker wants none: the connection is looked after all the same.
const BEAT: Duration = Duration::from_secs(60);

/// What is to be consumed.
#[derive(Clone, Debug)]
pub struct Source {
    /// The exchange, at most 255 bytes. It has to be there, and is not the default one.
    pub exchange: String,
    /// The key that the queue is bound with, at most 255 bytes: `#` is everything of an exchange of topics.
    pub key: String,
    /// Messages that are on their way at the same time at most.
    pub prefetch: u16,
    /// Messages that the queue holds at most; the oldest go first.
    pub queue_max: u32,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The key that it was published with.
    pub key: String,
    /// What it says; nothing if that is too large.
    pub body: Vec<u8>,
}

/// Consumes from a queue that nobody else has, and that goes with the connection.
pub struct Consumer {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    agreed: Agreed,
    beat: Interval,
    heard: Instant,
}

impl Consumer {
    /// Connects, and has a queue bound to an exchange.
    ///
    /// # Errors
    /// In words; the broker's own where it had some.
    pub async fn open(client: &Client, source: &Source) -> Result<Self, String> {
        let opened = timeout(client.connection_timeout, Self::opened(client, source)).await;
        opened.unwrap_or_else(|_| Err("i/o timeout".to_owned()))
    }

    async fn opened(client: &Client, source: &Source) -> Result<Self, String> {
        let tls = client.endpoint.tls.then_some(&client.tls);
        let stream = warren_http::connect(&client.endpoint.host, client.endpoint.port, tls).await;
        let mut stream = stream.map_err(|cause| cause.to_string())?;
        let agreed = shake_hands(&mut stream, client).await?;
        let mut talk = Talk::new(&mut stream, agreed.frame_max);
        // Exclusive, gone with its consumer; without a name, so that the broker gives it one.
        let declare = |out: &mut wire::Arguments<'_>| {
            out.u16(0);
            out.short("");
            out.bytes(&[0b1100]);
            out.table(|out| out.number_field("x-max-length", source.queue_max));
        };
        talk.ask(CHANNEL, (50, 10), declare, (50, 11)).await?;
        let bind = |out: &mut wire::Arguments<'_>| {
            out.u16(0);
            out.short("");
            out.short(&source.exchange);
            out.short(&source.key);
            out.bytes(&[0]);
            out.table(|_| {});
        };
        talk.ask(CHANNEL, (50, 20), bind, (50, 21)).await?;
        let bound = |out: &mut wire::Arguments<'_>| {
            out.u32(0);
            out.u16(source.prefetch);
            out.bytes(&[0]);
        };
        talk.ask(CHANNEL, (60, 10), bound, (60, 11)).await?;
        let consume = |out: &mut wire::Arguments<'_>| {
            out.u16(0);
            out.short("");
            out.short("");
            out.bytes(&[0]);
            out.table(|_| {});
        };
        talk.ask(CHANNEL, (60, 20), consume, (60, 21)).await?;
        let (reader, writer) = tokio::io::split(stream);
        let mut beat = interval(if agreed.heartbeat.is_zero() { BEAT } else { agreed.heartbeat } / 2);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { reader: Box::new(reader), writer: Box::new(writer), agreed, beat, heard: Instant::now() })
    }

    /// The next message; it is acknowledged. Once it has failed, and when it is not awaited to its end, the connection is of no use any more.
    ///
    /// # Errors
    /// Why the connection has ended, in words; the broker's own where it had some.
    pub async fn next(&mut self) -> Result<Delivery, String> {
        let (tag, key) = loop {
            let frame = self.frame().await?;
            if frame.kind != METHOD {
                continue;
            }
            if let Some(delivered) = wire::read_delivery(&frame.payload) {
                break delivered;
            }
            match wire::read_method(&frame.payload) {
                None => return Err("the broker sent a method that ends too early".to_owned()),
                Some(Method::Close(close)) => return Err(close.to_string()),
                Some(Method::Other(60, 30)) => return Err("the broker has taken the queue away".to_owned()),
                Some(_) => {}
            }
        };
        let header = self.frame().await?;
        let size = header.payload.get(4..12).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let size = size.filter(|_| header.kind == CONTENT_HEADER).ok_or("the broker sent a message without its size")?;
        let (mut left, mut body) = (size, Vec::new());
        while left > 0 {
            let part = self.frame().await?;
            let length = part.payload.len() as u64;
            if part.kind != BODY || length == 0 || length > left {
                return Err("the broker sent a message that is not as long as it says".to_owned());
            }
            left -= length;
            if size <= BODY_BYTES_MAX {
                body.extend(part.payload);
            }
        }
        let mut out = Output::default();
        out.method(CHANNEL, 60, 80, |out| {
            out.bytes(&tag.to_be_bytes());
            out.bytes(&[0]);
        });
        self.say(&out).await?;
        Ok(Delivery { key, body })
    }

    /// The next frame that says something. Meanwhile the broker is told that somebody is there.
    async fn frame(&mut self) -> Result<Frame, String> {
        loop {
            let read = wire::read_frame(&mut self.reader, self.agreed.frame_max);
            tokio::pin!(read);
            let frame = loop {
                tokio::select! {
                    frame = &mut read => break frame.map_err(|error| error.to_string())?,
                    _ = self.beat.tick() => {
                        if self.heard.elapsed() > self.beat.period() * 6 && !self.agreed.heartbeat.is_zero() {
                            return Err("no heartbeat from the broker".to_owned());
                        }
                        let mut out = Output::default();
                        out.frame(HEARTBEAT, 0, |_| {});
                        written(&mut self.writer, &out).await?;
                    }
                }
            };
            self.heard = Instant::now();
            if frame.kind != HEARTBEAT {
                return Ok(frame);
            }
        }
    }

    async fn say(&mut self, out: &Output) -> Result<(), String> {
        written(&mut self.writer, out).await
    }
}

async fn written(writer: &mut (impl AsyncWrite + Unpin + ?Sized), out: &Output) -> Result<(), String> {
    writer.write_all(&out.0).await.map_err(|error| error.to_string())?;
    writer.flush().await.map_err(|error| error.to_string())
}
