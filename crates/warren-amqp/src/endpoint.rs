//! Where a broker is: `amqp://host:port/vhost?heartbeat=10`.

use http::Uri;
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Over TLS: `amqps`.
    pub tls: bool,
    /// The virtual host that the URL names, if it does.
    pub vhost: Option<String>,
    /// `heartbeat`, in seconds.
    pub heartbeat: Option<Duration>,
    /// `connection_timeout`, in milliseconds.
    pub connection_timeout: Option<Duration>,
    /// Other options of the Go client; they have no effect.
    pub ignored: Vec<String>,
    /// Whether it holds a user, who has no effect either.
    pub has_user: bool,
}

/// Why a text is no endpoint. Does not quote it, for it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It does not begin with a scheme of AMQP.
    #[error("AMQP scheme must be either 'amqp://' or 'amqps://'")]
    Scheme,
    /// It is no URL.
    #[error("not a URL of the form amqp://host:5672/vhost")]
    Invalid,
    /// An option is not a number.
    #[error("{0} is not an integer")]
    Option(&'static str),
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let tls = match text.split_once("://").map(|(scheme, _)| scheme) {
            Some("amqp") => false,
            Some("amqps") => true,
            _ => return Err(EndpointError::Scheme),
        };
        let uri: Uri = text.parse().map_err(|_| EndpointError::Invalid)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(EndpointError::Invalid)?;
        let place = uri.authority().map_or("", |authority| authority.as_str());
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let port = match place.strip_prefix(host).unwrap_or_default() {
            "" | ":" => {
                if tls {
                    5671
                } else {
                    5672
                }
            }
            port => port.trim_start_matches(':').parse().map_err(|_| EndpointError::Invalid)?,
        };
        let decoded = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8().map_err(|_| EndpointError::Invalid)?;
        let mut endpoint = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            tls,
            vhost: Some(decoded.into_owned()).filter(|vhost| !vhost.is_empty()),
            heartbeat: None,
            connection_timeout: None,
            ignored: Vec::new(),
            has_user: uri.authority().is_some_and(|authority| authority.as_str().contains('@')),
        };
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = |name| value.parse().map_err(|_| EndpointError::Option(name));
            match key {
                "heartbeat" => endpoint.heartbeat = Some(Duration::from_secs(number("heartbeat")?)),
                "connection_timeout" => {
                    endpoint.connection_timeout = Some(Duration::from_millis(number("connection_timeout")?));
                }
                other => endpoint.ignored.push(other.to_owned()),
            }
        }
        Ok(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_the_go_client_reads_them() {
        let read = |text: &str| text.parse::<Endpoint>();
        let endpoint = read("amqps://u:p@broker.example:5670/a%2Fb?heartbeat=7&connection_timeout=1500&channel_max=3").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.tls), ("broker.example", 5670, true));
        assert_eq!(endpoint.vhost.as_deref(), Some("a/b"));
        assert_eq!(endpoint.heartbeat, Some(Duration::from_secs(7)));
        assert_eq!(endpoint.connection_timeout, Some(Duration::from_millis(1500)));
        assert_eq!((endpoint.ignored, endpoint.has_user), (vec!["channel_max".to_owned()], true));
        let plain = read("amqp://[::1]").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.vhost, plain.has_user), ("::1", 5672, None, false));
        assert_eq!(read("amqps://h").unwrap().port, 5671);
        assert_eq!(read("amqp://h/").unwrap().vhost, None);
        assert_eq!(read("amqp://h/%2F").unwrap().vhost.as_deref(), Some("/"));
        for (text, error) in [
            ("h:5672", EndpointError::Scheme),
            ("http://h", EndpointError::Scheme),
            ("amqp://", EndpointError::Invalid),
            ("amqp://h:x", EndpointError::Invalid),
            ("amqp://h?heartbeat=soon", EndpointError::Option("heartbeat")),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }
}
