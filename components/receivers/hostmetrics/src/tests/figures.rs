//! Stored trees with known answers: upstream's figures, and right ones.

use super::{Tree, lines, lines_of};
use warren_pdata::{Data, Temporality};

#[test]
fn the_frame_of_metrics_is_upstreams() {
    let tree = Tree::new(&[("proc/loadavg", "0.5 1.25 2 1/2 3\n")]);
    let metrics = tree.work("{load: }").scrape();
    let (group, scoped, metric) = metrics.iter().next().unwrap();
    assert!(group.resource.attrs.is_empty());
    assert_eq!(group.schema_url, "https://opentelemetry.io/schemas/1.9.0");
    let scope =
        "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper/loadscraper";
    assert_eq!((scoped.scope.name.as_str(), scoped.scope.version.as_str(), scoped.schema_url.as_str()), (scope, "1.2.3", ""));
    // Gauges count from boot as well.
    let point = metric.data.numbers().unwrap().get(0).unwrap();
    assert_eq!(point.start, 1_700_000_000_000_000_000);
    assert!(point.time > point.start);
    let expected = ["system.cpu.load_average.15m{} 2.0", "system.cpu.load_average.1m{} 0.5", "system.cpu.load_average.5m{} 1.25"];
    assert_eq!(lines(&metrics), expected);
}

