//! Frames and methods of AMQP 0.9.1, as far as a publisher needs them.
//!
//! A frame is `type(1) channel(2) size(4) payload end(0xCE)`; a method's payload begins with its class and its number. Numbers are
//! big endian.

use crate::Route;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

pub(crate) const HEADER: [u8; 8] = *b"AMQP\0\0\x09\x01";

pub(crate) const METHOD: u8 = 1;
pub(crate) const CONTENT_HEADER: u8 = 2;
pub(crate) const BODY: u8 = 3;
pub(crate) const HEARTBEAT: u8 = 8;
const END: u8 = 0xCE;

/// Flags of properties.
const CONTENT_TYPE: u16 = 1 << 15;
const HEADERS: u16 = 1 << 13;
const DELIVERY_MODE: u16 = 1 << 12;

/// Bytes of a frame besides its payload.
pub(crate) const FRAME_OVERHEAD: usize = 8;

/// Largest frame read before a size is agreed on, and the least that may be agreed on.
pub(crate) const FRAME_MIN: u32 = 4096;

/// Largest frame that is agreed to.
pub(crate) const FRAME_MAX: u32 = 128 << 10;

/// A frame that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) channel: u16,
    pub(crate) payload: Vec<u8>,
}

/// Reads a frame of at most `most` bytes.
pub(crate) async fn read_frame(stream: &mut (impl AsyncRead + Unpin), most: u32) -> io::Result<Frame> {
    let mut head = [0; 7];
    stream.read_exact(&mut head).await?;
    if head.starts_with(b"AMQP") {
        return Err(invalid("the broker does not speak AMQP 0.9.1"));
    }
    let [kind, channel_high, channel_low, size @ ..] = head;
    let size = u32::from_be_bytes(size);
    if size > most {
        return Err(invalid(format!("a frame of {size} bytes, where {most} are the most")));
    }
    let mut payload = vec![0; size as usize + 1];
    stream.read_exact(&mut payload).await?;
    if payload.pop() != Some(END) {
        return Err(invalid("a frame without its end"));
    }
    Ok(Frame { kind, channel: u16::from_be_bytes([channel_high, channel_low]), payload })
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

/// What a broker may say to a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// `connection.start`, with the mechanisms it offers.
    Start {
        /// Names, separated by spaces.
        mechanisms: String,
    },
    /// `connection.tune`
    Tune {
        /// Most channels; zero is no limit.
        channel_max: u16,
        /// Largest frame; zero is no limit.
        frame_max: u32,
        /// Seconds between heartbeats; zero is none.
        heartbeat: u16,
    },
    /// `connection.open-ok`
    Opened,
    /// `connection.close` or `channel.close`
    Close(Close),
    /// `connection.close-ok`
    Closed,
    /// `connection.blocked`
    Blocked(String),
    /// `connection.unblocked`
    Unblocked,
    /// `channel.open-ok`
    ChannelOpened,
    /// `channel.flow`
    Flow(bool),
    /// `confirm.select-ok`
    Confirming,
    /// `basic.ack`, or `basic.nack`
    Confirm {
        /// The message.
        tag: u64,
        /// All before it too.
        multiple: bool,
        /// Whether it was taken.
        taken: bool,
    },
    /// `basic.return`; its header and body follow.
    Return {
        /// Reply code.
        code: u16,
        /// Reply text.
        text: String,
    },
    /// Anything else, by class and number.
    Other(u16, u16),
}

/// Why the broker closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The whole connection, not only the channel.
    pub connection: bool,
    /// Reply code.
    pub code: u16,
    /// Reply text.
    pub text: String,
}

/// Reads a method's payload; `None` if it ends too early.
pub fn read_method(payload: &[u8]) -> Option<Method> {
    let mut input = Input(payload);
    let method = match (input.u16()?, input.u16()?) {
        (10, 10) => {
            // Version, then the broker's properties, which matter to nobody here.
            input.take(2)?;
            input.long()?;
            Method::Start { mechanisms: text(input.long()?) }
        }
        (10, 30) => Method::Tune { channel_max: input.u16()?, frame_max: input.u32()?, heartbeat: input.u16()? },
        (10, 41) => Method::Opened,
        (10, 50) => Method::Close(Close { connection: true, code: input.u16()?, text: input.short()? }),
        (20, 40) => Method::Close(Close { connection: false, code: input.u16()?, text: input.short()? }),
        (10, 51) => Method::Closed,
        (10, 60) => Method::Blocked(input.short()?),
        (10, 61) => Method::Unblocked,
        (20, 11) => Method::ChannelOpened,
        (20, 20) => Method::Flow(input.take(1)? != [0]),
        (85, 11) => Method::Confirming,
        (60, number @ (80 | 120)) => {
            Method::Confirm { tag: input.u64()?, multiple: input.take(1)?.first()? & 1 == 1, taken: number == 80 }
        }
        (60, 50) => Method::Return { code: input.u16()?, text: input.short()? },
        (class, number) => Method::Other(class, number),
    };
    Some(method)
}

