//! Reading the HTTP client keys, with the checks and the texts of `prometheus/common`.

use std::path::PathBuf;

use warren_config::{Node, Report, Secret};

use super::{Authentication, HeaderValues, HttpClientConfig, OAuth2Config, ProxyConfig, SecretSource, TlsConfig, TlsVersion};
use crate::config::yaml::{Mapping, Yaml};

/// Headers that `http_headers` may not set.
const RESERVED_HEADERS: [&str; 18] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

impl HttpClientConfig {
    /// Reads the keys, which stand among others of the same mapping.
    pub(crate) fn fields(&mut self, m: &mut Mapping<'_, '_>) {
        let mut raw = RawAuthentication::default();
        m.field("basic_auth", &mut raw.basic);
        m.field("authorization", &mut raw.authorization);
        m.field("oauth2", &mut raw.oauth2);
        m.field("bearer_token", &mut raw.bearer_token);
        m.field("bearer_token_file", &mut raw.bearer_token_file);
        m.field("tls_config", &mut self.tls);
        m.field("follow_redirects", &mut self.follow_redirects);
        m.field("enable_http2", &mut self.enable_http2);
        self.proxy.fields(m);
        m.field("http_headers", &mut self.headers);
        match raw.choose() {
            Ok(authentication) => self.authentication = authentication,
            Err((key, message)) => m.report().error(key, message),
        }
        self.proxy.check(m.report());
        for name in self.headers.keys() {
            if let Some(reserved) = RESERVED_HEADERS.iter().find(|reserved| reserved.eq_ignore_ascii_case(name)) {
                m.report().error("http_headers", format!("setting header {reserved:?} is not allowed"));
            }
        }
    }
}

/// The three ways a secret can be written, and what is wrong with it.
#[derive(Debug, Default, Clone)]
struct Written {
    inline: Secret,
    file: String,
    reference: String,
}

impl Written {
    fn fields(m: &mut Mapping<'_, '_>, inline: &'static str, file: &'static str, reference: &'static str) -> Self {
        let mut written = Self::default();
        m.field(inline, &mut written.inline);
        m.field(file, &mut written.file);
        m.field(reference, &mut written.reference);
        if !written.reference.is_empty() {
            m.report().error(reference, "cannot use secret ref without manager");
        }
        written
    }

    fn count(&self) -> usize {
        [self.inline.is_empty(), self.file.is_empty(), self.reference.is_empty()].iter().filter(|empty| !**empty).count()
    }

