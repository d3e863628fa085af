//! Reading the `Authorization` header.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use warren_component::AuthError;

/// The longest user name or password that is looked at: hashing takes time with length.
const LENGTH_MAX: usize = 1024;

/// Base64 as Go's decoder takes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// What somebody claims to be. Not to be shown.
pub(crate) struct Credentials {
    pub(crate) user: Vec<u8>,
    pub(crate) password: Vec<u8>,
    /// As in the header, behind the scheme.
    pub(crate) raw: String,
}

impl Credentials {
    /// What the headers say.
    ///
    /// # Errors
    /// In upstream's words when they say nothing, or not in the form of RFC 7617.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, AuthError> {
        let error = |text: &str| Err(AuthError(text.to_owned()));
        let Some(header) = headers.get(AUTHORIZATION).filter(|header| !header.is_empty()) else {
            return error("no basic auth provided");
        };
        let Some((_, encoded)) =
            header.as_bytes().split_at_checked(6).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"basic "))
        else {
            return error("invalid authorization scheme prefix");
        };
        let Ok(mut decoded) = BASE64.decode(encoded) else { return error("invalid authorization format") };
        let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return error("invalid authorization format") };
        let password = decoded.split_off(colon + 1);
        decoded.pop();
        if decoded.len() > LENGTH_MAX || password.len() > LENGTH_MAX {
            return error("invalid credentials");
        }
        Ok(Self { user: decoded, password, raw: String::from_utf8_lossy(encoded).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;
    use proptest::prelude::*;

    fn read(header: &str) -> Result<(String, String), String> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(header).unwrap())]);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Credentials::read(&headers).map(|read| (text(read.user), text(read.password))).map_err(|error| error.0)
    }

    /// Origin: opentelemetry-collector-contrib `extension/basicauthextension/extension_test.go` v0.132.0.
    #[test]
    fn headers_are_read_as_upstream_does() {
        let pair = |user: &str, password: &str| Ok((user.to_owned(), password.to_owned()));
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(read("Basic dXNlcm5hbWU6cGFzc3dvcmR4eHg="), pair("username", "passwordxxx"));
        assert_eq!(read("bAsIc dTpwOnE="), pair("u", "p:q"));
        assert_eq!(read("Basic Og=="), pair("", ""));
        assert_eq!(read(""), error("no basic auth provided"));
        assert_eq!(read("token"), error("invalid authorization scheme prefix"));
        assert_eq!(read("Bearer token"), error("invalid authorization scheme prefix"));
        assert_eq!(read("Basic invalid"), error("invalid authorization format"));
        assert_eq!(read("Basic dXNlcm5hbWVwYXNzd29yZA=="), error("invalid authorization format"));
        assert_eq!(Credentials::read(&HeaderMap::new()).err().unwrap().0, "no basic auth provided");
    }

    #[test]
    fn a_password_that_takes_long_to_hash_is_not_looked_at() {
        let header = |length| format!("Basic {}", BASE64.encode(format!("u:{}", "p".repeat(length))));
        assert!(read(&header(LENGTH_MAX)).is_ok());
        assert_eq!(read(&header(LENGTH_MAX + 1)), Err("invalid credentials".to_owned()));
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = Credentials::read(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
            }
        }

        #[test]
        fn any_pair_comes_through(user in "[^:]{0,20}", password in ".{0,20}") {
            let header = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
            prop_assert_eq!(read(&header), Ok((user, password)));
        }
    }
}
