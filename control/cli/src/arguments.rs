//! The command line.

use crate::adopt::Adopt;
use crate::emergency::Emergency;
use crate::packages::Packages;
use crate::rollouts::Rollouts;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Manages a fleet of collectors.
#[derive(Debug, Parser)]
#[command(name = "warren", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the control plane is, and how answers look.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Where the control plane is.
    #[arg(long, global = true, env = "WARREN_URL", default_value = "http://127.0.0.1:4320")]
    pub(crate) url: String,
    /// What opens its door; a file can be given as @PATH.
    #[arg(long, global = true, env = "WARREN_TOKEN", default_value = "", hide_env_values = true)]
    pub(crate) token: String,
    /// Certificates that the control plane's must lead to [default: the system's].
    #[arg(long, global = true, env = "WARREN_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// A certificate to show, where one is asked for.
    #[arg(long, global = true, env = "WARREN_CERT", requires = "cert_key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, global = true, env = "WARREN_CERT_KEY", requires = "cert")]
    pub(crate) cert_key: Option<PathBuf>,
    /// The answer as it comes instead of a table.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Says what would come of a change, and changes nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves the control plane.
    Serve(Box<Serve>),
    /// Servers.
    #[command(subcommand)]
    Servers(Servers),
    /// Configurations of servers.
    #[command(subcommand)]
    Config(Config),
    /// Takes over servers whose collectors run with configurations of another's making.
    Adopt(Adopt),
    /// What is sent where for a cluster.
    #[command(subcommand)]
    Integrations(Integrations),
    /// Settings of a tenant, a cluster or a server.
    #[command(subcommand)]
    Settings(Settings),
    /// How servers of each kind are run.
    #[command(subcommand)]
    Profile(Profile),
    /// Versions of the collector.
    #[command(subcommand)]
    Packages(Packages),
    /// Versions of the profile and of the collector on their way to all servers, stage by stage.
    #[command(subcommand)]
    Rollouts(Rollouts),
    /// What holds for some servers for a while, over everything else.
    #[command(subcommand)]
    Emergency(Emergency),
    /// Secrets that the profile refers to.
    #[command(subcommand)]
    Secrets(Secrets),
    /// Tokens of people and programs.
    #[command(subcommand)]
    Tokens(Tokens),
    /// Who changed what.
    Audit {
        /// Entries at most.
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// Copies the control plane's database of SQLite and its key into a new directory, also while it is served.
    Backup(Copied),
    /// Puts a backup where no database is yet.
    Restore(Copied),
    /// The description of the API.
    Openapi,
    /// A completion script.
    Completion {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// How to serve. Of what is said twice the last counts.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(crate) struct Serve {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:4320")]
    pub(crate) listen: String,
    /// Where what is known is kept: sqlite:PATH or postgres://…
    #[arg(long, default_value = "sqlite:warren.db")]
    pub(crate) store: String,
    /// The file of the key that secrets are encrypted with [default: beside SQLite's database].
    #[arg(long)]
    pub(crate) key_file: Option<PathBuf>,
    /// Seconds between two signs of life of a collector.
    #[arg(long, default_value_t = 30)]
    pub(crate) heartbeat: u64,
    /// Where it is asked by PromQL whether data arrives, such as https://mimir.example.net/prometheus.
    #[arg(long, env = "WARREN_QUERY_URL")]
    pub(crate) query_url: Option<String>,
    /// User there.
    #[arg(long, env = "WARREN_QUERY_USER", default_value = "")]
    pub(crate) query_user: String,
    /// Password there.
    #[arg(long, env = "WARREN_QUERY_PASSWORD", default_value = "", hide_env_values = true)]
    pub(crate) query_password: String,
    /// The bus where it is seen whether data arrives, such as amqp://bus.example.net/vhost.
    #[arg(long, env = "WARREN_BUS_URL", requires = "bus_exchange")]
    pub(crate) bus_url: Option<String>,
    /// User there.
    #[arg(long, env = "WARREN_BUS_USER", default_value = "guest")]
    pub(crate) bus_user: String,
    /// Password there.
    #[arg(long, env = "WARREN_BUS_PASSWORD", default_value = "guest", hide_env_values = true)]
    pub(crate) bus_password: String,
    /// The exchange there that collectors publish to.
    #[arg(long, env = "WARREN_BUS_EXCHANGE")]
    pub(crate) bus_exchange: Option<String>,
    /// The key that a queue is bound with to it.
    #[arg(long, env = "WARREN_BUS_KEY", default_value = "#")]
    pub(crate) bus_key: String,
    /// Days after which history and the audit log are forgotten; 0: never.
    #[arg(long, default_value_t = 400)]
    pub(crate) keep_days: u32,
    /// Requests to the API a second that each token may make, twice as many at once; 0: without limit.
    #[arg(long, default_value_t = 50)]
    pub(crate) api_rate: u32,
    /// The certificate to serve with, and its chain; read again when the file changes.
    #[arg(long, requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Certificates that those of collectors and people must lead to; a collector's names its server.
    #[arg(long, requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Whether everybody has to show a certificate, or may.
    #[arg(long, value_enum, default_value = "request", requires = "client_ca")]
    pub(crate) client_auth: ClientAuth,
    /// Serves others than this machine without TLS, though anybody on the way reads what is sent.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Collectors that may connect each second, twice as many at once; others are told when to come again; 0: without limit.
    #[arg(long, default_value_t = 200)]
    pub(crate) admit_rate: u32,
    /// Servers that are told each second of a change for many of them; 0: all at once.
    #[arg(long, default_value_t = 200)]
    pub(crate) push_rate: u32,
    /// Seconds it takes at the end to send collectors to other nodes; until then /healthz says that this one ends.
    #[arg(long, default_value_t = 0)]
    pub(crate) drain: u64,
    /// The directory in which packages of collectors are kept [default: none are].
    #[arg(long)]
    pub(crate) packages: Option<PathBuf>,
    /// The file of the public keys one of which has to have signed what is kept there.
    #[arg(long)]
    pub(crate) package_keys: Option<PathBuf>,
    /// Where collectors get packages [default: where they connect], such as https://warren.example.net.
    #[arg(long)]
    pub(crate) public_url: Option<String>,
}

/// Whether certificates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientAuth {
    /// Whoever has one shows it.
    Request,
    /// Whoever has none is shut out.
    Require,
}

