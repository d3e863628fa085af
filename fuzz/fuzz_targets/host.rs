//! Any bytes as any file of the kernel: every parser of `/proc` takes them without a panic and without end.
//!
//! Input: a byte that chooses the parser, then the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_host::{cpu, disk, memory, mount, network, process, sock_diag, system, text, users};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, file)) = data.split_first() else { return };
    match choice % 17 {
        0 => {
            cpu::processors(file).count();
            cpu::tasks(file);
            cpu::boot_time(file);
        }
        1 => {
            cpu::frequencies(file).count();
            cpu::logical(file, file);
            cpu::cores_of_cpuinfo(file);
        }
        2 => {
            if let Ok(memory) = memory::meminfo(file) {
                memory.available_estimate(Some(file), 4096);
                memory.available_estimate(None, 4096);
            }
        }
        3 => _ = memory::vmstat(file),
        4 => _ = memory::swaps(file).map(Iterator::count),
        5 => _ = disk::disks(file).count(),
        6 => _ = network::interfaces(file).count(),
        7 => _ = network::sockets(file).count(),
        8 => {
            for mount in mount::mountinfo(file).flatten() {
                mount.mode();
                mount.true_mode();
            }
        }
        9 => _ = mount::mounts(file).count(),
        10 => _ = mount::with_device(file).count(),
        11 => {
            if let Some(stat) = process::stat(file) {
                assert!(stat.comm().len() <= file.len());
            }
        }
        12 => _ = (process::statm(file), process::io(file), process::status(file)),
        13 => assert!(process::words(file).map(<[u8]>::len).sum::<usize>() <= file.len()),
        14 => _ = (system::load(file), network::count(file), users::users(file).count()),
        15 => _ = sock_diag::answers(file, 1, |_| ()),
        _ => {
            for line in text::lines(file) {
                text::fields(line).for_each(|field| _ = (text::number(field), text::hex(field), text::float(field)));
            }
        }
    }
});
