use super::*;
use crate::function::Literal;
use proptest::prelude::*;

/// Calls a converter: values for its evaluated parameters, literals for the others.
fn call(name: &str, values: &[&str], literals: &[Option<&str>]) -> Result<String, String> {
    let converter = CONVERTERS.iter().find(|converter| converter.name == name).unwrap();
    let literals: Vec<_> = literals.iter().map(|literal| literal.map(|text| Literal::Str(text.into()))).collect();
    let call = (converter.bind)(&Literals(&literals))?;
    let values: Vec<Val> = values.iter().map(|&text| Val::from(text)).collect();
    let value = call.call(Args { values: &values, items: &[] }).map_err(|failure| failure.to_string())?.stored();
    let mut out = String::new();
    warren_gotext::as_string(&mut out, &value);
    Ok(out)
}

fn get(text: &str, path: &str) -> Result<String, String> {
    call("GetXML", &[text], &[None, Some(path)])
}

fn remove(text: &str, path: &str) -> Result<String, String> {
    call("RemoveXML", &[text], &[None, Some(path)])
}

const SHELF: &str = r#"<r><a><b>1</b><b>2</b></a><a><b>3</b><b>4</b></a></r>"#;

#[test]
fn parts_are_taken_out() {
    for (text, path, wanted) in [
        (r#"<a b="1">x<c>z</c></a>"#, "/a/@b | //c", "1<c>z</c>"),
        ("", "/a", ""),
        ("<?xml version=\"1.0\"?><a>é</a>", "/a", "<a>é</a>"),
        ("<a><b>1</b><c>2</c></a>", "//c | //b", "<c>2</c><b>1</b>"),
        ("<a><a><b/></a><b/></a>", "//a", "<a><a><b></b></a><b></b></a><a><b></b></a>"),
        ("<a xmlns:f='u' f:x='1' y='2'><f:b/></a>", "//@*", "u12"),
        ("<a xmlns:f='u'><f:b>1</f:b></a>", "//f:b", "<f:b>1</f:b>"),
        ("<a xmlns:f='u'><f:b>1</f:b></a>", "//b", ""),
        ("<a><!--c--><![CDATA[<x>]]> t </a>", "//text()", "&lt;x&gt; t "),
        ("<a>\n <b>1</b>\n <b>2</b>\n</a>", "//text()", "\n 12"),
        ("<a><b>1</b></a>", "count(//b)", ""),
        (SHELF, "//b[2]", "<b>2</b><b>4</b>"),
        (SHELF, "(//b)[last()]", "<b>4</b>"),
        (SHELF, "/r/descendant::b[3]", "<b>3</b>"),
        (SHELF, "//a[b='3']/b", "<b>3</b><b>4</b>"),
        (SHELF, "//b[.='3']/preceding::b", "<b>1</b><b>2</b>"),
        (SHELF, "//b[.='2']/following::b", "<b>3</b><b>4</b>"),
        (SHELF, "//b[.='4']/preceding-sibling::b[1]", "<b>3</b>"),
        (SHELF, "//b[position() mod 2 = 1]", "<b>1</b><b>3</b>"),
        (SHELF, "//b[. >= 2 and . <= 3]", "<b>2</b><b>3</b>"),
        (SHELF, "//b[text()='4']/ancestor::a/b[1]", "<b>3</b>"),
        (SHELF, "//a[not(b='3')]", "<a><b>1</b><b>2</b></a>"),
        (SHELF, "reverse(//b)", "<b>4</b><b>3</b><b>2</b><b>1</b>"),
        (SHELF, "//b[matches(., '[12]')]", "<b>1</b><b>2</b>"),
        (SHELF, "//b[substring-after(concat('x-', .), '-') = '2']", "<b>2</b>"),
        (SHELF, "//a[sum(b) = 7]/b[starts-with(., '4')]", "<b>4</b>"),
        ("<r><a x='1' y='2'/><a x='3'/></r>", "//a[@x < '2']/@y", "2"),
        ("<r><a x='1' y='2'/><a x='3'/></r>", "//@*/..", "<a x=\"1\" y=\"2\"></a><a x=\"3\"></a>"),
    ] {
        assert_eq!(get(text, path).as_deref(), Ok(wanted), "{path}");
    }
}

#[test]
fn parts_are_removed() {
    for (text, path, wanted) in [
        ("<a x='1' y='2'/>", "/a/@x", "<a y=\"2\"></a>"),
        ("<a x='1' y='2'/>", "//@*", "<a></a>"),
        ("<a>1<b/>2</a>", "//text()", "<a><b></b></a>"),
        ("<a>1<!--c-->2</a>", "//comment()", "<a>12</a>"),
        ("<a>é<b/><?p a=b?><c/>&lt;'</a>", "//b", "<a>é<?p a=\"b\"?><c></c>&lt;&#39;</a>"),
        ("<!-- x --><a><b/></a><!-- y -->", "//b", "<a></a><!-- y -->"),
        (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE a>\n<a><b/>\n</a>\n",
            "//b",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE a>\n<a>\n</a>\n",
        ),
        ("", "//b", ""),
    ] {
        assert_eq!(remove(text, path).as_deref(), Ok(wanted), "{path}");
    }
}

#[test]
fn parts_are_added_and_replaced() {
    let insert = |text, path, inserted| call("InsertXML", &[text, "", inserted], &[None, Some(path), None]);
    assert_eq!(insert("<a><b>x</b><b/></a>", "//b", "<c/><d/>").unwrap(), "<a><b>x<c></c><d></d></b><b><c></c><d></d></b></a>");
    assert_eq!(insert("", "/", "<c/>").unwrap(), "<c></c>");
    assert_eq!(insert("<a>t</a>", "/a/text()", "<c/>").unwrap_err(), "InsertXML XPath selected non-element: \"t\"");
    let elements = |text, path| call("ConvertAttributesToElementsXML", &[text], &[None, path]);
    assert_eq!(elements("<a f='x' y='2'><b z='3'>t</b></a>", None).unwrap(), "<a><b>t<z>3</z></b><f>x</f><y>2</y></a>");
    assert_eq!(elements("<a f='x'><b z='3'/></a>", Some("/a/b/@z")).unwrap(), "<a f=\"x\"><b><z>3</z></b></a>");
    let texts = |text, path, name| call("ConvertTextToElementsXML", &[text], &[None, path, name]);
    assert_eq!(texts("<a>x<b/>y</a>", None, None).unwrap(), "<a><value>x</value><b></b><value>y</value></a>");
    assert_eq!(texts("<a>x<b/></a>", Some("/a"), Some("v")).unwrap(), "<a><v>x</v><b></b></a>");
    assert_eq!(texts("<a>x</a>", None, None).unwrap(), "<a>x</a>");
}

#[test]
fn documents_become_maps() {
    let parse = |text| call("ParseXML", &[text], &[None]);
    assert_eq!(
        parse("<?xml version='1.0'?><l:a x='1' l:y='2'>t<b/> u<![CDATA[ z ]]></l:a>").unwrap(),
        r#"{"attributes":{"x":"1","y":"2"},"children":[{"tag":"b"}],"content":"tuz","tag":"a"}"#
    );
    let simple = |text| call("ParseSimplifiedXML", &[text], &[None]);
    for (text, wanted) in [
        ("<a x='1'>t<b>1</b><b>2</b><c><d/></c><e>5</e><f></f></a>", r#"{"a":{"b":["1","2"],"e":"5"}}"#),
        ("<a><b><c>1</c></b><b>2</b></a>", r#"{"a":{"b":[{"c":"1"},"2"]}}"#),
        ("<a>x</a><a>y</a>", r#"{"a":["x","y"]}"#),
    ] {
        assert_eq!(simple(text).as_deref(), Ok(wanted));
    }
}

#[test]
fn faults_are_named_in_the_words_of_upstream() {
    for (text, wanted) in [
        ("", "unmarshal xml: EOF"),
        ("<a/> ", "trailing bytes after parsing xml"),
        ("<a>", "unmarshal xml: decode next token: XML syntax error on line 1: unexpected EOF"),
        ("<a>\n</b>", "unmarshal xml: decode next token: XML syntax error on line 2: element <a> closed by </b>"),
        ("<?xml version='1.1'?><a/>", "unmarshal xml: xml: unsupported version \"1.1\"; only version 1.0 is supported"),
        ("<a>&x;</a>", "unmarshal xml: decode next token: XML syntax error on line 1: invalid character entity &x;"),
        ("<a b=c/>", "unmarshal xml: XML syntax error on line 1: unquoted or missing attribute value in element"),
    ] {
        assert_eq!(call("ParseXML", &[text], &[None]).unwrap_err(), wanted, "{text}");
    }
    assert_eq!(remove("<!--no element-->", "/").unwrap_err(), "parse xml: xmlquery: invalid XML document");
    for (path, wanted) in [
        ("", "invalid xpath: expr expression is nil"),
        ("//b[", "invalid xpath: expression must evaluate to a node-set"),
        ("bar()", "invalid xpath: not yet support this function bar()"),
        ("foo::bar", "invalid xpath: unknown axe type: foo"),
        ("$x", "invalid xpath: undeclared variable in XPath expression: $x"),
    ] {
        assert_eq!(get("<a/>", path).unwrap_err(), wanted);
    }
}

#[test]
fn hostile_documents_and_paths_are_bounded() {
    assert!(get(&"<a>".repeat(100_000), "/a").unwrap_err().contains("nested more than 256 deep"));
    assert!(call("ParseXML", &[&"<a>".repeat(100_000)], &[None]).unwrap_err().contains("nested more than 256 deep"));
    assert!(get(&format!("<r>{}</r>", "<a/>".repeat(300_000)), "/r").unwrap_err().contains("more than 262144 parts"));
    let wide = format!("<r>{}</r>", "<a/>".repeat(20_000));
    assert!(get(&wide, "//a[count(//a) > 1]").unwrap_err().contains("takes more than"));
    let wide = format!("<r>{}</r>", "<a/>".repeat(2_000));
    let insert = call("InsertXML", &[&wide, "", &wide], &[None, Some("//a"), None]);
    assert!(insert.unwrap_err().contains("parts"));
    assert!(get("<a/>", &"(".repeat(10_000)).is_err());
    assert!(get("<a/>", &format!("/a/{}", "(".repeat(10_000))).is_err());
    assert!(get("<a/>", &format!("/a{}", "/a".repeat(20_000))).is_err());
}

proptest! {
    #[test]
    fn prop_any_text_is_read_or_refused(parts in proptest::collection::vec(
        prop::sample::select(vec!["<a>", "</a>", "<b x='1'/>", "<!--", "-->", "<![CDATA[", "]]>", "<?p", "?>", "<!D", "&lt;", "&", "é", " ", "<", ">", "'"]),
        0..12,
    )) {
        let text = parts.concat();
        for name in ["ParseXML", "ParseSimplifiedXML", "ConvertTextToElementsXML", "ConvertAttributesToElementsXML"] {
            let _ = call(name, &[&text], &[None]);
        }
    }

    #[test]
    fn prop_any_path_is_read_or_refused(parts in proptest::collection::vec(
        prop::sample::select(vec!["/", "//", "a", "b", "@x", "*", "[", "]", "(", ")", "1", "'t'", "=", "<", "|", "and", "last()", "..", ".", "::", "ancestor", "-", "text()", ","]),
        0..10,
    )) {
        let _ = get(SHELF, &parts.concat());
        let _ = get(SHELF, &parts.join(" "));
    }
}
