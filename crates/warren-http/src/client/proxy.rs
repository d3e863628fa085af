//! Proxies: which one a request goes through, by setting or environment, in the way of Go's `httpproxy`.

use super::target::{Target, credentials, host_and_port};
use http::Uri;
use http::header::HeaderValue;
use std::net::IpAddr;

/// The proxies of a client.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    for_http: Option<Result<ProxyServer, String>>,
    for_https: Option<Result<ProxyServer, String>>,
    without: Vec<Without>,
}

/// One proxy.
#[derive(Clone)]
pub(crate) struct ProxyServer {
    /// Whether the proxy itself is reached by TLS.
    pub(crate) https: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password of its URL.
    pub(crate) credentials: Option<HeaderValue>,
}

/// Destinations that are reached directly.
#[derive(Clone, Debug, PartialEq)]
enum Without {
    Everything,
    Loopback,
    Address { address: IpAddr, port: Option<u16> },
    Network { address: IpAddr, bits: u8 },
    Domain { suffix: String, itself: bool, port: Option<u16> },
}

impl Proxies {
    /// No proxy.
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for everything, as `proxy_url` means it.
    ///
    /// # Errors
    /// In words when the URL is not one of an `http` or `https` proxy. The text holds no credentials.
    pub fn always(url: &str) -> Result<Self, String> {
        let server = ProxyServer::parse(url)?;
        Ok(Self { for_http: Some(Ok(server.clone())), for_https: Some(Ok(server)), without: Vec::new() })
    }

    /// One proxy for everything but what `no_proxy` lists, and loopback: Prometheus's `proxy_url` with `no_proxy`.
    ///
    /// # Errors
    /// As [`Proxies::always`].
    pub fn except(url: &str, no_proxy: &str) -> Result<Self, String> {
        Ok(Self { without: without(no_proxy), ..Self::always(url)? })
    }

    /// What `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say, in capitals or small letters. A value that is no proxy's URL fails the requests it
    /// is for.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let given = |name: String| variable(&name).filter(|value| !value.is_empty());
            given(name.to_owned()).or_else(|| given(name.to_ascii_lowercase()))
        };
        let server = |name: &str| either(name).map(|url| ProxyServer::parse(&url).map_err(|error| format!("{name}: {error}")));
        Self {
            for_http: server("HTTP_PROXY"),
            for_https: server("HTTPS_PROXY"),
            without: without(&either("NO_PROXY").unwrap_or_default()),
        }
    }

    /// The proxy on the way to a target.
    pub(crate) fn on_way_to(&self, target: &Target) -> Result<Option<&ProxyServer>, &str> {
        let Some(server) = (if target.https { &self.for_https } else { &self.for_http }) else { return Ok(None) };
        if self.without.iter().any(|without| without.covers(&target.host, target.port)) {
            return Ok(None);
        }
        server.as_ref().map(Some).map_err(String::as_str)
    }
}

impl ProxyServer {
    fn parse(url: &str) -> Result<Self, String> {
        let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let parsed: Uri = with_scheme.parse().map_err(|_| "invalid proxy URL".to_owned())?;
        let https = match parsed.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            other => return Err(format!("proxy scheme {:?} is not supported; use http or https", other.unwrap_or_default())),
        };
        let host = parsed.host().filter(|host| !host.is_empty()).ok_or("proxy URL without a host")?;
        let user = parsed.authority().and_then(|authority| authority.as_str().rsplit_once('@')).map(|(user, _)| user);
        Ok(Self {
            https,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: parsed.port_u16().unwrap_or(if https { 443 } else { 80 }),
            credentials: user.and_then(credentials),
        })
    }

    pub(crate) fn address(&self) -> String {
        host_and_port(&self.host, self.port)
    }
}

impl std::fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.address())
    }
}

/// The list of `NO_PROXY`. Loopback is always on it.
fn without(list: &str) -> Vec<Without> {
    let entries = list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty());
    entries.map(|entry| Without::parse(&entry)).chain([Without::Loopback]).collect()
}

