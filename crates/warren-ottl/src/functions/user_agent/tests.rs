use super::super::testing::run;
use super::*;

fn answer(text: &str) -> String {
    let value = run("UserAgent", &[text.into()]).unwrap().stored();
    let mut out = String::new();
    warren_gotext::json(&mut out, &value).unwrap();
    out
}

#[test]
fn programs_and_systems_are_named() {
    for (text, name, version, system, system_version) in [
        ("curl/7.81.0", "curl", "7.81.0", "Other", ""),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.71 Safari/537.36",
            "Chrome",
            "120.0.6099",
            "Windows",
            "10",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 14_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0.1 Mobile/15E148 Safari/604.1",
            "Mobile Safari",
            "14.0.1",
            "iOS",
            "14.6",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0", "Firefox", "126.0", "Linux", ""),
        ("nobody knows me", "Other", "", "Other", ""),
        ("", "Other", "", "Other", ""),
    ] {
        let mut wanted = format!("{{\"os.name\":\"{system}\",");
        if !system_version.is_empty() {
            wanted.push_str(&format!("\"os.version\":\"{system_version}\","));
        }
        wanted.push_str(&format!(
            "\"user_agent.name\":\"{name}\",\"user_agent.original\":\"{text}\",\"user_agent.version\":\"{version}\"}}"
        ));
        assert_eq!(answer(text), wanted);
        assert_eq!(answer(text), wanted, "the answer that was kept");
    }
}

#[test]
fn every_rule_is_an_expression() {
    assert_eq!((RULES.programs.len(), RULES.systems.len()), (362, 201));
    for rule in RULES.programs.iter().chain(&RULES.systems) {
        assert!(Regex::new(rule.expression).is_ok(), "{}", rule.expression);
    }
}

#[test]
fn hostile_texts_are_answered_and_only_short_ones_kept() {
    let long = "Mozilla/5.0 (".repeat(100_000);
    assert!(answer(&long).contains("\"user_agent.name\":\"Other\""));
    for index in 0..2 * KEPT_MAX {
        answer(&format!("x{index}"));
    }
    let kept = RULES.kept.lock().unwrap();
    assert!(kept.len() <= KEPT_MAX && kept.keys().all(|text| text.len() <= KEPT_TEXT_BYTES_MAX));
}
