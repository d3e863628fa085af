//! Cross-origin requests: which pages of a browser may send here. In the way of `rs/cors` v1.11.1, which upstream uses.

use super::config::CorsConfig;
use super::reply::{Reply, ReplyBody};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, StatusCode};

/// What is allowed to whom.
pub(super) struct Cors {
    origins: Vec<Pattern>,
    /// In lower case; none means any.
    headers: Option<Vec<String>>,
    max_age: Option<HeaderValue>,
}

enum Pattern {
    Any,
    Exactly(String),
    Between(String, String),
}

impl Cors {
    pub(super) fn new(config: &CorsConfig) -> Self {
        let origins = config.allowed_origins.iter().map(|origin| Pattern::parse(&origin.to_ascii_lowercase())).collect();
        let headers = match config.allowed_headers.as_slice() {
            [] => Some(["accept", "content-type", "x-requested-with"].map(str::to_owned).to_vec()),
            given if given.iter().any(|name| name == "*") => None,
            given => Some(given.iter().map(|name| name.to_ascii_lowercase()).collect()),
        };
        let max_age = match config.max_age {
            0 => None,
            seconds => Some(HeaderValue::from(seconds.max(0))),
        };
        Self { origins, headers, max_age }
    }

    /// The reply to a browser that asks before it sends; none if this is no such question.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Reply> {
        let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| head.method == Method::OPTIONS)?;
        let mut reply = Reply::new(ReplyBody::default());
        *reply.status_mut() = StatusCode::NO_CONTENT;
        let headers = reply.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
        let wanted = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        let origin = self.allowed_origin(head);
        if let Some(origin) =
            origin.filter(|_| is_allowed_method(method) && wanted.is_none_or(|wanted| self.allows_headers(wanted)))
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
            if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            if let Some(max_age) = &self.max_age {
                headers.insert(ACCESS_CONTROL_MAX_AGE, max_age.clone());
            }
        }
        Some(reply)
    }

    /// The headers of the reply to a request proper.
    pub(super) fn headers(&self, head: &Parts) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        let method = HeaderValue::from_str(head.method.as_str()).ok();
        if let Some(origin) = self.allowed_origin(head).filter(|_| method.is_some_and(|method| is_allowed_method(&method))) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers
    }

    /// What `Access-Control-Allow-Origin` says.
    fn allowed_origin(&self, head: &Parts) -> Option<HeaderValue> {
        let origin = head.headers.get(ORIGIN).filter(|origin| !origin.is_empty())?;
        if self.origins.iter().any(|pattern| matches!(pattern, Pattern::Any)) {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        self.origins.iter().any(|pattern| pattern.matches(&text)).then(|| origin.clone())
    }

    fn allows_headers(&self, wanted: &HeaderValue) -> bool {
        let Some(allowed) = &self.headers else { return true };
        let Ok(wanted) = wanted.to_str() else { return false };
        let mut names = wanted.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
        names.all(|name| allowed.contains(&name))
    }
}

fn is_allowed_method(method: &HeaderValue) -> bool {
    [&b"GET"[..], b"POST", b"HEAD", b"OPTIONS"].contains(&method.as_bytes())
}

impl Pattern {
    fn parse(text: &str) -> Self {
        match text.split_once('*') {
            Some(("", "")) => Self::Any,
            Some((start, end)) => Self::Between(start.to_owned(), end.to_owned()),
            None => Self::Exactly(text.to_owned()),
        }
    }

    fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => origin == text,
            Self::Between(start, end) => {
                origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], headers: &[&str]) -> Cors {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Cors::new(&CorsConfig { allowed_origins: owned(origins), allowed_headers: owned(headers), max_age: 7 })
    }

    fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_preflight_is_answered_with_what_was_asked_for_if_all_of_it_is_allowed() {
        let cors = cors(&["https://*.example.com"], &["X-Key"]);
        let ask = |origin, method, headers| {
            let question = head(
                "OPTIONS",
                &[("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", headers)],
            );
            let reply = cors.preflight(&question).unwrap();
            assert_eq!(reply.status(), 204);
            reply.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_some()
        };
        assert!(ask("https://a.example.com", "POST", "x-key"));
        assert!(!ask("https://example.com", "POST", "x-key"));
        assert!(!ask("https://a.example.com", "DELETE", "x-key"));
        assert!(!ask("https://a.example.com", "POST", "x-key,x-other"));
        assert!(cors.preflight(&head("OPTIONS", &[("origin", "https://a.example.com")])).is_none());
        assert!(cors.preflight(&head("POST", &[("access-control-request-method", "POST")])).is_none());
    }

    #[test]
    fn a_reply_says_whether_the_page_may_read_it() {
        let allowed = |cors: &Cors, origin| {
            let headers = cors.headers(&head("POST", &[("origin", origin)]));
            assert_eq!(headers[VARY], "Origin");
            headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(allowed(&cors(&["http://a", "*"], &[]), "http://b").as_deref(), Some("*"));
        assert_eq!(allowed(&cors(&["http://A"], &[]), "http://a").as_deref(), Some("http://a"));
        assert_eq!(allowed(&cors(&["http://a"], &[]), "http://b"), None);
    }
}
