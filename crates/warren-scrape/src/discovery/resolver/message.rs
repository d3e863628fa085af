//! DNS messages (RFC 1035, RFC 2782, RFC 3596, RFC 6891): one question out, the records that name targets back.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::RecordType;

/// Longest answer that is asked for over UDP, in bytes.
pub(super) const UDP_BYTES_MAX: usize = 4096;

const HEADER_BYTES: usize = 12;
const NAME_BYTES_MAX: usize = 255;
const LABEL_BYTES_MAX: usize = 63;
/// Longest chain of compression pointers that is followed.
const POINTERS_MAX: usize = 64;

const CLASS_INTERNET: u16 = 1;
const TYPE_OPT: u16 = 41;
const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const FLAG_RECURSION_DESIRED: u16 = 0x0100;
const CODE_SUCCESS: u16 = 0;
const CODE_NO_SUCH_NAME: u16 = 3;

/// A record that names a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// `A`, `AAAA`.
    Address(IpAddr),
    /// `SRV`.
    Service {
        /// Full name of the host.
        target: String,
        /// Its port.
        port: u16,
    },
    /// `MX`.
    MailExchange {
        /// Full name of the host.
        target: String,
    },
    /// `NS`.
    NameServer {
        /// Full name of the host.
        target: String,
    },
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of the question.
    pub outcome: Outcome,
    /// Whether the server had more to say than fitted.
    pub truncated: bool,
}

/// What a server knows of a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The name is known; these are its records, perhaps none.
    Records(Vec<Record>),
    /// The name is known not to exist.
    NoSuchName,
    /// The server failed, with this response code.
    Failed(u16),
}

/// A question, ready to be sent.
pub struct Query {
    /// The message.
    pub bytes: Vec<u8>,
    id: u16,
    kind: u16,
    name: String,
}

impl Query {
    /// A question for a full name; `extended` allows long answers over UDP.
    ///
    /// # Errors
    /// When the name is no domain name, or the system gives no random number.
    pub fn new(name: &str, record: RecordType, extended: bool) -> io::Result<Self> {
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(|error| io::Error::other(error.to_string()))?;
        let id = u16::from_be_bytes(id);
        let kind = kind(record);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + name.len() + 20);
        for field in [id, FLAG_RECURSION_DESIRED, 1, 0, 0, u16::from(extended)] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        write_name(name, &mut bytes)?;
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&CLASS_INTERNET.to_be_bytes());
        if extended {
            bytes.push(0);
            for field in [TYPE_OPT, UDP_BYTES_MAX as u16, 0, 0, 0] {
                bytes.extend_from_slice(&field.to_be_bytes());
            }
        }
        Ok(Self { bytes, id, kind, name: name.to_owned() })
    }

    /// Reads a message; `None` when it does not answer this question or is malformed.
    pub fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        let mut reader = Reader { bytes, at: 0 };
        let id = reader.u16()?;
        let flags = reader.u16()?;
        let questions = reader.u16()?;
        let answers = reader.u16()?;
        reader.skip(4)?;
        if id != self.id || flags & FLAG_RESPONSE == 0 || questions != 1 {
            return None;
        }
        let name = reader.name()?;
        let kind = reader.u16()?;
        reader.skip(2)?;
        if !name.eq_ignore_ascii_case(&self.name) || kind != self.kind {
            return None;
        }
        let truncated = flags & FLAG_TRUNCATED != 0;
        let outcome = match flags & 0xF {
            CODE_SUCCESS => {
                let mut records = Vec::new();
                // A cut message is asked for again: its records need not be whole.
                for _ in 0..if truncated { 0 } else { answers } {
                    records.extend(reader.record(self.kind)?);
                }
                Outcome::Records(records)
            }
            CODE_NO_SUCH_NAME => Outcome::NoSuchName,
            code => Outcome::Failed(code),
        };
        Some(Answer { outcome, truncated })
    }
}

fn kind(record: RecordType) -> u16 {
    match record {
        RecordType::A => 1,
        RecordType::Ns => 2,
        RecordType::Mx => 15,
        RecordType::Aaaa => 28,
        RecordType::Srv => 33,
    }
}

fn write_name(name: &str, out: &mut Vec<u8>) -> io::Result<()> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not a domain name"));
    let start = out.len();
    let labels = name.strip_suffix('.').unwrap_or(name);
    for label in labels.split('.').filter(|_| !labels.is_empty()) {
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return Err(invalid());
        }
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    if out.len() - start > NAME_BYTES_MAX { Err(invalid()) } else { Ok(()) }
}

/// Reads a message from the front; `None` wherever it ends too early.
struct Reader<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// A name in full, with a dot at its end; characters that mean something in names are escaped.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut end = None;
        let mut pointers = 0;
        loop {
            let length = self.u8()?;
            match length {
                0 => break,
                0xC0..=0xFF => {
                    let low = self.u8()?;
                    end.get_or_insert(self.at);
                    self.at = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                    pointers += 1;
                    if pointers > POINTERS_MAX {
                        return None;
                    }
                }
                0x40..=0xBF => return None,
                _ => {
                    for &byte in self.take(usize::from(length))? {
                        push_escaped(byte, &mut name);
                    }
                    name.push('.');
                    if name.len() > 4 * NAME_BYTES_MAX {
                        return None;
                    }
                }
            }
        }
        self.at = end.unwrap_or(self.at);
        Some(if name.is_empty() { ".".to_owned() } else { name })
    }

    /// The next record. `Some(None)` for one that is not of the wanted kind, such as the alias in front of an address.
    fn record(&mut self, wanted: u16) -> Option<Option<Record>> {
        self.name()?;
        let kind = self.u16()?;
        let class = self.u16()?;
        self.skip(4)?;
        let length = usize::from(self.u16()?);
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let record = if kind == wanted && class == CLASS_INTERNET { Some(self.data(kind)?) } else { None };
        if record.is_some() && self.at != end {
            return None;
        }
        self.at = end;
        Some(record)
    }

    fn data(&mut self, kind: u16) -> Option<Record> {
        Some(match kind {
            1 => Record::Address(Ipv4Addr::from(<[u8; 4]>::try_from(self.take(4)?).ok()?).into()),
            28 => Record::Address(Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?).into()),
            33 => {
                self.skip(4)?;
                let port = self.u16()?;
                Record::Service { target: self.name()?, port }
            }
            15 => {
                self.skip(2)?;
                Record::MailExchange { target: self.name()? }
            }
            _ => Record::NameServer { target: self.name()? },
        })
    }
}

