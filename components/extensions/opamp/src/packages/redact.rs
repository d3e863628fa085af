//! What a program wrote last, without what looks like a secret: it leaves this machine.

/// Keys whose values are nobody's business.
const KEYS: [&str; 7] = ["password", "passwd", "secret", "token", "api_key", "apikey", "authorization"];

/// The text without what looks like a secret.
pub(super) fn redacted(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &str) -> String {
    let mut words = Vec::new();
    let mut hide = false;
    for word in line.split(' ') {
        let lower = word.to_ascii_lowercase();
        let is_scheme =
            ["bearer", "basic"].iter().any(|scheme| lower.trim_matches(|c: char| !c.is_ascii_alphanumeric()) == *scheme);
        if is_scheme {
            hide = true;
            words.push(word.to_owned());
        } else if hide && !word.is_empty() {
            // A value may come after its key and the scheme, and each stands alone.
            hide = false;
            words.push("[REDACTED]".to_owned());
        } else if let Some(end) = value_of(&lower) {
            let value = word.get(end..).unwrap_or_default();
            hide = value.trim_matches(|c: char| matches!(c, '"' | '\'' | ',')).is_empty();
            let shown = word.get(..end).unwrap_or_default();
            words.push(if hide { word.to_owned() } else { format!("{shown}[REDACTED]") });
        } else {
            words.push(without_user(word));
        }
    }
    words.join(" ")
}

/// Where the value of a key that is nobody's business begins in a word such as `password=x` or `"token":"x"`.
fn value_of(word: &str) -> Option<usize> {
    let key = KEYS.iter().filter_map(|key| Some(word.find(key)? + key.len())).min()?;
    let rest = word.get(key..)?;
    let sign = rest.find(['=', ':'])?;
    rest.get(..sign)?.chars().all(|c| !c.is_ascii_alphanumeric()).then_some(key + sign + 1)
}

/// A URL without the user and the password in it.
fn without_user(word: &str) -> String {
    let Some((before, after)) = word.split_once("://") else { return word.to_owned() };
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{before}://[REDACTED]{}", after.get(at..).unwrap_or_default()),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn what_looks_like_a_secret_is_not_told() {
        for (text, told) in [
            ("listen tcp 127.0.0.1:1: in use", "listen tcp 127.0.0.1:1: in use"),
            ("Authorization: Bearer abc.def x", "Authorization: Bearer [REDACTED] x"),
            ("a password=hunter2, b", "a password=[REDACTED] b"),
            ("{\"api_key\":\"k\"}", "{\"api_key\":[REDACTED]"),
            ("token: abc", "token: [REDACTED]"),
            ("get https://u:p@host/path?x=1 failed", "get https://[REDACTED]@host/path?x=1 failed"),
            ("line\nTOKEN=x\nline", "line\nTOKEN=[REDACTED]\nline"),
        ] {
            assert_eq!(redacted(text), told);
        }
    }
}
