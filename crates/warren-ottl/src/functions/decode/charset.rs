//! Character sets by the names that IANA registered for them.
//!
//! Where browsers read one set for another (ISO-8859-1 as windows-1252, ISO-8859-9 as windows-1254), the set itself is read here.

/// A set of characters and how bytes stand for them.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    Latin5,
    /// UTF-16 with a mark of its byte order, big endian without one.
    Utf16,
    /// Chinese within seven bits.
    Hz,
    /// A set of the WHATWG's that is also what IANA means.
    Encoding(&'static encoding_rs::Encoding),
    /// A code page of DOS: its characters beyond ASCII.
    CodePage(&'static [char; 128]),
    Ebcdic(Ebcdic),
}

/// Code pages of mainframes.
#[derive(Clone, Copy)]
pub(super) enum Ebcdic {
    Cp037,
    Cp1047,
    Cp1140,
}

/// Names in lower case, and what they mean.
const NAMES: &[(&str, Charset)] = &[
    ("big5 csbig5", Charset::Encoding(encoding_rs::BIG5)),
    ("euc-kr cseuckr", Charset::Encoding(encoding_rs::EUC_KR)),
    ("euc-jp cseucpkdfmtjapanese extended_unix_code_packed_format_for_japanese", Charset::Encoding(encoding_rs::EUC_JP)),
    ("iso-2022-jp csiso2022jp", Charset::Encoding(encoding_rs::ISO_2022_JP)),
    ("shift_jis csshiftjis ms_kanji", Charset::Encoding(encoding_rs::SHIFT_JIS)),
    ("gb18030 csgb18030", Charset::Encoding(encoding_rs::GB18030)),
    ("gbk cp936 csgbk ms936 windows-936", Charset::Encoding(encoding_rs::GBK)),
    ("hz-gb-2312", Charset::Hz),
    ("utf-8 utf8 ascii us-ascii csutf8", Charset::Utf8),
    ("utf-8-raw utf8-raw nop", Charset::Utf8),
    ("utf-16 utf16 utf-16le csutf16le", Charset::Encoding(encoding_rs::UTF_16LE)),
    ("utf-16be csutf16be", Charset::Encoding(encoding_rs::UTF_16BE)),
    ("csutf16", Charset::Utf16),
    ("ansi_x3.4-1968 ansi_x3.4-1986 cp367 csascii ibm367 iso-ir-6 iso646-us iso_646.irv:1991 us", Charset::Ascii),
    ("iso-8859-1 cp819 csisolatin1 ibm819 iso-ir-100 iso_8859-1 iso_8859-1:1987 l1 latin1", Charset::Latin1),
    ("iso-8859-2 csisolatin2 iso-ir-101 iso_8859-2 iso_8859-2:1987 l2 latin2", Charset::Encoding(encoding_rs::ISO_8859_2)),
    ("iso-8859-3 csisolatin3 iso-ir-109 iso_8859-3 iso_8859-3:1988 l3 latin3", Charset::Encoding(encoding_rs::ISO_8859_3)),
    ("iso-8859-4 csisolatin4 iso-ir-110 iso_8859-4 iso_8859-4:1988 l4 latin4", Charset::Encoding(encoding_rs::ISO_8859_4)),
    ("iso-8859-5 csisolatincyrillic cyrillic iso-ir-144 iso_8859-5 iso_8859-5:1988", Charset::Encoding(encoding_rs::ISO_8859_5)),
    (
        "iso-8859-6 arabic asmo-708 csisolatinarabic ecma-114 iso-ir-127 iso_8859-6 iso_8859-6:1987 csiso88596e iso-8859-6-e iso_8859-6-e csiso88596i iso-8859-6-i iso_8859-6-i",
        Charset::Encoding(encoding_rs::ISO_8859_6),
    ),
    (
        "iso-8859-7 csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7 iso_8859-7:1987",
        Charset::Encoding(encoding_rs::ISO_8859_7),
    ),
    (
        "iso-8859-8 csisolatinhebrew hebrew iso-ir-138 iso_8859-8 iso_8859-8:1988 csiso88598e iso-8859-8-e iso_8859-8-e csiso88598i iso-8859-8-i iso_8859-8-i",
        Charset::Encoding(encoding_rs::ISO_8859_8),
    ),
    ("iso-8859-9 csisolatin5 iso-ir-148 iso_8859-9 iso_8859-9:1989 l5 latin5", Charset::Latin5),
    ("iso-8859-10 csisolatin6 iso-ir-157 iso_8859-10:1992 l6 latin6", Charset::Encoding(encoding_rs::ISO_8859_10)),
    ("iso-8859-13 csiso885913", Charset::Encoding(encoding_rs::ISO_8859_13)),
    (
        "iso-8859-14 csiso885914 iso-celtic iso-ir-199 iso_8859-14 iso_8859-14:1998 l8 latin8",
        Charset::Encoding(encoding_rs::ISO_8859_14),
    ),
    ("iso-8859-15 csiso885915 iso_8859-15 latin-9", Charset::Encoding(encoding_rs::ISO_8859_15)),
    ("iso-8859-16 csiso885916 iso-ir-226 iso_8859-16 iso_8859-16:2001 l10 latin10", Charset::Encoding(encoding_rs::ISO_8859_16)),
    ("koi8-r cskoi8r", Charset::Encoding(encoding_rs::KOI8_R)),
    ("koi8-u cskoi8u", Charset::Encoding(encoding_rs::KOI8_U)),
    ("macintosh csmacintosh mac", Charset::Encoding(encoding_rs::MACINTOSH)),
    ("windows-874 cswindows874", Charset::Encoding(encoding_rs::WINDOWS_874)),
    ("windows-1250 cswindows1250", Charset::Encoding(encoding_rs::WINDOWS_1250)),
    ("windows-1251 cswindows1251", Charset::Encoding(encoding_rs::WINDOWS_1251)),
    ("windows-1252 cswindows1252", Charset::Encoding(encoding_rs::WINDOWS_1252)),
    ("windows-1253 cswindows1253", Charset::Encoding(encoding_rs::WINDOWS_1253)),
    ("windows-1254 cswindows1254", Charset::Encoding(encoding_rs::WINDOWS_1254)),
    ("windows-1255 cswindows1255", Charset::Encoding(encoding_rs::WINDOWS_1255)),
    ("windows-1256 cswindows1256", Charset::Encoding(encoding_rs::WINDOWS_1256)),
    ("windows-1257 cswindows1257", Charset::Encoding(encoding_rs::WINDOWS_1257)),
    ("windows-1258 cswindows1258", Charset::Encoding(encoding_rs::WINDOWS_1258)),
    ("ibm866 866 cp866 csibm866", Charset::Encoding(encoding_rs::IBM866)),
    ("ibm437 437 cp437 cspc8codepage437", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP437)),
    ("ibm850 850 cp850 cspc850multilingual", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP850)),
    ("ibm852 852 cp852 cspcp852", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP852)),
    ("ibm855 855 cp855 csibm855", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP855)),
    (
        "ibm00858 ccsid00858 cp00858 csibm00858 pc-multilingual-850+euro",
        Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP858),
    ),
    ("ibm860 860 cp860 csibm860", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP860)),
    ("ibm862 862 cp862 cspc862latinhebrew", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP862)),
    ("ibm863 863 cp863 csibm863", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP863)),
    ("ibm865 865 cp865 csibm865", Charset::CodePage(&oem_cp::code_table::DECODING_TABLE_CP865)),
    ("ibm037 cp037 csibm037 ebcdic-cp-ca ebcdic-cp-nl ebcdic-cp-us ebcdic-cp-wt", Charset::Ebcdic(Ebcdic::Cp037)),
    ("ibm1047 csibm1047 ibm-1047", Charset::Ebcdic(Ebcdic::Cp1047)),
    ("ibm01140 ccsid01140 cp01140 csibm01140 ebcdic-us-37+euro", Charset::Ebcdic(Ebcdic::Cp1140)),
];

