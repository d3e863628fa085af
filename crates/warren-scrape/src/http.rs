//! How targets, discovery services and token servers are reached: Prometheus' HTTP client settings on our HTTP client.
//!
//! Secrets in files are read anew for every request, as Prometheus does; tokens of `oauth2` are kept until shortly before they expire.

use crate::config::{
    Authentication, HttpClientConfig, OAuth2Config, PemSource, ProxyConfig, SecretSource, TlsConfig, TlsVersion,
};
use crate::discovery::{Fetch, FetchClient, FetchError, Fetched, Get};
use base64::Engine;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use warren_component::BoxFuture;
use warren_http::client::Proxies;
use warren_http::tls::TlsClientConfig;
use warren_http::{Body, Client, ClientSettings};

/// Longest file with a secret that is read.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// Longest answer of a token server.
const TOKEN_BYTES_MAX: usize = 1 << 20;

/// A token is renewed so long before it expires.
const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// A token without an expiry is renewed after this time.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Reaches one job's targets, or one service.
pub struct HttpClient {
    client: Client,
    config: HttpClientConfig,
    token: Mutex<Option<(HeaderValue, Instant)>>,
    token_client: Option<Client>,
}

impl HttpClient {
    /// A client with these settings. `user_agent` is sent with every request; `compress` asks for compressed answers.
    ///
    /// # Errors
    /// When certificates cannot be read, or a proxy's URL or a header is not valid.
    pub fn new(config: &HttpClientConfig, user_agent: &str, compress: bool) -> Result<Self, FetchError> {
        let settings = ClientSettings {
            tls: tls(&config.tls)?,
            http2: config.enable_http2,
            proxies: proxies(&config.proxy)?,
            proxy_headers: proxy_headers(&config.proxy)?,
            user_agent: HeaderValue::try_from(user_agent).ok(),
            accept_gzip: compress,
            redirects: if config.follow_redirects { 10 } else { 0 },
            ..ClientSettings::default()
        };
        let token_client = match &config.authentication {
            Authentication::OAuth2(oauth2) => Some(Client::new(ClientSettings {
                tls: tls(&oauth2.tls)?,
                proxies: proxies(&oauth2.proxy)?,
                user_agent: settings.user_agent.clone(),
                timeout: Duration::from_secs(30),
                ..ClientSettings::default()
            })),
            _ => None,
        };
        let setup = |error: warren_http::SetupError| FetchError(error.to_string());
        let client = Client::new(settings).map_err(setup)?;
        Ok(Self {
            client,
            config: config.clone(),
            token: Mutex::new(None),
            token_client: token_client.transpose().map_err(setup)?,
        })
    }

    /// Sends a GET request that must be over by `deadline`.
    ///
    /// # Errors
    /// When there is no answer, or no proof of who we are.
    pub async fn get(&self, url: &str, mut headers: HeaderMap, deadline: Instant) -> Result<Response<Body>, FetchError> {
        if !self.config.headers.is_empty() {
            for (name, values) in &self.config.headers {
                let name = HeaderName::try_from(name.as_str()).map_err(|error| FetchError(format!("http_headers: {error}")))?;
                let inline = values.values.iter().cloned().chain(values.secrets.iter().map(|secret| secret.expose().to_owned()));
                for value in inline {
                    headers.append(name.clone(), header(&value)?);
                }
                for file in &values.files {
                    headers.append(name.clone(), header(&read_secret(file).await?)?);
                }
            }
        }
        if let Some(value) = self.authorization().await? {
            headers.insert(AUTHORIZATION, value);
        }
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.parse().map_err(|_| FetchError("invalid URL".to_owned()))?;
        *request.headers_mut() = headers;
        self.client.send_by(request, Some(deadline)).await.map_err(|error| FetchError(error.to_string()))
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, FetchError> {
        match &self.config.authentication {
            Authentication::None => Ok(None),
            Authentication::Basic { username, password } => {
                let (user, password) = (secret(username).await?, secret(password).await?);
                Ok(warren_http::client::basic(&user, &password))
            }
            Authentication::Authorization { kind, credentials } => {
                Ok(Some(sensitive(&format!("{kind} {}", secret(credentials).await?))?))
            }
            Authentication::OAuth2(oauth2) => self.token(oauth2).await.map(Some),
        }
    }

    async fn token(&self, oauth2: &OAuth2Config) -> Result<HeaderValue, FetchError> {
        let mut known = self.token.lock().await;
        if let Some((token, until)) = &*known
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let failed = |reason: String| FetchError(format!("oauth2: {reason}"));
        let Some(client) = &self.token_client else { return Err(failed("no token client".to_owned())) };
        let mut form = form_urlencoded(&[("grant_type", "client_credentials")]);
        if !oauth2.scopes.is_empty() {
            form.push('&');
            form.push_str(&form_urlencoded(&[("scope", &oauth2.scopes.join(" "))]));
        }
        for (name, value) in &oauth2.endpoint_params {
            form.push('&');
            form.push_str(&form_urlencoded(&[(name, value)]));
        }
        let client_secret = secret(&oauth2.client_secret).await?;
        let credentials = format!("{}:{}", encoded(&oauth2.client_id), encoded(&client_secret));
        let request = Request::builder()
            .method(Method::POST)
            .uri(&oauth2.token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(
                AUTHORIZATION,
                sensitive(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials)))?,
            )
            .body(Bytes::from(form))
            .map_err(|error| failed(error.to_string()))?;
        let reply = client.send(request).await.map_err(|error| failed(error.to_string()))?;
        let status = reply.status();
        let body = reply.into_body().read(TOKEN_BYTES_MAX).await.map_err(|error| failed(error.to_string()))?;
        if status != StatusCode::OK {
            return Err(failed(format!("cannot fetch token: {status}")));
        }
        let answer: Token =
            serde_json::from_slice(&body).map_err(|_| failed("the token server's answer is not a token".to_owned()))?;
        let lifetime = answer.expires_in.map_or(TOKEN_LIFETIME, Duration::from_secs);
        let kind = answer.token_type.filter(|kind| !kind.eq_ignore_ascii_case("bearer")).unwrap_or_else(|| "Bearer".to_owned());
        let value = sensitive(&format!("{kind} {}", answer.access_token))?;
        *known = Some((value.clone(), Instant::now() + lifetime.saturating_sub(TOKEN_MARGIN)));
        Ok(value)
    }
}