    /// The source, unless more than one way was taken.
    fn choose(self, message: &'static str) -> Result<SecretSource, &'static str> {
        if self.count() > 1 {
            return Err(message);
        }
        Ok(if !self.inline.is_empty() {
            SecretSource::Inline(self.inline)
        } else if !self.file.is_empty() {
            SecretSource::File(self.file.into())
        } else {
            SecretSource::Empty
        })
    }
}

#[derive(Default)]
struct RawAuthentication {
    basic: Option<RawBasicAuth>,
    authorization: Option<RawAuthorization>,
    oauth2: Option<RawOAuth2>,
    bearer_token: Secret,
    bearer_token_file: String,
}

#[derive(Default)]
struct RawBasicAuth {
    username: Written,
    password: Written,
}

#[derive(Default)]
struct RawAuthorization {
    kind: String,
    credentials: Written,
}

#[derive(Default)]
struct RawOAuth2 {
    config: OAuth2Config,
    client_secret: Written,
}

impl RawAuthentication {
    /// The one kind that was configured, or the key and the text of what is wrong.
    fn choose(self) -> Result<Authentication, (&'static str, &'static str)> {
        let (token, token_file) = (!self.bearer_token.is_empty(), !self.bearer_token_file.is_empty());
        if token && token_file {
            return Err(("bearer_token_file", "at most one of bearer_token & bearer_token_file must be configured"));
        }
        if (self.basic.is_some() || self.oauth2.is_some()) && (token || token_file) {
            let key = if self.basic.is_some() { "basic_auth" } else { "oauth2" };
            return Err((key, "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"));
        }
        if self.authorization.is_some() && (token || token_file) {
            return Err(("authorization", "authorization is not compatible with bearer_token & bearer_token_file"));
        }
        let kinds = [self.basic.is_some(), self.authorization.is_some(), self.oauth2.is_some()];
        if kinds.iter().filter(|configured| **configured).count() > 1 {
            let key = if self.oauth2.is_some() { "oauth2" } else { "authorization" };
            return Err((key, "at most one of basic_auth, oauth2 & authorization must be configured"));
        }
        let bearer = |credentials| Authentication::Authorization { kind: "Bearer".to_owned(), credentials };
        if let Some(basic) = self.basic {
            basic.choose().map_err(|message| ("basic_auth", message))
        } else if let Some(authorization) = self.authorization {
            authorization.choose().map_err(|message| ("authorization", message))
        } else if let Some(oauth2) = self.oauth2 {
            oauth2.choose().map_err(|message| ("oauth2", message))
        } else if token {
            Ok(bearer(SecretSource::Inline(self.bearer_token)))
        } else if token_file {
            Ok(bearer(SecretSource::File(self.bearer_token_file.into())))
        } else {
            Ok(Authentication::None)
        }
    }
}

impl Yaml for RawBasicAuth {
    const TYPE: &'static str = "config.BasicAuth";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        let username = Written::fields(&mut m, "username", "username_file", "username_ref");
        let password = Written::fields(&mut m, "password", "password_file", "password_ref");
        m.finish(|_| false);
        Some(Self { username, password })
    }
}

impl RawBasicAuth {
    fn choose(self) -> Result<Authentication, &'static str> {
        let username =
            self.username.choose("at most one of basic_auth username, username_file & username_ref must be configured")?;
        let password =
            self.password.choose("at most one of basic_auth password, password_file & password_ref must be configured")?;
        Ok(Authentication::Basic { username, password })
    }
}

impl Yaml for RawAuthorization {
    const TYPE: &'static str = "config.Authorization";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        let mut kind = String::new();
        m.field("type", &mut kind);
        let credentials = Written::fields(&mut m, "credentials", "credentials_file", "credentials_ref");
        m.finish(|_| false);
        Some(Self { kind, credentials })
    }
}

impl RawAuthorization {
    fn choose(self) -> Result<Authentication, &'static str> {
        let credentials =
            self.credentials.choose("at most one of authorization credentials & credentials_file must be configured")?;
        let kind = match self.kind.trim() {
            "" => "Bearer",
            kind if kind.eq_ignore_ascii_case("basic") => {
                return Err("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
            }
            kind => kind,
        };
        Ok(Authentication::Authorization { kind: kind.to_owned(), credentials })
    }
}

impl Yaml for RawOAuth2 {
    const TYPE: &'static str = "config.OAuth2";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        let mut config = OAuth2Config::default();
        m.field("client_id", &mut config.client_id);
        let client_secret = Written::fields(&mut m, "client_secret", "client_secret_file", "client_secret_ref");
        m.field("scopes", &mut config.scopes);
        m.field("token_url", &mut config.token_url);
        m.field("endpoint_params", &mut config.endpoint_params);
        m.field("tls_config", &mut config.tls);
        config.proxy.fields(&mut m);
        config.proxy.check(m.report());
        m.finish(|_| false);
        Some(Self { config, client_secret })
    }
}

impl RawOAuth2 {
    fn choose(self) -> Result<Authentication, &'static str> {
        let mut config = self.config;
        if config.client_id.is_empty() {
            return Err("oauth2 client_id must be configured");
        }
        if config.token_url.is_empty() {
            return Err("oauth2 token_url must be configured");
        }
        config.client_secret = self
            .client_secret
            .choose("at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured")?;
        Ok(Authentication::OAuth2(Box::new(config)))
    }
}

