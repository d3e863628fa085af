//! How targets, discovery services and token servers are reached: the HTTP client keys that stand in
//! every scrape configuration (`prometheus/common/config` v0.65.0).

mod read;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use warren_config::{Report, Secret};

/// HTTP client settings of one job or discovery service.
#[derive(Debug, Clone)]
pub struct HttpClientConfig {
    /// How we say who we are.
    pub authentication: Authentication,
    /// `tls_config`.
    pub tls: TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be spoken over TLS.
    pub enable_http2: bool,
    /// Proxy keys.
    pub proxy: ProxyConfig,
    /// `http_headers`: added to every request, by name.
    pub headers: IndexMap<String, HeaderValues>,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            authentication: Authentication::None,
            tls: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy: ProxyConfig::default(),
            headers: IndexMap::new(),
        }
    }
}

/// At most one of these is configured.
#[derive(Debug, Clone, Default)]
pub enum Authentication {
    /// Nothing is sent.
    #[default]
    None,
    /// `basic_auth`.
    Basic {
        /// User name.
        username: SecretSource,
        /// Password.
        password: SecretSource,
    },
    /// `authorization` or `bearer_token`: `Authorization: KIND CREDENTIALS`.
    Authorization {
        /// Scheme, `Bearer` unless said otherwise.
        kind: String,
        /// What follows the scheme.
        credentials: SecretSource,
    },
    /// `oauth2`: tokens by client credentials.
    OAuth2(Box<OAuth2Config>),
}

/// A secret: given in place, or in a file that is read anew for every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SecretSource {
    /// Not given; sent as the empty text.
    #[default]
    Empty,
    /// In place.
    Inline(Secret),
    /// In a file, surrounding white space not counted.
    File(PathBuf),
}

/// `oauth2`: the client credentials grant.
#[derive(Debug, Clone, Default)]
pub struct OAuth2Config {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretSource,
    /// Requested scopes.
    pub scopes: Vec<String>,
    /// Where tokens are had.
    pub token_url: String,
    /// Further form fields of the token request.
    pub endpoint_params: IndexMap<String, String>,
    /// TLS towards the token server.
    pub tls: TlsConfig,
    /// Proxy towards the token server.
    pub proxy: ProxyConfig,
}

/// `tls_config`.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig {
    /// Authorities that are trusted instead of the system's.
    pub ca: PemSource,
    /// Our certificate.
    pub cert: PemSource,
    /// Its key.
    pub key: PemSource,
    /// Name to check the server's certificate against; empty means the host of the URL.
    pub server_name: String,
    /// Whether any certificate is taken.
    pub insecure_skip_verify: bool,
    /// Oldest version that is spoken.
    pub min_version: Option<TlsVersion>,
    /// Newest version that is spoken.
    pub max_version: Option<TlsVersion>,
}

/// Certificates or a key in PEM. Files are read anew when they change.
pub type PemSource = SecretSource;

/// TLS versions by Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

/// Proxy keys.
#[derive(Debug, Clone, Default)]
pub struct ProxyConfig {
    /// `proxy_url`; may hold a password.
    pub url: Option<Secret>,
    /// Hosts that are reached directly: `no_proxy`.
    pub no_proxy: String,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count.
    pub from_environment: bool,
    /// Headers of `CONNECT` requests.
    pub connect_headers: IndexMap<String, Vec<Secret>>,
}

/// Values of one header.
#[derive(Debug, Clone, Default)]
pub struct HeaderValues {
    /// Given openly.
    pub values: Vec<String>,
    /// Not to be shown.
    pub secrets: Vec<Secret>,
    /// In files that are read anew for every request.
    pub files: Vec<PathBuf>,
}

impl HttpClientConfig {
    /// The keys under which there may be secrets.
    pub(crate) const SECRET_KEYS: [&str; 8] = [
        "basic_auth",
        "authorization",
        "bearer_token",
        "oauth2",
        "tls_config",
        "proxy_url",
        "proxy_connect_header",
        "http_headers",
    ];

    /// Tells which files must be readable, as the reference checks them before it starts.
    pub(crate) fn tell_files(&self, report: &mut Report<'_>) {
        let mut files = vec![("tls_config", &self.tls.cert), ("tls_config", &self.tls.key), ("tls_config", &self.tls.ca)];
        if let Authentication::Authorization { credentials, .. } = &self.authentication {
            files.push(("authorization", credentials));
        }
        for (key, source) in files {
            if let SecretSource::File(path) = source {
                report.file(key, path.to_string_lossy());
            }
        }
    }

    /// Makes relative paths relative to `directory`.
    pub(crate) fn set_directory(&mut self, directory: &Path) {
        self.tls.set_directory(directory);
        match &mut self.authentication {
            Authentication::None => {}
            Authentication::Basic { username, password } => {
                username.set_directory(directory);
                password.set_directory(directory);
            }
            Authentication::Authorization { credentials, .. } => credentials.set_directory(directory),
            Authentication::OAuth2(oauth2) => {
                oauth2.client_secret.set_directory(directory);
                oauth2.tls.set_directory(directory);
            }
        }
        for file in self.headers.values_mut().flat_map(|header| &mut header.files) {
            *file = directory.join(&*file);
        }
    }
}

impl SecretSource {
    fn set_directory(&mut self, directory: &Path) {
        if let Self::File(path) = self {
            *path = directory.join(&*path);
        }
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

impl TlsConfig {
    fn set_directory(&mut self, directory: &Path) {
        for source in [&mut self.ca, &mut self.cert, &mut self.key] {
            source.set_directory(directory);
        }
    }
}
