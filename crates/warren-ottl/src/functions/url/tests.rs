use super::*;
use proptest::prelude::*;

fn json(uri: &str) -> Result<String, String> {
    let value = parts(uri).map_err(|failure| failure.to_string())?.stored();
    let mut out = String::new();
    warren_gotext::as_string(&mut out, &value);
    Ok(out)
}

#[test]
fn urls_are_taken_apart() {
    for (uri, wanted) in [
        (
            "http://myusername:mypassword@www.example.com:80/foo.gif?key1=val1&key2=val2#fragment",
            r#"{"url.domain":"www.example.com","url.extension":"gif","url.fragment":"fragment","url.original":"http://myusername:mypassword@www.example.com:80/foo.gif?key1=val1\u0026key2=val2#fragment","url.password":"mypassword","url.path":"/foo.gif","url.port":80,"url.query":"key1=val1\u0026key2=val2","url.scheme":"http","url.user_info":"myusername:mypassword","url.username":"myusername"}"#,
        ),
        (
            "HTTP://EXAMPLE.com",
            r#"{"url.domain":"EXAMPLE.com","url.original":"http://EXAMPLE.com","url.path":"","url.scheme":"http"}"#,
        ),
        (
            "/a/../b%20c.tar.gz",
            r#"{"url.domain":"","url.extension":"gz","url.original":"/a/../b%20c.tar.gz","url.path":"/a/../b c.tar.gz","url.scheme":""}"#,
        ),
        ("mailto:a@b.c", r#"{"url.domain":"","url.original":"mailto:a@b.c","url.path":"","url.scheme":"mailto"}"#),
        (
            "http://[fe80::1%25en0]:8080/",
            r#"{"url.domain":"fe80::1%en0","url.original":"http://[fe80::1%25en0]:8080/","url.path":"/","url.port":8080,"url.scheme":"http"}"#,
        ),
        ("?a=1&b=2&a=x+y", r#"{"query":{"a":["1","x y"],"b":["2"]}}"#),
        ("?", "{}"),
    ] {
        assert_eq!(json(uri).as_deref(), Ok(wanted), "{uri}");
    }
}

#[test]
fn faults_are_named_in_the_words_of_go() {
    for (uri, wanted) in [
        ("", "url cannot be empty"),
        ("http:// example.com", "parse \"http:// example.com\": invalid character \" \" in host name"),
        ("http://a:b/", "parse \"http://a:b/\": invalid port \":b\" after host"),
        (":a", "parse \":a\": missing protocol scheme"),
        ("a:b:c\u{7f}", "parse \"a:b:c\\x7f\": net/url: invalid control character in URL"),
        ("1a:b", "parse \"1a:b\": first path segment in URL cannot contain colon"),
        ("/%zz", "parse \"/%zz\": invalid URL escape \"%zz\""),
        ("/%é", "parse \"/%é\": invalid URL escape \"%é\""),
        ("?a;b", "invalid semicolon separator in query"),
        ("http://[::1", "parse \"http://[::1\": missing ']' in host"),
    ] {
        assert_eq!(json(uri).unwrap_err(), wanted);
    }
}

proptest! {
    #[test]
    fn prop_any_text_is_taken_apart_or_refused(uri in "[a:/?#@%\\[\\]0-9é&;.]{0,24}") {
        let _ = parts(&uri);
    }
}
