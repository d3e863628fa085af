use proptest::prelude::*;

use super::*;

fn find<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    let mut captures = Captures::default();
    let regex = Regex::new(pattern).unwrap();
    regex.captures(text, &mut captures).then(|| captures.get(text, 0).unwrap())
}

/// Facts of Go's `regexp` (package documentation of `regexp/syntax`, and `all_test.go`, `find_test.go`).
#[test]
fn patterns_mean_what_they_mean_in_go() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        (r"\d+", "٣4", Some("4")),
        (r"\w+", "é_a1", Some("_a1")),
        (r"\s", "\u{b}", None),
        (r"[[:space:]]", "\u{b}", Some("\u{b}")),
        (r"[\s]", "\u{a0}\t", Some("\t")),
        (r"\S+", "\u{b}", Some("\u{b}")),
        (r"[^\W]+", "é_a1", Some("_a1")),
        (r"\bfoo\b", "éfoo", Some("foo")),
        (r"x\By", "xy", Some("xy")),
        (r"\Qa.b\E.", "a.bc", Some("a.bc")),
        (r"\Qa.b", "a.b", Some("a.b")),
        (r"\Qab\E+", "abbb", Some("abbb")),
        (r"\101\x42\x{43}", "ABC", Some("ABC")),
        (r"\0", "\0", Some("\0")),
        (r"\_\-\<\>\#", "_-<>#", Some("_-<>#")),
        (r"a{,5}", "a{,5}", Some("a{,5}")),
        (r"a{x}{", "a{x}{", Some("a{x}{")),
        (r"a{01}", "a{01}", Some("a{01}")),
        (r"a{2,3}?", "aaaa", Some("aa")),
        (r"}", "}", Some("}")),
        (r"[a[b]+", "[ab", Some("[ab")),
        (r"[a&&b]+", "a&b", Some("a&b")),
        (r"[a~~b]+", "a~b", Some("a~b")),
        (r"[!--]+", "!-,", Some("!-,")),
        (r"[]a]+", "]a", Some("]a")),
        (r"[^]a]+", "]ab", Some("b")),
        (r"[-a]+", "a-", Some("a-")),
        (r"[a-]+", "a-", Some("a-")),
        (r"[\d-z]+", "1-z", Some("1-z")),
        (r"[^x]", "\n", Some("\n")),
        (r".", "\n", None),
        (r"(?s).", "\n", Some("\n")),
        (r"a$", "a\n", None),
        (r"(?m)a$", "a\n", Some("a")),
        (r"(?i)straSSe", "STRASSE", Some("STRASSE")),
        (r"(?i)k", "\u{212a}", Some("\u{212a}")),
        (r"(?i)\w", "\u{17f}", Some("\u{17f}")),
        (r"(?U)a+", "aaa", Some("a")),
        (r"(?i:A)b", "ab", Some("ab")),
        (r"(?)a", "a", Some("a")),
        (r"\p{Greek}+", "aβγ", Some("βγ")),
        (r"\p{^Greek}+", "βa", Some("a")),
        (r"\PL", "a1", Some("1")),
        (r"[\x{D800}-\x{E000}]", "\u{e000}", Some("\u{e000}")),
        (r"\x{D800}", "a", None),
        (r"(|a)*", "aa", Some("")),
        (r"a||b", "b", Some("")),
        (r"\z", "", Some("")),
    ];
    for &(pattern, text, expected) in cases {
        assert_eq!(find(pattern, text), expected, "{pattern} in {text:?}");
    }
}

