use super::*;
use warren_config::{Diagnostics, decode_settings, encode, parse_yaml};

fn errors(text: &str) -> Vec<String> {
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    decode_settings(&parse_yaml("t", text).unwrap(), &mut config, &mut diagnostics);
    diagnostics.errors().map(|error| error.to_string()).collect()
}

#[test]
fn both_styles_are_taken() {
    let text = r#"
error_mode: Ignore
log_statements:
  - context: LOG
    conditions: ['body != nil']
    statements: ['set(body, "a")']
    error_mode: silent
  - set(log.body, "b")
  - set(log.attributes["x"], 1)
trace_statements: ['set(span.name, "x")']
"#;
    assert_eq!(errors(text), Vec::<String>::new());
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    decode_settings(&parse_yaml("t", text).unwrap(), &mut config, &mut diagnostics);
    let compiled = config.logs.compile(config.error_mode, Oddities::Mended).unwrap();
    assert_eq!(compiled.iter().map(|group| group.group.statements().len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(compiled.iter().map(|group| group.mode).collect::<Vec<_>>(), [ErrorMode::Silent, ErrorMode::Ignore]);
    let node = warren_config::Node::from_value(encode(&mut config));
    let mut again = Config::default();
    decode_settings(&node, &mut again, &mut diagnostics);
    assert_eq!(encode(&mut again), encode(&mut config));
}

#[test]
fn every_fault_is_told_at_its_place() {
    let told = errors(
        r#"
error_mode: loud
metric_statements:
  - set(metric.nam, "x")
  - sett(metric.name, "x")
log_statements:
  - context: lgo
    statements: ['set(body, 1)']
  - context: log
    conditions: ['bod == 1']
    statements:
      - set(body, 1)
      - set(body, 1
  - context: metric
    statements: []
trace_statements: x
flatten_data: true
"#,
    );
    let expected = [
        "unknown error mode loud",
        "invalid trace_statements type, expected: array, got: string",
        "metric_statements::0: unable to parse OTTL statement",
        "metric_statements::1: unable to parse OTTL statement",
        "log_statements::0::context: unknown context lgo (did you mean \"log\"?)",
        "log_statements::1::statements::1: unable to parse OTTL statement",
        "log_statements::1::conditions::0: unable to parse OTTL condition",
        "log_statements::2::context: unknown context \"metric\" for statements",
        "'flatten_data' requires the 'transform.flatten.logs' feature gate to be enabled",
    ];
    for expected in expected {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}

#[test]
fn statements_before_blocks_are_refused() {
    let told = errors("log_statements: ['set(log.body, 1)', {statements: []}]");
    assert!(told[0].contains("configuring multiple configuration styles is not supported"), "{told:?}");
}
