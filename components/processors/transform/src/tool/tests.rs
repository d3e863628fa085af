use super::*;

fn file(directory: &tempfile::TempDir, name: &str, content: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_string_lossy().into_owned()
}

fn ottl(statements: &str, input: &str) -> Result<Vec<String>, String> {
    ottl_with(&[], statements, input)
}

fn ottl_with(more: &[&str], statements: &str, input: &str) -> Result<Vec<String>, String> {
    let directory = tempfile::tempdir().unwrap();
    let (statements, input) = (file(&directory, "statements.yaml", statements), file(&directory, "input.json", input));
    let mut out = Vec::new();
    let arguments = ["run", "--statements", &statements, &format!("--input={input}")];
    (OTTL.run)(arguments.iter().chain(more).map(OsString::from).collect(), &mut out)?;
    Ok(String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
}

const LOG: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"host","value":{"stringValue":"h1"}}]},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"stringValue":"up"}},{"body":{"intValue":"7"}}]}]}]}"#;

#[test]
fn each_record_is_shown_before_and_after() {
    let statements = "log_statements:\n  - set(log.attributes[\"a\"], \"x\") where IsString(log.body)\n  - set(log.attributes[\"n\"], ParseJSON(log.body))\n";
    let lines = ottl(statements, LOG).unwrap();
    assert_eq!(lines.len(), 2);
    let first = &lines[0];
    assert!(
        first.starts_with(r#"{"group":0,"context":"log","before":{"resourceLogs":[{"resource":{"attributes":[{"key":"host""#),
        "{first}"
    );
    let (before, after) = first.split_once("\"after\":").unwrap();
    assert!(!before.contains("\"key\":\"a\"") && after.contains("{\"key\":\"a\",\"value\":{\"stringValue\":\"x\"}}"), "{first}");
    assert!(after.contains(r#""matched":["set(log.attributes[\"a\"], \"x\") where IsString(log.body)"]"#), "{first}");
    assert!(after.contains(r#""error":"invalid character 'u' looking for beginning of value""#), "{first}");
    let second = &lines[1];
    assert!(second.contains("\"matched\":[]") && second.contains("expected string but got int64"), "{second}");
}

#[test]
fn the_block_may_stand_in_a_configuration_and_requests_on_lines() {
    let block = "    log_statements:\n      - context: resource\n        statements: ['set(attributes[\"x\"], \"$$1\")']\n";
    for wrapped in [format!("processors:\n  transform/a:\n{block}"), format!("transform:\n{}", block.replace("\n    ", "\n  "))] {
        let lines = ottl(&wrapped, &format!("{LOG}\n{LOG}\n")).unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("\"context\":\"resource\"") && lines[0].contains("{\"stringValue\":\"$1\"}"), "{}", lines[0]);
    }
}

#[test]
fn what_upstream_does_oddly_is_done_where_it_is_asked_for() {
    let log = r#"{"resourceLogs":[{"resource":{},"schemaUrl":"of-resource","scopeLogs":[{"scope":{},"schemaUrl":"of-scope"}]}]}"#;
    let statements = "log_statements: ['set(scope.attributes[\"u\"], resource.schema_url)']";
    for (gates, url) in [
        (&[][..], "of-resource"),
        (&["--feature-gates=warren.upstreamOddities"], "of-scope"),
        (&["--feature-gates", "transform.flatten.logs,+warren.upstreamOddities"], "of-scope"),
        (&["--feature-gates=-warren.upstreamOddities"], "of-resource"),
    ] {
        let lines = ottl_with(gates, statements, log).unwrap();
        assert!(lines[0].contains(&format!(r#"{{"key":"u","value":{{"stringValue":"{url}"}}}}"#)), "{gates:?}: {}", lines[0]);
    }
    let fault = ottl_with(&["--feature-gates=nope"], statements, log).unwrap_err();
    assert!(fault.contains("\"nope\""), "{fault}");
}

#[test]
fn faults_are_told_with_their_place() {
    let fault = ottl("log_statements: ['set(log.bodi, 1)']", LOG).unwrap_err();
    assert!(fault.contains("statements.yaml") && fault.contains("bodi") && fault.contains('^'), "{fault}");
    let fault = ottl("log_statements: [", LOG).unwrap_err();
    assert!(fault.contains("statements.yaml"), "{fault}");
    let fault = ottl("log_statements: []", "{}").unwrap_err();
    assert!(fault.contains("input.json: request 1: no OTLP in JSON"), "{fault}");
    let fault = ottl("log_statements: []", "{\"resourceLogs\": 3}").unwrap_err();
    assert!(fault.contains("input.json: request 1: "), "{fault}");
    for (arguments, wanted) in [
        (vec![], "usage:"),
        (vec!["run"], "--statements is missing"),
        (vec!["run", "--statements", "x"], "--input is missing"),
        (vec!["run", "--input"], "--input needs a value"),
        (vec!["run", "--nope"], "unknown argument \"--nope\""),
        (vec!["run", "--statements=/nowhere/x", "--input=y"], "/nowhere/x"),
    ] {
        let arguments = arguments.into_iter().map(OsString::from).collect();
        let fault = (OTTL.run)(arguments, &mut Vec::new()).unwrap_err();
        assert!(fault.contains(wanted), "{fault}");
    }
}