/// Facts of Go's `regexp/syntax/parse_test.go` (invalidRegexps) and of running Go 1.24.
#[test]
fn what_re2_refuses_is_refused_in_its_words() {
    let cases = [
        ("(", "missing closing ): `(`"),
        (")", "unexpected ): `)`"),
        ("(a))", "unexpected ): `(a))`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(*", "missing argument to repetition operator: `*`"),
        ("a|+?", "missing argument to repetition operator: `+?`"),
        ("{2}", "missing argument to repetition operator: `{2}`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*{2}", "invalid nested repetition operator: `*{2}`"),
        ("a??+", "invalid nested repetition operator: `??+`"),
        ("x{1001}", "invalid repeat count: `{1001}`"),
        ("x{3,2}", "invalid repeat count: `{3,2}`"),
        ("x{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("[", "missing closing ]: `[`"),
        ("[a-", "missing closing ]: `[a-`"),
        ("[]", "missing closing ]: `[]`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[[:word2:]]", "invalid character class range: `[:word2:]`"),
        (r"\pX", r"invalid character class range: `\pX`"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
        (r"\p{sc=Greek}", r"invalid character class range: `\p{sc=Greek}`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\e", r"invalid escape sequence: `\e`"),
        (r"\é", r"invalid escape sequence: `\é`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        (r"\", "trailing backslash at end of expression: ``"),
        ("(?P<n>a", "missing closing ): `(?P<n>a`"),
        ("(?P<n a>b)", "invalid named capture: `(?P<n a>`"),
        ("(?P<>a)", "invalid named capture: `(?P<>`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
    ];
    for (pattern, expected) in cases {
        let error = Regex::new(pattern).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), format!("error parsing regexp: {expected}"), "{pattern}");
    }
}

#[test]
fn anchored_patterns_match_whole_texts_with_line_ends() {
    let cases = [
        ("", "", true),
        ("", "a", false),
        (".*", "a\nb", true),
        ("(.*)", "", true),
        (".+", "", false),
        (".+", "\n", true),
        ("foo", "foo", true),
        ("foo", "foox", false),
        ("(foo|bar.*|.*baz|.*mid.*)", "foo", true),
        ("foo|bar.*|.*baz|.*mid.*", "bar2", true),
        ("foo|bar.*|.*baz|.*mid.*", "xbaz", true),
        ("foo|bar.*|.*baz|.*mid.*", "amidb", true),
        ("foo|bar.*|.*baz|.*mid.*", "fo", false),
        ("foo|", "", true),
        ("rabbitmq_.*", "rabbitmq_", true),
        ("[ab]", "b", true),
        ("a?", "", true),
        // Go builds the text `^(?s:…)$`, so a parenthesis may close its group.
        ("a)|(b", "xb", true),
    ];
    for (pattern, text, expected) in cases {
        let regex = Regex::anchored(pattern).unwrap();
        assert_eq!(regex.is_match(text), expected, "{pattern} on {text:?}");
    }
}

#[test]
fn an_error_in_an_anchored_pattern_shows_the_anchors() {
    let error = Regex::anchored("(foo").unwrap_err();
    assert_eq!(error.to_string(), "error parsing regexp: missing closing ): `^(?s:(foo)$`");
}

#[test]
fn simple_anchored_patterns_need_no_automaton() {
    for pattern in ["", "(.*)", ".+", "foo", "foo|bar", "(foo|bar)", "foo.*", ".*foo", ".*foo.*"] {
        let regex = Regex::anchored(pattern).unwrap();
        assert!(matches!(regex.engine, Engine::Whole(_)), "{pattern}");
    }
    for pattern in ["a(b)", "(.*)x", "a.c", "(?i)foo", "a)|(b"] {
        let regex = Regex::anchored(pattern).unwrap();
        assert!(matches!(regex.engine, Engine::Automaton(_)), "{pattern}");
    }
}

/// Facts of Go's `regexp.Expand` (documentation and `all_test.go`).
#[test]
fn templates_expand_as_in_go() {
    let cases = [
        ("(a)(b)", "ab", "$1x", ""),
        ("(a)(b)", "ab", "${1}x", "ax"),
        ("(a)(b)", "ab", "$2$1", "ba"),
        ("(a)(b)", "ab", "$0", "ab"),
        ("(a)(b)", "ab", "$01", ""),
        ("(a)(b)", "ab", "$9", ""),
        ("(a)(b)", "ab", "$$1", "$1"),
        ("(a)(b)", "ab", "a$", "a$"),
        ("(a)(b)", "ab", "$-", "$-"),
        ("(a)(b)", "ab", "${1", "${1"),
        ("(a)(b)", "ab", "${}", "${}"),
        ("(a)(b)", "ab", "${1 }", "${1 }"),
        ("(?P<n>a)(b)", "ab", "${n}$n", "aa"),
        ("(?P<n>a)|(?P<n>b)", "b", "$n", "b"),
        ("(?P<1x>a)", "a", "$1x", "a"),
        ("(a)|(b)", "b", "[$1]", "[]"),
        (".*", "ab", "$0!", "ab!"),
    ];
    for (pattern, text, template, expected) in cases {
        let regex = Regex::anchored(pattern).unwrap();
        let template = Template::new(template, &regex);
        let mut captures = Captures::default();
        let mut out = String::new();
        assert!(regex.captures(text, &mut captures), "{pattern}");
        template.expand(text, &captures, &mut out);
        assert_eq!(out, expected, "{pattern} {template:?}");
        assert_eq!(template.expanded_len(text, &captures), expected.len());
    }
}

#[test]
fn a_template_without_groups_is_a_literal() {
    let regex = Regex::new("a").unwrap();
    assert_eq!(Template::new("x$$", &regex).literal(), Some("x$"));
    assert_eq!(Template::new("", &regex).literal(), Some(""));
    assert_eq!(Template::new("x$1", &regex).literal(), None);
}

/// Facts of Go's `regexp` `all_test.go` (replaceTests).
#[test]
fn all_matches_are_replaced_as_in_go() {
    let cases = [
        ("a*", "baaac", "x", "xbxcx"),
        ("a+", "baaac", "x", "bxc"),
        ("", "abc", "-", "-a-b-c-"),
        ("(b)", "abc", "<$1>", "a<b>c"),
        ("x", "abc", "y", "abc"),
        ("hello, (.+)", "hello, world", "goodbye, ${1}", "goodbye, world"),
    ];
    for (pattern, text, template, expected) in cases {
        let regex = Regex::new(pattern).unwrap();
        let mut out = String::new();
        regex.replace_all(text, &Template::new(template, &regex), &mut out);
        assert_eq!(out, expected, "{pattern} in {text}");
    }
}

#[test]
fn replacing_gives_up_at_the_bound() {
    let regex = Regex::new("").unwrap();
    let template = Template::new("xxxx", &regex);
    for (bytes_max, fits) in [(24, true), (23, false), (4, false), (0, false)] {
        let mut out = String::new();
        let expected = if fits { Replaced::New } else { Replaced::TooLong };
        assert_eq!(regex.replace_within("abcd", &template, &mut out, bytes_max), expected);
        assert!(out.len() <= bytes_max);
    }
}

#[test]
fn a_pattern_of_nothing_matches_before_each_letter_and_at_the_end() {
    for pattern in ["", "(?:)", "(?i)"] {
        let regex = Regex::new(pattern).unwrap();
        assert!(matches!(regex.engine, Engine::Empty), "{pattern}");
        for (text, literal, group, places) in [("", "-", "<>", vec![0]), ("aéb", "-a-é-b-", "<>a<>é<>b<>", vec![0, 1, 3, 4])] {
            for (with, expected) in [("-", literal), ("<$0>", group), ("", text)] {
                let mut out = String::new();
                regex.replace_all(text, &Template::new(with, &regex), &mut out);
                assert_eq!(out, expected, "{pattern} in {text} by {with}");
            }
            let mut found = Vec::new();
            let end = regex.each_match(text, |captures| {
                assert_eq!((captures.len(), captures.get(text, 0)), (1, Some("")));
                found.push(captures.range(0).unwrap().start);
                ControlFlow::<()>::Continue(())
            });
            assert_eq!((end, found), (ControlFlow::Continue(()), places));
            let mut captures = Captures::default();
            assert!(regex.is_match(text) && regex.captures(text, &mut captures));
            assert_eq!(captures.range(0), Some(0..0));
        }
    }
}

#[test]
fn a_text_is_made_only_where_it_differs() {
    let mut out = String::new();
    for (pattern, with, text, expected) in [
        ("p=[^ ]*", "p=*", "p=* p=*", Replaced::Same),
        ("p=[^ ]*", "p=*", "p= p", Replaced::New),
        ("p=[^ ]*", "p=*", "q", Replaced::Nothing),
        ("p|q", "p", "pp", Replaced::Same),
        ("^p$", "p", "p", Replaced::Same),
        ("^p$", "q", "pp", Replaced::Nothing),
        ("(p)", "$1", "p", Replaced::New),
    ] {
        let regex = Regex::new(pattern).unwrap();
        out.clear();
        assert_eq!(regex.replace_within(text, &Template::new(with, &regex), &mut out, 9), expected, "{pattern} in {text}");
        assert_eq!(out.is_empty(), expected != Replaced::New);
    }
    let regex = Regex::new("p=[^ ]*").unwrap();
    out.clear();
    regex.replace_all("p=* p=x y", &Template::new("p=*", &regex), &mut out);
    assert_eq!(out, "p=* p=* y");
}

#[test]
fn matches_are_visited_until_told_otherwise() {
    let regex = Regex::new("(a)|b").unwrap();
    let mut seen = Vec::new();
    let end = regex.each_match("abab", |captures| {
        seen.push((captures.range(0).unwrap(), captures.range(1)));
        if seen.len() < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(end.is_break());
    assert_eq!(seen, [(0..1, Some(0..1)), (1..2, None), (2..3, Some(2..3))]);
    assert!(Regex::new("x").unwrap().each_match("abab", |_| ControlFlow::Break(())).is_continue());
}

#[test]
fn group_names_stay_known() {
    let regex = Regex::new("(a)(?P<one>b)(?:c)(?<two>d)").unwrap();
    assert_eq!(regex.names().collect::<Vec<_>>(), [None, None, Some("one"), Some("two")]);
    assert_eq!(regex.as_str(), "(a)(?P<one>b)(?:c)(?<two>d)");
}

#[test]
fn oversized_patterns_are_refused() {
    assert!(Regex::new(&"a".repeat(PATTERN_BYTES_MAX + 1)).is_err());
    assert!(Regex::new(r"(\pL{1000}){1000}").is_err());
    assert!(Regex::new(&"(".repeat(100_000)).is_err());
    let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(Regex::new(&deep).unwrap_err().reason, "expression nests too deeply");
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in r"[\x00-\x7fé(){}\[\]|*+?^$.\\:PpQEx\-]{0,24}", text in ".{0,16}") {
        if let Ok(regex) = Regex::new(&pattern) {
            let mut captures = Captures::default();
            regex.captures(&text, &mut captures);
        }
    }

    #[test]
    fn an_escaped_text_matches_itself_only(text in ".{0,16}", other in ".{0,16}") {
        let quoted = Regex::anchored(&regex_syntax::escape(&text)).unwrap();
        prop_assert!(quoted.is_match(&text));
        prop_assert_eq!(quoted.is_match(&other), text == other);
    }

    #[test]
    fn the_short_cut_agrees_with_the_automaton(
        parts in prop::collection::vec(r"(\.\*|\.\+)?(a|ab|b\.)?(\.\*|\.\+)?", 1..4),
        text in "[ab\n]{0,6}",
    ) {
        let pattern = parts.join("|");
        let automaton = regex::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
        prop_assert_eq!(Regex::anchored(&pattern).unwrap().is_match(&text), automaton.is_match(&text));
    }

    #[test]
    fn steps_agree_with_the_automaton(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "ab", "é", "x", "b", "[^a]*", "[^é]+", "[^ax]+", "b*", "x+", r"\d*", "(a)", "([^a]*)", "(b+)", "(.*)", "$",
        ]), 1..6),
        anchored: bool,
        text in "[abxé1\n]{0,12}",
    ) {
        let pattern = format!("{}{}", if anchored { "^" } else { "" }, parts.concat());
        let regex = Regex::new(&pattern).unwrap();
        let plain = Regex { steps: None, ..regex.clone() };
        let all = |regex: &Regex| {
            let mut found = Vec::new();
            let _ = regex.each_match::<()>(&text, |captures| {
                found.push((0..captures.len()).map(|group| captures.range(group)).collect::<Vec<_>>());
                ControlFlow::Continue(())
            });
            found
        };
        prop_assert_eq!(all(&regex), all(&plain), "{}", pattern);
        prop_assert_eq!(regex.is_match(&text), plain.is_match(&text), "{}", pattern);
        let (mut captures, mut others) = (Captures::default(), Captures::default());
        prop_assert_eq!(regex.captures(&text, &mut captures), plain.captures(&text, &mut others));
        prop_assert_eq!(captures.spans, others.spans);
        let template = Template::new("<$1>", &regex);
        for template in [&template, &Template::new("-", &regex)] {
            let (mut out, mut other) = (String::new(), String::new());
            regex.replace_all(&text, template, &mut out);
            plain.replace_all(&text, template, &mut other);
            prop_assert_eq!(out, other);
        }
    }
}

