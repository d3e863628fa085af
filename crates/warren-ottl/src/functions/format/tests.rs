use super::*;
use crate::value::{ItemType, Time};
use proptest::prelude::*;
use warren_pdata::{Attrs, Value};

fn text(template: &str, values: &[Val]) -> String {
    format(template, values).unwrap()
}

fn list(items: Vec<Value>) -> Val {
    Val::List(triomphe::Arc::new(items))
}

/// Results of `fmt.Sprintf`.
#[test]
fn values_are_printed_as_go_prints_them() {
    let (int, negative, float, string) = (Val::Int(42), Val::Int(-7), Val::Float(1234.5678), Val::from("héllo"));
    for (template, value, wanted) in [
        ("%d|%5d", &int, "42|%!d(MISSING)"),
        ("%5d|", &int, "   42|"),
        ("%-5d|", &int, "42   |"),
        ("%05d", &negative, "-0007"),
        ("%+d", &int, "+42"),
        ("%x", &int, "2a"),
        ("%#X", &int, "0X2A"),
        ("%o", &int, "52"),
        ("%O", &int, "0o52"),
        ("%b", &int, "101010"),
        ("%c", &Val::Int(0x65e5), "日"),
        ("%q", &Val::Int(10), r"'\n'"),
        ("%#U", &Val::Int(0x65e5), "U+65E5 '日'"),
        ("%.5d", &int, "00042"),
        ("%8.5d|", &negative, "  -00007|"),
        ("%s", &int, "%!s(int64=42)"),
        ("%t", &Val::Bool(true), "true"),
        ("%d", &Val::Bool(true), "%!d(bool=true)"),
        ("%v", &Val::Float(1e6), "1e+06"),
        ("%.2f", &float, "1234.57"),
        ("%10.1f|", &float, "    1234.6|"),
        ("%e", &float, "1.234568e+03"),
        ("%.3g", &float, "1.23e+03"),
        ("%.3g", &Val::Float(100.0), "100"),
        ("%#.3g", &Val::Float(1.0), "1.00"),
        ("%x", &Val::Float(1.5), "0x1.8p+00"),
        ("%b", &Val::Float(1.0), "4503599627370496p-52"),
        ("%08.2f", &Val::Float(-3.125), "-0003.12"),
        ("%v", &Val::Float(f64::INFINITY), "+Inf"),
        ("%d", &float, "%!d(float64=1234.5678)"),
        ("%s", &string, "héllo"),
        ("%8s|", &string, "   héllo|"),
        ("%.2s", &string, "hé"),
        ("%q", &string, "\"héllo\""),
        ("%+q", &string, r#""h\u00e9llo""#),
        ("%#q", &string, "`héllo`"),
        ("%x", &Val::from("hi"), "6869"),
        ("% X", &Val::from("hi"), "68 69"),
        ("%d", &Val::from("a"), "%!d(string=a)"),
        ("%v", &Val::Nil, "<nil>"),
        ("%d", &Val::Nil, "%!d(<nil>)"),
        ("%T", &int, "int64"),
        ("%!", &int, "%!!(int64=42)"),
        ("%", &int, "%!(NOVERB)%!(EXTRA int64=42)"),
        ("100%% %v", &int, "100% 42"),
        ("none", &int, "none%!(EXTRA int64=42)"),
        ("%[1]d %[1]v", &int, "42 42"),
        ("%[2]d", &int, "%!d(BADINDEX)"),
        ("%[x]d", &int, "%!d(BADINDEX)"),
        ("%é", &int, "%!é(int64=42)"),
        ("%99999999d", &int, "%!(NOVERB)%!(EXTRA int64=42)"),
        ("%v", &Val::Duration(5_400_000_000_000), "1h30m0s"),
        ("%d", &Val::Duration(1500), "1500"),
        ("%t", &Val::Duration(1500), "%!t(time.Duration=1500)"),
        ("%s", &Val::Duration(1_500_000), "1.5ms"),
        ("%v", &Val::Time(Time::utc(1_500_000_000)), "1970-01-01 00:00:01.5 +0000 UTC"),
        ("%v", &Val::Bytes(triomphe::Arc::new(vec![1, 255])), "[1 255]"),
        ("%x", &Val::Bytes(triomphe::Arc::new(vec![1, 255])), "01ff"),
        ("%v", &list(vec![Value::Int(1), Value::from("a"), Value::Empty]), "[1 a <nil>]"),
        ("%d", &list(vec![Value::Int(1), Value::from("a")]), "[1 %!d(string=a)]"),
        ("%v", &Val::Typed(ItemType::Uint, triomphe::Arc::new(vec![Value::Int(-1)])), "[18446744073709551615]"),
        ("%v", &Val::Map(Attrs::from([("b", Value::Int(2)), ("a", Value::Bool(true))])), "map[a:true b:2]"),
        ("%#v", &Val::Map(Attrs::from([("a", Value::from("x"))])), "map[string]interface {}{\"a\":\"x\"}"),
    ] {
        assert_eq!(text(template, std::slice::from_ref(value)), wanted, "{template}");
    }
}

#[test]
fn widths_may_come_with_the_values() {
    assert_eq!(text("%*d|%-*d|", &[Val::Int(4), Val::Int(1), Val::Int(3), Val::Int(2)]), "   1|2  |");
    assert_eq!(text("%.*f", &[Val::Int(1), Val::Float(2.25)]), "2.2");
    assert_eq!(text("%*d", &[Val::from("x"), Val::Int(1)]), "%!(BADWIDTH)1");
    assert_eq!(text("%.*d", &[Val::Int(-1), Val::Int(1)]), "%!(BADPREC)1");
}

#[test]
fn the_length_is_bounded() {
    let wide = list(vec![Value::Int(1); 1000]);
    assert!(format("%*d", &[Val::Int(1_000_000), wide]).is_err());
    assert_eq!(text("%1000000d", &[Val::Int(1)]).len(), 1_000_000);
    assert!(text("%.1000000f", &[Val::Float(0.1)]).len() > 1_000_000);
}

proptest! {
    #[test]
    fn prop_no_template_fails(template in "[%#0+\\- *.\\[\\]1-9vdTtsxXqcUeEfgGboéw]{0,16}", int: i64, float: f64, string: String) {
        let values = [Val::Int(int), Val::Float(float), Val::from(string), Val::Bool(true), Val::Nil];
        let _ = format(&template, &values);
    }
}
