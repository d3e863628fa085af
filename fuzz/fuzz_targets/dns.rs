//! Any bytes as the answer of a name server: refused or read, without a panic.
//!
//! Input: a byte that chooses the type of record, then the message after its id.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_scrape::config::RecordType;
use warren_scrape::discovery::resolver::message::Query;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, message)) = data.split_first() else { return };
    let kinds = [RecordType::A, RecordType::Aaaa, RecordType::Srv, RecordType::Mx, RecordType::Ns];
    let Ok(query) = Query::new("a.example.", kinds[usize::from(kind) % kinds.len()], true) else { return };
    let mut answer = query.bytes[..2].to_vec();
    answer.extend_from_slice(message);
    query.answer(&answer);
});