#[test]
fn patterns_without_choices_need_no_automaton() {
    for (pattern, steps) in [
        ("password=[^ ]*", true),
        ("vhost '(?P<vh>[^']+)'", true),
        (r"^tenant-(\d+)\.", true),
        (r"^(\w+) \[([^\]]*)\]$", true),
        ("a[^']*b", false),
        ("[^ ]*a", false),
        ("(?i)ab", false),
        ("a|b", false),
        ("a(b)?", false),
        ("ab*?c", false),
        ("a[é]+b", false),
    ] {
        assert_eq!(Regex::new(pattern).unwrap().steps.is_some(), steps, "{pattern}");
    }
}

#[test]
fn what_is_gone_through_in_vain_is_bounded_and_the_rest_is_found_all_the_same() {
    let text = format!("a'{}", "a".repeat(5_000)) + "b";
    let regex = Regex::new("a[^']*'").unwrap();
    let mut found = Vec::new();
    let _ = regex.each_match::<()>(&text, |captures| {
        found.push(captures.range(0));
        ControlFlow::Continue(())
    });
    assert_eq!(found, [Some(0..2)]);
    assert!(regex.steps.as_ref().unwrap().find(&text, 2, &mut [], &mut 0).is_err());
    assert!(!Regex::new("a[^']*'").unwrap().is_match(text.get(2..).unwrap()));
}

#[test]
fn searches_of_one_text_share_what_they_may_go_through_in_vain() {
    let text = format!("{};ca;b", "a".repeat(60)).repeat(200);
    let regex = Regex::new("a[^;]*;b").unwrap();
    let (steps, mut from, mut vain) = (regex.steps.as_ref().unwrap(), 0, 0);
    // Each search alone would be allowed; all of them together are not.
    let alone = steps.find(&text, 0, &mut [], &mut 0);
    assert!(matches!(alone, Ok(Some((62, 65)))));
    let ended = loop {
        match steps.find(&text, from, &mut [], &mut vain) {
            Ok(Some((_, end))) => from = end,
            other => break other,
        }
    };
    assert!(ended.is_err() && from < text.len() && vain <= 5 * text.len());
    let mut found = 0;
    let _ = regex.each_match::<()>(&text, |_| {
        found += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(found, 200);
}
