//! What the two sides can do, as bits.

/// Of a collector.
pub mod agent {
    /// Tells how it is; every collector has this.
    pub const REPORTS_STATUS: u64 = 0x1;
    /// Takes configurations.
    pub const ACCEPTS_REMOTE_CONFIG: u64 = 0x2;
    /// Tells the configuration it runs.
    pub const REPORTS_EFFECTIVE_CONFIG: u64 = 0x4;
    /// Takes packages.
    pub const ACCEPTS_PACKAGES: u64 = 0x8;
    /// Tells which packages it has.
    pub const REPORTS_PACKAGE_STATUSES: u64 = 0x10;
    /// Takes a destination for its own traces.
    pub const REPORTS_OWN_TRACES: u64 = 0x20;
    /// Takes a destination for its own metrics.
    pub const REPORTS_OWN_METRICS: u64 = 0x40;
    /// Takes a destination for its own logs.
    pub const REPORTS_OWN_LOGS: u64 = 0x80;
    /// Takes other settings for its connection to the server.
    pub const ACCEPTS_OPAMP_CONNECTION_SETTINGS: u64 = 0x100;
    /// Takes settings for other connections.
    pub const ACCEPTS_OTHER_CONNECTION_SETTINGS: u64 = 0x200;
    /// Restarts when told to.
    pub const ACCEPTS_RESTART_COMMAND: u64 = 0x400;
    /// Tells how its parts fare.
    pub const REPORTS_HEALTH: u64 = 0x800;
    /// Tells what became of configurations it was given.
    pub const REPORTS_REMOTE_CONFIG: u64 = 0x1000;
    /// Shows in intervals that it is there.
    pub const REPORTS_HEARTBEAT: u64 = 0x2000;
    /// Tells which components it has.
    pub const REPORTS_AVAILABLE_COMPONENTS: u64 = 0x4000;
    /// Tells what became of connection settings it was given.
    pub const REPORTS_CONNECTION_SETTINGS_STATUS: u64 = 0x8000;
}

/// Of a server.
pub mod server {
    /// Takes what collectors tell of themselves; every server has this.
    pub const ACCEPTS_STATUS: u64 = 0x1;
    /// Gives configurations.
    pub const OFFERS_REMOTE_CONFIG: u64 = 0x2;
    /// Takes the configurations that run.
    pub const ACCEPTS_EFFECTIVE_CONFIG: u64 = 0x4;
    /// Gives packages.
    pub const OFFERS_PACKAGES: u64 = 0x8;
    /// Takes which packages there are.
    pub const ACCEPTS_PACKAGES_STATUS: u64 = 0x10;
    /// Gives settings for connections.
    pub const OFFERS_CONNECTION_SETTINGS: u64 = 0x20;
    /// Takes requests for connection settings.
    pub const ACCEPTS_CONNECTION_SETTINGS_REQUEST: u64 = 0x40;
}

/// Flags of a message from a collector.
pub mod agent_flag {
    /// Asks the server for an identity.
    pub const REQUEST_INSTANCE_UID: u64 = 0x1;
}

/// Flags of a message from a server.
pub mod server_flag {
    /// Asks for everything, also what has not changed.
    pub const REPORT_FULL_STATE: u64 = 0x1;
    /// Asks for the list of components.
    pub const REPORT_AVAILABLE_COMPONENTS: u64 = 0x2;
}