/// Code page 037: the character of Latin-1 that a byte stands for.
const CP037: &[u8; 256] = b"\x00\x01\x02\x03\x9c\x09\x86\x7f\x97\x8d\x8e\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x9d\x85\x08\x87\x18\x19\x92\x8f\x1c\x1d\x1e\x1f\
    \x80\x81\x82\x83\x84\x0a\x17\x1b\x88\x89\x8a\x8b\x8c\x05\x06\x07\x90\x91\x16\x93\x94\x95\x96\x04\x98\x99\x9a\x9b\x14\x15\x9e\x1a\
    \x20\xa0\xe2\xe4\xe0\xe1\xe3\xe5\xe7\xf1\xa2\x2e\x3c\x28\x2b\x7c\x26\xe9\xea\xeb\xe8\xed\xee\xef\xec\xdf\x21\x24\x2a\x29\x3b\xac\
    \x2d\x2f\xc2\xc4\xc0\xc1\xc3\xc5\xc7\xd1\xa6\x2c\x25\x5f\x3e\x3f\xf8\xc9\xca\xcb\xc8\xcd\xce\xcf\xcc\x60\x3a\x23\x40\x27\x3d\x22\
    \xd8\x61\x62\x63\x64\x65\x66\x67\x68\x69\xab\xbb\xf0\xfd\xfe\xb1\xb0\x6a\x6b\x6c\x6d\x6e\x6f\x70\x71\x72\xaa\xba\xe6\xb8\xc6\xa4\
    \xb5\x7e\x73\x74\x75\x76\x77\x78\x79\x7a\xa1\xbf\xd0\xdd\xde\xae\x5e\xa3\xa5\xb7\xa9\xa7\xb6\xbc\xbd\xbe\x5b\x5d\xaf\xa8\xb4\xd7\
    \x7b\x41\x42\x43\x44\x45\x46\x47\x48\x49\xad\xf4\xf6\xf2\xf3\xf5\x7d\x4a\x4b\x4c\x4d\x4e\x4f\x50\x51\x52\xb9\xfb\xfc\xf9\xfa\xff\
    \x5c\xf7\x53\x54\x55\x56\x57\x58\x59\x5a\xb2\xd4\xd6\xd2\xd3\xd5\x30\x31\x32\x33\x34\x35\x36\x37\x38\x39\xb3\xdb\xdc\xd9\xda\x9f";

