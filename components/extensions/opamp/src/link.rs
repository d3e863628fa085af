//! A connection to the server: a WebSocket that stays, or requests in intervals.

use crate::access::Access;
use crate::config::Config;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{StatusCode, Uri};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};
use warren_component::{BuildContext, BuildError, ClientAuth};
use warren_http::client::{Proxies, user_agent};
use warren_http::tls::ClientTls;
use warren_http::{Client, ClientSettings};
use warren_opamp::{AgentToServer, Message, ServerToAgent, frame};

/// How long a connection may take to come about, and an answer to a request to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Buffers of a WebSocket. Messages that do not fit are read in pieces.
const BUFFER_BYTES: usize = 4096;

/// What is sent at most in one message.
const SENT_BYTES_MAX: usize = 16 << 20;

/// Why there is no connection any more, or none came about. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) reason: String,
    /// The server does not know us.
    pub(crate) unauthorized: bool,
    /// When the server wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl Lost {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), unauthorized: false, retry_after: None }
    }

    fn refused(status: StatusCode, headers: &HeaderMap) -> Self {
        Self {
            reason: format!("the server answered {status}"),
            unauthorized: status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN,
            retry_after: warren_http::retry_after(headers, SystemTime::now()),
        }
    }
}

/// A connection of any kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What makes connections.
pub(crate) struct Dialler {
    tls: ClientTls,
    /// For requests in intervals.
    client: Option<Client>,
    auth: Option<Arc<dyn ClientAuth>>,
    user_agent: http::HeaderValue,
    received_bytes_max: usize,
}

/// A connection.
pub(crate) enum Link {
    WebSocket(Box<WebSocketStream<Box<dyn Io>>>),
    Polls(Box<Polls>),
}

/// Requests in intervals, and the answers that wait to be looked at.
pub(crate) struct Polls {
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    answers: VecDeque<ServerToAgent>,
    received_bytes_max: usize,
}

impl Dialler {
    pub(crate) fn new(config: &Config, cx: &BuildContext) -> Result<Self, BuildError> {
        let connection = crate::access::connection(config).ok_or_else(|| BuildError::new("there is no server"))?;
        let auth = match connection.auth.as_ref().and_then(|auth| auth.authenticator.as_ref()) {
            Some(id) => Some(cx.extensions.client_auth(id)?),
            None => None,
        };
        let failed = |error: &dyn std::fmt::Display| BuildError::new(error.to_string());
        let tls = ClientTls::new(connection.tls.clone()).map_err(|error| failed(&error))?;
        let client = match &config.server.http {
            None => None,
            Some(polling) => Some(
                Client::new(ClientSettings {
                    tls: polling.connection.tls.clone(),
                    proxies: Proxies::from_environment(|name| std::env::var(name).ok()),
                    timeout: PATIENCE,
                    http2: false,
                    max_idle: 1,
                    ..ClientSettings::default()
                })
                .map_err(|error| failed(&error))?,
            ),
        };
        let received_bytes_max = config.warren.max_message_bytes;
        Ok(Self { tls, client, auth, user_agent: user_agent(&cx.build), received_bytes_max })
    }

