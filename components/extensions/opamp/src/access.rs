//! What opens the server's door: the credential that was given, else the enrolment token; and the server's address, which the server itself
//! may change.

use crate::config::{Config, Connection};
use crate::kept::Kept;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Uri};
use std::time::Duration;
use warren_opamp::OpAmpConnectionSettings;

/// Most header fields of a request, with those that the server wants.
const HEADERS_MAX: usize = 256;

/// The longest time between signs of life that a server is granted.
const HEARTBEAT_MAX: Duration = Duration::from_secs(24 * 3600);

/// How to connect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Access {
    pub(crate) endpoint: String,
    pub(crate) headers: HeaderMap,
    pub(crate) heartbeat: Duration,
}

/// The parts of settings that are the same for both ways.
pub(crate) fn connection(config: &Config) -> Option<&Connection> {
    config.server.ws.as_ref().or(config.server.http.as_ref().map(|polling| &polling.connection))
}

impl Access {
    /// What the settings say, with the credential that was given, if there is one.
    ///
    /// # Errors
    /// When a header cannot be sent, or the token's file cannot be read.
    pub(crate) fn new(config: &Config, credential: Option<&str>) -> Result<Self, String> {
        let connection = connection(config).ok_or("there is no server")?;
        let mut headers = HeaderMap::new();
        for (name, value) in &connection.headers {
            let name = HeaderName::try_from(name).map_err(|_| format!("invalid header field name {name:?}"))?;
            headers.insert(name, secret(value.expose())?);
        }
        let token = match config.warren.enrolment_token_file.as_str() {
            "" => config.warren.enrolment_token.expose().to_owned(),
            // After the enrolment the file need not be there any more.
            _ if credential.is_some() => String::new(),
            file => std::fs::read_to_string(file).map_err(|error| format!("open {file}: {error}"))?,
        };
        match credential {
            Some(credential) => drop(headers.insert(AUTHORIZATION, secret(credential)?)),
            None if token.trim().is_empty() => {}
            None => drop(headers.insert(AUTHORIZATION, secret(&format!("Bearer {}", token.trim()))?)),
        }
        let heartbeat = match &config.server.http {
            Some(polling) => polling.polling_interval,
            None => config.warren.heartbeat_interval,
        };
        Ok(Self { endpoint: connection.endpoint.clone(), headers, heartbeat })
    }

    /// What the settings say, as the server has changed it before.
    ///
    /// # Errors
    /// As [`Access::new`].
    pub(crate) fn known(config: &Config, kept: &Kept) -> Result<Self, String> {
        let mut access = Self::new(config, kept.credential.as_deref())?;
        if let Some((from, to)) = &kept.moved
            && *from == access.endpoint
        {
            access.endpoint.clone_from(to);
        }
        if let Some(seconds) = kept.heartbeat {
            access.heartbeat = Duration::from_secs(seconds).min(HEARTBEAT_MAX);
        }
        Ok(access)
    }

    /// The same as the server wants it.
    ///
    /// # Errors
    /// When the server asks for what is not done here.
    pub(crate) fn offered(&self, offer: &OpAmpConnectionSettings) -> Result<Self, String> {
        let mut access = self.clone();
        if !offer.destination_endpoint.is_empty() {
            let (now, then) = (scheme(&self.endpoint), scheme(&offer.destination_endpoint));
            if now.is_none() || now != then {
                return Err(format!("the endpoint must be of the same kind as before: {}", now.unwrap_or_default()));
            }
            access.endpoint.clone_from(&offer.destination_endpoint);
        }
        if offer.certificate.is_some() {
            return Err("certificates are not accepted".to_owned());
        }
        for header in offer.headers.iter().flat_map(|headers| &headers.headers) {
            let name = HeaderName::try_from(&header.key).map_err(|_| format!("invalid header field name {:?}", header.key))?;
            access.headers.insert(name, secret(&header.value)?);
            if access.headers.len() > HEADERS_MAX {
                return Err(format!("with what is offered there would be more than {HEADERS_MAX} header fields"));
            }
        }
        if offer.heartbeat_interval_seconds > 0 {
            access.heartbeat = Duration::from_secs(offer.heartbeat_interval_seconds).min(HEARTBEAT_MAX);
        }
        Ok(access)
    }

