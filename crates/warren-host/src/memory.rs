//! Memory: `/proc/meminfo`, `/proc/vmstat`, `/proc/swaps`, `/proc/zoneinfo`.

use crate::Malformed;
use crate::text::{fields, lines, lossy, number, split_once};
use std::borrow::Cow;

/// What `/proc/meminfo` says, in bytes; what it lacks is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meminfo {
    /// All there is.
    pub total: u64,
    /// Used for nothing.
    pub free: u64,
    /// What programs could get without swapping; kernels before 3.14 do not say it.
    pub available: Option<u64>,
    /// Buffers of block devices.
    pub buffers: u64,
    /// The page cache, without what `slab_reclaimable` counts.
    pub cached: u64,
    /// Caches of the kernel that can be given up.
    pub slab_reclaimable: u64,
    /// Caches of the kernel that cannot.
    pub slab_unreclaimable: u64,
    /// Waits to be written to disk.
    pub dirty: u64,
    /// File pages in recent use.
    pub active_file: u64,
    /// File pages not in recent use.
    pub inactive_file: u64,
}

/// Reads `/proc/meminfo`.
///
/// # Errors
/// When the value of a key that is needed is no number.
pub fn meminfo(text: &[u8]) -> Result<Meminfo, Malformed> {
    let mut memory = Meminfo::default();
    for line in lines(text) {
        let Some((key, value)) = split_once(line, b':') else { continue };
        let slot = match key {
            b"MemTotal" => &mut memory.total,
            b"MemFree" => &mut memory.free,
            b"MemAvailable" => memory.available.insert(0),
            b"Buffers" => &mut memory.buffers,
            b"Cached" => &mut memory.cached,
            b"SReclaimable" => &mut memory.slab_reclaimable,
            b"SUnreclaim" => &mut memory.slab_unreclaimable,
            b"Dirty" => &mut memory.dirty,
            b"Active(file)" => &mut memory.active_file,
            b"Inactive(file)" => &mut memory.inactive_file,
            _ => continue,
        };
        let kib = fields(value).next().and_then(number).ok_or_else(|| Malformed::new("no number in meminfo", line))?;
        *slot = kib.wrapping_mul(1024);
    }
    Ok(memory)
}

impl Meminfo {
    /// What programs could get, estimated where the kernel does not say it: from the low watermarks of `/proc/zoneinfo` (none where that
    /// cannot be read), as kernels since 3.14 reckon it.
    pub fn available_estimate(&self, zoneinfo: Option<&[u8]>, page_bytes: u64) -> u64 {
        let cached = self.cached.wrapping_add(self.slab_reclaimable);
        let Some(zoneinfo) = zoneinfo.filter(|_| self.active_file > 0 && self.inactive_file > 0 && self.slab_reclaimable > 0)
        else {
            return cached.wrapping_add(self.free);
        };
        let low = lines(zoneinfo).filter_map(|line| {
            let mut fields = fields(line);
            (fields.next() == Some(b"low")).then(|| fields.next().and_then(number)).flatten()
        });
        let low = low.fold(0, u64::wrapping_add).wrapping_mul(page_bytes);
        let files = self.active_file.wrapping_add(self.inactive_file);
        let available = self.free.wrapping_sub(low).wrapping_add(files - (files / 2).min(low));
        available.wrapping_add(self.slab_reclaimable - (self.slab_reclaimable / 2).min(low))
    }
}

/// The counts of `/proc/vmstat` that are about paging; what it lacks is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vmstat {
    /// Pages read from swap.
    pub swapped_in: u64,
    /// Pages written to swap.
    pub swapped_out: u64,
    /// KiB read from block devices.
    pub paged_in_kib: u64,
    /// KiB written to block devices.
    pub paged_out_kib: u64,
    /// Page faults.
    pub faults: u64,
    /// Those of them that waited for a disk.
    pub major_faults: u64,
}

/// Reads `/proc/vmstat`.
pub fn vmstat(text: &[u8]) -> Vmstat {
    let mut counts = Vmstat::default();
    for line in lines(text) {
        let Some((key, value)) = split_once(line, b' ') else { continue };
        let slot = match key {
            b"pswpin" => &mut counts.swapped_in,
            b"pswpout" => &mut counts.swapped_out,
            b"pgpgin" => &mut counts.paged_in_kib,
            b"pgpgout" => &mut counts.paged_out_kib,
            b"pgfault" => &mut counts.faults,
            b"pgmajfault" => &mut counts.major_faults,
            _ => continue,
        };
        *slot = number(value.trim_ascii()).unwrap_or(*slot);
    }
    counts
}