    /// Connects. Requests in intervals need no connection: whether there is a server shows with the first.
    pub(crate) async fn connect(&self, access: &Access, uid: &str) -> Result<Link, Lost> {
        let uri: Uri = access.endpoint.parse().map_err(|_| Lost::because("the endpoint is no URL"))?;
        let mut headers = access.headers.clone();
        headers.insert(http::header::USER_AGENT, self.user_agent.clone());
        if let Ok(uid) = uid.try_into() {
            headers.insert(warren_opamp::UID_HEADER, uid);
        }
        if let Some(auth) = &self.auth {
            auth.authorize(&mut headers).map_err(|error| Lost::because(error.to_string()))?;
        }
        if let Some(client) = &self.client {
            headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(warren_opamp::CONTENT_TYPE));
            let (client, received_bytes_max) = (client.clone(), self.received_bytes_max);
            return Ok(Link::Polls(Box::new(Polls { client, uri, headers, answers: VecDeque::new(), received_bytes_max })));
        }
        let attempt = timeout(PATIENCE, self.web_socket(&uri, headers));
        attempt.await.unwrap_or_else(|_| Err(Lost::because("the server does not answer")))
    }

    async fn web_socket(&self, uri: &Uri, headers: HeaderMap) -> Result<Link, Lost> {
        let secure = uri.scheme_str() == Some("wss");
        let host = uri.host().ok_or_else(|| Lost::because("the endpoint names no host"))?.trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = warren_http::connect(host, port, secure.then_some(&self.tls)).await;
        let stream: Box<dyn Io> = Box::new(stream.map_err(|cause| Lost::because(cause.to_string()))?);
        let mut request = uri.into_client_request().map_err(|error| Lost::because(error.to_string()))?;
        request.headers_mut().extend(headers);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(SENT_BYTES_MAX + BUFFER_BYTES)
            .max_message_size(Some(self.received_bytes_max))
            .max_frame_size(Some(self.received_bytes_max));
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Link::WebSocket(Box::new(socket))),
            Err(WsError::Http(answer)) => Err(Lost::refused(answer.status(), answer.headers())),
            Err(error) => Err(Lost::because(error.to_string())),
        }
    }
}

impl Link {
    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &AgentToServer) -> Result<(), Lost> {
        if message.encoded_len() > SENT_BYTES_MAX {
            return Err(Lost::because(format!("a message of more than {SENT_BYTES_MAX} bytes is not sent")));
        }
        match self {
            Self::WebSocket(socket) => {
                let sent = timeout(PATIENCE, socket.send(WsMessage::Binary(frame::encode(message).into()))).await;
                sent.map_err(|_| Lost::because("the server does not read"))?.map_err(|error| Lost::because(error.to_string()))
            }
            Self::Polls(polls) => polls.send(message).await,
        }
    }

    /// The next message from the server. May be dropped and called again.
    pub(crate) async fn receive(&mut self) -> Result<ServerToAgent, Lost> {
        let socket = match self {
            Self::WebSocket(socket) => socket,
            Self::Polls(polls) => match polls.answers.pop_front() {
                Some(answer) => return Ok(answer),
                None => return std::future::pending().await,
            },
        };
        loop {
            match socket.next().await {
                Some(Ok(WsMessage::Binary(bytes))) => {
                    return frame::decode(&bytes).map_err(|error| Lost::because(error.to_string()));
                }
                // Pings are answered by the library when the socket is read or written next.
                Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_))) => {}
                Some(Ok(WsMessage::Text(_))) => return Err(Lost::because("the server sent text")),
                Some(Ok(WsMessage::Close(close))) => {
                    let why = close.map(|close| format!(": {} {}", u16::from(close.code), close.reason)).unwrap_or_default();
                    return Err(Lost::because(format!("the server closed the connection{why}")));
                }
                Some(Err(error)) => return Err(Lost::because(error.to_string())),
                None => return Err(Lost::because("the connection ended")),
            }
        }
    }

    /// Ends it in order, as far as the server takes part.
    pub(crate) async fn close(mut self) {
        if let Self::WebSocket(socket) = &mut self {
            let _ = timeout(Duration::from_secs(1), (**socket).close(None)).await;
        }
    }
}

impl Polls {
    async fn send(&mut self, message: &AgentToServer) -> Result<(), Lost> {
        let mut request = http::Request::new(Bytes::from(message.encode_to_vec()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = self.client.send(request).await.map_err(|error| Lost::because(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            let lost = Lost::refused(answer.status(), answer.headers());
            answer.into_body().read_start(256).await;
            return Err(lost);
        }
        let body = answer.into_body().read(self.received_bytes_max).await.map_err(|error| Lost::because(error.to_string()))?;
        let answer = ServerToAgent::decode(body.as_slice()).map_err(|error| Lost::because(error.to_string()))?;
        self.answers.push_back(answer);
        Ok(())
    }
}
