//! The scrapers, one file each: the table of its metrics, its settings, and how the kernel's figures become values.

pub(crate) mod cpu;
pub(crate) mod disk;
pub(crate) mod filesystem;
pub(crate) mod load;
pub(crate) mod memory;
pub(crate) mod network;
pub(crate) mod paging;
pub(crate) mod process;
pub(crate) mod processes;
pub(crate) mod system;

use warren_pdata::{Attrs, KeyValue, Text};

/// A set of attributes of text.
fn texts<const N: usize>(entries: [(&'static str, &str); N]) -> Attrs {
    entries.into_iter().map(|(key, value)| KeyValue::new(Text::from(key), value)).collect()
}

/// The same set once more for each value of a further attribute.
fn each<const N: usize>(base: &Attrs, key: &'static str, values: [&'static str; N]) -> [Attrs; N] {
    values.map(|value| {
        let mut attrs = base.clone();
        attrs.edit().push(KeyValue::new(Text::from(key), value));
        attrs
    })
}

/// Settings of a scraper that has none of its own: which metrics are reported.
macro_rules! plain_config {
    ($build:expr) => {
        /// Settings of the scraper.
        #[derive(Clone, Debug)]
        pub(crate) struct Config {
            metrics: $crate::metric::MetricSettings,
        }

        impl Default for Config {
            fn default() -> Self {
                Self { metrics: $crate::metric::MetricSettings::new(METRICS) }
            }
        }

        impl warren_config::Block for Config {
            fn fields(&mut self, f: &mut warren_config::Fields<'_>) {
                f.block("metrics", &mut self.metrics);
            }
        }

        impl $crate::scraper::ScraperConfig for Config {
            fn metrics(&self) -> &$crate::metric::MetricSettings {
                &self.metrics
            }

            fn build(&self, cx: &$crate::scraper::ScraperContext<'_>) -> Result<Box<dyn $crate::scraper::Scraper>, String> {
                let build: fn(&$crate::scraper::ScraperContext<'_>) -> Box<dyn $crate::scraper::Scraper> = $build;
                Ok(build(cx))
            }
        }
    };
}
pub(crate) use plain_config;