impl Without {
    fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::Everything;
        }
        if let Some((address, bits)) = entry.split_once('/')
            && let (Ok(address), Ok(bits)) = (address.parse(), bits.parse())
        {
            return Self::Network { address, bits };
        }
        if let Ok(address) = entry.trim_start_matches('[').trim_end_matches(']').parse() {
            return Self::Address { address, port: None };
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (entry, None),
        };
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Self::Address { address, port };
        }
        let host = host.strip_prefix("*.").map_or_else(|| host.to_owned(), |rest| format!(".{rest}"));
        match host.strip_prefix('.') {
            Some(_) => Self::Domain { suffix: host, itself: false, port },
            None => Self::Domain { suffix: format!(".{host}"), itself: true, port },
        }
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        let at = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::Everything => true,
            Self::Loopback => host == "localhost" || address.is_some_and(|address| address.is_loopback()),
            Self::Address { address: wanted, port } => address == Some(*wanted) && at(port),
            Self::Network { address: network, bits } => address.is_some_and(|address| in_network(address, *network, *bits)),
            Self::Domain { suffix, itself, port } => {
                at(port) && (host.ends_with(suffix) || *itself && suffix.get(1..).is_some_and(|name| name == host))
            }
        }
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (u128::from(u32::from(address)), u128::from(u32::from(network)), 32u32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (u128::from(address), u128::from(network), 128),
        _ => return false,
    };
    match width.checked_sub(u32::from(bits)) {
        Some(128) => true,
        Some(shift) => address >> shift == network >> shift,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy's address for each of the targets; `-` for none.
    fn ways(proxies: &Proxies, targets: &[&str]) -> Vec<String> {
        let way = |url: &&str| {
            let target = Target::new(&url.parse().unwrap()).unwrap();
            proxies.on_way_to(&target).unwrap().map_or_else(|| "-".to_owned(), ProxyServer::address)
        };
        targets.iter().map(way).collect()
    }

    #[test]
    fn the_environment_chooses_by_scheme_and_capitals_win() {
        let environment = [("HTTP_PROXY", "one:1"), ("http_proxy", "two:2"), ("https_proxy", "https://u:p@three")];
        let proxies = Proxies::from_environment(|name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        assert_eq!(ways(&proxies, &["http://h/", "https://h/"]), ["one:1", "three:443"]);
        assert!(!format!("{proxies:?}").contains("u:p"));
    }

    /// Origin of the rules: golang.org/x/net `http/httpproxy/proxy_test.go`.
    #[test]
    fn no_proxy_lists_names_addresses_and_networks() {
        let list = "a.com, .b.com,*.c.com, 10.0.0.0/8, 192.168.1.1:90, d.com:8080, 2001:db8::1";
        let proxies = Proxies::except("http://proxy:3128", list).unwrap();
        let direct = [
            "http://a.com/",
            "https://x.a.com/",
            "http://x.b.com/",
            "http://y.c.com/",
            "http://10.1.2.3/",
            "http://192.168.1.1:90/",
            "http://d.com:8080/",
            "http://[2001:db8::1]/",
            "http://localhost/",
            "http://127.9.9.9/",
            "http://[::1]:8/",
        ];
        assert_eq!(ways(&proxies, &direct), ["-"; 11]);
        let through =
            ["http://ba.com/", "http://b.com/", "http://c.com/", "http://11.0.0.1/", "http://192.168.1.1/", "http://d.com/"];
        assert_eq!(ways(&proxies, &through), ["proxy:3128"; 6]);
        assert_eq!(ways(&Proxies::except("http://proxy", "*").unwrap(), &["http://h/"]), ["-"]);
    }

    #[test]
    fn a_proxy_for_everything_is_also_for_loopback() {
        assert_eq!(ways(&Proxies::always("http://proxy:1").unwrap(), &["http://localhost/"]), ["proxy:1"]);
    }

    #[test]
    fn other_kinds_of_proxies_are_refused_without_telling_their_password() {
        let error = Proxies::always("socks5://u:secret@proxy").unwrap_err();
        assert!(error.contains("\"socks5\" is not supported") && !error.contains("secret"), "{error}");
    }
}
