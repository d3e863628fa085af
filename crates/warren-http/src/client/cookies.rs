//! Cookies: kept and sent back to the host that set them.

use super::target::Target;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use std::time::{Duration, SystemTime};

/// How many cookies are kept; beyond, the oldest goes.
const COOKIES_MAX: usize = 100;

/// The longest cookie that is kept.
const COOKIE_SIZE_MAX: usize = 4096;

/// The cookies of one client. `Domain` is not honoured: a cookie goes back to the very host it came from, and no list of public suffixes
/// is needed.
#[derive(Default)]
pub(crate) struct Jar(Vec<Cookie>);

struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
    expires: Option<SystemTime>,
}

impl Jar {
    /// Keeps what a reply sets.
    pub(crate) fn store(&mut self, target: &Target, reply: &HeaderMap, now: SystemTime) {
        for header in reply.get_all(SET_COOKIE) {
            let Some(cookie) = header.to_str().ok().and_then(|text| Cookie::parse(text, target, now)) else { continue };
            self.0.retain(|kept| (&kept.host, &kept.path, &kept.name) != (&cookie.host, &cookie.path, &cookie.name));
            if cookie.expires.is_none_or(|expires| expires > now) {
                if self.0.len() >= COOKIES_MAX {
                    self.0.remove(0);
                }
                self.0.push(cookie);
            }
        }
    }

    /// Adds to a request what is kept for its target.
    pub(crate) fn send(&mut self, target: &Target, request: &mut HeaderMap, now: SystemTime) {
        self.0.retain(|cookie| cookie.expires.is_none_or(|expires| expires > now));
        let mut fitting: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.is_for(target)).collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let text = fitting.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ");
        if let Ok(mut value) = HeaderValue::try_from(text)
            && !fitting.is_empty()
        {
            value.set_sensitive(true);
            request.insert(COOKIE, value);
        }
    }
}

impl Cookie {
    /// RFC 6265, section 5.2.
    fn parse(text: &str, target: &Target, now: SystemTime) -> Option<Self> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || text.len() > COOKIE_SIZE_MAX {
            return None;
        }
        let mut cookie = Self {
            host: target.host.clone(),
            path: default_path(target.path.path()).to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            secure: false,
            expires: None,
        };
        let mut max_age = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "secure" => cookie.secure = true,
                "expires" => cookie.expires = httpdate::parse_http_date(value).ok().or(cookie.expires),
                "max-age" => max_age = value.parse::<i64>().ok(),
                _ => {}
            }
        }
        if let Some(seconds) = max_age {
            cookie.expires = u64::try_from(seconds).map_or(Some(now), |seconds| now.checked_add(Duration::from_secs(seconds)));
        }
        Some(cookie)
    }

    fn is_for(&self, target: &Target) -> bool {
        let path = target.path.path();
        let below = path
            .strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        self.host == target.host && below && (target.https || !self.secure)
    }
}

fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => path.get(..end).unwrap_or("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::new(&url.parse().unwrap()).unwrap()
    }

    /// What is sent to `to` after `from` set these cookies.
    fn sent(from: &str, set: &[&str], to: &str) -> String {
        let mut jar = Jar::default();
        for text in set {
            let mut reply = HeaderMap::new();
            reply.insert(SET_COOKIE, HeaderValue::try_from(*text).unwrap());
            jar.store(&target(from), &reply, SystemTime::UNIX_EPOCH);
        }
        let mut request = HeaderMap::new();
        jar.send(&target(to), &mut request, SystemTime::UNIX_EPOCH);
        request.get(COOKIE).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn cookies_go_back_where_they_came_from() {
        let from = "https://h/a/b";
        assert_eq!(sent(from, &["x=1", "y=2; Path=/"], "https://h/a/c"), "x=1; y=2");
        assert_eq!(sent(from, &["x=1"], "https://h/"), "");
        assert_eq!(sent(from, &["x=1; Path=/; Domain=example.com"], "https://example.com/"), "");
        assert_eq!(sent(from, &["x=1; Path=/; Secure"], "http://h/"), "");
        assert_eq!(sent(from, &["x=1; Path=/a"], "https://h/ab"), "");
    }

    #[test]
    fn a_cookie_is_replaced_and_expires() {
        let from = "http://h/";
        assert_eq!(sent(from, &["x=1", "x=2"], from), "x=2");
        assert_eq!(sent(from, &["x=1", "x=2; Max-Age=0"], from), "");
        assert_eq!(sent(from, &["x=1", "x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], from), "");
        assert_eq!(sent(from, &["x=1; Max-Age=60"], from), "x=1");
    }

    #[test]
    fn the_jar_does_not_grow_without_end() {
        let many: Vec<String> = (0..COOKIES_MAX + 5).map(|number| format!("c{number}=v")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let sent = sent("http://h/", &many, "http://h/");
        assert_eq!(sent.split("; ").count(), COOKIES_MAX);
        assert!(sent.starts_with("c5=v"));
    }
}
