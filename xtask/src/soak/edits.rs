//! Edits of the configuration, at random.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::world::World;

/// Numbers at random (Knuth's linear congruential generator).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

/// Whoever edits.
pub(super) struct Editor {
    random: Random,
    /// How many edits there were.
    pub(super) count: usize,
}

impl Editor {
    pub(super) fn new(seed: u64) -> Editor {
        Editor { random: Random(seed.wrapping_add(7)), count: 0 }
    }

    /// One edit, none of which may cost a sample.
    pub(super) fn edit(&mut self, world: &mut World) -> Result<()> {
        self.count += 1;
        let (kind, number) = (self.random.below(12), self.random.below(50) + 1);
        let even = number.is_multiple_of(2);
        let spare = world.spare.address();
        let config = &mut world.config;
        let exporters = &mut config["exporters"];
        match kind {
            0 => exporters["prometheusremotewrite/stored"]["timeout"] = json!(format!("{}s", 4 + number % 4)),
            1 => exporters["prometheusremotewrite/lossy"]["remote_write_queue"] = json!({"queue_size": 10 + number}),
            2 => {
                exporters["otlphttp/stored"]["sending_queue"] =
                    json!({"storage": "file_storage", "num_consumers": 1 + number % 8})
            }
            3 => exporters["prometheusremotewrite/steady"]["headers"] = json!({"X-Edit": number.to_string()}),
            4 => config["extensions"]["file_storage"]["fsync"] = json!(even),
            5 => config["extensions"]["file_storage"]["max_size"] = json!((512 + number) << 20),
            6 => config["processors"]["batch"]["timeout"] = json!(format!("{}ms", 50 + number)),
            7 => {
                let processors = if even { json!(["attributes"]) } else { json!([]) };
                config["service"]["pipelines"]["metrics"]["processors"] = processors;
            }
            8 => config["receivers"]["otlp"]["protocols"]["http"]["max_request_body_size"] = json!((20 << 20) + number),
            9 => job(config, 1)["sample_limit"] = json!(1_000_000 + number),
            10 => job(config, 2)["static_configs"][0]["targets"] = if even { json!([]) } else { json!([spare]) },
            _ => {
                let bad = config.to_string().replace("\"batch\":", "\"bach\":");
                if world.reload(&bad)?.status.success() {
                    bail!("a bad configuration is applied");
                }
                return Ok(());
            }
        }
        world.apply()
    }

    /// Nothing is scraped any more: what is left is a job without targets.
    pub(super) fn take_jobs_out(&mut self, world: &mut World) -> Result<()> {
        self.count += 1;
        let spare = json!({"job_name": "spare", "static_configs": [{"targets": []}]});
        world.config["receivers"]["prometheus"]["config"]["scrape_configs"] = json!([spare]);
        world.apply()
    }
}

fn job(config: &mut Value, index: usize) -> &mut Value {
    &mut config["receivers"]["prometheus"]["config"]["scrape_configs"][index]
}
