//! Adding our credentials to requests.

use crate::config::ClientAuthSettings;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};
use std::sync::Arc;
use warren_component::{AuthError, BuildError, ClientAuth, Extension};

/// The running extension on the side of the client.
pub(crate) struct Client(Arc<Credentials>);

struct Credentials(HeaderValue);

impl Client {
    pub(crate) fn new(settings: &ClientAuthSettings) -> Result<Self, BuildError> {
        let header = warren_http::client::basic(&settings.username, settings.password.expose())
            .filter(|_| !settings.username.contains(':'))
            .ok_or_else(|| BuildError::new("invalid authorization format"))?;
        Ok(Self(Arc::new(Credentials(header))))
    }
}

impl Extension for Client {
    fn client_auth(&self) -> Option<Arc<dyn ClientAuth>> {
        Some(self.0.clone())
    }
}

impl ClientAuth for Credentials {
    fn authorize(&self, headers: &mut HeaderMap) -> Result<(), AuthError> {
        headers.insert(AUTHORIZATION, self.0.clone());
        Ok(())
    }

    fn needs_tls(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::Secret;

    #[test]
    fn our_credentials_replace_what_stands_in_a_request() {
        let settings = ClientAuthSettings { username: "username".into(), password: Secret::new("passwo:rd") };
        let auth = Client::new(&settings).unwrap().client_auth().unwrap();
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
        auth.authorize(&mut headers).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Basic dXNlcm5hbWU6cGFzc3dvOnJk");
        assert!(headers[AUTHORIZATION].is_sensitive() && auth.needs_tls());
    }

    #[test]
    fn a_user_name_with_a_colon_cannot_be_sent() {
        let settings = ClientAuthSettings { username: "a:b".into(), password: Secret::default() };
        assert_eq!(Client::new(&settings).err().unwrap().to_string(), "invalid authorization format");
    }
}
