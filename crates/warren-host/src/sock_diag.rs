//! TCP sockets as the kernel tells them over netlink (`sock_diag(7)`): the same as `/proc/net/tcp` has, at a fraction of its cost, for nothing is
//! written as text.
//!
//! A question is one message; the answer is many, several to a datagram, until one that says that it is done. Numbers are in the machine's order
//! of bytes, addresses and ports in the network's.

use crate::network::Socket;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};
use std::os::fd::OwnedFd;

/// Room for a datagram; the kernel makes none that is longer.
const DATAGRAM_BYTES: usize = 32 << 10;

const HEADER_BYTES: usize = 16;

/// Bytes of a question: the header, family, protocol, extensions, states, and an identity that is left open.
const QUESTION_BYTES: usize = HEADER_BYTES + 8 + 48;

/// `SOCK_DIAG_BY_FAMILY`, of questions and of answers.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`, `NLM_F_ROOT` and `NLM_F_MATCH`: all there are.
const DUMP: u16 = 0x301;
const ERROR: u16 = 2;
const DONE: u16 = 3;

const TCP: u8 = 6;

/// The states that `/proc/net/tcp` knows: 1 to 12. A socket that is merely bound has a higher one.
const STATES: u32 = 0x1ffe;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Four,
    Six,
}

/// A connection to the kernel, kept for the next tick.
#[derive(Debug)]
pub(crate) struct SockDiag {
    socket: OwnedFd,
    datagram: Vec<u8>,
    sequence: u32,
}

impl SockDiag {
    pub(crate) fn open() -> Result<Self, Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
        Ok(Self { socket, datagram: vec![0; DATAGRAM_BYTES], sequence: 0 })
    }

    /// Visits every TCP socket of a version of IP.
    pub(crate) fn each(&mut self, version: Version, mut visit: impl FnMut(Socket)) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.socket, &question(version, self.sequence), SendFlags::empty())?;
        loop {
            let received = rustix::io::retry_on_intr(|| recv(&self.socket, self.datagram.as_mut_slice(), RecvFlags::empty()));
            let (bytes, _) = received?;
            if answers(self.datagram.get(..bytes).unwrap_or_default(), self.sequence, &mut visit)? {
                return Ok(());
            }
        }
    }
}

fn question(version: Version, sequence: u32) -> [u8; QUESTION_BYTES] {
    let family = match version {
        Version::Four => AddressFamily::INET,
        Version::Six => AddressFamily::INET6,
    };
    let mut question = [0; QUESTION_BYTES];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = question.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, &(QUESTION_BYTES as u32).to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &DUMP.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    // Families of addresses are small numbers, here and in the header's fields alike.
    put(HEADER_BYTES, &[family.as_raw() as u8, TCP]);
    put(HEADER_BYTES + 4, &STATES.to_ne_bytes());
    question
}

/// Visits the sockets of one datagram, and says whether it is the last of the answer to the question of this number.
///
/// # Errors
/// What the kernel answers instead, or `EBADMSG` where it cannot be understood.
pub fn answers(mut datagram: &[u8], sequence: u32, mut visit: impl FnMut(Socket)) -> Result<bool, Errno> {
    while !datagram.is_empty() {
        let length = number(datagram, 0).map(u32::from_ne_bytes).ok_or(Errno::BADMSG)? as usize;
        let message = datagram.get(..length).filter(|message| message.len() >= HEADER_BYTES).ok_or(Errno::BADMSG)?;
        // Messages begin at multiples of four bytes.
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        if number(message, 8).map(u32::from_ne_bytes) != Some(sequence) {
            // The rest of an earlier answer.
            continue;
        }
        match number(message, 4).map(u16::from_ne_bytes) {
            Some(BY_FAMILY) => socket(message).into_iter().for_each(&mut visit),
            Some(DONE) => return errno(message).map_or(Ok(true), Err),
            Some(ERROR) => return Err(errno(message).unwrap_or(Errno::BADMSG)),
            _ => {}
        }
    }
    Ok(false)
}

/// What went wrong, as the message behind the header says: a negative number, or nothing.
fn errno(message: &[u8]) -> Option<Errno> {
    let told = i32::from_ne_bytes(number(message, HEADER_BYTES)?);
    (told < 0).then(|| Errno::from_raw_os_error(told.saturating_neg()))
}

