//! The network: `/proc/net/dev`, `/proc/net/tcp`, `/proc/net/tcp6`, connection tracking.

use crate::Malformed;
use crate::text::{fields, hex, lines, lossy, number, numbers, split_once};
use std::borrow::Cow;

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface<'a> {
    /// Its name, which may hold a colon (`eth0:1`).
    pub name: Cow<'a, str>,
    /// What it received.
    pub received: Traffic,
    /// What it sent.
    pub sent: Traffic,
}

/// What went one way since the interface was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Errors.
    pub errors: u64,
    /// Packets that were dropped.
    pub dropped: u64,
}

/// The interfaces of `/proc/net/dev`. Lines without a name are skipped.
///
/// # Errors
/// Of each interface, when it lacks counts or one of them is no number.
pub fn interfaces(text: &[u8]) -> impl Iterator<Item = Result<Interface<'_>, Malformed>> {
    lines(text).skip(2).filter_map(|line| {
        let colon = memchr::memrchr(b':', line)?;
        let (name, counts) = (line.get(..colon)?.trim_ascii(), line.get(colon + 1..)?);
        if name.is_empty() {
            return None;
        }
        let counts = numbers::<12>(counts).ok_or_else(|| Malformed::new("malformed line in net/dev", line));
        Some(counts.map(|[bytes, packets, errors, dropped, _, _, _, _, s_bytes, s_packets, s_errors, s_dropped]| Interface {
            name: lossy(name),
            received: Traffic { bytes, packets, errors, dropped },
            sent: Traffic { bytes: s_bytes, packets: s_packets, errors: s_errors, dropped: s_dropped },
        }))
    })
}

/// A TCP socket: a line of `/proc/net/tcp` or `tcp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its own end: the address as one of version 6, and the port.
    pub local: (u128, u16),
    /// The kernel's number of its state, as in `include/net/tcp_states.h`.
    pub state: u8,
}

/// The kernel's number of the state in which a socket waits for connections.
pub const LISTEN: u8 = 0x0a;

/// How many states the kernel's numbers can name.
pub const STATES: usize = 16;

/// The sockets of `/proc/net/tcp` or `tcp6`. Lines that do not read well are skipped, as the heading is.
pub fn sockets(text: &[u8]) -> impl Iterator<Item = Socket> {
    lines(text).skip(1).filter_map(socket)
}

/// One line of `/proc/net/tcp` or `tcp6`.
pub fn socket(line: &[u8]) -> Option<Socket> {
    let mut fields = fields(line);
    let (address, port) = split_once(fields.nth(1)?, b':')?;
    let state = hex(fields.nth(1)?)?;
    let address = match address.len() {
        // Version 4 within version 6, as the kernel itself maps it.
        8 => 0xffff_0000_0000 | u128::from(u32::try_from(hex(address)?).ok()?.swap_bytes()),
        32 => {
            let mut words = 0;
            for word in address.chunks(8) {
                words = words << 32 | u128::from(u32::try_from(hex(word)?).ok()?.swap_bytes());
            }
            words
        }
        _ => return None,
    };
    Some(Socket { local: (address, u16::try_from(hex(port)?).ok()?), state: u8::try_from(state).ok()? })
}

/// The single number of a file of connection tracking.
pub fn count(text: &[u8]) -> Option<u64> {
    number(text.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &[u8] = b"Inter-|   Receive                                                |  Transmit\n\
        \x20face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n\
        \x20   lo:    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
        eth0:1:100 2 3 4 5 6 7 8 90 10 11 12 13 14 15 16\n  : 1\neth1: 1 2\n";

    #[test]
    fn interfaces_keep_colons_in_their_names() {
        let found: Vec<_> = interfaces(DEV).collect();
        let lo = Interface {
            name: "lo".into(),
            received: Traffic { bytes: 1, packets: 2, errors: 3, dropped: 4 },
            sent: Traffic { bytes: 9, packets: 10, errors: 11, dropped: 12 },
        };
        assert_eq!(found[0], Ok(lo));
        assert_eq!(found[1].as_ref().unwrap().name, "eth0:1");
        assert_eq!(found[1].as_ref().unwrap().received.bytes, 100);
        assert!(found[2].is_err());
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn both_families_have_one_form_of_address() {
        let tcp = b"  sl  local_address rem_address   st tx_queue\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n   1: 0100007F:1F90 0100007F:C350 01 0\nshort\n";
        let found: Vec<_> = sockets(tcp).collect();
        let local = (0xffff_7f00_0001, 8080);
        assert_eq!(found, [Socket { local, state: LISTEN }, Socket { local, state: 1 }]);
        let tcp6 = b"heading\n 0: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 0\n";
        assert_eq!(sockets(tcp6).collect::<Vec<_>>(), [Socket { local, state: LISTEN }]);
        assert_eq!(socket(b"0: 0100007F:1F90 x 1FF"), None);
        assert_eq!(socket(b"0: \xff\xff\xff\xff\xff\xff\xff\xff:1F90 x 01"), None);
    }
}