/// Reads the payload of `basic.deliver`: the delivery's tag, and the key that the message was published with. `None` if it is something else, or
/// ends too early.
pub fn read_delivery(payload: &[u8]) -> Option<(u64, String)> {
    let mut input = Input(payload);
    if (input.u16()?, input.u16()?) != (60, 60) {
        return None;
    }
    // The consumer's tag.
    input.short()?;
    let tag = input.u64()?;
    // Whether it comes again, and the exchange.
    input.take(1)?;
    input.short()?;
    Some((tag, input.short()?))
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn short(&mut self) -> Option<String> {
        let length = usize::from(*self.take(1)?.first()?);
        self.take(length).map(text)
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Frames to be written.
#[derive(Debug, Default)]
pub(crate) struct Output(pub(crate) Vec<u8>);

impl Output {
    /// A method's frame; `arguments` writes what follows the class and the number.
    pub(crate) fn method(&mut self, channel: u16, class: u16, number: u16, arguments: impl FnOnce(&mut Arguments<'_>)) {
        self.frame(METHOD, channel, |out| {
            out.u16(class);
            out.u16(number);
            arguments(out);
        });
    }

    /// A frame; `payload` writes what is in it.
    pub(crate) fn frame(&mut self, kind: u8, channel: u16, payload: impl FnOnce(&mut Arguments<'_>)) {
        self.0.push(kind);
        self.0.extend_from_slice(&channel.to_be_bytes());
        sized(&mut self.0, payload);
        self.0.push(END);
    }

    /// A message: publish, header, and as many body frames as it takes.
    pub(crate) fn publish(&mut self, channel: u16, route: &Route, body: &[u8], frame_max: u32) {
        self.method(channel, 60, 40, |out| {
            out.u16(0);
            out.short(&route.exchange);
            out.short(&route.key);
            // Mandatory, not immediate.
            out.bytes(&[1]);
        });
        self.frame(CONTENT_HEADER, channel, |out| {
            out.u16(60);
            out.u16(0);
            out.bytes(&(body.len() as u64).to_be_bytes());
            // Which properties are there, and then these, in the order of the flags.
            let flag = |there: bool, flag: u16| if there { flag } else { 0 };
            out.u16(
                DELIVERY_MODE | flag(!route.content_type.is_empty(), CONTENT_TYPE) | flag(!route.headers.is_empty(), HEADERS),
            );
            if !route.content_type.is_empty() {
                out.short(&route.content_type);
            }
            if !route.headers.is_empty() {
                out.table(|out| route.headers.iter().for_each(|(name, text)| out.text_field(name, text)));
            }
            out.bytes(&[if route.durable { 2 } else { 1 }]);
        });
        let most = (frame_max as usize).saturating_sub(FRAME_OVERHEAD).max(1);
        for part in body.chunks(most) {
            self.frame(BODY, channel, |out| out.bytes(part));
        }
    }
}

/// Where a payload is written.
pub(crate) struct Arguments<'a>(&'a mut Vec<u8>);

impl Arguments<'_> {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.bytes(&number.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_be_bytes());
    }

    /// A short string; of a longer one what fits.
    pub(crate) fn short(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let bytes = bytes.get(..255).unwrap_or(bytes);
        self.0.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.bytes(bytes);
    }

    pub(crate) fn long(&mut self, bytes: &[u8]) {
        sized(self.0, |out| out.bytes(bytes));
    }

    /// A table, whose fields `fields` writes.
    pub(crate) fn table(&mut self, fields: impl FnOnce(&mut Arguments<'_>)) {
        sized(self.0, fields);
    }

    /// A field of a table that holds text.
    pub(crate) fn text_field(&mut self, name: &str, text: &str) {
        self.short(name);
        self.bytes(b"S");
        self.long(text.as_bytes());
    }

    /// A field of a table that holds a number.
    pub(crate) fn number_field(&mut self, name: &str, number: u32) {
        self.short(name);
        self.bytes(b"I");
        self.u32(number.min(i32::MAX.unsigned_abs()));
    }

    /// A field of a table that says yes.
    pub(crate) fn yes_field(&mut self, name: &str) {
        self.short(name);
        self.bytes(b"t\x01");
    }

    /// A field of a table that holds a table.
    pub(crate) fn table_field(&mut self, name: &str, fields: impl FnOnce(&mut Arguments<'_>)) {
        self.short(name);
        self.bytes(b"F");
        self.table(fields);
    }
}

/// Four bytes with the length of what follows, then that.
fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Arguments<'_>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(&mut Arguments(out));
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}
