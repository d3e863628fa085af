//! How targets, discovery services and token servers are reached: Prometheus' HTTP client settings on our HTTP client.
//!
//! Secrets in files are read anew for every request, as Prometheus does; tokens of `oauth2` are kept until shortly before they expire.

mod oauth2;

use crate::config::{Authentication, HttpClientConfig, PemSource, ProxyConfig, SecretSource, TlsConfig, TlsVersion};
use crate::discovery::{Fetch, FetchClient, FetchError, Fetched, Get};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response};
use oauth2::TokenSource;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::BoxFuture;
use warren_http::client::Proxies;
use warren_http::tls::TlsClientConfig;
use warren_http::{Body, Client, ClientSettings};

/// Longest file with a secret that is read.
const SECRET_BYTES_MAX: u64 = 1 << 20;

/// How often certificates in files are read anew, at the next connection.
const TLS_RELOAD: Duration = Duration::from_secs(10);

/// Time limit of a request for a token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Reaches one job's targets, or one service.
pub struct HttpClient {
    client: Client,
    config: HttpClientConfig,
    tokens: Option<TokenSource>,
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
        let setup = |error: warren_http::SetupError| FetchError(error.to_string());
        let tokens = match &config.authentication {
            Authentication::OAuth2(oauth2) => {
                let settings = ClientSettings {
                    tls: tls(&oauth2.tls)?,
                    proxies: proxies(&oauth2.proxy)?,
                    proxy_headers: proxy_headers(&oauth2.proxy)?,
                    user_agent: settings.user_agent.clone(),
                    timeout: TOKEN_TIMEOUT,
                    ..ClientSettings::default()
                };
                Some(TokenSource::new((**oauth2).clone(), Client::new(settings).map_err(setup)?))
            }
            _ => None,
        };
        let client = Client::new(settings).map_err(setup)?;
        Ok(Self { client, config: config.clone(), tokens })
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
            Authentication::OAuth2(_) => match &self.tokens {
                Some(tokens) => tokens.authorization().await.map(Some),
                None => Ok(None),
            },
        }
    }
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
    common.reload_interval = TLS_RELOAD;
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

#[cfg(test)]
mod tests;
