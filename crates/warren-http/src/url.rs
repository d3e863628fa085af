//! Which URLs Go refuses.
//!
//! Configurations are checked by what upstream takes, and that is what Go's `net/url` takes: more than requests can be sent to.

/// Whether Go's `url.Parse` refuses this text.
pub fn is_broken_url(text: &str) -> bool {
    let text = text.split('#').next().unwrap_or_default();
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return true;
    }
    let Some((scheme, rest)) = scheme(text) else { return true };
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        return scheme.is_empty() && rest.split('/').next().is_some_and(|segment| segment.contains(':'));
    }
    match rest.strip_prefix("//").filter(|after| !scheme.is_empty() || !after.starts_with('/')) {
        None => has_bad_escape(rest),
        Some(after) => {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            is_broken_authority(authority, scheme) || has_bad_escape(path)
        }
    }
}

/// The scheme, empty if there is none, and what follows it; `None` for a colon with nothing before it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)));
    match end.and_then(|end| Some((text.get(..end)?, text.get(end..)?.strip_prefix(':')?))) {
        Some(("", _)) => None,
        Some((scheme, rest)) if scheme.starts_with(|c: char| c.is_ascii_alphabetic()) => Some((scheme, rest)),
        _ => Some(("", text)),
    }
}

fn is_broken_authority(authority: &str, scheme: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%@".contains(&byte)) || has_bad_escape(user) {
        return true;
    }
    let is_port = |text: &str| text.strip_prefix(':').unwrap_or("?").bytes().all(|byte| byte.is_ascii_digit());
    let (name, port) = if let Some(inner) = host.strip_prefix('[') {
        let Some((name, port)) = inner.rsplit_once(']') else { return true };
        (name, port)
    } else {
        let http = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https");
        let colon = if http { host.find(':') } else { host.rfind(':') };
        host.split_at(colon.unwrap_or(host.len()))
    };
    let allowed = |byte: u8| byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte);
    !(port.is_empty() || is_port(port)) || !name.bytes().all(allowed) || has_bad_escape(name)
}

/// Whether a percent sign stands without two hexadecimal digits behind it.
fn has_bad_escape(text: &str) -> bool {
    let hex = |digits: &str| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.match_indices('%').any(|(at, _)| !text.get(at + 1..at + 3).is_some_and(hex))
}

#[cfg(test)]
mod tests {
    use super::is_broken_url;

    /// Facts of Go's `net/url`, `url_test.go`.
    #[test]
    fn what_go_refuses_is_broken_and_nothing_else() {
        for url in [
            "http://[::1",
            "http://x y",
            "http://x:y",
            "http://x:1:2",
            "://x",
            "http://x/%zz",
            "http://a\u{7f}b",
            ":",
            "1x:y",
            "http://u ser@h",
            "http://h^",
            "http://[::1]x",
        ] {
            assert!(is_broken_url(url), "{url}");
        }
        for url in [
            "",
            "x",
            "x:1",
            "http://",
            "http://x:99999",
            "http://x:",
            "ftp://x",
            "/x",
            "http://[::1]:4318",
            "http://u:p%40@h/a b?c#%",
            "http://h/ä",
            "localhost:8888",
            "mailto:a%",
        ] {
            assert!(!is_broken_url(url), "{url}");
        }
    }
}
