//! All TCP sockets: asked for over netlink where that is possible, else read from the kernel's tables.

use crate::network::{Socket, socket};
use crate::sock_diag::{SockDiag, Version};
use crate::{KernelFile, ReadError};
use rustix::io::Errno;
use std::path::Path;

/// Where TCP sockets are found.
#[derive(Debug)]
pub(crate) struct Sockets {
    asked: Asked,
    /// The tables of versions 4 and 6.
    tables: [KernelFile; 2],
}

/// How it stands with netlink.
#[derive(Debug)]
enum Asked {
    NotYet,
    Open(SockDiag),
    /// It is not the network that is meant, or the kernel has no answer.
    No,
}

impl Sockets {
    /// Those of the network whose files are in this directory.
    pub(crate) fn new(network: &Path) -> Self {
        // Netlink tells of the network that this process is in, as this directory does. Below another root it may be the same; that cannot be told.
        let is_own = network == Path::new("/proc/net");
        Self {
            asked: if is_own { Asked::NotYet } else { Asked::No },
            tables: ["tcp", "tcp6"].map(|file| KernelFile::new(network.join(file))),
        }
    }

    /// Visits each of both versions of IP. The tables may be long; little of them is held.
    ///
    /// # Errors
    /// When the sockets of version 4 cannot be read, or those of version 6 are there and cannot be.
    pub(crate) fn each(&mut self, mut visit: impl FnMut(Socket)) -> Result<(), ReadError> {
        if let Asked::NotYet = self.asked {
            self.asked = SockDiag::open().map_or(Asked::No, Asked::Open);
        }
        if let Asked::Open(kernel) = &mut self.asked {
            let mut visited = false;
            let mut told = |socket| {
                visited = true;
                visit(socket);
            };
            let asked = kernel.each(Version::Four, &mut told);
            match asked.and_then(|()| optional(kernel.each(Version::Six, &mut told))) {
                Ok(()) => return Ok(()),
                Err(errno) if visited => return Err(ReadError { call: "recv", path: "netlink".to_owned(), errno }),
                // Refused: the tables have the answer, now and later.
                Err(_) => self.asked = Asked::No,
            }
        }
        let [version_4, version_6] = &mut self.tables;
        version_4.each_line(|line| socket(line).into_iter().for_each(&mut visit))?;
        match version_6.each_line(|line| socket(line).into_iter().for_each(&mut visit)) {
            Err(error) if error.errno == Errno::NOENT => Ok(()),
            read => read.map(drop),
        }
    }
}

/// Without version 6 there is nobody to ask.
fn optional(asked: Result<(), Errno>) -> Result<(), Errno> {
    match asked {
        Err(Errno::NOENT) => Ok(()),
        asked => asked,
    }
}
