//! Connecting: names to addresses, TCP, proxies, TLS.

use super::proxy::ProxyServer;
use super::target::{Target, host_and_port};
use crate::error::{Cause, chain_text, io_text};
use crate::tls::{ClientTls, Offer};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::HeaderMap;
use http::header::{HOST, PROXY_AUTHORIZATION};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long name resolution and TCP may take together. Go's default.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the next address waits for the one before. Go's default.
const NEXT_ADDRESS: Duration = Duration::from_millis(300);

/// How long a TLS handshake may take. Go's default.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between probes of a silent connection. Go's default.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The longest head of a proxy's answer.
const PROXY_ANSWER_MAX: usize = 16 * 1024;

/// A connection of any kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection that is ready for HTTP.
pub(crate) struct Dialled {
    pub(crate) io: Box<dyn Io>,
    pub(crate) http2: bool,
}

/// What connecting needs besides the target.
pub(crate) struct Way<'a> {
    pub(crate) proxy: Option<&'a ProxyServer>,
    pub(crate) proxy_headers: &'a HeaderMap,
    pub(crate) tls: &'a ClientTls,
    /// Whether HTTP/2 is offered to servers with TLS.
    pub(crate) http2: bool,
}

/// A connection for another protocol than HTTP: without a proxy, over TLS if there are settings for it.
///
/// # Errors
/// When there is no connection, or no agreement on TLS.
pub async fn connect(
    host: &str,
    port: u16,
    tls: Option<&ClientTls>,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, Cause> {
    let stream: Box<dyn Io> = Box::new(tcp(host, port).await?);
    match tls {
        None => Ok(stream),
        Some(tls) => Ok(Box::new(shake_hands(tls, stream, host, Offer::Nothing).await?) as Box<dyn Io>),
    }
}

/// Connects to a target.
pub(crate) async fn dial(target: &Target, way: &Way<'_>) -> Result<Dialled, Cause> {
    let stream: Box<dyn Io> = match way.proxy {
        None => Box::new(tcp(&target.host, target.port).await?),
        Some(proxy) => proxied(target, proxy, way).await?,
    };
    if !target.https {
        return Ok(Dialled { io: stream, http2: false });
    }
    let offer = if way.http2 { Offer::Http2 } else { Offer::Http1 };
    let stream = shake_hands(way.tls, stream, &target.host, offer).await?;
    let http2 = crate::tls::speaks_http2(&stream);
    Ok(Dialled { io: Box::new(stream), http2 })
}

async fn shake_hands(
    tls: &ClientTls,
    stream: Box<dyn Io>,
    host: &str,
    offer: Offer,
) -> Result<tokio_rustls::client::TlsStream<Box<dyn Io>>, Cause> {
    match timeout(TLS_TIMEOUT, tls.connect(stream, host, offer)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Cause::Tls(chain_text(&error))),
        Err(_) => Err(Cause::Tls("handshake timeout".to_owned())),
    }
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, Cause> {
    let failed = |reason: String| Cause::Dial { address: host_and_port(host, port), reason };
    let connected = async {
        let addresses = tokio::net::lookup_host((host, port)).await.map_err(|error| failed(lookup_text(host, &error)))?;
        first_of(addresses.collect()).await.map_err(|error| failed(format!("connect: {}", io_text(&error))))
    };
    let stream = timeout(DIAL_TIMEOUT, connected).await.map_err(|_| failed("i/o timeout".to_owned()))??;
    // Options that cannot be set are no reason to give up the connection.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
    let _ = rustix::net::sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE);
    let _ = rustix::net::sockopt::set_tcp_keepintvl(&stream, KEEP_ALIVE);
    Ok(stream)
}

fn lookup_text(host: &str, error: &std::io::Error) -> String {
    let text = io_text(error);
    let unknown = text.contains("not known") || text.contains("No address");
    format!("lookup {host}: {}", if unknown { "no such host" } else { &text })
}

/// The first address that answers; each starts when the one before has failed or takes long.
async fn first_of(addresses: Vec<SocketAddr>) -> std::io::Result<TcpStream> {
    let mut rest = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        attempts.extend(rest.next().map(TcpStream::connect));
        tokio::select! {
            Some(result) = attempts.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = failure.or(Some(error)),
            },
            () = tokio::time::sleep(NEXT_ADDRESS), if rest.len() > 0 && !attempts.is_empty() => {}
            else => {}
        }
        if attempts.is_empty() && rest.len() == 0 {
            return Err(failure.unwrap_or_else(|| std::io::Error::other("no address")));
        }
    }
}

/// A connection to the proxy, or through it when the target wants TLS.
async fn proxied(target: &Target, proxy: &ProxyServer, way: &Way<'_>) -> Result<Box<dyn Io>, Cause> {
    let failed = |cause: Cause| Cause::Proxy(cause.to_string());
    let mut stream: Box<dyn Io> = Box::new(tcp(&proxy.host, proxy.port).await.map_err(failed)?);
    if proxy.https {
        stream = Box::new(shake_hands(way.tls, stream, &proxy.host, Offer::Http1).await.map_err(failed)?);
    }
    if target.https {
        let tunnel = open_tunnel(&mut stream, target, proxy, way.proxy_headers);
        match timeout(DIAL_TIMEOUT, tunnel).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Err(Cause::Proxy(reason)),
            Err(_) => return Err(Cause::Proxy("i/o timeout".to_owned())),
        }
    }
    Ok(stream)
}

/// Asks the proxy for a tunnel to the target.
async fn open_tunnel(stream: &mut Box<dyn Io>, target: &Target, proxy: &ProxyServer, headers: &HeaderMap) -> Result<(), String> {
    let address = target.address();
    let mut request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n").into_bytes();
    let mut header = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\r\n"] {
            request.extend_from_slice(part);
        }
    };
    let own = proxy.credentials.as_ref().filter(|_| !headers.contains_key(PROXY_AUTHORIZATION));
    own.iter().for_each(|value| header(b"Proxy-Authorization", value.as_bytes()));
    headers.iter().filter(|(name, _)| **name != HOST).for_each(|(name, value)| header(name.as_ref(), value.as_bytes()));
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(|error| io_text(&error))?;
    stream.flush().await.map_err(|error| io_text(&error))?;

    let mut answer = Vec::with_capacity(512);
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte, so that nothing of what follows the head is taken.
        let byte = stream.read_u8().await.map_err(|_| "the proxy closed the connection".to_owned())?;
        answer.push(byte);
        if answer.len() > PROXY_ANSWER_MAX {
            return Err("the proxy's answer is too long".to_owned());
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().unwrap_or_default();
    match status.split_once(' ') {
        Some((version, rest)) if version.starts_with("HTTP/1.") && rest.starts_with("200") => Ok(()),
        // In Go's words: the status text alone.
        Some((_, rest)) => Err(rest.split_once(' ').map_or(rest, |(_, reason)| reason).chars().take(200).collect()),
        None => Err("malformed answer of the proxy".to_owned()),
    }
}
