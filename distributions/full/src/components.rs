//! The components of this distribution. Written by `cargo xtask sync` from manifest.yaml.

use warren_component::Factories;

/// Everything the manifest lists.
#[rustfmt::skip]
#[allow(unreachable_pub)] // a distribution may be a library too
pub const FACTORIES: Factories = Factories {
    receivers: &[
        warren_receiver_hostmetrics::FACTORY,
        warren_receiver_journald::FACTORY,
        warren_receiver_otlp::FACTORY,
        warren_receiver_prometheus::FACTORY,
    ],
    processors: &[
        warren_processor_attributes::FACTORY,
        warren_processor_batch::FACTORY,
        warren_processor_cumulativetodelta::FACTORY,
        warren_processor_filter::FACTORY,
        warren_processor_memory_limiter::FACTORY,
        warren_processor_resource::FACTORY,
        warren_processor_transform::FACTORY,
    ],
    exporters: &[
        warren_exporter_debug::FACTORY,
        warren_exporter_otlphttp::FACTORY,
        warren_exporter_prometheus::FACTORY,
        warren_exporter_prometheusremotewrite::FACTORY,
        warren_exporter_rabbitmq::FACTORY,
    ],
    extensions: &[
        warren_extension_basicauth::FACTORY,
        warren_extension_file_storage::FACTORY,
        warren_extension_health_check::FACTORY,
        warren_extension_opamp::FACTORY,
        warren_extension_otlp_encoding::FACTORY,
        warren_extension_pprof::FACTORY,
    ],
};