impl Charset {
    /// The set of a name, in whatever case. No name is UTF-8.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() {
            return Some(Self::Utf8);
        }
        NAMES.iter().find(|(names, _)| names.split(' ').any(|known| known == name)).map(|(_, charset)| *charset)
    }

    /// The text that bytes stand for; U+FFFD where they stand for nothing.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Ascii => {
                bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER }).collect()
            }
            Self::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Self::Latin5 => bytes.chunk_by(|a, b| is_control(*a) == is_control(*b)).map(latin5).collect(),
            Self::Utf16 => match bytes.strip_prefix(b"\xff\xfe") {
                Some(bytes) => decode(encoding_rs::UTF_16LE, bytes),
                None => decode(encoding_rs::UTF_16BE, bytes.strip_prefix(b"\xfe\xff").unwrap_or(bytes)),
            },
            Self::Hz => hz(bytes),
            // Browsers read a control character where a set says nothing about a byte.
            Self::Encoding(encoding) if encoding.is_single_byte() => {
                decode(encoding, bytes).replace(|c| ('\u{80}'..'\u{a0}').contains(&c), "\u{FFFD}")
            }
            Self::Encoding(encoding) => decode(encoding, bytes),
            Self::CodePage(table) => {
                bytes.iter().map(|&byte| *table.get(usize::from(byte).wrapping_sub(128)).unwrap_or(&char::from(byte))).collect()
            }
            Self::Ebcdic(page) => bytes.iter().map(|&byte| page.character(byte)).collect(),
        }
    }
}

fn decode(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// The control characters that windows-1254 gives other meanings.
fn is_control(byte: u8) -> bool {
    (0x80..0xa0).contains(&byte)
}

fn latin5(bytes: &[u8]) -> String {
    match bytes.first() {
        Some(&first) if is_control(first) => Charset::Latin1.decode(bytes),
        _ => decode(encoding_rs::WINDOWS_1254, bytes),
    }
}

/// HZ (RFC 1843): `~{` and `~}` around pairs of GB 2312, `~~` for a tilde, a tilde before a line end for nothing.
fn hz(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut chinese = false;
    let mut rest = bytes;
    loop {
        rest = match *rest {
            [] => return out,
            [b'~', b'{', ref after @ ..] => {
                chinese = true;
                after
            }
            [b'~', b'}', ref after @ ..] => {
                chinese = false;
                after
            }
            [b'~', b'~', ref after @ ..] => {
                out.push('~');
                after
            }
            [b'~', b'\n', ref after @ ..] => after,
            [first @ 0x21..=0x7d, second @ 0x21..=0x7e, ref after @ ..] if chinese => {
                out.push_str(&decode(encoding_rs::GBK, &[first | 0x80, second | 0x80]));
                after
            }
            [byte, ref after @ ..] => {
                let plain = byte.is_ascii() && byte != b'~' && (!chinese || byte == b'\n');
                out.push(if plain { char::from(byte) } else { char::REPLACEMENT_CHARACTER });
                // A line end closes what was opened.
                chinese &= byte != b'\n';
                after
            }
        };
    }
}

impl Ebcdic {
    fn character(self, byte: u8) -> char {
        let common = char::from(CP037[usize::from(byte)]);
        match self {
            Self::Cp037 => common,
            Self::Cp1140 => {
                if byte == 0x9f {
                    '€'
                } else {
                    common
                }
            }
            Self::Cp1047 => match byte {
                0x5f => '\u{5e}',
                0xad => '\u{5b}',
                0xb0 => '\u{ac}',
                0xba => '\u{dd}',
                0xbb => '\u{a8}',
                0xbd => '\u{5d}',
                _ => common,
            },
        }
    }
}
