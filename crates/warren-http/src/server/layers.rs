//! What a request passes before it reaches the handler.

use super::config::ServerConfig;
use super::connection::{Engine, Peer, connections_delayed};
use super::cors::Cors;
use super::reply::Reply;
use super::{BODIES_MAX, Budget, Handler, Request, accepted_codings};
use crate::client::header_map;
use crate::coding::Coding;
use http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{BuildContext, BuildError, Identity, ServerAuth};
use warren_telemetry::{Counter, Logger};

/// The engine of an HTTP server.
pub(super) struct Layers {
    handler: Arc<dyn Handler>,
    response_headers: HeaderMap,
    cors: Option<Cors>,
    auth: Option<Auth>,
    codings: Vec<Coding>,
    body_size_max: usize,
    read_timeout: Duration,
    budget: Budget,
    connections_refused: Counter,
    log: Logger,
}

struct Auth {
    authenticator: Arc<dyn ServerAuth>,
    /// Parameters of the query that count as headers.
    parameters: Vec<String>,
}

impl Layers {
    pub(super) fn new(config: &ServerConfig, cx: &BuildContext, handler: Arc<dyn Handler>) -> Result<Self, BuildError> {
        let auth = match &config.auth {
            Some(auth) => match &auth.authenticator {
                Some(id) => Some(Auth { authenticator: cx.extensions.server_auth(id)?, parameters: auth.request_params.clone() }),
                None => None,
            },
            None => None,
        };
        let body_size_max = config.body_size_max();
        Ok(Self {
            handler,
            response_headers: header_map(&config.response_headers).map_err(BuildError::new)?,
            cors: config.cors.as_ref().filter(|cors| !cors.allowed_origins.is_empty()).map(Cors::new),
            auth,
            codings: accepted_codings(&config.compression_algorithms),
            body_size_max,
            read_timeout: config.read_timeout,
            budget: Budget::new(BODIES_MAX.max(body_size_max.saturating_mul(2)), Budget::counter(cx)),
            connections_refused: connections_delayed(cx),
            log: cx.telemetry.log.clone(),
        })
    }

    async fn answer(&self, head: Parts, body: Incoming, peer: Peer) -> Reply {
        let identity = match &self.auth {
            None => None,
            Some(auth) => match auth.check(&head).await {
                Ok(identity) => Some(identity),
                Err(message) => return self.handler.refuse(&head, StatusCode::UNAUTHORIZED, &message),
            },
        };
        let named = head.headers.get(CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?"));
        let Some(coding) = Coding::from_header(named).filter(|coding| self.codings.contains(coding)) else {
            let message = format!("unsupported Content-Encoding: {named}");
            return self.handler.refuse(&head, StatusCode::BAD_REQUEST, &message);
        };
        let deadline = (self.read_timeout != Duration::ZERO).then(|| Instant::now() + self.read_timeout);
        let request =
            Request { head, peer, identity, body, coding, limit: self.body_size_max, deadline, budget: self.budget.clone() };
        self.handler.handle(request).await
    }
}

impl Engine for Layers {
    async fn respond(self: Arc<Self>, request: http::Request<Incoming>, peer: Peer) -> Reply {
        let (head, body) = request.into_parts();
        let mut allowed = HeaderMap::new();
        if let Some(cors) = &self.cors {
            if let Some(reply) = cors.preflight(&head) {
                return self.with_headers(reply, &HeaderMap::new());
            }
            allowed = cors.headers(&head);
        }
        let reply = self.answer(head, body, peer).await;
        self.with_headers(reply, &allowed)
    }

    fn connection_refused(&self) {
        self.connections_refused.add(1);
        self.log.warn("Too many connections; closing the one idle longest", &[]);
    }

    fn fault(&self, message: &str) {
        self.log.error(message, &[]);
    }
}

impl Layers {
    /// Adds the headers of every reply; those that the handler set stay.
    fn with_headers(&self, mut reply: Reply, allowed: &HeaderMap) -> Reply {
        let headers = reply.headers_mut();
        for (name, value) in self.response_headers.iter().chain(allowed) {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        reply
    }
}

impl Auth {
    async fn check(&self, head: &Parts) -> Result<Identity, String> {
        if self.parameters.is_empty() {
            return self.authenticator.authenticate(&head.headers).await.map_err(|error| error.to_string());
        }
        let mut headers = head.headers.clone();
        for pair in head.uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned();
            let wanted = self.parameters.iter().any(|parameter| parameter == name);
            if let (true, Ok(name), Ok(value)) = (wanted, HeaderName::try_from(name), HeaderValue::try_from(decoded)) {
                headers.insert(name, value);
            }
        }
        self.authenticator.authenticate(&headers).await.map_err(|error| error.to_string())
    }
}