/// One swap device or file of `/proc/swaps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap<'a> {
    /// Its name, with the kernel's escapes.
    pub name: Cow<'a, str>,
    /// Its size in KiB.
    pub size_kib: u64,
    /// How much of it is used, in KiB.
    pub used_kib: u64,
}

/// The swap devices of `/proc/swaps`, of which there may be none.
///
/// # Errors
/// When the heading is not as expected; each device's own when its line is not.
pub fn swaps(text: &[u8]) -> Result<impl Iterator<Item = Result<Swap<'_>, Malformed>>, Malformed> {
    let mut lines = lines(text);
    let heading = lines.next().unwrap_or_default();
    let mut titles = fields(heading);
    let as_expected = [(0, b"Filename".as_slice()), (1, b"Size"), (0, b"Used")];
    if !as_expected.iter().all(|(skipped, title)| titles.nth(*skipped) == Some(*title)) {
        return Err(Malformed::new("unexpected heading of swaps", heading));
    }
    Ok(lines.map(|line| {
        let swap = || {
            let mut fields = fields(line);
            let name = lossy(fields.next()?);
            let size_kib = number(fields.nth(1)?)?;
            let used_kib = number(fields.next()?)?;
            Some(Swap { name, size_kib, used_kib })
        };
        swap().ok_or_else(|| Malformed::new("malformed line in swaps", line))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_in_bytes_and_may_lack_lines() {
        let text = b"MemTotal:       16384 kB\nMemFree:  1024 kB\nCached: 10 kB\nSwapCached: 99 kB\nHugePages_Total: 3\nSReclaimable: 5 kB\n";
        let memory = meminfo(text).unwrap();
        let expected = Meminfo {
            total: 16384 * 1024,
            free: 1024 * 1024,
            cached: 10 * 1024,
            slab_reclaimable: 5 * 1024,
            ..Meminfo::default()
        };
        assert_eq!(memory, expected);
        assert!(meminfo(b"MemTotal: many kB\n").unwrap_err().to_string().contains("MemTotal: many kB"));
        assert_eq!(meminfo(b"MemAvailable: 1 kB\n").unwrap().available, Some(1024));
    }

    #[test]
    fn old_kernels_get_an_estimate_of_what_is_available() {
        let memory = Meminfo {
            free: 1000,
            cached: 600,
            slab_reclaimable: 400,
            active_file: 300,
            inactive_file: 100,
            ..Meminfo::default()
        };
        // Watermarks of 25 pages of 2 bytes: 1000 - 50 + (400 - 50) + (400 - 50).
        let zones = b"Node 0, zone DMA\n  pages free 1\n        low 10\n  high 3\n        low 15\n";
        assert_eq!(memory.available_estimate(Some(zones), 2), 1650);
        assert_eq!(memory.available_estimate(None, 2), 2000);
        assert_eq!(Meminfo { active_file: 0, ..memory }.available_estimate(Some(zones), 2), 2000);
    }

    #[test]
    fn vmstat_is_read_by_name() {
        let text = b"nr_free_pages 1\npgpgin 10\npgpgout 20\npswpin 3\npswpout 4\npgfault 500\npgmajfault 5\npgfault_x 9\n";
        let expected =
            Vmstat { swapped_in: 3, swapped_out: 4, paged_in_kib: 10, paged_out_kib: 20, faults: 500, major_faults: 5 };
        assert_eq!(vmstat(text), expected);
    }

    #[test]
    fn swaps_without_their_heading_are_refused() {
        let heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert_eq!(swaps(heading.as_bytes()).unwrap().count(), 0);
        let text = format!("{heading}/dev/vda2                               partition\t1000\t\t20\t\t-2\n/swap bad\n");
        let mut found = swaps(text.as_bytes()).unwrap();
        assert_eq!(found.next().unwrap().unwrap(), Swap { name: "/dev/vda2".into(), size_kib: 1000, used_kib: 20 });
        assert!(found.next().unwrap().is_err());
        assert!(swaps(b"").is_err());
        assert!(swaps(b"Filename Type Used Size\n").is_err());
    }
}
