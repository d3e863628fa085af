//! `URL`: the parts of a URL, named by the semantic conventions.
//!
//! URLs are taken apart as Go's `net/url` does it, not as browsers do: nothing but the scheme is lower-cased, no name is rewritten, dots in paths
//! stay. Unlike upstream's, the port is a number like any other, so that it can be compared.

use super::entries::Entries;
use crate::function::{Call, Converter, Kind, Yields, param};
use crate::{Failure, Val};
use std::borrow::Cow;
use warren_gotext::quoted;
use warren_pdata::{Attrs, Value};

/// The converters of this file.
pub(super) const CONVERTERS: &[Converter] = &[Converter {
    name: "URL",
    params: &[param("uri", Kind::Str)],
    yields: Yields::Map,
    bind: |_| Ok(Call::new(|args| parts(args.text(0)))),
}];

/// Most parameters of a query that stands alone, as in Go.
const QUERY_PARAMETERS_MAX: usize = 10_000;

/// The parts of a URL; of `?a=1` the parameters of the query.
///
/// # Errors
/// In the words of `net/url`.
fn parts(uri: &str) -> Result<Val, Failure> {
    if uri.is_empty() {
        return Err(Failure::new("url cannot be empty"));
    }
    if let Some(query) = uri.strip_prefix('?') {
        return parameters(query).map_err(Failure::new);
    }
    // A fault before the fragment names the URL without it.
    let (base, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    let refuse = |url: &str, fault: String| Failure::new(format!("parse {}: {fault}", quoted(url)));
    let mut url = Url::parse(base).map_err(|fault| refuse(base, fault))?;
    url.fragment = unescape(fragment, Part::Fragment).map_err(|fault| refuse(uri, fault))?;
    url.raw_fragment = fragment;
    url.into_map()
}

fn parameters(query: &str) -> Result<Val, String> {
    if query.split('&').count() > QUERY_PARAMETERS_MAX {
        return Err("number of URL query parameters exceeded limit".to_owned());
    }
    let mut parameters = Entries::default();
    let mut fault = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            fault.get_or_insert_with(|| "invalid semicolon separator in query".to_owned());
            continue;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (unescape(key, Part::Query), unescape(value, Part::Query)) {
            (Ok(key), Ok(value)) => {
                let entry = parameters.value_mut(key.as_ref().into());
                let mut list = match std::mem::take(entry) {
                    Value::List(list) => list,
                    _ => triomphe::Arc::default(),
                };
                triomphe::Arc::make_mut(&mut list).push(value.as_ref().into());
                *entry = Value::List(list);
            }
            (Err(reason), _) | (_, Err(reason)) => {
                fault.get_or_insert(reason);
            }
        }
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    let mut map = Entries::default();
    if !parameters.is_empty() {
        map.set("query".into(), Value::Map(parameters.into()));
    }
    Ok(map.into())
}

/// A part of a URL, each with characters of its own that need no escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

impl Part {
    /// Whether a character stands for itself.
    fn allows(self, byte: u8) -> bool {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            return true;
        }
        match self {
            Self::Host | Self::Zone => b"!\"$&'()*+,:;<=>[]".contains(&byte),
            Self::Path => b"$&+,/:;=@".contains(&byte),
            Self::User => b"$&+,;=".contains(&byte),
            Self::Query => false,
            Self::Fragment => b"!$&()*+,/:;=?@".contains(&byte),
        }
    }
}

