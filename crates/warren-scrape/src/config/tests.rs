//! Facts of Prometheus' `config/config_test.go` (commit 419d436a447a), of `prometheus/common` v0.65.0 `config/http_config_test.go`
//! and of the prometheus receiver's `config_test.go` (v0.132.0), and our own.

use std::time::Duration;

use super::*;

/// Decodes a configuration and gives what is wrong with it, one text per error.
fn load(text: &str) -> (Config, Vec<String>) {
    let (config, diagnostics) = load_with(text, &[]);
    let errors = diagnostics.errors().map(|error| error.message.clone()).collect();
    (config, errors)
}

fn load_with(text: &str, variables: &[(&str, &str)]) -> (Config, Diagnostics) {
    let node = warren_config::parse_yaml("test", text).unwrap();
    let mut diagnostics = Diagnostics::new();
    let mut config = Config::default();
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    config.read_with(&node, &mut Report::root(&mut diagnostics, Some(&node)), &variable);
    (config, diagnostics)
}

/// The only job of a configuration without faults.
fn job(text: &str) -> Arc<ScrapeConfig> {
    let (config, errors) = load(&format!("scrape_configs:\n- job_name: j\n{}", indent(text)));
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    config.scrape_configs.first().unwrap().clone()
}

/// What is wrong with a job.
fn job_errors(text: &str) -> Vec<String> {
    load(&format!("scrape_configs:\n- job_name: j\n{}", indent(text))).1
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[test]
fn a_job_has_prometheus_defaults() {
    let job = job("");
    assert_eq!(job.job_name, "j");
    assert_eq!((job.scrape_interval, job.scrape_timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
    assert!(job.honor_timestamps && !job.honor_labels && !job.track_timestamps_staleness && job.enable_compression);
    assert_eq!(job.scrape_protocols, ScrapeProtocol::DEFAULT);
    assert_eq!(job.fallback_scrape_protocol, ScrapeProtocol::PrometheusText0_0_4);
    assert_eq!(job.limits, Limits::default());
    assert_eq!((job.name_validation, job.name_escaping), (NameValidation::Utf8, NameEscaping::AllowUtf8));
    assert!(job.http.follow_redirects && job.http.enable_http2);
    assert!(matches!(job.http.authentication, Authentication::None));
    assert!(job.relabel.is_empty() && job.metric_relabel.is_empty() && job.discovery.is_empty());
}

#[test]
fn jobs_fall_back_on_global_values() {
    let (config, errors) = load(
        "global:
  scrape_interval: 1h
  scrape_timeout: 30s
  body_size_limit: 15MB
  sample_limit: 1500
  target_limit: 30
  label_limit: 30
  label_name_length_limit: 200
  label_value_length_limit: 250
  keep_dropped_targets: 7
  scrape_failure_log_file: fail.log
  scrape_protocols: [PrometheusText0.0.4]
  always_scrape_classic_histograms: true
  evaluation_interval: 1m
  rule_query_offset: 1m
  query_log_file: q
scrape_configs:
- job_name: a
  scrape_interval: 10s
- job_name: b
  scrape_timeout: 20s
  sample_limit: 3
  body_size_limit: 20B
  always_scrape_classic_histograms: null
  scrape_protocols: null
- job_name: c
  always_scrape_classic_histograms: false
  scrape_failure_log_file: own.log
",
    );
    assert_eq!(errors, Vec::<String>::new());
    let [a, b, c] = config.scrape_configs.as_slice() else { panic!() };
    assert_eq!((a.scrape_interval, a.scrape_timeout), (Duration::from_secs(10), Duration::from_secs(10)));
    assert_eq!((b.scrape_interval, b.scrape_timeout), (Duration::from_secs(3600), Duration::from_secs(20)));
    let limits =
        Limits { body_size: 15 << 20, samples: 1500, targets: 30, labels: 30, label_name_length: 200, label_value_length: 250 };
    assert_eq!(a.limits, limits);
    assert_eq!(b.limits, Limits { body_size: 20, samples: 3, ..limits });
    assert!(a.always_scrape_classic_histograms && b.always_scrape_classic_histograms && !c.always_scrape_classic_histograms);
    assert_eq!(b.scrape_protocols, [ScrapeProtocol::PrometheusText0_0_4]);
    assert_eq!(a.keep_dropped_targets, 7);
    assert_eq!((a.scrape_failure_log_file.to_str(), c.scrape_failure_log_file.to_str()), (Some("fail.log"), Some("own.log")));
}

#[test]
fn the_global_timeout_is_no_longer_than_the_interval() {
    let (config, errors) = load("global: {scrape_interval: 5s}\nscrape_configs: [{job_name: a}]");
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(config.scrape_configs[0].scrape_timeout, Duration::from_secs(5));
    for text in ["global:", "global: {}", "global: {scrape_interval: 0s}", "global: {scrape_interval:}"] {
        assert_eq!(load(text).0.global.scrape_interval, Duration::from_secs(60), "{text}");
    }
}

#[test]
fn null_is_the_zero_value() {
    let job =
        job("honor_timestamps:\nenable_compression: null\nmetrics_path: ~\nscheme:\nfollow_redirects:\nparams:\nbasic_auth:\n");
    assert!(!job.honor_timestamps && !job.enable_compression && !job.http.follow_redirects);
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("", ""));
    assert!(matches!(job.http.authentication, Authentication::None));
}

#[test]
fn any_scalar_can_be_text() {
    let job = job("metrics_path: 5\nparams: {a: [1, true, 1.5, x]}");
    assert_eq!(job.metrics_path, "5");
    assert_eq!(job.params["a"], ["1", "true", "1.5", "x"]);
}

#[test]
fn faults_of_jobs_are_told_in_prometheus_words() {
    let cases: &[(&str, &str)] = &[
        (
            "scrape_interval: 5s\nscrape_timeout: 6s",
            "scrape timeout greater than scrape interval for scrape config with job name \"j\"",
        ),
        ("scrape_interval: 1.5m", "not a valid duration string: \"1.5m\""),
        ("scrape_interval: 60", "not a valid duration string: \"60\""),
        ("scrape_interval: ''", "empty duration string"),
        ("scrape_intervall: 5s", "field scrape_intervall not found in type config.ScrapeConfig"),
        ("scrape_classic_histograms: true", "field scrape_classic_histograms not found in type config.ScrapeConfig"),
        ("honor_labels: 'yes'", "cannot unmarshal !!str `yes` into bool"),
        ("honor_labels: a long text", "cannot unmarshal !!str `a long ...` into bool"),
        ("sample_limit: -1", "cannot unmarshal !!int `-1` into uint"),
        ("sample_limit: [1]", "cannot unmarshal !!seq into uint"),
        ("metrics_path: {}", "cannot unmarshal !!map into string"),
        ("params: {a: b}", "cannot unmarshal !!str `b` into []string"),
        ("body_size_limit: 100", "units: unknown unit  in 100"),
        ("body_size_limit: 1XB", "units: unknown unit XB in 1XB"),
        ("scrape_protocols: []", "scrape_protocols cannot be empty for scrape config with job name \"j\""),
        (
            "scrape_protocols: [prometheusproto]",
            "scrape_protocols: unknown scrape protocol prometheusproto, supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0] for scrape config with job name \"j\"",
        ),
        (
            "scrape_protocols: [OpenMetricsText1.0.0, PrometheusProto, OpenMetricsText1.0.0]",
            "duplicated protocol in scrape_protocols, got [OpenMetricsText1.0.0 PrometheusProto OpenMetricsText1.0.0] for scrape config with job name \"j\"",
        ),
        (
            "fallback_scrape_protocol: x",
            "invalid fallback_scrape_protocol for scrape config with job name \"j\": unknown scrape protocol x, supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0]",
        ),
        (
            "metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: allow-utf-8",
            "utf8 metric names requested but validation scheme is not set to UTF8",
        ),
        (
            "metric_name_validation_scheme: x",
            "unknown scrape config name validation method specified, must be either 'legacy' or 'utf8', got x",
        ),
        (
            "metric_name_escaping_scheme: x",
            "unknown scrape config name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', got \"x\"",
        ),
        ("static_configs: [{targets: ['http://bad']}]", "\"http://bad\" is not a valid hostname"),
        ("static_configs: [null]", "empty or null section in static_configs"),
        ("static_configs: [{targets: [a], label: {}}]", "field label not found in type targetgroup.Group"),
        ("static_configs: [{targets: a}]", "cannot unmarshal !!str `a` into []string"),
        ("file_sd_configs: [{files: []}]", "file service discovery config must contain at least one path name"),
        ("file_sd_configs: [{files: ['a/*/b.yml']}]", "path name \"a/*/b.yml\" is not valid for file discovery"),
        ("file_sd_configs: [{files: [a.txt]}]", "path name \"a.txt\" is not valid for file discovery"),
        ("file_sd_configs: [null]", "empty or null section in file_sd_configs"),
        ("http_sd_configs: [{}]", "URL is missing"),
        ("http_sd_configs: [{url: www.foo.com}]", "URL scheme must be 'http' or 'https'"),
        ("http_sd_configs: [{url: 'ftp://www.foo.com'}]", "URL scheme must be 'http' or 'https'"),
        ("http_sd_configs: [{url: 'http://'}]", "host is missing in URL"),
        (
            "http_sd_configs: [{url: 'http://h', bearer_token: a, bearer_token_file: b}]",
            "at most one of bearer_token & bearer_token_file must be configured",
        ),
        ("dns_sd_configs: [{names: []}]", "DNS-SD config must contain at least one SRV record name"),
        ("dns_sd_configs: [{names: [a], type: A}]", "a port is required in DNS-SD configs for all record types except SRV"),
        ("dns_sd_configs: [{names: [a], type: PTR}]", "invalid DNS-SD records type PTR"),
        ("consul_sd_configs: [{server: a}]", "service discovery \"consul\" is not supported"),
        ("consult_sd_configs: [{server: a}]", "field consult_sd_configs not found in type config.ScrapeConfig"),
        ("relabel_configs: [null]", "empty or null target relabeling rule in scrape config"),
        ("metric_relabel_configs: [null]", "empty or null metric relabeling rule in scrape config"),
        ("relabel_configs: [{action: nope}]", "unknown relabel action \"nope\""),
        ("relabel_configs: [{action: null}]", "relabel action cannot be empty"),
        (
            "relabel_configs: [{action: labelkeep, regex: a, source_labels: []}]",
            "labelkeep action requires only 'regex', and no other fields",
        ),
        (
            "relabel_configs: [{action: keepequal, source_labels: [a], target_label: b, regex: null}]",
            "keepequal action requires only 'source_labels' and `target_label`, and no other fields",
        ),
        ("relabel_configs: [{regex: '(', target_label: a}]", "error parsing regexp: missing closing ): `^(?s:()$`"),
        ("relabel_configs: [{target_labl: a, target_label: b}]", "field target_labl not found in type relabel.plain"),
        ("metric_relabel_configs: [{source_labels: [''], target_label: a}]", "\"\" is not a valid label name"),
    ];
    for &(text, expected) in cases {
        assert_eq!(job_errors(text), [expected], "{text}");
    }
}

#[test]
fn faults_of_http_clients_are_told_in_prometheus_words() {
    let cases: &[(&str, &str)] = &[
        ("bearer_token: a\nbearer_token_file: b", "at most one of bearer_token & bearer_token_file must be configured"),
        (
            "bearer_token: a\nbasic_auth: {username: u}",
            "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
        ),
        (
            "bearer_token: a\nauthorization: {credentials: b}",
            "authorization is not compatible with bearer_token & bearer_token_file",
        ),
        (
            "basic_auth: {username: u}\nauthorization: {credentials: b}",
            "at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        (
            "basic_auth: {username: u, username_file: f}",
            "at most one of basic_auth username, username_file & username_ref must be configured",
        ),
        (
            "basic_auth: {username: u, password: p, password_file: f}",
            "at most one of basic_auth password, password_file & password_ref must be configured",
        ),
        ("basic_auth: {user: u}", "field user not found in type config.BasicAuth"),
        (
            "authorization: {credentials: a, credentials_file: b}",
            "at most one of authorization credentials & credentials_file must be configured",
        ),
        ("authorization: {type: ' Basic '}", "authorization type cannot be set to \"basic\", use \"basic_auth\" instead"),
        ("authorization: {credentials_ref: x}", "cannot use secret ref without manager"),
        ("oauth2: {client_secret: s, token_url: 'http://t'}", "oauth2 client_id must be configured"),
        ("oauth2: {client_id: c, client_secret: s}", "oauth2 token_url must be configured"),
        (
            "oauth2: {client_id: c, token_url: 'http://t', client_secret: s, client_secret_file: f}",
            "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured",
        ),
        (
            "oauth2: {client_id: c, token_url: 'http://t'}\nbasic_auth: {username: u}",
            "at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        ("tls_config: {ca: a, ca_file: b}", "at most one of ca, ca_file & ca_ref must be configured"),
        ("tls_config: {cert: a, cert_file: b, key: c}", "at most one of cert, cert_file & cert_ref must be configured"),
        ("tls_config: {cert: a, key: b, key_file: c}", "at most one of key and key_file must be configured"),
        (
            "tls_config: {cert_file: a}",
            "exactly one of key or key_file must be configured when a client certificate is configured",
        ),
        ("tls_config: {key_file: a}", "exactly one of cert or cert_file must be configured when a client key is configured"),
        (
            "tls_config: {min_version: TLS13, max_version: TLS12}",
            "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified",
        ),
        ("tls_config: {min_version: '1.2'}", "unknown TLS version: 1.2"),
        ("tls_config: {insecure: true}", "field insecure not found in type config.TLSConfig"),
        (
            "proxy_connect_header: {A: [b]}",
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
        ),
        (
            "proxy_from_environment: true\nproxy_url: http://p",
            "if proxy_from_environment is configured, proxy_url must not be configured",
        ),
        ("proxy_from_environment: true\nno_proxy: x", "if proxy_from_environment is configured, no_proxy must not be configured"),
        ("no_proxy: x", "if no_proxy is configured, proxy_url must also be configured"),
        ("http_headers: {user-agent: {values: [x]}}", "setting header \"User-Agent\" is not allowed"),
        ("http_headers: {X: {value: x}}", "field value not found in type config.Header"),
    ];
    for &(text, expected) in cases {
        assert_eq!(job_errors(text), [expected], "{text}");
    }
}

#[test]
fn every_kind_of_authentication_is_read() {
    let inline = |text: &str| SecretSource::Inline(warren_config::Secret::new(text));
    let authentication = |text: &str| job(text).http.authentication.clone();
    let Authentication::Basic { username, password } = authentication("basic_auth: {username: u, password_file: p}") else {
        panic!()
    };
    assert_eq!((username, password), (inline("u"), SecretSource::File("p".into())));
    for (text, kind, credentials) in [
        ("authorization: {credentials: x}", "Bearer", inline("x")),
        ("authorization: {type: Token, credentials_file: f}", "Token", SecretSource::File("f".into())),
        ("authorization: {}", "Bearer", SecretSource::Empty),
        ("bearer_token: x", "Bearer", inline("x")),
        ("bearer_token_file: f", "Bearer", SecretSource::File("f".into())),
    ] {
        let Authentication::Authorization { kind: got, credentials: given } = authentication(text) else { panic!("{text}") };
        assert_eq!((got.as_str(), given), (kind, credentials), "{text}");
    }
    let text = "oauth2: {client_id: c, client_secret: s, token_url: 'http://t', scopes: [a, b], endpoint_params: {k: v}}";
    let Authentication::OAuth2(oauth2) = authentication(text) else { panic!() };
    assert_eq!((oauth2.client_id.as_str(), oauth2.scopes.len(), oauth2.endpoint_params["k"].as_str()), ("c", 2, "v"));
    assert_eq!(oauth2.client_secret, inline("s"));
}

#[test]
fn secrets_are_not_shown() {
    let job = job(
        "basic_auth: {username: u, password: hunter2}\nhttp_headers: {X: {secrets: [hunter2]}}\nproxy_url: 'http://u:hunter2@p'\n",
    );
    assert!(!format!("{job:?}").contains("hunter2"));
}

#[test]
fn faults_of_the_whole_are_told_in_prometheus_words() {
    let cases: &[(&str, &str)] = &[
        ("scrape_configs: [{job_name: a}, {job_name: a}]", "found multiple scrape configs with job name \"a\""),
        ("scrape_configs: [{}]", "job_name is empty"),
        ("scrape_configs: [null]", "empty or null scrape config section"),
        ("scrape_configs: {job_name: a}", "cannot unmarshal !!map into []*config.ScrapeConfig"),
        ("scrape_config: []", "field scrape_config not found in type config.plain"),
        ("global: {scrape_timeout: 2m}", "global scrape timeout greater than scrape interval"),
        ("global: {nonexistent_field: 1}", "field nonexistent_field not found in type config.GlobalConfig"),
        ("global: {scrape_protocols: []}", "scrape_protocols cannot be empty for global config"),
        (
            "global: {metric_name_validation_scheme: x}",
            "unknown global name validation method specified, must be either 'legacy' or 'utf8', got x",
        ),
        ("global: {external_labels: {'': a}}", "\"\" is not a valid label name"),
        ("scrape_config_files: ['a/*/*']", "invalid scrape config file path \"a/*/*\""),
        (
            "remote_write: [{url: a}]\nrule_files: [x]\nremote_read: [{url: a}]\nalerting: {alertmanagers: [{}], alert_relabel_configs: [{}]}",
            "unsupported features:\n\talert_config.alertmanagers\n\talert_config.relabel_configs\n\tremote_read\n\tremote_write\n\trule_files",
        ),
    ];
    for &(text, expected) in cases {
        assert_eq!(load(text).1, [expected], "{text}");
    }
}

#[test]
fn what_has_no_effect_is_accepted() {
    let text = "storage: {tsdb: {out_of_order_time_window: 1m}}\ntracing: {endpoint: a}\notlp: {}\nruntime: {gogc: 50}\nremote_write: []\nrule_files:\nalerting: {}";
    assert_eq!(load(text).1, Vec::<String>::new());
    assert_eq!(job_errors("consul_sd_configs: []\nkubernetes_sd_configs:"), Vec::<String>::new());
}

#[test]
fn all_faults_are_told_together_with_their_places() {
    let text = "global: {scrape_intervall: 5s}\nscrape_configs:\n- job_name: a\n  honor_labels: 1\n  relabel_configs:\n  - {target_label: x, regex: '['}\n  - {action: nope, regex: '('}\n- static_configs:\n  - targets:\n    - a/b\n";
    let (_, diagnostics) = load_with(text, &[]);
    let told: Vec<_> = diagnostics.errors().map(|error| (error.path.as_str(), error.place.line())).collect();
    let expected = [
        ("global::scrape_intervall", 1),
        ("scrape_configs::0::honor_labels", 4),
        ("scrape_configs::0::relabel_configs::0::regex", 6),
        ("scrape_configs::0::relabel_configs::1::action", 7),
        ("scrape_configs::0::relabel_configs::1::regex", 7),
        ("scrape_configs::1::job_name", 8),
        ("scrape_configs::1::static_configs::0::targets::0", 10),
    ];
    assert_eq!(told, expected);
    assert_eq!(diagnostics.errors().next().unwrap().hint.as_deref(), Some("did you mean \"scrape_interval\"?"));
}

#[test]
fn external_labels_are_expanded_a_second_time() {
    let text = "global: {external_labels: {b: 'x${BAR}y', a: $FOO, dollar: 'a$$b', none: $NONE, odd: 'a$%b$', open: 'a${b'}}";
    let (config, diagnostics) = load_with(text, &[("FOO", "foo"), ("BAR", "bar")]);
    let labels: Vec<_> = config.global.external_labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(labels, [("a", "foo"), ("b", "xbary"), ("dollar", "a$b"), ("odd", "a$%b$"), ("open", "ab")]);
    assert_eq!(diagnostics.warnings().count(), 1);
}

/// Facts of Go's `os/env_test.go`.
#[test]
fn variables_are_expanded_as_in_go() {
    let cases = [
        ("", ""),
        ("$*", "<*>"),
        ("$$", "$"),
        ("$1", "<1>"),
        ("${1}", "<1>"),
        ("now is the time", "now is the time"),
        ("$HOME", "<HOME>"),
        ("$home_1-x", "<home_1>-x"),
        ("${HOME}x", "<HOME>x"),
        ("$ ", "$ "),
        ("${}", ""),
        ("start$+middle$^end$", "start$+middle$^end$"),
        ("mixed$|bag$$$", "mixed$|bag$$"),
    ];
    for (text, expected) in cases {
        assert_eq!(expand(text, |name| format!("<{name}>")), expected, "{text}");
    }
}

#[test]
fn discovery_is_read() {
    let job = job("static_configs:
- targets: [a:1, b:2]
  labels: {x: y}
- targets:
file_sd_configs: [{files: [a.json, 'b/*.YML'], refresh_interval: 10m}]
http_sd_configs: [{url: 'https://h/x', basic_auth: {username: u}}]
dns_sd_configs: [{names: [a, b], type: aaaa, port: 80}, {names: [srv]}]
");
    let [
        DiscoveryConfig::Dns(first),
        DiscoveryConfig::Dns(second),
        DiscoveryConfig::File(file),
        DiscoveryConfig::Http(http),
        DiscoveryConfig::Static(groups),
    ] = job.discovery.as_slice()
    else {
        panic!("{:?}", job.discovery)
    };
    assert_eq!((first.record, first.port, first.names.len()), (RecordType::Aaaa, 80, 2));
    assert_eq!((second.record, second.refresh_interval), (RecordType::Srv, Duration::from_secs(30)));
    assert_eq!((file.files.len(), file.refresh_interval), (2, Duration::from_secs(600)));
    assert_eq!((http.url.as_str(), http.refresh_interval), ("https://h/x", Duration::from_secs(60)));
    assert_eq!(groups.iter().map(|group| (group.source.as_str(), group.targets.len())).collect::<Vec<_>>(), [("0", 2), ("1", 0)]);
    assert_eq!(groups[0].labels["x"], "y");
}

#[test]
fn a_url_as_address_is_left_to_the_rules() {
    let text = "static_configs: [{targets: ['http://h:1/x']}]\nrelabel_configs: [{source_labels: [__address__], regex: 'http://([^/]+).*', target_label: __address__}]";
    assert_eq!(job_errors(text), Vec::<String>::new());
}

#[test]
fn renaming_metrics_is_warned_of() {
    let text = "scrape_configs: [{job_name: j, metric_relabel_configs: [{target_label: __name__, replacement: x}]}]";
    let (config, diagnostics) = load_with(text, &[]);
    assert!(config.scrape_configs[0].renames_metrics);
    assert_eq!(diagnostics.warnings().count(), 1);
}

#[test]
fn files_that_must_be_readable_are_named() {
    let text = "scrape_configs: [{job_name: j, authorization: {credentials_file: c}, tls_config: {cert_file: a, key_file: b, ca_file: d}}]";
    let (_, diagnostics) = load_with(text, &[]);
    let mut files: Vec<_> = diagnostics.files.iter().map(|file| file.file.as_str()).collect();
    files.sort_unstable();
    assert_eq!(files, ["a", "b", "c", "d"]);
}

#[test]
fn jobs_are_added_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    file(
        "1.yml",
        "scrape_configs:\n- job_name: b\n  file_sd_configs: [{files: [x.json]}]\n  authorization: {credentials_file: token}\n",
    );
    file("2.yml", "");
    let pattern = directory.path().join("*.yml");
    let text = format!("scrape_config_files: ['{}']\nscrape_configs: [{{job_name: a}}]", pattern.display());
    let (config, errors) = load(&text);
    assert_eq!(errors, Vec::<String>::new());
    assert!(config.has_scrape_configs());
    let jobs = config.jobs().unwrap();
    assert_eq!(jobs.iter().map(|job| job.job_name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let DiscoveryConfig::File(found) = &jobs[1].discovery[0] else { panic!() };
    assert_eq!(found.files, [directory.path().join("x.json")]);

    file("3.yml", "scrape_configs: [{job_name: a}, {job_name: c, nope: 1}]\nglobal: {}");
    let told: Vec<_> = config.jobs().unwrap_err().errors().map(|error| error.message.clone()).collect();
    let three = directory.path().join("3.yml");
    assert_eq!(
        told,
        [
            "field nope not found in type config.ScrapeConfig".to_owned(),
            "field global not found in type config.ScrapeConfigs".to_owned(),
            format!("{three:?}: found multiple scrape configs with job name \"a\", first found in main config file"),
        ]
    );
}

#[test]
fn what_series_may_take_is_limited_by_the_page_or_by_all_limits_of_labels() {
    let bytes = |limits: &str| {
        let text = format!("scrape_configs: [{{job_name: a, static_configs: [{{targets: [a, b]}}], {limits}}}]");
        load(&text).0.series_memory()[0].1
    };
    let of_page = |page: u64| 2 * 16 * page;
    assert_eq!(bytes(""), of_page(PAGE_BYTES_MAX));
    assert_eq!(bytes("sample_limit: 1000"), of_page(PAGE_BYTES_MAX));
    assert_eq!(bytes("sample_limit: 1000, body_size_limit: 1MB"), of_page(1 << 20));
    let labels = "label_limit: 10, label_name_length_limit: 50, label_value_length_limit: 100";
    assert_eq!(bytes(&format!("sample_limit: 1000, {labels}")), 2 * 1000 * (128 + 10 * (64 + 150)));
    assert_eq!(bytes(&format!("sample_limit: 100000, body_size_limit: 1MB, {labels}")), of_page(1 << 20));
}
