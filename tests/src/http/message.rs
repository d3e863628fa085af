//! Reading one HTTP/1.1 message: start line, headers, body by length, by chunks or to the end of the connection.

use std::io::{self, BufRead, Read};

/// Largest body either side accepts; the giant pages of the tests are sent, never received.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// Longest start or header line.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Header fields in the order they arrived.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// First value of a field, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A message as it came over the wire, its body without transfer encoding.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Request line or status line.
    pub start: String,
    /// Header fields.
    pub headers: Headers,
    /// Body.
    pub body: Vec<u8>,
}

/// How the end of a body without `Content-Length` and chunks is found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unframed {
    /// There is no body (requests).
    Empty,
    /// The body ends with the connection (responses).
    ToEnd,
}

impl Message {
    /// The next message, or `None` when the peer closed before its first byte.
    pub(super) fn read(from: &mut impl BufRead, unframed: Unframed) -> io::Result<Option<Message>> {
        let start = line(from)?;
        if start.is_empty() {
            return Ok(None);
        }
        let mut headers = Headers::default();
        loop {
            let field = line(from)?;
            let Some((name, value)) = field.split_once(':') else { break };
            headers.0.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let body = body(from, &headers, unframed)?;
        Ok(Some(Message { start, headers, body }))
    }

    /// The n-th word of the start line: method or version, path or status, …
    pub fn word(&self, n: usize) -> &str {
        self.start.split(' ').nth(n).unwrap_or_default()
    }

    /// Body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn body(from: &mut impl BufRead, headers: &Headers, unframed: Unframed) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(from)?;
            let digits = size.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| malformed("chunk size"))?;
            exactly(from, size, &mut body)?;
            line(from)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match headers.get("content-length") {
        Some(length) => exactly(from, length.parse().map_err(|_| malformed("Content-Length"))?, &mut body)?,
        None if unframed == Unframed::ToEnd => {
            from.take(BODY_BYTES_MAX).read_to_end(&mut body)?;
        }
        None => {}
    }
    Ok(body)
}

fn exactly(from: &mut impl BufRead, bytes: u64, into: &mut Vec<u8>) -> io::Result<()> {
    if into.len() as u64 + bytes > BODY_BYTES_MAX {
        return Err(malformed("body larger than the tests expect"));
    }
    if from.take(bytes).read_to_end(into)? as u64 != bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(LINE_BYTES_MAX).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