    /// The credential in it.
    pub(crate) fn credential(&self) -> Option<String> {
        self.headers.get(AUTHORIZATION)?.to_str().ok().map(str::to_owned)
    }
}

fn scheme(endpoint: &str) -> Option<String> {
    endpoint.parse::<Uri>().ok()?.scheme_str().map(str::to_owned)
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(text).map_err(|_| "invalid header field value".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::Secret;
    use warren_opamp::{Header, Headers};

    fn config() -> Config {
        let mut config = Config::default();
        config.server.ws = Some(Connection { endpoint: "ws://a/v1/opamp".into(), ..Connection::default() });
        config.warren.enrolment_token = Secret::new("once");
        config
    }

    #[test]
    fn a_credential_takes_the_place_of_the_token() {
        assert_eq!(Access::new(&config(), None).unwrap().credential().as_deref(), Some("Bearer once"));
        let access = Access::new(&config(), Some("Bearer mine")).unwrap();
        assert_eq!(access.credential().as_deref(), Some("Bearer mine"));
        assert!(!format!("{access:?}").contains("mine"));
    }

    #[test]
    fn the_server_may_give_a_credential_and_another_address_of_the_same_kind() {
        let access = Access::new(&config(), None).unwrap();
        let header = Header { key: "Authorization".into(), value: "Bearer new".into() };
        let mut offer = OpAmpConnectionSettings {
            headers: Some(Headers { headers: vec![header] }),
            heartbeat_interval_seconds: 7,
            destination_endpoint: "ws://b/v1/opamp".into(),
            ..Default::default()
        };
        let offered = access.offered(&offer).unwrap();
        assert_eq!(offered.credential().as_deref(), Some("Bearer new"));
        assert_eq!((offered.endpoint.as_str(), offered.heartbeat), ("ws://b/v1/opamp", Duration::from_secs(7)));
        offer.destination_endpoint = "http://b".into();
        assert!(access.offered(&offer).is_err());
    }

    #[test]
    fn what_the_server_has_changed_is_known_after_a_restart() {
        let kept = Kept {
            credential: Some("Bearer mine".into()),
            moved: Some(("ws://a/v1/opamp".into(), "ws://b/v1/opamp".into())),
            heartbeat: Some(7),
            ..Kept::default()
        };
        let access = Access::known(&config(), &kept).unwrap();
        assert_eq!(access.credential().as_deref(), Some("Bearer mine"));
        assert_eq!((access.endpoint.as_str(), access.heartbeat), ("ws://b/v1/opamp", Duration::from_secs(7)));
        let elsewhere = Kept { moved: Some(("ws://c".into(), "ws://d".into())), ..Kept::default() };
        let access = Access::known(&config(), &elsewhere).unwrap();
        assert_eq!((access.endpoint.as_str(), access.heartbeat), ("ws://a/v1/opamp", Duration::from_secs(30)));
    }

    #[test]
    fn whatever_the_server_offers_can_be_lived_with() {
        let access = Access::new(&config(), None).unwrap();
        let seldom = OpAmpConnectionSettings { heartbeat_interval_seconds: u64::MAX, ..Default::default() };
        let heartbeat = access.offered(&seldom).unwrap().heartbeat;
        assert!(std::time::Instant::now().checked_add(heartbeat).is_some());
        let headers = (0..40_000).map(|number| Header { key: format!("h{number}"), value: String::new() }).collect();
        let many = OpAmpConnectionSettings { headers: Some(Headers { headers }), ..Default::default() };
        assert!(access.offered(&many).unwrap_err().contains("256"));
        let many = (0..64).map(|number| Header { key: format!("h{number}"), value: String::new() }).collect();
        let some = OpAmpConnectionSettings { headers: Some(Headers { headers: many }), ..Default::default() };
        assert!(access.offered(&some).is_ok());
    }
}
