//! OpAMP over WebSocket as a simulated collector speaks it: the few fields it needs, frames of which a reader needs no more than one at a time.

use std::collections::BTreeMap;

use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest frame that is read.
const FRAME_BYTES_MAX: u64 = 8 << 20;

/// What a simulated collector can do: report status, effective configuration, health, its remote configuration, signs of life; take
/// configurations and settings of its connection.
pub(super) const CAPABILITIES: u64 = 0x1 | 0x2 | 0x4 | 0x100 | 0x800 | 0x1000 | 0x2000 | 0x8000;

/// `ReportFullState` of a server's flags.
pub(super) const FULL_STATE: u64 = 1;

/// States of a configuration.
pub(super) const APPLIED: i32 = 1;
pub(super) const APPLYING: i32 = 2;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ToServer {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) uid: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) sequence: u64,
    #[prost(message, optional, tag = "3")]
    pub(super) description: Option<Description>,
    #[prost(uint64, tag = "4")]
    pub(super) capabilities: u64,
    #[prost(message, optional, tag = "5")]
    pub(super) health: Option<Health>,
    #[prost(message, optional, tag = "6")]
    pub(super) effective: Option<Effective>,
    #[prost(message, optional, tag = "7")]
    pub(super) config: Option<Status>,
    #[prost(message, optional, tag = "15")]
    pub(super) settings: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Description {
    #[prost(message, repeated, tag = "1")]
    pub(super) identifying: Vec<Attribute>,
    #[prost(message, repeated, tag = "2")]
    pub(super) other: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Text>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Text {
    #[prost(string, tag = "1")]
    pub(super) text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Health {
    #[prost(bool, tag = "1")]
    pub(super) healthy: bool,
    #[prost(fixed64, tag = "2")]
    pub(super) started: u64,
    #[prost(string, tag = "4")]
    pub(super) status: String,
    #[prost(fixed64, tag = "5")]
    pub(super) since: u64,
    #[prost(btree_map = "string, message", tag = "6")]
    pub(super) parts: BTreeMap<String, Health>,
    #[prost(message, repeated, tag = "7")]
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Effective {
    #[prost(message, optional, tag = "1")]
    pub(super) files: Option<Files>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Files {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) files: BTreeMap<String, File>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct File {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) body: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) kind: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) hash: Vec<u8>,
    #[prost(int32, tag = "2")]
    pub(super) status: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ToAgent {
    #[prost(message, optional, tag = "2")]
    pub(super) error: Option<Refusal>,
    #[prost(message, optional, tag = "3")]
    pub(super) config: Option<Offer>,
    #[prost(message, optional, tag = "4")]
    pub(super) settings: Option<Settings>,
    #[prost(uint64, tag = "6")]
    pub(super) flags: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Refusal {
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, optional, tag = "3")]
    pub(super) retry: Option<Retry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Retry {
    #[prost(uint64, tag = "1")]
    pub(super) nanoseconds: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Offer {
    #[prost(message, optional, tag = "1")]
    pub(super) files: Option<Files>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) hash: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Settings {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) hash: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) opamp: Option<Connection>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Connection {
    #[prost(message, optional, tag = "2")]
    pub(super) headers: Option<Headers>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Headers {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<Header>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// What came over a WebSocket.
pub(super) enum Frame {
    Message(ToAgent),
    Ping(Vec<u8>),
    Close,
    Other,
}

/// Sends a message.
pub(super) async fn send<W: AsyncWrite + Unpin>(stream: &mut W, message: &ToServer) -> std::io::Result<()> {
    let mut body = vec![0];
    body.extend(message.encode_to_vec());
    write(stream, 2, &body).await
}

/// Sends a frame, masked with nothing.
pub(super) async fn write<W: AsyncWrite + Unpin>(stream: &mut W, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let mut frame = vec![0x80 | kind];
    match body.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        middle @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(body);
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// Reads the rest of a frame that begins with this byte.
pub(super) async fn read<R: AsyncRead + Unpin>(stream: &mut R, first: u8) -> std::io::Result<Frame> {
    let malformed = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let length = match stream.read_u8().await? {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        short => u64::from(short),
    };
    if length > FRAME_BYTES_MAX {
        return Err(malformed("a frame is too large"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(match first & 0x0f {
        2 => match body.split_first() {
            Some((0, message)) => Frame::Message(ToAgent::decode(message).map_err(|_| malformed("a message is malformed"))?),
            _ => return Err(malformed("a message has no header")),
        },
        8 => Frame::Close,
        9 => Frame::Ping(body),
        _ => Frame::Other,
    })
}
