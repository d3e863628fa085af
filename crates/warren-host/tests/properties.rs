//! The parsers on whatever bytes: nothing panics, and what is written as the kernel writes it is read back.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use std::fmt::Write;
use warren_host::{cpu, disk, memory, mount, network, process, sock_diag, system, text, users};

/// Bytes that look like a kernel file here and there.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("cpu0".to_owned()),
        Just("btime".to_owned()),
        Just("processor".to_owned()),
        Just("MemTotal:".to_owned()),
        Just("Uid:".to_owned()),
        Just("Filename Type Size Used".to_owned()),
        Just(" - ".to_owned()),
        Just("(a) b)".to_owned()),
        Just("\\040".to_owned()),
        Just("0100007F:1F90".to_owned()),
        any::<u64>().prop_map(|number| number.to_string()),
        "[ -~]{0,6}",
    ];
    let separator = prop_oneof![Just(" "), Just("\n"), Just("\t"), Just(":"), Just("\0")];
    let structured = prop::collection::vec((word, separator), 0..60).prop_map(|words| {
        let mut file = String::new();
        words.iter().for_each(|(word, separator)| {
            file.push_str(word);
            file.push_str(separator);
        });
        file.into_bytes()
    });
    prop_oneof![structured, prop::collection::vec(any::<u8>(), 0..400)]
}

proptest! {
    #[test]
    fn prop_no_file_makes_a_parser_panic(file in files()) {
        cpu::processors(&file).count();
        cpu::tasks(&file);
        cpu::boot_time(&file);
        cpu::frequencies(&file).count();
        cpu::logical(&file, &file);
        cpu::cores_of_cpuinfo(&file);
        if let Ok(memory) = memory::meminfo(&file) {
            memory.available_estimate(Some(&file), 4096);
        }
        memory::vmstat(&file);
        let _ = memory::swaps(&file).map(Iterator::count);
        disk::disks(&file).count();
        network::interfaces(&file).count();
        network::sockets(&file).count();
        network::count(&file);
        let _ = sock_diag::answers(&file, 1, |_| ());
        mount::mountinfo(&file).flatten().for_each(|mount| _ = (mount.mode(), mount.true_mode()));
        mount::mounts(&file).count();
        mount::with_device(&file).count();
        process::stat(&file);
        process::statm(&file);
        process::io(&file);
        process::status(&file);
        process::words(&file).count();
        system::load(&file);
        users::users(&file).count();
        text::lines(&file).flat_map(text::fields).for_each(|field| _ = (text::number(field), text::hex(field), text::float(field)));
    }

    #[test]
    fn prop_disks_are_read_as_the_kernel_writes_them(rows in prop::collection::vec(("[a-z][a-z0-9-]{0,8}", prop::array::uniform11(1u64..)), 0..20)) {
        let mut file = String::new();
        for (name, counts) in &rows {
            write!(file, "{:4} {:7} {name}", 8, 0).unwrap();
            counts.iter().for_each(|count| write!(file, " {count}").unwrap());
            file.push('\n');
        }
        let read: Vec<_> = disk::disks(file.as_bytes()).map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), rows.len());
        for (disk, (name, counts)) in read.iter().zip(&rows) {
            prop_assert_eq!(&*disk.name, name.as_str());
            prop_assert_eq!(&[disk.read.operations, disk.read.merged, disk.read.sectors, disk.read.ms][..], &counts[..4]);
            prop_assert_eq!(&[disk.pending, disk.busy_ms, disk.weighted_ms][..], &counts[8..]);
        }
    }

    #[test]
    fn prop_a_process_is_read_whatever_its_name_is(pid in any::<u32>(), name in prop::collection::vec(any::<u8>().prop_filter("no zero", |byte| *byte != 0), 0..64), counts in prop::array::uniform32(0u64..1 << 40)) {
        let mut file = format!("{pid} (").into_bytes();
        file.extend_from_slice(&name);
        file.extend_from_slice(b") S 1 2 3 4 -1");
        counts.iter().for_each(|count| file.extend_from_slice(format!(" {count}").as_bytes()));
        let stat = process::stat(&file).unwrap();
        prop_assert_eq!((stat.pid, stat.comm(), stat.parent), (pid, &name[..], 1));
        prop_assert_eq!([stat.minor_faults, stat.major_faults, stat.user, stat.system], [counts[1], counts[3], counts[5], counts[6]]);
    }

    #[test]
    fn prop_paths_of_mounts_are_unescaped(path in "/[a-z \\\\\t\n]{0,12}") {
        let escaped: String = path.chars().map(|c| match c {
            ' ' | '\\' | '\t' | '\n' => format!("\\{:03o}", u32::from(c)),
            other => other.to_string(),
        }).collect();
        let line = format!("36 35 98:0 / {escaped} rw,noatime master:1 - ext4 /dev/sda1 rw");
        prop_assert_eq!(mount::mountinfo(line.as_bytes()).next().unwrap().unwrap().point, path);
    }
}
