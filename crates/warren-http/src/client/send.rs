//! Sending a request.

use super::body::Body;
use super::dial::{Dialled, Way, dial};
use super::pool::{Failure, Key, Lease, Sender};
use super::target::Target;
use super::{Client, Inner};
use crate::coding::{Coding, compress};
use crate::error::{Awaiting, Cause, Error, chain_text};
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue, LOCATION,
    PROXY_AUTHORIZATION, RANGE, USER_AGENT,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout_at};

/// How often a request is sent again because the idle connection it was given turned out to be closed.
const STALE_CONNECTIONS_MAX: usize = 4;

/// How much of a redirecting reply is read.
const REDIRECT_BODY_MAX: usize = 2048;

/// What hyper may read ahead on a connection, and the longest head of a reply.
const READ_BUFFER_MAX: usize = 64 * 1024;

/// A request on its way: everything that stays the same over redirects.
struct Outgoing {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// Sends a request with an absolute URL. The time allowed is that of the settings.
    ///
    /// # Errors
    /// When there is no reply. A reply of any status is one.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let timeout = self.0.settings.timeout;
        let deadline = (timeout != Duration::ZERO).then(|| Instant::now() + timeout);
        self.send_by(request, deadline).await
    }

    /// Sends a request that, with its reply, must be over by `deadline`.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_by(&self, request: Request<Bytes>, deadline: Option<Instant>) -> Result<Response<Body>, Error> {
        let (head, body) = request.into_parts();
        let mut target = match Target::new(&head.uri) {
            Ok(target) => target,
            Err(message) => {
                let action = format!("{} \"{}\"", verb(&head.method), without_secrets(&head.uri));
                return Err(Error { action, cause: Cause::Invalid(message) });
            }
        };
        let first = target.clone();
        let mut outgoing = Outgoing { method: head.method, headers: head.headers, body };
        let action = |target: &Target, outgoing: &Outgoing| format!("{} \"{}\"", verb(&outgoing.method), target.shown());
        if let Err(cause) = self.0.compress(&mut outgoing) {
            return Err(Error { action: action(&target, &outgoing), cause });
        }
        for hop in 0.. {
            let result = match deadline {
                Some(deadline) => timeout_at(deadline, self.0.exchange(&target, &first, &outgoing))
                    .await
                    .unwrap_or(Err(Cause::Timeout(Awaiting::Headers))),
                None => self.0.exchange(&target, &first, &outgoing).await,
            };
            let (reply, lease, gzip) = result.map_err(|cause| Error { action: action(&target, &outgoing), cause })?;
            match redirection(&reply, &target, &outgoing.method).filter(|_| self.0.settings.redirects > 0) {
                Some(_) if hop >= self.0.settings.redirects => {
                    let cause = Cause::Redirects(self.0.settings.redirects);
                    return Err(Error { action: action(&target, &outgoing), cause });
                }
                Some(next) => {
                    // To the end, if that is near, so that the connection serves again.
                    Body::new(reply.into_body(), lease, deadline, String::new(), false).read_start(REDIRECT_BODY_MAX).await;
                    target = next;
                }
                None => {
                    let action = action(&target, &outgoing);
                    return Ok(reply.map(|incoming| Body::new(incoming, lease, deadline, action, gzip)));
                }
            }
        }
        Err(Error { action: action(&target, &outgoing), cause: Cause::Redirects(self.0.settings.redirects) })
    }
}

