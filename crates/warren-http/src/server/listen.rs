//! Listening sockets, and their way from a component to its successor.

use crate::error::io_text;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use warren_config::Keyword;

/// A kind of socket, by upstream's names (`confignet.TransportType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP over IPv4 and IPv6.
    #[default]
    Tcp,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// A socket in the file system.
    Unix,
    /// None given: taken for TCP.
    Unset,
}

impl Keyword for Transport {
    const TYPE: &'static str = "confignet.TransportType";
    const WORDS: &'static [(&'static str, Self)] =
        &[("tcp", Self::Tcp), ("tcp4", Self::Tcp4), ("tcp6", Self::Tcp6), ("unix", Self::Unix), ("", Self::Unset)];

    fn unknown(word: &str) -> String {
        match word {
            "udp" | "udp4" | "udp6" | "ip" | "ip4" | "ip6" | "unixgram" | "unixpacket" => {
                format!("transport type {word:?} cannot be listened on here")
            }
            _ => format!("unsupported transport type {word:?}"),
        }
    }
}

/// A socket cannot be listened on. Upstream's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("listen {transport} {endpoint}: {reason}")]
pub struct ListenError {
    transport: &'static str,
    endpoint: String,
    reason: String,
}

/// A listening socket. Clones share it: connections go to whichever is served.
#[derive(Clone)]
pub struct Listener(Arc<Socket>);

enum Socket {
    Tcp(tokio::net::TcpListener),
    Unix { listener: tokio::net::UnixListener, path: PathBuf },
}

/// A connection of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The sockets of a component, by transport and endpoint.
///
/// A component takes those of its predecessor (`cx.inherited.take::<Sockets>()`), listens through them, and hands them over in turn; what
/// it does not take closes.
#[derive(Clone, Default)]
pub struct Sockets(Vec<(Transport, String, Listener)>);

impl Sockets {
    /// The socket of this endpoint: the predecessor's, else a new one. Called inside the runtime.
    ///
    /// # Errors
    /// When the endpoint is no address of this machine, or in use.
    pub fn listen(&mut self, inherited: &Sockets, transport: Transport, endpoint: &str) -> Result<Listener, ListenError> {
        let known = inherited.0.iter().find(|(kind, address, _)| *kind == transport && address == endpoint);
        let listener = match known {
            Some((_, _, listener)) => listener.clone(),
            None => Listener::bind(transport, endpoint)?,
        };
        self.0.push((transport, endpoint.to_owned(), listener.clone()));
        Ok(listener)
    }

    /// The addresses that were bound, in the order in which they were asked for; Unix sockets have none.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.0.iter().filter_map(|(_, _, listener)| listener.local_addr())
    }
}

impl Listener {
    /// Listens on `host:port`, or the path of a Unix socket. Called inside the runtime.
    ///
    /// # Errors
    /// When the endpoint is no address of this machine, or in use.
    pub fn bind(transport: Transport, endpoint: &str) -> Result<Self, ListenError> {
        let word = Transport::WORDS.iter().find(|(_, known)| *known == transport).map_or("tcp", |(word, _)| word);
        let failed = |reason: String| ListenError { transport: word, endpoint: endpoint.to_owned(), reason };
        let socket = match transport {
            Transport::Unix => {
                let path = PathBuf::from(endpoint);
                let listener =
                    tokio::net::UnixListener::bind(&path).map_err(|error| failed(format!("bind: {}", io_text(&error))))?;
                Socket::Unix { listener, path }
            }
            _ => {
                let addresses = addresses(transport, endpoint).map_err(&failed)?;
                // Go listens on the first address alone, and prefers IPv4.
                let bound = addresses.first().ok_or("no suitable address found".to_owned()).and_then(|address| {
                    std::net::TcpListener::bind(address)
                        .or_else(|error| match address.ip() {
                            // A machine without IPv6.
                            IpAddr::V6(ip) if ip.is_unspecified() && transport == Transport::Tcp => {
                                std::net::TcpListener::bind(("0.0.0.0", address.port()))
                            }
                            _ => Err(error),
                        })
                        .map_err(|error| format!("bind: {}", io_text(&error)))
                });
                let listener = bound.map_err(&failed)?;
                listener.set_nonblocking(true).map_err(|error| failed(io_text(&error)))?;
                Socket::Tcp(tokio::net::TcpListener::from_std(listener).map_err(|error| failed(io_text(&error)))?)
            }
        };
        Ok(Self(Arc::new(socket)))
    }