/// `struct inet_diag_msg` behind the header: family, state, timer, retransmissions, ports and addresses of both ends.
fn socket(message: &[u8]) -> Option<Socket> {
    let [family, state] = number(message, HEADER_BYTES)?;
    let port = u16::from_be_bytes(number(message, HEADER_BYTES + 4)?);
    let address: [u8; 16] = number(message, HEADER_BYTES + 8)?;
    let address = match AddressFamily::from_raw(family.into()) {
        // Version 4 within version 6, as the kernel itself maps it.
        AddressFamily::INET => 0xffff_0000_0000 | u128::from(u32::from_be_bytes(number(&address, 0)?)),
        _ => u128::from_be_bytes(address),
    };
    Some(Socket { local: (address, port), state })
}

/// The bytes at a place.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelFile;
    use crate::network::socket as line;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_says_the_same_as_its_files() {
        let ports_of = |address: &str| {
            let listener = TcpListener::bind(address).unwrap();
            let here = listener.local_addr().unwrap();
            let client = TcpStream::connect(here).unwrap();
            let ports = [here.port(), client.local_addr().unwrap().port()];
            (ports, listener.accept().unwrap(), client, listener)
        };
        for (version, address, file) in [(Version::Four, "127.0.0.1:0", "tcp"), (Version::Six, "[::1]:0", "tcp6")] {
            if version == Version::Six && TcpListener::bind(address).is_err() {
                continue;
            }
            let (ports, ..) = &ports_of(address);
            // Somebody who had one of the ports before may have left it waiting.
            const TIME_WAIT: u8 = 6;
            let mine = |socket: &Socket| ports.contains(&socket.local.1) && socket.state != TIME_WAIT;
            let sorted = |mut sockets: Vec<Socket>| {
                sockets.sort_by_key(|socket| (socket.local, socket.state));
                sockets
            };
            let (mut told, mut read) = (Vec::new(), Vec::new());
            let mut table = KernelFile::new(format!("/proc/net/{file}").into());
            table.each_line(|text| read.extend(line(text).filter(mine))).unwrap();
            match SockDiag::open().and_then(|mut open| open.each(version, |socket| told.extend(Some(socket).filter(mine)))) {
                // A kernel without it.
                Err(Errno::NOENT | Errno::PROTONOSUPPORT | Errno::ACCESS) => return,
                asked => asked.unwrap(),
            }
            assert_eq!(told.len(), 3, "{told:?}");
            assert_eq!(sorted(told), sorted(read));
        }
    }

    /// A message with this header and rest.
    fn message(kind: u16, sequence: u32, rest: &[u8]) -> Vec<u8> {
        let length = (HEADER_BYTES + rest.len()) as u32;
        let mut message =
            [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0, 0], &sequence.to_ne_bytes(), &[0; 4], rest].concat();
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    #[test]
    fn an_answer_ends_where_it_says_so_and_errors_are_told() {
        let told = |datagram: &[u8]| {
            let mut sockets = Vec::new();
            answers(datagram, 7, |socket| sockets.push(socket)).map(|last| (last, sockets))
        };
        let mut rest = vec![2, 10, 0, 0, 0x1f, 0x90, 0, 0, 127, 0, 0, 1];
        rest.resize(72, 0);
        let known = Socket { local: (0xffff_7f00_0001, 8080), state: 10 };
        let (socket, old) = (message(BY_FAMILY, 7, &rest), message(BY_FAMILY, 6, &rest));
        assert_eq!(told(&[socket.clone(), old].concat()), Ok((false, vec![known])));
        assert_eq!(told(&[socket, message(DONE, 7, &[0; 4])].concat()), Ok((true, vec![known])));
        assert_eq!(told(&message(DONE, 7, &(-2i32).to_ne_bytes())), Err(Errno::NOENT));
        assert_eq!(told(&message(ERROR, 7, &(-13i32).to_ne_bytes())), Err(Errno::ACCESS));
        assert_eq!(told(&message(ERROR, 7, &[])), Err(Errno::BADMSG));
        assert_eq!(told(&[9, 0, 0]), Err(Errno::BADMSG));
        assert_eq!(told(&100u32.to_ne_bytes()), Err(Errno::BADMSG));
        assert_eq!(told(&message(BY_FAMILY, 7, &rest[..9])), Ok((false, vec![])));
    }
}
