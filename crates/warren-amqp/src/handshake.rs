//! From a fresh stream to an open channel in confirm mode.

use crate::publisher::Client;
use crate::wire::{self, FRAME_MAX, FRAME_MIN, Frame, HEADER, HEARTBEAT, METHOD, Method, Output};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// The one channel there is.
pub(crate) const CHANNEL: u16 = 1;

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) frame_max: u32,
    /// Zero is none.
    pub(crate) heartbeat: Duration,
}

/// Introduces the client, opens the virtual host and a channel, and has publishes confirmed.
///
/// # Errors
/// With the broker's own words where it had some.
pub(crate) async fn shake_hands(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), client: &Client) -> Result<Agreed, String> {
    let mut talk = Talk { stream, frame_max: FRAME_MIN };
    talk.send(HEADER.to_vec()).await?;
    let Method::Start { mechanisms } = talk.hear().await? else { return Err(unexpected("connection.start")) };
    if !mechanisms.split(' ').any(|mechanism| mechanism == "PLAIN") {
        return Err(format!("the broker offers no PLAIN authentication, only {mechanisms:?}"));
    }
    let mut out = Output::default();
    out.method(0, 10, 11, |out| {
        out.table(|out| properties(out, &client.name));
        out.short("PLAIN");
        out.long(format!("\0{}\0{}", client.username, client.password.expose()).as_bytes());
        out.short("en_US");
    });
    talk.send(out.0).await?;
    let Method::Tune { frame_max, heartbeat, .. } = talk.hear().await? else { return Err(unexpected("connection.tune")) };
    let agreed = Agreed {
        frame_max: if frame_max == 0 { FRAME_MAX } else { frame_max.clamp(FRAME_MIN, FRAME_MAX) },
        heartbeat: lower(client.heartbeat, Duration::from_secs(heartbeat.into())),
    };
    talk.frame_max = agreed.frame_max;
    let mut out = Output::default();
    out.method(0, 10, 31, |out| {
        out.u16(CHANNEL);
        out.u32(agreed.frame_max);
        out.u16(u16::try_from(agreed.heartbeat.as_secs()).unwrap_or(u16::MAX));
    });
    out.method(0, 10, 40, |out| {
        out.short(&client.vhost);
        out.bytes(&[0, 0]);
    });
    talk.send(out.0).await?;
    if talk.hear().await? != Method::Opened {
        return Err(unexpected("connection.open-ok"));
    }
    let mut out = Output::default();
    out.method(CHANNEL, 20, 10, |out| out.short(""));
    talk.send(out.0).await?;
    if talk.hear().await? != Method::ChannelOpened {
        return Err(unexpected("channel.open-ok"));
    }
    let mut out = Output::default();
    out.method(CHANNEL, 85, 10, |out| out.bytes(&[0]));
    talk.send(out.0).await?;
    match talk.hear().await? {
        Method::Confirming => Ok(agreed),
        _ => Err(unexpected("confirm.select-ok")),
    }
}

/// Who we are, in the words of the Go client, which brokers know.
fn properties(out: &mut wire::Arguments<'_>, name: &str) {
    out.text_field("product", "AMQP 0.9.1 Client");
    out.text_field("version", env!("CARGO_PKG_VERSION"));
    out.text_field("platform", "rust");
    out.text_field("connection_name", name);
    out.table_field("capabilities", |out| {
        for capability in
            ["connection.blocked", "consumer_cancel_notify", "basic.nack", "publisher_confirms", "authentication_failure_close"]
        {
            out.yes_field(capability);
        }
    });
}

/// The lower of two, where zero is none at all and loses.
fn lower(one: Duration, other: Duration) -> Duration {
    match (one.is_zero(), other.is_zero()) {
        (true, _) => other,
        (_, true) => one,
        _ => one.min(other),
    }
}

fn unexpected(wanted: &str) -> String {
    format!("the broker answered with something else than {wanted}")
}

pub(crate) struct Talk<'a, S> {
    stream: &'a mut S,
    frame_max: u32,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    pub(crate) fn new(stream: &'a mut S, frame_max: u32) -> Self {
        Self { stream, frame_max }
    }

    /// Asks for something, and waits until it is granted.
    ///
    /// # Errors
    /// With the broker's own words where it had some.
    pub(crate) async fn ask(
        &mut self,
        channel: u16,
        (class, number): (u16, u16),
        arguments: impl FnOnce(&mut wire::Arguments<'_>),
        granted: (u16, u16),
    ) -> Result<(), String> {
        let mut out = Output::default();
        out.method(channel, class, number, arguments);
        self.send(out.0).await?;
        match self.hear().await? {
            Method::Other(class, number) if (class, number) == granted => Ok(()),
            _ => Err(unexpected(&format!("the method {}.{}", granted.0, granted.1))),
        }
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.stream.write_all(&bytes).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    /// The next method. A close is an error, in the broker's words.
    async fn hear(&mut self) -> Result<Method, String> {
        loop {
            let Frame { kind, payload, .. } = wire::read_frame(self.stream, self.frame_max).await.map_err(broken)?;
            match kind {
                METHOD => {}
                HEARTBEAT => continue,
                _ => return Err(unexpected("a method")),
            }
            return match wire::read_method(&payload) {
                None => Err("the broker sent a method that ends too early".to_owned()),
                Some(Method::Close(close)) => Err(close.to_string()),
                Some(method) => Ok(method),
            };
        }
    }
}

/// A broker that does not like the virtual host or the credentials may just hang up.
fn broken(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the broker hung up while connecting; look at its log".to_owned(),
        _ => error.to_string(),
    }
}
