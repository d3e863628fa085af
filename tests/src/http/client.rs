//! One request, one answer, one connection.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::message::{Message, Unframed};
use crate::error::{Error, Result};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What to ask. Only `http://HOST:PORT/PATH` is understood.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// Method, as sent.
    pub method: &'a str,
    /// Address.
    pub url: &'a str,
    /// User and password for basic authentication.
    pub user: Option<(&'a str, &'a str)>,
    /// Further header fields.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body.
    pub body: &'a [u8],
}

/// Sends a request and reads the whole answer, whatever its status.
///
/// # Errors
/// When the server cannot be reached or does not speak HTTP.
pub fn send(request: &Request<'_>) -> Result<Message> {
    let Request { method, url, user, headers, body } = request;
    let (authority, path) = split(url);
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if let Some((user, password)) = user {
        use base64::Engine;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        head.push_str(&format!("Authorization: Basic {credentials}\r\n"));
    }
    for (name, value) in *headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let exchange = || -> std::io::Result<Option<Message>> {
        let mut stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Message::read(&mut BufReader::new(stream), Unframed::ToEnd)
    };
    let answer = exchange().map_err(Error::io(|| format!("{method} {url}")))?;
    answer.ok_or_else(|| Error::Malformed { what: format!("the answer to {method} {url}"), reason: "it is empty".to_owned() })
}

/// GET that must succeed.
///
/// # Errors
/// As [`send`], and [`Error::Answer`] for a status other than 2xx.
pub fn get(url: &str, user: Option<(&str, &str)>) -> Result<Message> {
    succeed(&Request { method: "GET", url, user, ..Request::default() })
}

/// POST that must succeed.
///
/// # Errors
/// As [`get`].
pub fn post(url: &str, content_type: &str, body: &[u8]) -> Result<Message> {
    succeed(&Request { method: "POST", url, headers: &[("Content-Type", content_type)], body, ..Request::default() })
}

pub(crate) fn succeed(request: &Request<'_>) -> Result<Message> {
    let answer = send(request)?;
    match answer.word(1).parse() {
        Ok(200..300) => Ok(answer),
        status => Err(Error::Answer {
            request: format!("{} {}", request.method, request.url),
            status: status.unwrap_or_default(),
            body: answer.text().chars().take(500).collect(),
        }),
    }
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    }
}

/// Text as it may stand in the query of an address.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