#[test]
fn sums_are_cumulative() {
    let tree = Tree::new(&[("proc/diskstats", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n")]);
    for (_, _, metric) in tree.work("{disk: }").scrape().iter() {
        let Data::Sum(sum) = &metric.data else { panic!("{} is no sum", metric.name) };
        assert_eq!(sum.temporality, Temporality::CUMULATIVE);
        assert_eq!(sum.monotonic, metric.name != "system.disk.pending_operations");
    }
}

#[test]
fn processors_have_eight_states_and_a_share_from_the_second_scrape_on() {
    let stat = |first: &str, rest: &str| format!("cpu 0\n{first}\n{rest}btime 1700000000\n");
    let tree = Tree::new(&[("proc/stat", &stat("cpu0 100 200 300 400 500 600 700 800 50 20", ""))]);
    let on = "{cpu: {metrics: {system.cpu.utilization: {enabled: true}}}}";
    let (mut upstream, mut corrected) = (tree.work(on), tree.corrected(on));
    let first = upstream.scrape();
    corrected.scrape();
    let expected = [
        "system.cpu.time{cpu=cpu0,state=user} 1.0",
        "system.cpu.time{cpu=cpu0,state=system} 3.0",
        "system.cpu.time{cpu=cpu0,state=idle} 4.0",
        "system.cpu.time{cpu=cpu0,state=interrupt} 6.0",
        "system.cpu.time{cpu=cpu0,state=nice} 2.0",
        "system.cpu.time{cpu=cpu0,state=softirq} 7.0",
        "system.cpu.time{cpu=cpu0,state=steal} 8.0",
        "system.cpu.time{cpu=cpu0,state=wait} 5.0",
    ];
    assert_eq!(lines(&first), expected);
    // 100 ticks pass: 50 of programs, all of them of guests, 50 idle; stolen time goes back by one.
    tree.write("proc/stat", &stat("cpu0 150 200 300 450 500 600 700 799 100 20", ""));
    let share = |metrics, state: &str| {
        let all = lines_of(metrics, "system.cpu.utilization");
        let line = all.iter().find(|line| line.contains(&format!("state={state}"))).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    let (theirs, ours) = (upstream.scrape(), corrected.scrape());
    near(share(&theirs, "user"), 50.0 / 149.0);
    near(share(&theirs, "steal"), -1.0 / 149.0);
    near(share(&ours, "user"), 0.5);
    near(share(&ours, "steal"), 0.0);
    let stolen = |metrics| lines_of(metrics, "system.cpu.time").into_iter().find(|line| line.contains("steal")).unwrap();
    assert!(stolen(&theirs).ends_with(" 7.99") && stolen(&ours).ends_with(" 8.0"));
    // Nothing passes: shares are zero, not a division by it.
    assert!(lines_of(&upstream.scrape(), "system.cpu.utilization").iter().all(|line| line.ends_with(" 0.0")));
}

#[test]
fn a_processor_that_goes_off_line_is_left_out_and_the_others_go_on() {
    let stat = |cpus: &[usize]| {
        let cpus: String = cpus.iter().map(|cpu| format!("cpu{cpu} 1 2 3 4 5 6 7 8 9 10\n")).collect();
        format!("cpu 0\n{cpus}btime 1700000000\n")
    };
    let many: Vec<usize> = (0..256).collect();
    let tree = Tree::new(&[("proc/stat", &stat(&many))]);
    let mut work = tree.work("{cpu: {metrics: {system.cpu.utilization: {enabled: true}}}}");
    assert_eq!(lines(&work.scrape()).len(), 256 * 8);
    tree.write("proc/stat", &stat(&[0, 2, 255]));
    let after = lines(&work.scrape());
    assert_eq!(after.len(), 3 * 8 * 2);
    assert!(after.iter().all(|line| !line.contains("cpu=cpu1,")));
    tree.write("proc/stat", &stat(&[0, 1]));
    assert_eq!(lines_of(&work.scrape(), "system.cpu.utilization").len(), 8, "one that comes back has no share yet");
}

#[test]
fn the_inventory_of_processors_is_reported_when_asked_for() {
    let cpuinfo = "processor : 0\ncpu MHz : 2400.5\nphysical id : 0\ncpu cores : 1\n\nprocessor : 1\ncpu MHz : 800.25\nphysical id : 0\ncpu cores : 1\n";
    let tree = Tree::new(&[("proc/cpuinfo", cpuinfo)]);
    let names = ["frequency", "logical.count", "physical.count"];
    let on: String = names.iter().map(|name| format!("system.cpu.{name}: {{enabled: true}}, ")).collect();
    let mut work = tree.work(&format!("{{cpu: {{metrics: {{{on}}}}}}}"));
    let expected = [
        "system.cpu.frequency{cpu=cpu0} 2400500000.0",
        "system.cpu.frequency{cpu=cpu1} 800250000.0",
        "system.cpu.logical.count{} 2",
        "system.cpu.physical.count{} 1",
    ];
    assert_eq!(lines(&work.scrape()), expected);
}

const MEMINFO: &str = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 300 kB\nDirty: 7 kB\n\
    SReclaimable: 30 kB\nSUnreclaim: 20 kB\n";

#[test]
fn memory_is_used_free_buffered_and_cached() {
    let tree = Tree::new(&[("proc/meminfo", MEMINFO)]);
    let expected = [
        "system.memory.usage{state=used} 532480",
        "system.memory.usage{state=free} 102400",
        "system.memory.usage{state=buffered} 51200",
        "system.memory.usage{state=cached} 337920",
        "system.memory.usage{state=slab_reclaimable} 30720",
        "system.memory.usage{state=slab_unreclaimable} 20480",
    ];
    assert_eq!(lines(&tree.work("{memory: }").scrape()), expected);
    let on: String = ["memory.utilization", "memory.limit", "linux.memory.available", "linux.memory.dirty"]
        .map(|name| format!("system.{name}: {{enabled: true}}, "))
        .concat();
    let all = tree.work(&format!("{{memory: {{metrics: {{system.memory.usage: {{enabled: false}}, {on}}}}}}}")).scrape();
    let expected = [
        "system.linux.memory.available{} 614400",
        "system.linux.memory.dirty{} 7168",
        "system.memory.limit{} 1024000",
        "system.memory.utilization{state=used} 0.52",
        "system.memory.utilization{state=free} 0.1",
        "system.memory.utilization{state=buffered} 0.05",
        "system.memory.utilization{state=cached} 0.33",
        "system.memory.utilization{state=slab_reclaimable} 0.03",
        "system.memory.utilization{state=slab_unreclaimable} 0.02",
    ];
    assert_eq!(lines(&all), expected);
}

#[test]
fn a_container_whose_parts_exceed_the_whole_uses_nothing_or_wraps() {
    let tree = Tree::new(&[("proc/meminfo", "MemTotal: 100 kB\nMemFree: 90 kB\nCached: 20 kB\n")]);
    assert_eq!(lines(&tree.work("{memory: }").scrape())[0], "system.memory.usage{state=used} -10240");
    assert_eq!(lines(&tree.corrected("{memory: }").scrape())[0], "system.memory.usage{state=used} 0");
    let empty = Tree::new(&[("proc/meminfo", "")]);
    assert!(lines(&empty.work("{memory: }").scrape()).is_empty());
}

#[test]
fn paging_is_upstreams_multiple_or_pages() {
    let tree = Tree::new(&[
        ("proc/vmstat", "pgpgin 40\npgpgout 80\npswpin 3\npswpout 5\npgfault 1000\npgmajfault 10\n"),
        ("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/dm-1 partition 1000 250 -2\n/swap\\040file file 4 0 -3\n"),
    ]);
    let upstream = [
        "system.paging.faults{type=major} 40960",
        "system.paging.faults{type=minor} 4055040",
        "system.paging.operations{direction=page_in,type=major} 12288",
        "system.paging.operations{direction=page_out,type=major} 20480",
        "system.paging.operations{direction=page_in,type=minor} 163840",
        "system.paging.operations{direction=page_out,type=minor} 327680",
        "system.paging.usage{device=/dev/dm-1,state=used} 256000",
        "system.paging.usage{device=/dev/dm-1,state=free} 768000",
        "system.paging.usage{device=/swap\\040file,state=used} 0",
        "system.paging.usage{device=/swap\\040file,state=free} 4096",
    ];
    assert_eq!(lines(&tree.work("{paging: }").scrape()), upstream);
    let right = lines(&tree.corrected("{paging: {metrics: {system.paging.utilization: {enabled: true}}}}").scrape());
    let page_kib = warren_host::system::page_bytes() / 1024;
    assert_eq!(right[..2], ["system.paging.faults{type=major} 10", "system.paging.faults{type=minor} 990"]);
    assert_eq!(right[2], "system.paging.operations{direction=page_in,type=major} 3");
    assert_eq!(right[5], format!("system.paging.operations{{direction=page_out,type=minor}} {}", 80 / page_kib));
    assert!(right.contains(&"system.paging.utilization{device=/dev/dm-1,state=used} 0.25".to_owned()), "{right:?}");
}

#[test]
fn disks_are_counted_in_sectors_of_512_bytes_and_filtered_by_name() {
    let text = "7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n8 0 sda 1 2 3 4000 5 6 7 8000 9 10000 11000 0 0 0 0 0 0\n8 1 sda1 1 0 0 0 0 0 0 0 0 0 0\n";
    let tree = Tree::new(&[("proc/diskstats", text)]);
    let only = "{disk: {exclude: {devices: ['^sda[0-9]'], match_type: regexp}}}";
    let expected = [
        "system.disk.io{device=sda,direction=read} 1536",
        "system.disk.io{device=sda,direction=write} 3584",
        "system.disk.io_time{device=sda} 10.0",
        "system.disk.merged{device=sda,direction=read} 2",
        "system.disk.merged{device=sda,direction=write} 6",
        "system.disk.operation_time{device=sda,direction=read} 4.0",
        "system.disk.operation_time{device=sda,direction=write} 8.0",
        "system.disk.operations{device=sda,direction=read} 1",
        "system.disk.operations{device=sda,direction=write} 5",
        "system.disk.pending_operations{device=sda} 9",
        "system.disk.weighted_io_time{device=sda} 11.0",
    ];
    assert_eq!(lines(&tree.work(only).scrape()), expected);
    assert_eq!(lines_of(&tree.work("{disk: }").scrape(), "system.disk.io").len(), 4);
}

#[test]
fn milliseconds_of_32_bits_wrap_for_upstream_and_go_on_when_corrected() {
    let tree = Tree::new(&[("proc/diskstats", "8 0 sda 0 0 0 0 0 0 0 0 0 4294967000 0\n")]);
    let (mut upstream, mut corrected) = (tree.work("{disk: }"), tree.corrected("{disk: }"));
    upstream.scrape();
    corrected.scrape();
    tree.write("proc/diskstats", "8 0 sda 1 0 0 0 0 0 0 0 0 704 0\n");
    assert_eq!(lines_of(&upstream.scrape(), "system.disk.io_time"), ["system.disk.io_time{device=sda} 0.704"]);
    assert_eq!(lines_of(&corrected.scrape(), "system.disk.io_time"), ["system.disk.io_time{device=sda} 4294968.0"]);
}

#[test]
fn interfaces_send_first_and_counters_wrap_into_the_negative() {
    let text = "Inter-| Receive | Transmit\n face |bytes\n lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nveth0: 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    let tree = Tree::new(&[("proc/net/dev", text), ("proc/net/tcp", "sl\n")]);
    let all = tree.work("{network: }").scrape();
    let expected = [
        "system.network.io{device=lo,direction=transmit} 9",
        "system.network.io{device=lo,direction=receive} 1",
        "system.network.io{device=veth0,direction=transmit} 0",
        "system.network.io{device=veth0,direction=receive} -1",
    ];
    assert_eq!(lines_of(&all, "system.network.io"), expected);
    let only_lo = tree.work("{network: {include: {interfaces: [lo], match_type: strict}}}").scrape();
    let expected =
        ["system.network.packets{device=lo,direction=transmit} 10", "system.network.packets{device=lo,direction=receive} 2"];
    assert_eq!(lines_of(&only_lo, "system.network.packets"), expected);
    let expected =
        ["system.network.dropped{device=lo,direction=transmit} 12", "system.network.dropped{device=lo,direction=receive} 4"];
    assert_eq!(lines_of(&only_lo, "system.network.dropped"), expected);
}

#[test]
fn connections_have_upstreams_odd_states_or_the_kernels() {
    let row = |local: &str, state: &str| format!(" 0: {local} 00000000:0000 {state} 0 0 0 0 0\n");
    let states: String = ["01", "01", "04", "05", "06", "0C", "0F"].iter().map(|state| row("0100007F:1F90", state)).collect();
    // Two sockets that listen on one address, and one on another.
    let listening = row("00000000:1F90", "0A").repeat(2) + &row("00000000:1F91", "0A");
    let tcp6 = format!("sl\n 0: 00000000000000000000000000000000:1F90 {}:0000 0A 0\n", "0".repeat(32));
    let tree = Tree::new(&[("proc/net/tcp", &format!("sl\n{states}{listening}")), ("proc/net/tcp6", &tcp6)]);
    let counted = |metrics| {
        let all = lines_of(&metrics, "system.network.connections");
        let parts = all.iter().map(|line| line.split_once("state=").unwrap().1.replace('}', "")).collect::<Vec<_>>();
        parts.join(", ")
    };
    assert_eq!(
        counted(tree.work("{network: }").scrape()),
        "CLOSE_WAIT 0, CLOSE 0, CLOSING 0, DELETE 0, ESTABLISHED 2, FIN_WAIT_1 0, FIN_WAIT_2 0, LAST_ACK 0, LISTEN 3, SYN_SENT 0, SYN_RECV 0, \
         TIME_WAIT 1,  2, FIN_WAIT1 1, FIN_WAIT2 1"
    );
    assert_eq!(
        counted(tree.corrected("{network: }").scrape()),
        "UNKNOWN 1, ESTABLISHED 2, SYN_SENT 0, SYN_RECV 1, FIN_WAIT_1 1, FIN_WAIT_2 1, TIME_WAIT 1, CLOSE 0, CLOSE_WAIT 0, LAST_ACK 0, LISTEN 4, \
         CLOSING 0"
    );
}

#[test]
fn connection_tracking_and_the_network_of_the_first_process_are_read() {
    let dev = |bytes: u32| format!("1\n2\neth0: {bytes} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
    let tree = Tree::new(&[
        ("proc/net/dev", &dev(1)),
        ("proc/net/tcp", "sl\n"),
        ("proc/1/net/dev", &dev(2)),
        ("proc/1/net/tcp", "sl\n"),
        ("proc/sys/net/netfilter/nf_conntrack_count", "17\n"),
        ("proc/sys/net/netfilter/nf_conntrack_max", "262144\n"),
    ]);
    let on =
        "{network: {metrics: {system.network.conntrack.count: {enabled: true}, system.network.conntrack.max: {enabled: true}}}}";
    let all = tree.work(on).scrape();
    assert_eq!(lines_of(&all, "system.network.conntrack.count"), ["system.network.conntrack.count{} 17"]);
    assert_eq!(lines_of(&all, "system.network.conntrack.max"), ["system.network.conntrack.max{} 262144"]);
    assert!(lines(&all).contains(&"system.network.io{device=eth0,direction=receive} 1".to_owned()));
    assert!(
        lines(&tree.corrected("{network: }").scrape()).contains(&"system.network.io{device=eth0,direction=receive} 2".to_owned())
    );
}

#[test]
fn file_systems_with_a_device_are_reported_once_each_by_their_own_names() {
    let tree = Tree::new(&[("proc/filesystems", "nodev\ttmpfs\n\text4\nnodev\tzfs\n")]);
    std::fs::create_dir_all(tree.path().join("data disk")).unwrap();
    let table = "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n2 1 8:1 / / rw - ext4 /dev/sda1 rw\n3 1 8:1 /x /gone rw - ext4 /dev/sda1 rw\n\
        4 1 8:2 / /data\\040disk ro - ext4 /dev/sdb rw\n5 1 0:5 / /run rw - tmpfs tmpfs rw\n6 1 0:6 / /tank rw - zfs tank rw\n\
        7 1 0:7 / /none rw - ext4 none rw\n";
    tree.write("proc/1/mountinfo", table);
    let mut work = tree.work("{filesystem: {metrics: {system.filesystem.utilization: {enabled: true}}}}");
    let found = lines_of(&work.scrape(), "system.filesystem.utilization");
    let shown: Vec<&str> = found.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    let of = |attrs: &str| format!("system.filesystem.utilization{{{attrs}}}");
    let expected =
        [of("device=/dev/sda1,mode=rw,mountpoint=/,type=ext4"), of("device=/dev/sdb,mode=ro,mountpoint=/data disk,type=ext4")];
    assert_eq!(shown, expected, "the two that are not there fail");
    // The same is told as long as the table is the same, and the new one when it changes.
    assert_eq!(lines_of(&work.scrape(), "system.filesystem.utilization").len(), 2);
    tree.write("proc/1/mountinfo", table.lines().next().unwrap());
    assert_eq!(lines_of(&work.scrape(), "system.filesystem.utilization").len(), 1);
    tree.write("proc/1/mountinfo", "no separator\n");
    assert!(lines(&work.scrape()).is_empty());
}

#[test]
fn file_systems_are_filtered_by_device_type_and_place_and_may_be_virtual() {
    let tree = Tree::new(&[("proc/filesystems", "\text4\n")]);
    let mut table = String::new();
    for (place, kind, device) in [("a", "ext4", "/dev/sda"), ("b", "tmpfs", "tmpfs"), ("c", "ext4", "/dev/sdb")] {
        std::fs::create_dir_all(tree.path().join(place)).unwrap();
        table += &format!("1 0 8:1 / /{place} rw - {kind} {device} ro\n");
    }
    tree.write("proc/1/mountinfo", &table);
    for (settings, expected) in [
        ("", "/a /c"),
        ("include_virtual_filesystems: true", "/a /c /b"),
        ("include_devices: {devices: [/dev/sdb], match_type: strict}", "/c"),
        ("exclude_fs_types: {fs_types: [ext4], match_type: strict}, include_virtual_filesystems: true", "/b"),
        ("exclude_mount_points: {mount_points: [^/a], match_type: regexp}", "/c"),
    ] {
        let metrics = tree.work(&format!("{{filesystem: {{{settings}}}}}")).scrape();
        let used = lines_of(&metrics, "system.filesystem.usage").into_iter().filter(|line| line.contains("state=used"));
        let places: Vec<String> =
            used.map(|line| line.split("mountpoint=").nth(1).unwrap().split(',').next().unwrap().to_owned()).collect();
        assert_eq!(places.join(" "), expected, "{settings}");
    }
    let ours = tree.corrected("{filesystem: }").scrape();
    assert!(lines(&ours).iter().all(|line| line.contains("mode=ro")), "the file system is read-only, whatever the mount says");
}
