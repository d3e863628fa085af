//! Metrics pages of the shape a RabbitMQ server writes, made from nothing: a part that every node has (about 690 series) and 22 families
//! with one series for each queue.

use std::fmt::Write as _;

/// Families with one series for each queue, as `/metrics/detailed` names them; counters end in `_total`.
const QUEUE_FAMILIES: [&str; 22] = [
    "messages_ready",
    "messages_unacked",
    "messages",
    "process_reductions_total",
    "consumers",
    "consumer_capacity",
    "consumer_utilisation",
    "process_memory_bytes",
    "messages_ram",
    "messages_ram_bytes",
    "messages_ready_ram",
    "messages_unacked_ram",
    "messages_persistent",
    "messages_persistent_bytes",
    "messages_bytes",
    "messages_ready_bytes",
    "messages_unacked_bytes",
    "messages_paged_out",
    "messages_paged_out_bytes",
    "head_message_timestamp",
    "disk_reads_total",
    "disk_writes_total",
];

/// Families of the node itself without labels, half of them counters.
const PLAIN_FAMILIES: usize = 226;

/// Families of the Erlang machine with one series for each scheduler thread.
const SCHEDULER_FAMILIES: [&str; 7] = ["aux", "check_io", "emulator", "gc", "other", "port", "sleep"];
const SCHEDULERS: usize = 17;

/// Allocators, instances, kinds and usages whose combinations make the largest family of a node.
const ALLOCATORS: [&str; 9] = ["temp", "sl", "std", "ll", "eheap", "ets", "fix", "literal", "binary"];
const ALLOCATOR_INSTANCES: usize = 4;
const ALLOCATOR_KINDS: [&str; 4] = ["mbcs", "mbcs_pool", "sbcs", "sys"];
const ALLOCATOR_USAGES: [&str; 2] = ["blocks_size", "carriers_size"];

/// A page and how many series it holds.
#[derive(Clone, Debug)]
pub struct Page {
    /// Text exposition, version 0.0.4.
    pub text: String,
    /// Number of series.
    pub series: usize,
}

/// The page of a node with `queues` queues at its `tick`-th scrape: every number moves with the tick, so that nothing can be cached.
pub fn broker(queues: usize, tick: u64) -> Page {
    let mut page = Page { text: String::with_capacity(90 * (queues * QUEUE_FAMILIES.len() + 800)), series: 0 };
    for (index, family) in QUEUE_FAMILIES.iter().enumerate() {
        let name = format!("rabbitmq_detailed_queue_{family}");
        page.family(&name, "");
        for queue in 0..queues {
            let labels = format!("vhost=\"/\",queue=\"tenant-{}.orders.{queue:06}\"", queue % 17);
            match *family {
                "head_message_timestamp" => page.row(&name, &labels, "NaN"),
                _ => page.row(&name, &labels, value(queue * 31 + index, tick)),
            }
        }
    }
    for index in 0..PLAIN_FAMILIES {
        let suffix = if index % 2 == 0 { "" } else { "_total" };
        let name = format!("rabbitmq_node_measure_{index:03}{suffix}");
        page.family(&name, "Something a broker counts about itself.");
        page.row(&name, "", value(index * 1009, tick));
    }
    for kind in SCHEDULER_FAMILIES {
        let name = format!("erlang_vm_msacc_{kind}_seconds_total");
        page.family(&name, "Seconds a scheduler thread spent in one kind of work.");
        for scheduler in 0..SCHEDULERS {
            let seconds = format!("{}.{:06}", scheduler * 3, tick * 1_001 % 1_000_000);
            page.row(&name, &format!("type=\"scheduler\",id=\"{scheduler}\""), seconds);
        }
    }
    page.family("erlang_vm_allocators", "Bytes held by the allocators of the Erlang machine.");
    for (index, allocator) in ALLOCATORS.iter().enumerate() {
        for instance in 0..ALLOCATOR_INSTANCES {
            for kind in ALLOCATOR_KINDS {
                for usage in ALLOCATOR_USAGES {
                    let labels =
                        format!("alloc=\"{allocator}_alloc\",instance_no=\"{instance}\",kind=\"{kind}\",usage=\"{usage}\"");
                    page.row("erlang_vm_allocators", &labels, value(index * 32_768 + instance, tick));
                }
            }
        }
    }
    for table in 0..54 {
        let name = if table < 27 { "erlang_mnesia_tablewise_size" } else { "erlang_mnesia_tablewise_memory_usage_bytes" };
        if table % 27 == 0 {
            page.family(name, "Size of one Mnesia table.");
        }
        page.row(name, &format!("table=\"table_{}\"", table % 27), value(table * 77, tick));
    }
    page.family("rabbitmq_build_info", "RabbitMQ and Erlang versions.");
    page.row("rabbitmq_build_info", "rabbitmq_version=\"3.10.8\",erlang_version=\"25.2.3\"", 1);
    page.family("rabbitmq_identity_info", "Node and cluster identity.");
    page.row("rabbitmq_identity_info", "rabbitmq_node=\"rabbit@server\",rabbitmq_cluster=\"rabbit@server\"", 1);
    page
}

impl Page {
    fn family(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn row(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
        self.series += 1;
    }
}

/// A number of one to eight digits that grows with every tick.
fn value(seed: usize, tick: u64) -> u64 {
    let spread = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let shrunk = spread >> (spread % 20);
    shrunk + tick
}

#[cfg(test)]
mod tests {
    use super::broker;

    #[test]
    fn the_page_has_the_size_of_a_real_broker_and_every_row_once() {
        for (queues, expected) in [(10, 840..980), (1000, 22_000..23_400)] {
            let page = broker(queues, 0);
            let rows: Vec<&str> = page.text.lines().filter(|line| !line.starts_with('#')).collect();
            assert_eq!(rows.len(), page.series);
            assert!(expected.contains(&page.series), "{} series for {queues} queues", page.series);
            let names: std::collections::HashSet<&str> = rows.iter().filter_map(|row| Some(row.rsplit_once(' ')?.0)).collect();
            assert_eq!(names.len(), rows.len(), "no series stands twice");
        }
    }

    #[test]
    fn numbers_move_between_scrapes_and_series_stay() {
        let series =
            |tick| broker(3, tick).text.lines().filter_map(|row| Some(row.rsplit_once(' ')?.0.to_owned())).collect::<Vec<_>>();
        assert_eq!(series(0), series(1));
        assert_ne!(broker(3, 0).text, broker(3, 1).text);
    }
}