    /// The address that was bound; none for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &*self.0 {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix { .. } => None,
        }
    }

    pub(crate) async fn accept(&self) -> std::io::Result<(Box<dyn Stream>, Option<SocketAddr>)> {
        match &*self.0 {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Without it replies wait for acknowledgements; that is no reason to give up the connection.
                let _ = stream.set_nodelay(true);
                let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
                Ok((Box::new(stream), Some(peer)))
            }
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), None))
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            // Nobody can connect any more; a file that cannot be removed only stands in the way of the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What is wrong with `host:port` as an endpoint, in Go's words.
pub(crate) fn split_endpoint(endpoint: &str) -> Result<(&str, u16), String> {
    let Some((host, port)) = endpoint.rsplit_once(':').filter(|(host, _)| !host.ends_with(':') || host.starts_with('[')) else {
        return Err(format!("address {endpoint}: missing port in address"));
    };
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(|| format!("address {endpoint}: missing ']' in address"))?,
        None if host.contains(':') => return Err(format!("address {endpoint}: too many colons in address")),
        None => host,
    };
    let port = port.parse().map_err(|_| format!("address {port}: invalid port"))?;
    Ok((host, port))
}

/// The addresses of an endpoint, IPv4 first. No host, and the unspecified addresses, mean both families.
fn addresses(transport: Transport, endpoint: &str) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = split_endpoint(endpoint)?;
    let everywhere = matches!(host, "" | "0.0.0.0" | "::");
    if everywhere && transport == Transport::Tcp {
        return Ok(vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))]);
    }
    let host = match (host, transport) {
        ("", Transport::Tcp6) => "::",
        ("", _) => "0.0.0.0",
        (host, _) => host,
    };
    let found = (host, port).to_socket_addrs().map_err(|_| format!("lookup {host}: no such host"))?;
    let fits = |address: &SocketAddr| match transport {
        Transport::Tcp4 => address.is_ipv4(),
        Transport::Tcp6 => address.is_ipv6(),
        _ => true,
    };
    let mut addresses: Vec<SocketAddr> = found.filter(fits).collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_host_and_port() {
        assert_eq!(split_endpoint("localhost:4317"), Ok(("localhost", 4317)));
        assert_eq!(split_endpoint(":0"), Ok(("", 0)));
        assert_eq!(split_endpoint("[::1]:80"), Ok(("::1", 80)));
        assert_eq!(split_endpoint("localhost"), Err("address localhost: missing port in address".to_owned()));
        assert_eq!(split_endpoint("::1:80"), Err("address ::1:80: too many colons in address".to_owned()));
        assert_eq!(split_endpoint("h:http"), Err("address http: invalid port".to_owned()));
    }

    #[tokio::test]
    async fn a_taken_port_is_told_in_upstreams_words() {
        let first = Listener::bind(Transport::Tcp, "127.0.0.1:0").unwrap();
        let endpoint = first.local_addr().unwrap().to_string();
        let error = Listener::bind(Transport::Tcp, &endpoint).err().unwrap();
        assert_eq!(error.to_string(), format!("listen tcp {endpoint}: bind: address already in use"));
    }

    #[tokio::test]
    async fn a_successor_takes_the_socket_of_the_same_endpoint() {
        let mut before = Sockets::default();
        let endpoint = Listener::bind(Transport::Tcp, "127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let old = before.listen(&Sockets::default(), Transport::Tcp, &endpoint).unwrap();
        let mut after = Sockets::default();
        let new = after.listen(&before, Transport::Tcp, &endpoint).unwrap();
        drop((old, before));
        assert_eq!(new.local_addr().unwrap().to_string(), endpoint);
        let (accepted, connected) = tokio::join!(new.accept(), tokio::net::TcpStream::connect(&endpoint));
        assert!(accepted.is_ok() && connected.is_ok());
    }

    #[tokio::test]
    async fn a_unix_socket_is_gone_with_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.sock");
        let listener = Listener::bind(Transport::Unix, path.to_str().unwrap()).unwrap();
        let (accepted, connected) = tokio::join!(listener.accept(), tokio::net::UnixStream::connect(&path));
        assert!(accepted.is_ok() && connected.is_ok());
        drop(listener);
        assert!(!path.exists());
    }
}
