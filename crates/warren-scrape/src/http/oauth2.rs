//! Tokens by client credentials (RFC 6749 §4.4), with the habits of Go's `oauth2`: how the server wants the credentials, in the header
//! or in the form, is tried out and remembered.

use super::{Client, FetchError, encoded, secret, sensitive};
use crate::config::OAuth2Config;
use base64::Engine;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Longest answer of a token server, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A token is renewed so long before it expires.
const MARGIN: Duration = Duration::from_secs(10);

/// A token that says no expiry is renewed after this time.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Gives the `Authorization` header of one client.
pub(super) struct TokenSource {
    config: OAuth2Config,
    client: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// Where the server takes the credentials, once known.
    style: Option<Style>,
}

struct Token {
    header: HeaderValue,
    until: Instant,
    /// The client secret it was had with.
    secret: String,
}

/// Where credentials stand in the request.
#[derive(Clone, Copy)]
enum Style {
    Header,
    Form,
}

impl TokenSource {
    pub(super) fn new(config: OAuth2Config, client: Client) -> Self {
        Self { config, client, state: Mutex::default() }
    }

    /// The header with a token that is valid for a while. The client secret is read anew, and a token that was had with another one is
    /// not used any more.
    pub(super) async fn authorization(&self) -> Result<HeaderValue, FetchError> {
        let secret = secret(&self.config.client_secret).await?;
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.secret == secret && Instant::now() < token.until) {
            return Ok(token.header.clone());
        }
        let styles: &[Style] = match &state.style {
            Some(style) => std::slice::from_ref(style),
            None => &[Style::Header, Style::Form],
        };
        let mut fetched = Err(FetchError("oauth2: no token".to_owned()));
        for &style in styles {
            fetched = self.fetch(&secret, style).await.map(|answer| (answer, style));
            if fetched.is_ok() {
                break;
            }
        }
        let (answer, style) = fetched?;
        let lifetime = answer.expires_in.map_or(LIFETIME, Duration::from_secs);
        let header = sensitive(&format!("{} {}", answer.kind(), answer.access_token))?;
        let until = Instant::now() + lifetime.saturating_sub(MARGIN);
        *state = State { token: Some(Token { header: header.clone(), until, secret }), style: Some(style) };
        Ok(header)
    }

    async fn fetch(&self, secret: &str, style: Style) -> Result<Answer, FetchError> {
        let failed = |reason: String| FetchError(format!("oauth2: {reason}"));
        let scopes = self.config.scopes.join(" ");
        let mut fields = self.fields(&scopes)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.config.token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match style {
            Style::Header => {
                let credentials = format!("{}:{}", encoded(&self.config.client_id), encoded(secret));
                let credentials = base64::engine::general_purpose::STANDARD.encode(credentials);
                request = request.header(AUTHORIZATION, sensitive(&format!("Basic {credentials}"))?);
            }
            Style::Form => {
                fields.insert("client_id", &self.config.client_id);
                if !secret.is_empty() {
                    fields.insert("client_secret", secret);
                }
            }
        }
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let request = request.body(Bytes::from(form.join("&"))).map_err(|error| failed(error.to_string()))?;
        let reply = self.client.send(request).await.map_err(|error| failed(error.to_string()))?;
        let status = reply.status();
        let content_type = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = reply.into_body().read(ANSWER_BYTES_MAX).await.map_err(|error| failed(error.to_string()))?;
        if !status.is_success() {
            return Err(failed(format!("cannot fetch token: {status}")));
        }
        Answer::read(&content_type, &body).map_err(|reason| failed(reason.to_owned()))
    }

    /// The form's fields but for the credentials. `endpoint_params` may replace the grant, for servers that want another.
    fn fields<'a>(&'a self, scopes: &'a str) -> Result<BTreeMap<&'a str, &'a str>, FetchError> {
        let mut fields = BTreeMap::from([("grant_type", "client_credentials")]);
        if !scopes.is_empty() {
            fields.insert("scope", scopes);
        }
        for (name, value) in &self.config.endpoint_params {
            if fields.contains_key(name.as_str()) && name != "grant_type" {
                return Err(FetchError(format!("oauth2: cannot overwrite parameter {name:?}")));
            }
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

/// What a token server answers.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    access_token: String,
    token_type: String,
    /// Seconds; `None` when not said or zero.
    expires_in: Option<u64>,
}

impl Answer {
    fn read(content_type: &str, body: &[u8]) -> Result<Self, &'static str> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let answer = match media_type {
            "application/x-www-form-urlencoded" | "text/plain" => Self::from_form(&String::from_utf8_lossy(body)),
            _ => Self::from_json(body).ok_or("the answer of the token server is not JSON")?,
        };
        if answer.access_token.is_empty() { Err("server response missing access_token") } else { Ok(answer) }
    }

    fn from_json(body: &[u8]) -> Option<Self> {
        let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| answer.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        // Some servers write the number as text.
        let seconds = answer.get("expires_in").and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        Some(Self {
            access_token: text("access_token"),
            token_type: text("token_type"),
            expires_in: seconds.filter(|seconds| *seconds > 0),
        })
    }

    fn from_form(body: &str) -> Self {
        let field = |wanted: &str| {
            let pairs = body.trim().split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| decoded(value)).next().unwrap_or_default()
        };
        let seconds = field("expires_in").parse().ok().filter(|seconds| *seconds > 0);
        Self { access_token: field("access_token"), token_type: field("token_type"), expires_in: seconds }
    }

    /// The scheme of the header, in its usual spelling.
    fn kind(&self) -> &str {
        match self.token_type.as_str() {
            "" => "Bearer",
            kind if kind.eq_ignore_ascii_case("bearer") => "Bearer",
            kind if kind.eq_ignore_ascii_case("mac") => "MAC",
            kind if kind.eq_ignore_ascii_case("basic") => "Basic",
            kind => kind,
        }
    }
}

/// Text that a form has encoded; what is not well encoded stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hexadecimal = tail.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', None) => {
                bytes.push(b' ');
                rest = tail;
            }
            (byte, None) => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_go_reads_them() {
        let answer = |token: &str, kind: &str, expires_in| Answer {
            access_token: token.to_owned(),
            token_type: kind.to_owned(),
            expires_in,
        };
        let cases: &[(&str, &str, Result<Answer, &str>)] = &[
            (
                "application/json",
                r#"{"access_token":"t","token_type":"bearer","expires_in":60}"#,
                Ok(answer("t", "bearer", Some(60))),
            ),
            ("", r#"{"access_token":"t","expires_in":"60"}"#, Ok(answer("t", "", Some(60)))),
            ("application/json", r#"{"access_token":"t","expires_in":0}"#, Ok(answer("t", "", None))),
            ("application/json", r#"{"error":"x"}"#, Err("server response missing access_token")),
            ("application/json", "<html>", Err("the answer of the token server is not JSON")),
            ("text/plain; charset=utf-8", "access_token=a%2Bb+c&expires_in=5", Ok(answer("a+b c", "", Some(5)))),
            ("application/x-www-form-urlencoded", "token_type=mac", Err("server response missing access_token")),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(&Answer::read(content_type, body.as_bytes()), expected, "{body}");
        }
        assert_eq!(answer("t", "mAc", None).kind(), "MAC");
        assert_eq!(answer("t", "", None).kind(), "Bearer");
        assert_eq!(decoded("%zz%4"), "%zz%4");
    }
}
