//! Mounted file systems: `mountinfo`, `mounts`, `/proc/filesystems`.

use crate::text::{fields, lines, lossy};
use crate::{Malformed, Paths};
use std::borrow::Cow;

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// What is mounted, as the kernel names it.
    pub device: Cow<'a, str>,
    /// Where, as the machine itself sees it.
    pub point: String,
    /// Type of the file system.
    pub kind: Cow<'a, str>,
    /// Options of this mount.
    pub options: Cow<'a, str>,
    /// Options of the file system, which an error may have turned to `ro`; empty where `mounts` was read.
    pub super_options: Cow<'a, str>,
    /// Major and minor number of the device, `8:1`; empty where `mounts` was read.
    pub number: Cow<'a, str>,
}

impl Mount<'_> {
    /// How it can be written: `rw`, `ro`, or `unknown` when neither is said.
    pub fn mode(&self) -> &'static str {
        let has = |option: &str| self.options.split(',').any(|known| known == option);
        match () {
            () if has("rw") => "rw",
            () if has("ro") => "ro",
            () => "unknown",
        }
    }

    /// The same, but `ro` also where the file system itself is.
    pub fn true_mode(&self) -> &'static str {
        if self.super_options.split(',').any(|option| option == "ro") { "ro" } else { self.mode() }
    }

    /// The device by the name that other tools give it: `/dev/mapper/x` is a link to `/dev/dm-0`, `/dev/root` is no device at all.
    pub fn real_device(&self, paths: &Paths) -> String {
        if let Some(name) = self.device.strip_prefix("/dev/mapper/")
            && let Ok(real) = std::fs::canonicalize(paths.dev.join("mapper").join(name))
        {
            return real.to_string_lossy().into_owned();
        }
        if self.device == "/dev/root"
            && let Ok(real) = std::fs::read_link(paths.sys.join("dev/block").join(&*self.number))
            && let Some(name) = real.file_name()
        {
            return format!("/dev/{}", name.to_string_lossy());
        }
        self.device.clone().into_owned()
    }
}

/// The mounts of a `mountinfo`.
///
/// # Errors
/// Of each mount, when its line does not read well.
pub fn mountinfo(text: &[u8]) -> impl Iterator<Item = Result<Mount<'_>, Malformed>> {
    lines(text).map(|line| {
        let mount = || {
            let separator = memchr::memmem::find(line, b" - ")?;
            let (own, system) = (line.get(..separator)?, line.get(separator + 3..)?);
            if memchr::memmem::find(system, b" - ").is_some() {
                return None;
            }
            let mut own = fields(own);
            let number = own.nth(2)?;
            let point = own.nth(1)?;
            let options = own.next()?;
            let mut system = fields(system);
            let kind = system.next()?;
            let device = system.next()?;
            Some(Mount {
                device: lossy(device),
                point: unescape(point),
                kind: lossy(kind),
                options: lossy(options),
                super_options: lossy(system.next().unwrap_or_default()),
                number: lossy(number),
            })
        };
        mount().ok_or_else(|| Malformed::new("found invalid mountinfo line", line))
    })
}

