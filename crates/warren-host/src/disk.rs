//! Disks: `/proc/diskstats`.

use crate::Malformed;
use crate::text::{fields, lines, lossy, number};
use std::borrow::Cow;

/// Bytes of a sector in `/proc/diskstats`, whatever the device's own are.
pub const SECTOR_BYTES: u64 = 512;

/// One line of `/proc/diskstats`: a disk, a partition, a device mapper or loop device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk<'a> {
    /// The kernel's name: `nvme0n1p1`.
    pub name: Cow<'a, str>,
    /// What was read.
    pub read: Transfers,
    /// What was written.
    pub written: Transfers,
    /// Operations that are under way.
    pub pending: u64,
    /// Milliseconds in which anything was under way. The kernel counts them in 32 bits.
    pub busy_ms: u64,
    /// The same, each multiplied by the operations under way. In 32 bits.
    pub weighted_ms: u64,
}

/// What was transferred in one direction since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// Operations.
    pub operations: u64,
    /// Requests that were merged with others before they became operations.
    pub merged: u64,
    /// Sectors of [`SECTOR_BYTES`].
    pub sectors: u64,
    /// Milliseconds spent. In 32 bits.
    pub ms: u64,
}

/// The devices of `/proc/diskstats` that ever did anything. Lines that are too short are skipped.
///
/// # Errors
/// Of each device, when one of its counts is no number.
pub fn disks(text: &[u8]) -> impl Iterator<Item = Result<Disk<'_>, Malformed>> {
    lines(text).filter_map(|line| {
        let mut fields = fields(line).skip(2);
        let name = fields.next()?;
        let mut counts = [0; 11];
        for count in &mut counts {
            match number(fields.next()?) {
                Some(number) => *count = number,
                None => return Some(Err(Malformed::new("no number in diskstats", line))),
            }
        }
        let [operations, merged, sectors, ms, w_operations, w_merged, w_sectors, w_ms, pending, busy_ms, weighted_ms] = counts;
        counts.iter().any(|count| *count != 0).then(|| {
            Ok(Disk {
                name: lossy(name),
                read: Transfers { operations, merged, sectors, ms },
                written: Transfers { operations: w_operations, merged: w_merged, sectors: w_sectors, ms: w_ms },
                pending,
                busy_ms,
                weighted_ms,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_that_did_anything_is_found() {
        let text = b"   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n 259 0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n   8 1 sda1 1 2 3\n";
        let found: Vec<_> = disks(text).map(Result::unwrap).collect();
        let expected = Disk {
            name: "nvme0n1".into(),
            read: Transfers { operations: 1, merged: 2, sectors: 3, ms: 4 },
            written: Transfers { operations: 5, merged: 6, sectors: 7, ms: 8 },
            pending: 9,
            busy_ms: 10,
            weighted_ms: 11,
        };
        assert_eq!(found, [expected]);
        let mut bad = disks(b"8 0 sda 1 2 3 4 5 6 7 8 -1 10 11\n");
        assert!(bad.next().unwrap().is_err());
    }
}