impl Inner {
    fn compress(&self, outgoing: &mut Outgoing) -> Result<(), Cause> {
        let settings = &self.settings;
        if settings.coding == Coding::Identity || outgoing.headers.contains_key(CONTENT_ENCODING) || outgoing.body.is_empty() {
            return Ok(());
        }
        let compressed =
            compress(settings.coding, settings.level, &outgoing.body).map_err(|error| Cause::Coding(error.to_string()))?;
        outgoing.body = compressed.into();
        outgoing.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(settings.coding.name()));
        Ok(())
    }

    /// One request and the head of its reply; whether its body must be inflated.
    async fn exchange(
        &self,
        target: &Target,
        first: &Target,
        outgoing: &Outgoing,
    ) -> Result<(Response<Incoming>, Lease, bool), Cause> {
        let (headers, asked_for_gzip) = self.headers(target, first, outgoing)?;
        let key = Key::of(target);
        let mut stale = 0;
        loop {
            let mut lease = self.lease(target, &key).await?;
            let request = self.request(target, outgoing, headers.clone(), lease.is_http2())?;
            match lease.send(request).await {
                Ok(mut reply) => {
                    if let Some(jar) = &self.cookies {
                        jar.lock().unwrap_or_else(PoisonError::into_inner).store(target, reply.headers(), SystemTime::now());
                    }
                    let gzip = asked_for_gzip && reply.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
                    if gzip {
                        reply.headers_mut().remove(CONTENT_ENCODING);
                        reply.headers_mut().remove(CONTENT_LENGTH);
                    }
                    return Ok((reply, lease, gzip));
                }
                Err(Failure { error, unsent }) => {
                    let repeatable = unsent || matches!(outgoing.method, Method::GET | Method::HEAD) && !error.is_parse();
                    if !(lease.reused && repeatable && stale < STALE_CONNECTIONS_MAX) {
                        return Err(Cause::Broken(chain_text(&error)));
                    }
                    stale += 1;
                }
            }
        }
    }

    /// The headers of a request, and whether the reply is to be inflated if gzipped.
    fn headers(&self, target: &Target, first: &Target, outgoing: &Outgoing) -> Result<(HeaderMap, bool), Cause> {
        let settings = &self.settings;
        let trusted = target.may_share_secrets_of(first);
        let mut headers = outgoing.headers.clone();
        if let Some(jar) = &self.cookies {
            jar.lock().unwrap_or_else(PoisonError::into_inner).send(target, &mut headers, SystemTime::now());
        }
        if let Some(user_agent) = settings.user_agent.as_ref().filter(|_| !headers.contains_key(USER_AGENT)) {
            headers.insert(USER_AGENT, user_agent.clone());
        }
        if let Some(credentials) = target.credentials.as_ref().filter(|_| !headers.contains_key(AUTHORIZATION)) {
            headers.insert(AUTHORIZATION, credentials.clone());
        }
        // What is configured may be secret and is meant for the configured host.
        if trusted {
            for name in settings.headers.keys() {
                headers.remove(name);
                for value in settings.headers.get_all(name) {
                    headers.append(name.clone(), value.clone());
                }
            }
        } else if target.credentials.is_none() {
            headers.remove(AUTHORIZATION);
        }
        let ask_for_gzip = settings.accept_gzip
            && outgoing.method != Method::HEAD
            && !headers.contains_key(ACCEPT_ENCODING)
            && !headers.contains_key(RANGE);
        if ask_for_gzip {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(auth) = settings.auth.as_ref().filter(|_| trusted) {
            auth.authorize(&mut headers)?;
        }
        Ok((headers, ask_for_gzip))
    }

    /// The request in the form that the connection takes: HTTP/2 and proxies want the whole URL, HTTP/1 the path.
    fn request(
        &self,
        target: &Target,
        outgoing: &Outgoing,
        mut headers: HeaderMap,
        http2: bool,
    ) -> Result<Request<Full<Bytes>>, Cause> {
        let invalid = |error: http::Error| Cause::Invalid(error.to_string());
        let host = headers.remove(HOST).filter(|host| !host.is_empty());
        let through_proxy = !target.https && self.proxy(target)?.is_some();
        let uri = if http2 || through_proxy {
            let authority = match &host {
                Some(host) if http2 => host.to_str().map_err(|_| Cause::Invalid("invalid Host header".to_owned()))?,
                _ => &target.authority,
            };
            Uri::builder().scheme(target.scheme()).authority(authority).path_and_query(target.path.clone()).build()
        } else {
            Uri::builder().path_and_query(target.path.clone()).build()
        };
        if !http2 {
            let host = match host {
                Some(host) => host,
                None => HeaderValue::try_from(&target.authority).map_err(|error| Cause::Invalid(error.to_string()))?,
            };
            headers.insert(HOST, host);
            if !self.settings.keep_alive {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        if let Some(credentials) = self.proxy(target)?.filter(|_| through_proxy).and_then(|proxy| proxy.credentials.clone()) {
            headers.entry(PROXY_AUTHORIZATION).or_insert(credentials);
        }
        let mut request = Request::new(Full::new(outgoing.body.clone()));
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = uri.map_err(invalid)?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn proxy(&self, target: &Target) -> Result<Option<&super::proxy::ProxyServer>, Cause> {
        self.settings.proxies.on_way_to(target).map_err(|error| Cause::Proxy(error.to_owned()))
    }

    async fn lease(&self, target: &Target, key: &Key) -> Result<Lease, Cause> {
        let permit = self.pool.permit(key).await;
        match self.pool.idle(key, permit).await {
            Ok(lease) => Ok(lease),
            Err(permit) => Ok(self.pool.fresh(key, self.connect(target).await?, permit)),
        }
    }

    /// A new connection. The task that drives it ends when nobody sends over it any more.
    async fn connect(&self, target: &Target) -> Result<Sender, Cause> {
        let settings = &self.settings;
        let way =
            Way { proxy: self.proxy(target)?, proxy_headers: &settings.proxy_headers, tls: &self.tls, http2: settings.http2 };
        let Dialled { io, http2 } = dial(target, &way).await?;
        let io = TokioIo::new(io);
        let broken = |error: hyper::Error| Cause::Broken(chain_text(&error));
        if !http2 {
            let (sender, connection) = http1::Builder::new().max_buf_size(READ_BUFFER_MAX).handshake(io).await.map_err(broken)?;
            tokio::spawn(connection);
            return Ok(Sender::Http1(sender));
        }
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        if settings.http2_ping_after != Duration::ZERO {
            builder
                .keep_alive_interval(settings.http2_ping_after)
                .keep_alive_timeout(settings.http2_ping_timeout)
                .keep_alive_while_idle(true);
        }
        let (sender, connection) = builder.handshake(io).await.map_err(broken)?;
        tokio::spawn(connection);
        Ok(Sender::Http2(sender))
    }
}

/// Where a reply sends us to, if the same request may be sent there.
fn redirection<B>(reply: &Response<B>, from: &Target, method: &Method) -> Option<Target> {
    let same_method = matches!(*method, Method::GET | Method::HEAD);
    let redirects = match reply.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => same_method,
        _ => false,
    };
    let location = reply.headers().get(LOCATION).filter(|_| redirects)?.to_str().ok()?;
    let location = location.split('#').next().unwrap_or_default();
    let base = || format!("{}://{}", from.scheme(), from.authority);
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{}:{location}", from.scheme())
    } else if location.starts_with('/') {
        format!("{}{location}", base())
    } else {
        let directory = from.path.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{}{directory}/{location}", base())
    };
    Target::new(&absolute.parse().ok()?).ok()
}

/// The method as Go's client names it in errors: `Post`.
fn verb(method: &Method) -> String {
    let mut letters = method.as_str().chars();
    letters.next().into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase())).collect()
}

/// A URL that could not be used, without user and query.
fn without_secrets(url: &Uri) -> String {
    let authority =
        url.authority().map_or("", |authority| authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, rest)| rest));
    match url.scheme_str() {
        Some(scheme) => format!("{scheme}://{authority}{}", url.path()),
        None => format!("{authority}{}", url.path()),
    }
}
