//! The settings of upstream's gRPC servers, `configgrpc.ServerConfig`.

use crate::client::Middleware;
use crate::server::{
    BODIES_MAX, Bounds, CONNECTIONS_MAX, Keepalive as Probing, Protocols, Transport, connections, split_endpoint,
};
use crate::tls::TlsServerConfig;
use std::time::Duration;
use warren_component::MemoryBound;
use warren_config::{Block, ComponentId, Fields, ReferenceKind, Report};

/// The largest message when the settings say nothing.
const MESSAGE_SIZE_MAX: usize = 4 << 20;

/// grpc-go's time between probes of a silent connection.
const PROBE_AFTER: Duration = Duration::from_secs(2 * 3600);

/// grpc-go's time for the answer to a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Settings of a gRPC server.
#[derive(Clone, Debug, Default)]
pub struct GrpcServerConfig {
    /// `host:port`, or the path of a Unix socket.
    pub endpoint: String,
    /// The kind of socket.
    pub transport: Transport,
    /// Accepted; a server does not dial.
    pub dialer: Dialer,
    /// TLS; none means plain text.
    pub tls: Option<TlsServerConfig>,
    /// The largest message in MiB, before and after decompression; 0 means 4.
    pub max_recv_msg_size_mib: i64,
    /// Calls at a time on one connection; 0 means the default.
    pub max_concurrent_streams: u32,
    /// Accepted; buffers find their size themselves.
    pub read_buffer_size: i64,
    /// Accepted; buffers find their size themselves.
    pub write_buffer_size: i64,
    /// When connections are probed and closed.
    pub keepalive: Keepalive,
    /// Who checks calls.
    pub auth: Option<GrpcAuthConfig>,
    /// Whether metadata of the call goes along with its data.
    pub include_metadata: bool,
    /// Extensions that change requests: none exists, so naming one is refused.
    pub middlewares: Vec<Middleware>,
}

/// Settings for connecting, which a server has no use for.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    /// For connecting.
    pub timeout: Duration,
}

/// When connections are probed and closed.
#[derive(Clone, Debug, Default)]
pub struct Keepalive {
    /// What the server does.
    pub server_parameters: ServerParameters,
    /// What clients may do.
    pub enforcement_policy: EnforcementPolicy,
}

/// When the server probes and closes connections; zero means grpc-go's default.
#[derive(Clone, Debug, Default)]
pub struct ServerParameters {
    /// Closed after being idle for so long; zero means never.
    pub max_connection_idle: Duration,
    /// Closed after so long; zero means never.
    pub max_connection_age: Duration,
    /// After that, the time for calls in flight; zero means no bound.
    pub max_connection_age_grace: Duration,
    /// Probed after so long without a byte; zero means two hours.
    pub time: Duration,
    /// The time for the answer; zero means 20 s.
    pub timeout: Duration,
}

/// How often clients may probe. Accepted without effect: clients may probe as often as they like.
#[derive(Clone, Debug, Default)]
pub struct EnforcementPolicy {
    min_time: Duration,
    permit_without_stream: bool,
}

/// Who checks calls.
#[derive(Clone, Debug, Default)]
pub struct GrpcAuthConfig {
    /// The extension's id.
    pub authenticator: Option<ComponentId>,
}

impl Block for GrpcServerConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.scalar("transport", &mut self.transport);
        f.block("dialer", &mut self.dialer);
        f.optional("tls", &mut self.tls);
        f.scalar("max_recv_msg_size_mib", &mut self.max_recv_msg_size_mib);
        f.scalar("max_concurrent_streams", &mut self.max_concurrent_streams);
        f.scalar("read_buffer_size", &mut self.read_buffer_size);
        f.scalar("write_buffer_size", &mut self.write_buffer_size);
        f.block("keepalive", &mut self.keepalive);
        f.optional("auth", &mut self.auth);
        f.scalar("include_metadata", &mut self.include_metadata);
        f.blocks("middlewares", &mut self.middlewares);
    }

    fn validate(&self, report: &mut Report<'_>) {
        // Upstream does not look at these, and takes its defaults for what makes no sense.
        let sizes = [
            ("max_recv_msg_size_mib", self.max_recv_msg_size_mib),
            ("read_buffer_size", self.read_buffer_size),
            ("write_buffer_size", self.write_buffer_size),
        ];
        for (key, size) in sizes {
            if size < 0 {
                report.warning(key, format!("{size} has no effect; the default is taken"));
            }
        }
        if self.transport == Transport::Unset {
            report.warning("transport", "an empty transport is taken for tcp");
        }
        match self.transport {
            Transport::Unix => {}
            _ if self.endpoint.is_empty() => {}
            _ => {
                if let Err(error) = split_endpoint(&self.endpoint) {
                    report.error("endpoint", error);
                }
            }
        }
    }
}

impl Block for Dialer {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("timeout", &mut self.timeout);
    }
}

impl Block for Keepalive {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("server_parameters", &mut self.server_parameters);
        f.block("enforcement_policy", &mut self.enforcement_policy);
    }
}

impl Block for ServerParameters {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("max_connection_idle", &mut self.max_connection_idle);
        f.scalar("max_connection_age", &mut self.max_connection_age);
        f.scalar("max_connection_age_grace", &mut self.max_connection_age_grace);
        f.scalar("time", &mut self.time);
        f.scalar("timeout", &mut self.timeout);
    }
}

impl Block for EnforcementPolicy {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("min_time", &mut self.min_time);
        f.scalar("permit_without_stream", &mut self.permit_without_stream);
    }
}

impl Block for GrpcAuthConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("authenticator", &mut self.authenticator);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match &self.authenticator {
            Some(id) => report.reference("authenticator", ReferenceKind::Authenticator, id),
            None => report.error_with_hint("authenticator", "must be specified", "name the extension that authenticates"),
        }
    }
}

impl GrpcServerConfig {
    pub(super) fn message_size_max(&self) -> usize {
        let mib = usize::try_from(self.max_recv_msg_size_mib).ok().filter(|mib| *mib > 0);
        mib.map_or(MESSAGE_SIZE_MAX, |mib| mib.saturating_mul(1 << 20))
    }

    /// What connections and messages may take.
    pub fn memory(&self) -> Vec<MemoryBound> {
        let messages = BODIES_MAX.max(self.message_size_max().saturating_mul(2)) as u64;
        vec![connections(), MemoryBound::new("gRPC messages", messages).set_by("max_recv_msg_size_mib")]
    }

    pub(super) fn protocols(&self) -> Protocols {
        let or = |time: Duration, default| if time == Duration::ZERO { default } else { time };
        let parameters = &self.keepalive.server_parameters;
        Protocols::Http2 {
            streams_max: Some(self.max_concurrent_streams).filter(|streams| *streams > 0),
            keepalive: Probing { after: or(parameters.time, PROBE_AFTER), timeout: or(parameters.timeout, PROBE_TIMEOUT) },
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        let parameters = &self.keepalive.server_parameters;
        Bounds {
            connections_max: CONNECTIONS_MAX,
            read_header: Duration::ZERO,
            write: Duration::ZERO,
            idle: parameters.max_connection_idle,
            age: parameters.max_connection_age,
            age_grace: parameters.max_connection_age_grace,
        }
    }
}