/// A database, and a copy of it.
#[derive(Debug, Args)]
pub(crate) struct Copied {
    /// The directory of the copy.
    pub(crate) directory: PathBuf,
    /// The database: sqlite:PATH.
    #[arg(long, default_value = "sqlite:warren.db")]
    pub(crate) store: String,
    /// The file of its key [default: beside it].
    #[arg(long)]
    pub(crate) key_file: Option<PathBuf>,
}

/// What to do with servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Servers {
    /// All of them.
    List {
        /// Of this tenant.
        #[arg(long)]
        tenant: Option<String>,
        /// Of this cluster.
        #[arg(long)]
        cluster: Option<String>,
    },
    /// One of them.
    Show {
        /// Its id.
        id: String,
    },
    /// Registers one.
    Add(Add),
    /// Registers those of a file: a JSON list, a JSON object on each line, or CSV with the names of fields in its first line.
    Import {
        /// The file.
        file: PathBuf,
        /// Makes a token for each with which its collector introduces itself.
        #[arg(long)]
        enrol: bool,
    },
    /// Sets labels of one; NAME= takes one away.
    Label {
        /// Its id.
        id: String,
        /// NAME=VALUE.
        #[arg(required = true)]
        labels: Vec<String>,
    },
    /// Removes one.
    Remove {
        /// Its id.
        id: String,
    },
    /// Makes a token with which its collector introduces itself.
    Enrol {
        /// Its id.
        id: String,
    },
}

/// A server to be registered.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What it is known by, for ever.
    pub(crate) id: String,
    /// Whose it is.
    #[arg(long)]
    pub(crate) tenant: String,
    /// The cluster it belongs to.
    #[arg(long, default_value = "")]
    pub(crate) cluster: String,
    /// The name its data carries [default: the id].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Cloud provider.
    #[arg(long, default_value = "")]
    pub(crate) provider: String,
    /// Region of the provider.
    #[arg(long, default_value = "")]
    pub(crate) region: String,
    /// Plan.
    #[arg(long, default_value = "")]
    pub(crate) plan: String,
    /// rabbitmq or lavinmq.
    #[arg(long, default_value = "rabbitmq")]
    pub(crate) broker: String,
    /// Version of the broker.
    #[arg(long, default_value = "")]
    pub(crate) broker_version: String,
    /// Labels to select by, NAME=VALUE.
    #[arg(long = "label")]
    pub(crate) labels: Vec<String>,
}

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// What a server is to run.
    Show {
        /// The server's id.
        id: String,
        /// What it runs instead.
        #[arg(long)]
        effective: bool,
    },
    /// What differs between two configurations of a server.
    Diff {
        /// The server's id.
        id: String,
        /// A number of the history.
        #[arg(long)]
        from: Option<i64>,
        /// A number of the history.
        #[arg(long)]
        to: Option<i64>,
    },
    /// What a server was to run.
    History {
        /// The server's id.
        id: String,
    },
    /// Has a server try again what it failed with.
    Retry {
        /// The server's id.
        id: String,
    },
}