/// The mounts of a `mounts`, which kernels without `mountinfo` have. Lines that are too short are skipped.
pub fn mounts(text: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    lines(text).filter_map(|line| {
        let mut fields = fields(line);
        let (device, point, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        Some(Mount {
            device: lossy(device),
            point: unescape(point),
            kind: lossy(kind),
            options: lossy(options),
            super_options: Cow::default(),
            number: Cow::default(),
        })
    })
}

/// The types of file systems that have a device, of `/proc/filesystems`; ZFS counts as one.
pub fn with_device(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(text).filter_map(|line| match line.strip_prefix(b"nodev") {
        None => Some(line.trim_ascii()),
        Some(kind) => (kind.trim_ascii() == b"zfs").then(|| kind.trim_ascii()),
    })
}

/// A path without the escapes of the kernel (`\040` for a blank). A path that the reference's unescaping refuses, because it holds a quotation
/// mark or an escape that is none, stays as it is.
fn unescape(path: &[u8]) -> String {
    let whole = lossy(path);
    if !path.contains(&b'\\') || path.contains(&b'"') {
        return whole.into_owned();
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.as_slice().get(..3).filter(|digits| digits.iter().all(|digit| matches!(digit, b'0'..=b'7')));
        let value =
            digits.and_then(|digits| digits.iter().try_fold(0u8, |sum, digit| sum.checked_mul(8)?.checked_add(digit - b'0')));
        let Some(value) = value else { return whole.into_owned() };
        bytes.push(value);
        rest = rest.as_slice().get(3..).unwrap_or_default().iter();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn optional_fields_and_escapes_are_understood() {
        let text = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=continue\n22 27 0:21 / /proc ro - proc proc rw\n";
        let found: Vec<_> = mountinfo(text).map(Result::unwrap).collect();
        assert_eq!((&*found[0].device, &*found[0].point, &*found[0].kind), ("/dev/root", "/mnt 2", "ext3"));
        assert_eq!((found[0].mode(), found[0].true_mode()), ("rw", "ro"));
        assert_eq!((&*found[0].number, found[1].mode()), ("98:0", "ro"));
        for broken in [&b"36 35 98:0 / /mnt rw ext3 /dev/root rw"[..], b"1 2 3 - ext4 /dev/a", b"1 2 3 / / rw - a b - c d"] {
            assert!(mountinfo(broken).next().unwrap().is_err());
        }
    }

    #[test]
    fn paths_are_unescaped_as_the_reference_does() {
        for (raw, expected) in [
            ("/a\\040b\\011c", "/a b\tc"),
            ("/\\134", "/\\"),
            ("/a\"b\\040", "/a\"b\\040"),
            ("/a\\9", "/a\\9"),
            ("/a\\04", "/a\\04"),
            ("/\\303\\244", "/ä"),
        ] {
            assert_eq!(unescape(raw.as_bytes()), expected, "{raw}");
        }
    }

    #[test]
    fn types_with_a_device_and_zfs_count() {
        let kinds: Vec<_> = with_device(b"nodev\tsysfs\n\text4\nnodev\tzfs\nnodev\tfuse\n\tfuseblk\n").collect();
        assert_eq!(kinds, [&b"ext4"[..], b"zfs", b"fuseblk"]);
    }

    #[test]
    fn devices_get_their_real_names() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("dev/mapper")).unwrap();
        std::fs::create_dir_all(at("sys/dev/block")).unwrap();
        std::fs::write(at("dev/dm-0"), "").unwrap();
        std::os::unix::fs::symlink("../dm-0", at("dev/mapper/vg-root")).unwrap();
        std::os::unix::fs::symlink("../../devices/pci0/block/sda/sda1", at("sys/dev/block/8:1")).unwrap();
        let paths = Paths::new(root.path(), |_| None);
        let real = |line: &str| mountinfo(line.as_bytes()).next().unwrap().unwrap().real_device(&paths);
        let dm = std::fs::canonicalize(at("dev/dm-0")).unwrap();
        assert_eq!(Path::new(&real("1 2 254:0 / / rw - ext4 /dev/mapper/vg-root rw")), dm);
        assert_eq!(real("1 2 8:1 / / rw - ext4 /dev/root rw"), "/dev/sda1");
        assert_eq!(real("1 2 8:2 / / rw - ext4 /dev/root rw"), "/dev/root");
        assert_eq!(real("1 2 8:2 / / rw - ext4 /dev/mapper/gone rw"), "/dev/mapper/gone");
    }

    #[test]
    fn old_kernels_have_mounts() {
        let found: Vec<_> = mounts(b"/dev/sda1 / ext4 rw,relatime 0 0\nshort line\n").collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].mode(), &*found[0].point), ("rw", "/"));
    }
}