impl Yaml for TlsConfig {
    const TYPE: &'static str = "config.TLSConfig";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut tls = Self::default();
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        let ca = Written::fields(&mut m, "ca", "ca_file", "ca_ref");
        let cert = Written::fields(&mut m, "cert", "cert_file", "cert_ref");
        let key = Written::fields(&mut m, "key", "key_file", "key_ref");
        m.field("server_name", &mut tls.server_name);
        m.field("insecure_skip_verify", &mut tls.insecure_skip_verify);
        tls.min_version = tls_version(&mut m, "min_version");
        tls.max_version = tls_version(&mut m, "max_version");
        let problem = tls.take(ca, cert, key).err();
        if let Some(message) = problem {
            m.report().error("", message);
        }
        m.finish(|_| false);
        Some(tls)
    }
}

impl TlsConfig {
    fn take(&mut self, ca: Written, cert: Written, key: Written) -> Result<(), &'static str> {
        self.ca = ca.choose("at most one of ca, ca_file & ca_ref must be configured")?;
        self.cert = cert.choose("at most one of cert, cert_file & cert_ref must be configured")?;
        self.key = key.choose("at most one of key and key_file must be configured")?;
        match (self.cert.is_empty(), self.key.is_empty()) {
            (false, true) => {
                return Err("exactly one of key or key_file must be configured when a client certificate is configured");
            }
            (true, false) => {
                return Err("exactly one of cert or cert_file must be configured when a client key is configured");
            }
            _ => {}
        }
        if self.max_version.is_some() && self.max_version < self.min_version {
            return Err("tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified");
        }
        Ok(())
    }
}

/// Reads a version by its name.
fn tls_version(m: &mut Mapping<'_, '_>, key: &'static str) -> Option<TlsVersion> {
    let name: String = m.optional(key)?;
    match name.as_str() {
        "" => None,
        "TLS10" => Some(TlsVersion::Tls10),
        "TLS11" => Some(TlsVersion::Tls11),
        "TLS12" => Some(TlsVersion::Tls12),
        "TLS13" => Some(TlsVersion::Tls13),
        _ => {
            let hint = "one of TLS10, TLS11, TLS12, TLS13";
            m.report().error_with_hint(key, format!("unknown TLS version: {name}"), hint);
            None
        }
    }
}

impl ProxyConfig {
    fn fields(&mut self, m: &mut Mapping<'_, '_>) {
        m.field("proxy_url", &mut self.url);
        m.field("no_proxy", &mut self.no_proxy);
        m.field("proxy_from_environment", &mut self.from_environment);
        m.field("proxy_connect_header", &mut self.connect_headers);
    }

    fn check(&mut self, report: &mut Report<'_>) {
        self.url = self.url.take().filter(|url| !url.is_empty());
        if !self.connect_headers.is_empty() && !self.from_environment && self.url.is_none() {
            let message = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured";
            report.error("proxy_connect_header", message);
        }
        if self.from_environment && self.url.is_some() {
            report.error("proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured");
        }
        if self.from_environment && !self.no_proxy.is_empty() {
            report.error("no_proxy", "if proxy_from_environment is configured, no_proxy must not be configured");
        }
        if !self.from_environment && self.url.is_none() && !self.no_proxy.is_empty() {
            report.error("no_proxy", "if no_proxy is configured, proxy_url must also be configured");
        }
    }
}

impl Yaml for HeaderValues {
    const TYPE: &'static str = "config.Header";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut header = Self::default();
        let mut files = Vec::<String>::new();
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        m.field("values", &mut header.values);
        m.field("secrets", &mut header.secrets);
        m.field("files", &mut files);
        m.finish(|_| false);
        header.files = files.into_iter().map(PathBuf::from).collect();
        Some(header)
    }
}