/// Of which cluster.
#[derive(Clone, Debug, Args)]
pub(crate) struct Cluster {
    /// Whose it is.
    #[arg(long)]
    pub(crate) tenant: String,
    /// Its name.
    #[arg(long)]
    pub(crate) cluster: String,
}

/// What to do with integrations.
#[derive(Debug, Subcommand)]
pub(crate) enum Integrations {
    /// All of a cluster.
    List {
        #[command(flatten)]
        cluster: Cluster,
    },
    /// Adds one, given as JSON: text, @FILE, or - for standard input.
    Add {
        #[command(flatten)]
        cluster: Cluster,
        /// Such as {"destination": {"kind": "remote_write", "endpoint": "https://…"}}.
        integration: String,
    },
    /// Has it send.
    Enable {
        #[command(flatten)]
        cluster: Cluster,
        /// Its number.
        id: i64,
    },
    /// Has it send nothing.
    Disable {
        #[command(flatten)]
        cluster: Cluster,
        /// Its number.
        id: i64,
    },
    /// Removes it.
    Remove {
        #[command(flatten)]
        cluster: Cluster,
        /// Its number.
        id: i64,
    },
}

/// Whose settings.
#[derive(Debug, Args)]
pub(crate) struct Owner {
    /// Of a tenant, or of a cluster of it.
    #[arg(long, required_unless_present = "server", conflicts_with = "server")]
    pub(crate) tenant: Option<String>,
    /// Of this cluster.
    #[arg(long, requires = "tenant")]
    pub(crate) cluster: Option<String>,
    /// Of a server.
    #[arg(long)]
    pub(crate) server: Option<String>,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// Shows them.
    Show {
        #[command(flatten)]
        owner: Owner,
    },
    /// Changes them by a merge patch, given as JSON: text, @FILE, or - for standard input.
    Set {
        #[command(flatten)]
        owner: Owner,
        /// Such as {"scrape": {"interval": "30s"}}.
        patch: String,
    },
}

/// What to do with the profile.
#[derive(Debug, Subcommand)]
pub(crate) enum Profile {
    /// Shows a version.
    Show {
        /// Which one [default: the released one].
        #[arg(long)]
        version: Option<i64>,
    },
    /// Makes a new version, given as JSON: text, @FILE, or - for standard input. It holds for all servers at once; see rollouts for another way.
    Set {
        /// The whole profile.
        profile: String,
    },
}

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// What there is.
    List,
    /// Stores a new version; the secret comes from standard input.
    Set {
        /// Its name, which begins with fleet/.
        name: String,
    },
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// All of them.
    List,
    /// Makes one, and shows it once.
    Create {
        /// What it is for.
        name: String,
        /// viewer, operator, editor, releaser or admin.
        #[arg(long, default_value = "viewer")]
        role: String,
        /// The tenant it is bound to.
        #[arg(long, default_value = "")]
        tenant: String,
        /// After how many days it ends.
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
    /// Takes one back.
    Revoke {
        /// Its id.
        id: String,
    },
}

impl From<Serve> for warren_control::Options {
    fn from(serve: Serve) -> Self {
        let (user, password) = (serve.query_user, serve.query_password);
        let tls = serve.tls_cert.zip(serve.tls_key).map(|(certificate, key)| warren_control::Tls {
            certificate,
            key,
            client_authority: serve.client_ca,
            required: serve.client_auth == ClientAuth::Require,
        });
        let query = serve.query_url.map(|url| warren_control::Query { url, user, password });
        let (user, password, key) = (serve.bus_user, serve.bus_password, serve.bus_key);
        let exchange = serve.bus_exchange.unwrap_or_default();
        let bus = serve.bus_url.map(|url| warren_control::Bus { url, user, password, exchange, key });
        Self {
            bus,
            listen: serve.listen,
            store: serve.store,
            key_file: serve.key_file,
            heartbeat: serve.heartbeat,
            query,
            keep_days: serve.keep_days,
            api_rate: serve.api_rate,
            tls,
            insecure: serve.insecure,
            admit_rate: serve.admit_rate,
            push_rate: serve.push_rate,
            drain: Duration::from_secs(serve.drain),
            packages: serve.packages,
            package_keys: serve.package_keys,
            public_url: serve.public_url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
