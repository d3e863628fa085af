//! Asking name servers for records, as `dns_sd_configs` needs it: the servers and search domains of `/etc/resolv.conf`, one
//! question over UDP, again over TCP when the answer did not fit.
//!
//! The outcomes are those of Prometheus: records (perhaps none) when a name is known; none when every form of the name is known not
//! to exist; an error when some server could not say, so that the caller keeps what it has.

pub mod message;
mod settings;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::config::RecordType;
use message::{Answer, Outcome, Record, UDP_BYTES_MAX};
use settings::Settings;

/// Time limit of one exchange with one server.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks name servers. The settings are read anew for each lookup.
#[derive(Debug, Clone)]
pub struct Resolver {
    settings: PathBuf,
}

impl Default for Resolver {
    fn default() -> Self {
        Self { settings: "/etc/resolv.conf".into() }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The settings cannot be read.
    #[error("could not load {}: {error}", path.display())]
    Settings {
        /// Their file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// Some server had no viable answer for some form of the name.
    #[error("could not resolve {name:?}: all servers responded with errors to at least one search domain ({last})")]
    NoAnswer {
        /// The name.
        name: String,
        /// What the last server said.
        last: String,
    },
}

impl Resolver {
    /// A resolver with the settings in another file than `/etc/resolv.conf`.
    pub fn with_settings(file: impl Into<PathBuf>) -> Self {
        Self { settings: file.into() }
    }

    /// The records of a name.
    ///
    /// # Errors
    /// When it cannot be known whether there are any.
    pub async fn lookup(&self, name: &str, record: RecordType) -> Result<Vec<Record>, LookupError> {
        let settings = self.read_settings().await?;
        let mut failure = None;
        for full_name in settings.names(name) {
            match ask_any(&settings, &full_name, record).await {
                Ok(Answer { outcome: Outcome::Records(records), .. }) => return Ok(records),
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            None => Ok(Vec::new()),
            Some(last) => Err(LookupError::NoAnswer { name: name.to_owned(), last }),
        }
    }

    async fn read_settings(&self) -> Result<Settings, LookupError> {
        let path = self.settings.clone();
        let read = spawn_blocking(move || Settings::read(&path)).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        read.map_err(|error| LookupError::Settings { path: self.settings.clone(), error })
    }
}

/// Asks one server after the other until one knows.
async fn ask_any(settings: &Settings, name: &str, record: RecordType) -> Result<Answer, String> {
    let mut last = "no name servers".to_owned();
    for &server in &settings.servers {
        match ask(server, name, record).await {
            Ok(answer) => match answer.outcome {
                Outcome::Records(_) | Outcome::NoSuchName => return Ok(answer),
                Outcome::Failed(code) => last = format!("{server}: response code {code}"),
            },
            Err(error) => last = format!("{server}: {error}"),
        }
    }
    Err(last)
}

/// One question over UDP, and over TCP if the answer was cut.
async fn ask(server: SocketAddr, name: &str, record: RecordType) -> io::Result<Answer> {
    let answer = within_time(ask_udp(server, name, record)).await?;
    if !answer.truncated {
        return Ok(answer);
    }
    within_time(ask_tcp(server, name, record)).await
}

async fn within_time(exchange: impl Future<Output = io::Result<Answer>>) -> io::Result<Answer> {
    timeout(EXCHANGE_TIMEOUT, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn ask_udp(server: SocketAddr, name: &str, record: RecordType) -> io::Result<Answer> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A fresh socket per question: its random port and the random id are what a forger must guess.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let query = message::Query::new(name, record, true)?;
    socket.send(&query.bytes).await?;
    let mut buffer = vec![0; UDP_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What does not answer this question may be forged or late: the next may be the right one.
        if let Some(answer) = buffer.get(..length).and_then(|bytes| query.answer(bytes)) {
            return Ok(answer);
        }
    }
}

async fn ask_tcp(server: SocketAddr, name: &str, record: RecordType) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let query = message::Query::new(name, record, false)?;
    let length = u16::try_from(query.bytes.len()).map_err(io::Error::other)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(&query.bytes);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    match query.answer(&bytes) {
        Some(answer) if !answer.truncated => Ok(answer),
        Some(_) => Err(io::Error::other("truncated message over TCP")),
        None => Err(io::Error::other("malformed message")),
    }
}

#[cfg(test)]
mod tests;