/// Bytes beyond UTF-8 that an escape yields become U+FFFD.
fn unescape(text: &str, part: Part) -> Result<Cow<'_, str>, String> {
    let bytes = text.as_bytes();
    let hosted = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'%' => {
                let shown = || {
                    let end = (at + 2).min(bytes.len());
                    let shown = String::from_utf8_lossy(bytes.get(at - 1..end).unwrap_or_default());
                    format!("invalid URL escape {}", quoted(&shown))
                };
                let code = bytes.get(at..at + 2).and_then(hex).ok_or_else(shown)?;
                let refused = match part {
                    _ if code == b'%' => false,
                    Part::Host => code < 0x80,
                    Part::Zone => code != b' ' && !Part::Host.allows(code),
                    _ => false,
                };
                if refused {
                    return Err(shown());
                }
                out.push(code);
                at += 2;
                changed = true;
            }
            b'+' if part == Part::Query => {
                out.push(b' ');
                changed = true;
            }
            _ if hosted && byte.is_ascii() && !part.allows(byte) => {
                return Err(format!("invalid character {} in host name", quoted(char::from(byte).encode_utf8(&mut [0; 4]))));
            }
            _ => out.push(byte),
        }
    }
    if !changed {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())))
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

fn escape(text: &str, part: Part) -> Cow<'_, str> {
    if text.bytes().all(|byte| part.allows(byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if part.allows(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(out)
}

/// The text as it was written if that is a valid way to write it, else escaped anew.
fn escaped<'a>(raw: &'a str, text: &'a str, part: Part) -> Cow<'a, str> {
    let also = |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte);
    if raw.bytes().all(|byte| also(byte) || part.allows(byte)) { Cow::Borrowed(raw) } else { escape(text, part) }
}

/// A URL taken apart.
#[derive(Default)]
struct Url<'a> {
    scheme: String,
    /// What follows the scheme if it does not begin with a slash.
    opaque: &'a str,
    user: Option<(Cow<'a, str>, Option<Cow<'a, str>>)>,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    raw_path: &'a str,
    /// A question mark with nothing behind it.
    bare_query: bool,
    query: &'a str,
    fragment: Cow<'a, str>,
    raw_fragment: &'a str,
    /// A scheme and a path, but no authority between them.
    without_host: bool,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if text == "*" {
            url.path = Cow::Borrowed("*");
            url.raw_path = "*";
            return Ok(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let mut rest = match rest.split_once('?') {
            Some((rest, "")) => {
                url.bare_query = true;
                rest
            }
            Some((rest, query)) => {
                url.query = query;
                rest
            }
            None => rest,
        };
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest;
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(after) = rest.strip_prefix("//").filter(|after| !url.scheme.is_empty() || !after.starts_with('/')) {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            url.authority(authority)?;
            rest = path;
        } else if !url.scheme.is_empty() {
            url.without_host = true;
        }
        url.path = unescape(rest, Part::Path)?;
        url.raw_path = rest;
        Ok(url)
    }

    fn authority(&mut self, authority: &'a str) -> Result<(), String> {
        let Some((userinfo, host)) = authority.rsplit_once('@') else {
            self.host = host_name(&self.scheme, authority)?;
            return Ok(());
        };
        self.host = host_name(&self.scheme, host)?;
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
        if !userinfo.bytes().all(valid) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        self.user = Some(match userinfo.split_once(':') {
            None => (unescape(userinfo, Part::User)?, None),
            Some((name, password)) => (unescape(name, Part::User)?, Some(unescape(password, Part::User)?)),
        });
        Ok(())
    }

    /// The name of the host without brackets, and the port.
    fn host_and_port(&self) -> (&str, &str) {
        let host: &str = &self.host;
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
            _ => (host, ""),
        };
        (name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name), port)
    }

    fn user_info(&self) -> Option<String> {
        let (name, password) = self.user.as_ref()?;
        let mut out = escape(name, Part::User).into_owned();
        if let Some(password) = password {
            out.extend([":", &escape(password, Part::User)]);
        }
        Some(out)
    }

    /// The whole as Go writes it again.
    fn text(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.extend([&self.scheme, ":"]);
        }
        if !self.opaque.is_empty() {
            out.push_str(self.opaque);
        } else {
            let user = self.user_info();
            let authority = !self.host.is_empty() || user.is_some();
            if authority || !(self.scheme.is_empty() || self.without_host) {
                if authority || !self.path.is_empty() {
                    out.push_str("//");
                }
                if let Some(user) = user {
                    out.extend([&user, "@"]);
                }
                out.push_str(&escape(&self.host, Part::Host));
            }
            let path = match &*self.path {
                "*" => Cow::Borrowed("*"),
                path => escaped(self.raw_path, path, Part::Path),
            };
            if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&path);
        }
        if self.bare_query || !self.query.is_empty() {
            out.extend(["?", self.query]);
        }
        if !self.fragment.is_empty() {
            out.extend(["#", &escaped(self.raw_fragment, &self.fragment, Part::Fragment)]);
        }
        out
    }

    fn into_map(self) -> Result<Val, Failure> {
        let mut map = Entries::default();
        let (domain, port) = self.host_and_port();
        map.set("url.original".into(), self.text());
        map.set("url.domain".into(), domain);
        map.set("url.scheme".into(), self.scheme.as_str());
        map.set("url.path".into(), self.path.as_ref());
        if !port.is_empty() {
            let number = port
                .parse::<i64>()
                .map_err(|_| Failure::new(format!("strconv.Atoi: parsing {}: value out of range", quoted(port))))?;
            map.set("url.port".into(), number);
        }
        if !self.fragment.is_empty() {
            map.set("url.fragment".into(), self.fragment.as_ref());
        }
        if let (Some(info), Some((name, password))) = (self.user_info(), &self.user) {
            map.set("url.user_info".into(), info);
            if !name.is_empty() {
                map.set("url.username".into(), name.as_ref());
            }
            if let Some(password) = password {
                map.set("url.password".into(), password.as_ref());
            }
        }
        if !self.query.is_empty() {
            map.set("url.query".into(), self.query);
        }
        if let Some((_, extension)) = self.path.rsplit_once('.')
            && !extension.is_empty()
        {
            map.set("url.extension".into(), extension);
        }
        Ok(Val::Map(Attrs::from(map)))
    }
}