#[derive(serde::Deserialize)]
struct Token {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

/// Makes the clients of discovery services.
pub struct HttpFetch {
    /// `User-Agent` of every request.
    pub user_agent: String,
}

impl Fetch for HttpFetch {
    fn client(&self, config: &HttpClientConfig) -> Result<Box<dyn FetchClient>, FetchError> {
        Ok(Box::new(HttpClient::new(config, &self.user_agent, true)?))
    }
}

impl FetchClient for HttpClient {
    fn get<'a>(&'a self, request: Get<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            for (name, value) in request.headers {
                let name = HeaderName::try_from(*name).map_err(|error| FetchError(error.to_string()))?;
                headers.insert(name, header(value)?);
            }
            let reply = HttpClient::get(self, request.url, headers, Instant::now() + request.timeout).await?;
            let content_type =
                reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            let status = reply.status().as_u16();
            let body = reply.into_body().read(request.body_bytes_max).await.map_err(|error| FetchError(error.to_string()))?;
            Ok(Fetched { status, content_type, body })
        })
    }
}

/// The header that asks for an answer as it is.
pub(crate) fn uncompressed(headers: &mut HeaderMap) {
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

fn header(value: &str) -> Result<HeaderValue, FetchError> {
    HeaderValue::try_from(value).map_err(|_| FetchError("a header's value has characters that no header may have".to_owned()))
}

fn sensitive(value: &str) -> Result<HeaderValue, FetchError> {
    let mut value = header(value)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn secret(source: &SecretSource) -> Result<String, FetchError> {
    match source {
        SecretSource::Empty => Ok(String::new()),
        SecretSource::Inline(secret) => Ok(secret.expose().to_owned()),
        SecretSource::File(path) => read_secret(path).await,
    }
}

/// The content of a small file, on a thread that may block.
async fn read_secret(path: &Path) -> Result<String, FetchError> {
    let shown = path.display().to_string();
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut std::io::Read::take(std::fs::File::open(path)?, SECRET_BYTES_MAX), &mut text)?;
        std::io::Result::Ok(text)
    });
    let failed = |reason: String| FetchError(format!("unable to read file {shown}: {reason}"));
    let text = read.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    Ok(text.trim().to_owned())
}

fn tls(config: &TlsConfig) -> Result<TlsClientConfig, FetchError> {
    let version = |version: Option<TlsVersion>, oldest: bool| match version {
        None => Ok(String::new()),
        // The oldest that we speak is 1.2: as a lower bound the older ones mean the same.
        Some(TlsVersion::Tls10 | TlsVersion::Tls11) if oldest => Ok(String::new()),
        Some(TlsVersion::Tls10 | TlsVersion::Tls11) => {
            Err(FetchError("tls_config: max_version must be TLS12 or TLS13".to_owned()))
        }
        Some(TlsVersion::Tls12) => Ok("1.2".to_owned()),
        Some(TlsVersion::Tls13) => Ok("1.3".to_owned()),
    };
    let mut tls = TlsClientConfig {
        insecure_skip_verify: config.insecure_skip_verify,
        server_name_override: config.server_name.clone(),
        ..TlsClientConfig::default()
    };
    let common = &mut tls.common;
    common.min_version = version(config.min_version, true)?;
    common.max_version = version(config.max_version, false)?;
    pem(&config.ca, &mut common.ca_file, &mut common.ca_pem);
    pem(&config.cert, &mut common.cert_file, &mut common.cert_pem);
    pem(&config.key, &mut common.key_file, &mut common.key_pem);
    Ok(tls)
}

fn pem(source: &PemSource, file: &mut String, inline: &mut warren_config::Secret) {
    match source {
        SecretSource::Empty => {}
        SecretSource::Inline(text) => *inline = text.clone(),
        SecretSource::File(path) => *file = path.display().to_string(),
    }
}

fn proxies(config: &ProxyConfig) -> Result<Proxies, FetchError> {
    match &config.url {
        Some(url) => Proxies::except(url.expose(), &config.no_proxy).map_err(FetchError),
        None if config.from_environment => Ok(Proxies::from_environment(|name| std::env::var(name).ok())),
        None => Ok(Proxies::none()),
    }
}

fn proxy_headers(config: &ProxyConfig) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::new();
    for (name, values) in &config.connect_headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|error| FetchError(format!("proxy_connect_header: {error}")))?;
        for value in values {
            headers.append(name.clone(), sensitive(value.expose())?);
        }
    }
    Ok(headers)
}

fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// Text as a form has it.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
