//! Where a request goes: what a URL says, in the parts that connecting and sending need.

use super::basic;
use http::Uri;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

/// The parts of an absolute `http` or `https` URL.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) https: bool,
    /// Name or address, without brackets, in lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as the URL has them: what the `Host` header says.
    pub(crate) authority: String,
    pub(crate) path: PathAndQuery,
    /// User and password of the URL as an `Authorization` header.
    pub(crate) credentials: Option<HeaderValue>,
}

impl Target {
    pub(crate) fn new(url: &Uri) -> Result<Self, String> {
        let https = match url.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(format!("unsupported protocol scheme {other:?}")),
            None => return Err("unsupported protocol scheme \"\"".to_owned()),
        };
        let host = url.host().filter(|host| !host.is_empty()).ok_or("no Host in request URL")?;
        let whole = url.authority().map_or(host, |authority| authority.as_str());
        let (user, authority) = whole.rsplit_once('@').map_or((None, whole), |(user, authority)| (Some(user), authority));
        Ok(Self {
            https,
            host: host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase(),
            port: url.port_u16().unwrap_or(if https { 443 } else { 80 }),
            authority: authority.trim_end_matches(':').to_owned(),
            path: url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
            credentials: user.and_then(credentials),
        })
    }

    /// Host and port for dialling and for messages.
    pub(crate) fn address(&self) -> String {
        host_and_port(&self.host, self.port)
    }

    /// The URL without credentials and query, which may hold secrets.
    pub(crate) fn shown(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority, self.path.path())
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Whether what was meant for the other may be told here as well: the same host, and no loss of encryption.
    pub(crate) fn may_share_secrets_of(&self, other: &Self) -> bool {
        self.host == other.host && (self.https || !other.https)
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The `Authorization` header for the user part of a URL.
pub(crate) fn credentials(user: &str) -> Option<HeaderValue> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    basic(&percent_decode_str(name).decode_utf8_lossy(), &percent_decode_str(password).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, String> {
        Target::new(&url.parse().unwrap())
    }

    #[test]
    fn a_url_is_taken_apart() {
        let plain = target("http://Example.com/a?b=c").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.authority.as_str()), ("example.com", 80, "Example.com"));
        let full = target("https://us%40er:p%3Aw@[::1]:8443").unwrap();
        assert_eq!((full.host.as_str(), full.port, full.path.as_str()), ("::1", 8443, "/"));
        assert_eq!((full.address(), full.authority.as_str()), ("[::1]:8443".to_owned(), "[::1]:8443"));
        assert_eq!(full.credentials.unwrap(), "Basic dXNAZXI6cDp3");
    }

    #[test]
    fn neither_credentials_nor_query_are_shown() {
        assert_eq!(target("http://u:secret@h:1/p?token=secret").unwrap().shown(), "http://h:1/p");
    }

    #[test]
    fn only_http_is_spoken() {
        assert!(target("ftp://h/").unwrap_err().contains("unsupported protocol scheme"));
        assert!(target("/only/a/path").is_err());
    }
}
