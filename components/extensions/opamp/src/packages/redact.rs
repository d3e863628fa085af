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
        let word = without_user(word);
        let word = word.as_str();
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
            words.push(word.to_owned());
        }
    }
    words.join(" ")
}

/// Where the value of a key that is nobody's business begins in a word such as `password=x` or `"token":"x"`.
fn value_of(word: &str) -> Option<usize> {
    let keys = KEYS.iter().flat_map(|key| word.match_indices(key).map(|(at, _)| at + key.len()));
    let values = keys.filter_map(|end| {
        let rest = word.get(end..)?;
        // What goes on as a word is another key, such as `token_type`.
        let sign = rest.find(|c: char| matches!(c, '=' | ':') || c.is_ascii_alphanumeric())?;
        rest.get(sign..)?.starts_with(['=', ':']).then_some(end + sign + 1)
    });
    values.min()
}

/// URLs without the users and the passwords in them.
fn without_user(word: &str) -> String {
    let mut parts = word.split("://");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority = part.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rfind('@');
        told.push_str(if host.is_some() { "://[REDACTED]" } else { "://" });
        told.push_str(part.get(host.unwrap_or_default()..).unwrap_or_default());
    }
    told
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
            ("{\"token_type\":\"bearer\",\"password\":\"x\"}", "{\"token_type\":\"bearer\",\"password\":[REDACTED]"),
            ("secretary,password=x", "secretary,password=[REDACTED]"),
            ("token_type=x", "token_type=x"),
            ("amqp://u:p@h/?token=abc", "amqp://[REDACTED]@h/?token=[REDACTED]"),
            ("amqp://u:p@h,amqp://u:p@i: away", "amqp://[REDACTED]@h,amqp://[REDACTED]@i: away"),
            ("line\nTOKEN=x\nline", "line\nTOKEN=[REDACTED]\nline"),
        ] {
            assert_eq!(redacted(text), told);
        }
    }
}
