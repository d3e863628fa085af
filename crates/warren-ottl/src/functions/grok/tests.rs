use super::super::testing::{list, run};
use super::*;
use proptest::prelude::*;

fn grok(text: &str, pattern: &str, named_only: bool, definitions: &[&str]) -> Result<String, String> {
    let definitions = list(definitions.iter().copied());
    let value = run("ExtractGrokPatterns", &[text.into(), pattern.into(), Val::Bool(named_only), definitions])?.stored();
    let mut out = String::new();
    warren_gotext::json(&mut out, &value).map_err(|error| error.to_string())?;
    Ok(out)
}

/// Facts of go-grok's tables, one or two for each group of patterns.
#[test]
fn lines_of_known_programs_are_taken_apart() {
    for (pattern, text, wanted) in [
        ("%{NUMBER:a:int} %{NUMBER:b.c:float}", "1 2.5", r#"{"a":1,"b.c":2.5}"#),
        ("%{BOOL:up:bool} %{LOGLEVEL:level}", "true ERROR", r#"{"level":"ERROR","up":true}"#),
        ("%{REDISLOG}", "[1234] 26 Jun 12:34:56 *", r#"{"process.pid":1234,"timestamp":"26 Jun 12:34:56"}"#),
        (
            "%{COMBINEDAPACHELOG}",
            r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://x/" "Mozilla/4.08""#,
            r#"{"http.request.method":"GET","http.request.referrer":"http://x/","http.response.body.size":2326,"http.response.status_code":200,"http.version":"1.0","source.address":"127.0.0.1","timestamp":"10/Oct/2000:13:55:36 -0700","url.original":"/a.gif","user.name":"frank","user_agent.original":"Mozilla/4.08"}"#,
        ),
        (
            "%{SYSLOGLINE}",
            "Jul 16 12:34:56 web1 cron[42]: done",
            r#"{"host.name":"web1","message":"done","timestamp":"Jul 16 12:34:56"}"#,
        ),
        (
            "%{POSTGRESQL}",
            "06/25/2023 14:20:03 UTC admin 12345 987",
            r#"{"event.timezone":"UTC","postgresql.log.connection_id":"12345","process.pid":987,"timestamp":"06/25/2023 14:20:03","user.name":"admin"}"#,
        ),
        ("%{MAVEN_VERSION:v}", "1.2.3-SNAPSHOT", r#"{"v":"1.2.3-SNAPSHOT"}"#),
        ("%{HOSTPORT:peer}", "broker.example.com:5672", r#"{"peer":"broker.example.com:5672"}"#),
        ("%{IPV6:ip}", "fe80::1", r#"{"ip":"fe80::1"}"#),
    ] {
        assert_eq!(grok(text, pattern, true, &[]).as_deref(), Ok(wanted), "{pattern}");
    }
}

#[test]
fn patterns_within_patterns_are_captured_unless_only_names_count() {
    assert_eq!(
        grok("10.0.0.1 7", "%{IP:peer} %{INT}", false, &[]).unwrap(),
        r#"{"INT":"7","IPV4":"10.0.0.1","peer":"10.0.0.1"}"#
    );
    assert_eq!(grok("10.0.0.1 7", "%{IP:peer} %{INT}", true, &[]).unwrap(), r#"{"peer":"10.0.0.1"}"#);
    assert_eq!(grok("no match", "%{IP:peer}", true, &[]).unwrap(), "{}");
    assert_eq!(grok("a-", "%{WORD:a}-%{DATA:rest}$", true, &[]).unwrap(), r#"{"a":"a"}"#);
}

#[test]
fn definitions_of_the_statement_come_first() {
    assert_eq!(grok("k42", "%{KEY:key}", true, &["KEY=k%{NUM:n:long}", "NUM=\\d+"]).unwrap(), r#"{"key":"k42","n":42}"#);
    assert_eq!(grok("x", "%{WORD:w}", true, &["WORD=y|x"]).unwrap(), r#"{"w":"x"}"#);
}

#[test]
fn faults_are_named_in_the_words_of_upstream() {
    let invalid = "the pattern supplied to ExtractGrokPatterns is not a valid pattern: ";
    for (pattern, definitions, wanted) in [
        ("%{NOPE}", &[][..], format!("{invalid}pattern definition \"NOPE\" unknown: parsing failed")),
        ("(", &[], format!("{invalid}error parsing regexp: missing closing ): `(`")),
        ("abc", &[], "at least 1 named capture group must be supplied in the given regex".to_owned()),
        ("x", &["a:b=c"], "pattern ID \"a:b\" should not contain ':'".to_owned()),
        (
            "x",
            &["verylongpatternname_without_equals"],
            "pattern \"verylongpatternna...\" supplied to ExtractGrokPatterns at index 0 has incorrect format, expecting PATTERNNAME=pattern definition"
                .to_owned(),
        ),
        ("%{A}", &["A=%{A}"], format!("{invalid}pattern definitions refer to each other more than 64 deep")),
    ] {
        assert_eq!(grok("x", pattern, true, definitions), Err(wanted), "{pattern}");
    }
    assert_eq!(grok("x", "%{WORD:a:int}", true, &[]).unwrap_err(), "strconv.Atoi: parsing \"x\": invalid syntax");
    assert_eq!(grok("x", "%{WORD:a.b:foo}", true, &[]).unwrap_err(), "invalid type for a___b: type not specified");
}

#[test]
fn growth_is_bounded() {
    let doubling: Vec<String> = (0..40).map(|n| format!("P{n}=%{{P{}}}%{{P{}}}", n + 1, n + 1)).collect();
    let definitions: Vec<&str> = doubling.iter().map(String::as_str).chain(["P40=x"]).collect();
    assert!(grok("x", "%{P0}", false, &definitions).unwrap_err().contains("grows to more than"));
}

#[test]
fn every_known_pattern_is_an_expression() {
    let names: Vec<&str> =
        PATTERNS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once(' ')?.0)).collect();
    assert_eq!(names.len(), 245);
    for name in names {
        let fault = grok("", &format!("%{{{name}}}"), false, &[]).err();
        // The one that is none upstream either.
        assert!(fault.is_none() || name == "CISCOFW733100", "{name}: {fault:?}");
    }
}

proptest! {
    #[test]
    fn prop_any_pattern_is_read_or_refused(parts in proptest::collection::vec(
        prop::sample::select(vec!["%{", "}", "WORD", "A", ":", "a.b", "int", "(", ")", "\\", "é", "%"]),
        0..10,
    )) {
        let _ = grok("some text 1", &parts.concat(), false, &["A=%{WORD:w}"]);
    }
}