fn push_escaped(byte: u8, out: &mut String) {
    match byte {
        b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
            out.push('\\');
            out.push(char::from(byte));
        }
        b'!'..=b'~' => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\{byte:03}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POINTER_TO_QUESTION: [u8; 2] = [0xC0, 12];

    /// The bytes of an answer with these flags and records (kind, data).
    fn reply(query: &Query, flags: u16, records: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = query.id.to_be_bytes().to_vec();
        for field in [FLAG_RESPONSE | flags, 1, records.len() as u16, 0, 0] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        write_name(&query.name, &mut bytes).unwrap();
        for field in [query.kind, CLASS_INTERNET] {
            bytes.extend_from_slice(&field.to_be_bytes());
        }
        for (kind, data) in records {
            bytes.extend_from_slice(&POINTER_TO_QUESTION);
            for field in [*kind, CLASS_INTERNET, 0, 60, data.len() as u16] {
                bytes.extend_from_slice(&field.to_be_bytes());
            }
            bytes.extend_from_slice(data);
        }
        bytes
    }

    fn records(query: &Query, bytes: &[u8]) -> Vec<Record> {
        match query.answer(bytes).unwrap().outcome {
            Outcome::Records(records) => records,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_of_all_kinds_are_read() {
        let service = [&[0, 1, 0, 2, 0x0C, 0xEA][..], b"\x02db", &POINTER_TO_QUESTION].concat();
        let cases = [
            (RecordType::A, vec![192, 0, 2, 1], Record::Address("192.0.2.1".parse().unwrap())),
            (RecordType::Aaaa, Ipv6Addr::LOCALHOST.octets().to_vec(), Record::Address(Ipv6Addr::LOCALHOST.into())),
            (RecordType::Srv, service, Record::Service { target: "db.a.example.".into(), port: 3306 }),
            (RecordType::Mx, b"\0\x0a\x02mx\0".to_vec(), Record::MailExchange { target: "mx.".into() }),
            (RecordType::Ns, b"\x03n.s\0".to_vec(), Record::NameServer { target: "n\\.s.".into() }),
        ];
        for (kind, data, expected) in cases {
            let query = Query::new("a.example.", kind, true).unwrap();
            let bytes = reply(&query, 0, &[(query.kind, data)]);
            assert_eq!(records(&query, &bytes), [expected]);
        }
    }

    #[test]
    fn aliases_in_front_of_addresses_are_passed_over() {
        let query = Query::new("a.example.", RecordType::A, false).unwrap();
        let bytes = reply(&query, 0, &[(5, b"\x01b\0".to_vec()), (1, vec![192, 0, 2, 1])]);
        assert_eq!(records(&query, &bytes), [Record::Address("192.0.2.1".parse().unwrap())]);
    }

    #[test]
    fn outcomes_are_told_apart() {
        let query = Query::new("a.example.", RecordType::A, false).unwrap();
        let outcome = |flags| query.answer(&reply(&query, flags, &[])).unwrap().outcome;
        assert_eq!(outcome(0), Outcome::Records(vec![]));
        assert_eq!(outcome(3), Outcome::NoSuchName);
        assert_eq!(outcome(2), Outcome::Failed(2));
        assert!(query.answer(&reply(&query, FLAG_TRUNCATED, &[])).unwrap().truncated);
    }

    #[test]
    fn what_answers_another_question_is_not_taken() {
        let query = Query::new("a.example.", RecordType::A, false).unwrap();
        let other = Query::new("b.example.", RecordType::A, false).unwrap();
        let mut wrong_name = reply(&other, 0, &[]);
        wrong_name.splice(..2, query.id.to_be_bytes());
        assert_eq!(query.answer(&wrong_name), None);
        let mut wrong_id = reply(&query, 0, &[]);
        wrong_id[0] ^= 1;
        assert_eq!(query.answer(&wrong_id), None);
        assert_eq!(query.answer(&query.bytes), None);
    }

    #[test]
    fn names_that_point_at_themselves_end() {
        let query = Query::new("a.example.", RecordType::Ns, false).unwrap();
        let mut bytes = reply(&query, 0, &[(2, vec![0, 0])]);
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&(0xC000 | at as u16).to_be_bytes());
        assert_eq!(query.answer(&bytes), None);
    }

    #[test]
    fn names_that_are_none_are_not_asked_for() {
        for name in ["a..b.", &format!("{}.", "x".repeat(64)), &"x.".repeat(128)] {
            assert!(Query::new(name, RecordType::A, false).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_message_panics(tail in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..300) {
            let query = Query::new("a.example.", RecordType::Srv, true).unwrap();
            let mut bytes = reply(&query, 0, &[(33, vec![0, 1, 0, 2, 0, 80, 0])]);
            bytes.extend(tail);
            if let Some(count) = bytes.get_mut(7) { *count = 9; }
            bytes.truncate(cut);
            query.answer(&bytes);
        }
    }
}