/// The scheme, if there is one, and what follows it.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')));
    match end.and_then(|end| Some((end, text.get(..end)?, text.get(end..)?.strip_prefix(':')?))) {
        Some((0, ..)) => Err("missing protocol scheme".to_owned()),
        Some((_, scheme, rest)) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok((scheme, rest)),
        _ => Ok(("", text)),
    }
}

/// A host with its port, unescaped.
fn host_name<'a>(scheme: &str, host: &'a str) -> Result<Cow<'a, str>, String> {
    let check = |port: &str| {
        let digits = port.strip_prefix(':').unwrap_or(if port.is_empty() { "" } else { "?" });
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(())
        } else {
            Err(format!("invalid port {} after host", quoted(port)))
        }
    };
    match host.rfind('[') {
        None => {}
        Some(0) => return address(host, check),
        Some(_) => return Err("invalid IP-literal".to_owned()),
    }
    if let (Some(first), Some(last)) = (host.find(':'), host.rfind(':')) {
        let colon = if matches!(scheme, "http" | "https") { first } else { last };
        check(host.get(colon..).unwrap_or_default())?;
    }
    unescape(host, Part::Host)
}

/// An address in brackets, with its port.
fn address(host: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<Cow<'_, str>, String> {
    let Some((name, port)) = host.get(1..).and_then(|rest| rest.rsplit_once(']')) else {
        return Err("missing ']' in host".to_owned());
    };
    check(port)?;
    let (plain, zone) = name.split_at(name.find("%25").unwrap_or(name.len()));
    let plain = unescape(plain, Part::Host)?;
    if plain.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(match plain.parse::<std::net::Ipv4Addr>() {
            Ok(_) => "invalid IP-literal".to_owned(),
            Err(_) => format!("invalid host: ParseAddr({}): unable to parse IP", quoted(&plain)),
        });
    }
    Ok(Cow::Owned(format!("[{plain}{}]{port}", unescape(zone, Part::Zone)?)))
}

#[cfg(test)]
mod tests;
