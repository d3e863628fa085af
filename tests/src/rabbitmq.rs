//! A private RabbitMQ: own node name, Erlang port mapper, cookie, data and logs, every listener on loopback. It shares nothing with a broker
//! that already runs on the machine, and works for root and for ordinary users alike.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::http::{self, Message};
use crate::journald::Journald;
use crate::port;
use crate::process::{self, Process};

/// The server's own start script. Debian's wrapper in the search path insists on the system's broker user and directories.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The same for its tool.
const CTL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// Where a broker of Debian's has its settings.
const SETTINGS: &str = "/etc/rabbitmq";

/// The plugins that every broker here has.
const PLUGINS: &str = "[rabbitmq_management,rabbitmq_prometheus].\n";

/// Account RabbitMQ creates for loopback connections.
const USER: (&str, &str) = ("guest", "guest");

const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A running broker, stopped and removed when dropped.
pub struct RabbitMq {
    // Dropped in this order: the node, the port mapper it registered with, the files of both.
    node: Process,
    _port_mapper: Process,
    directory: TempDir,
    /// How the node is started, also once more.
    launch: Command,
    amqp: u16,
    amqps: Option<u16>,
    management: u16,
    metrics: u16,
}

/// What a broker is to have besides the usual.
#[derive(Default)]
pub struct Wishes<'a> {
    /// The port of its metrics page.
    pub metrics: Option<u16>,
    /// The port of AMQP.
    pub amqp: Option<u16>,
    /// Certificate and key in PEM, for AMQP over TLS.
    pub tls: Option<(&'a str, &'a str)>,
    /// Runs where this journald does, set up as Debian's is: settings in that place's `/etc/rabbitmq` (see [`settle`]), which may hold more of
    /// them, and the log in files.
    pub beside: Option<&'a Journald>,
}

/// Makes the `/etc/rabbitmq` of a broker that is to run beside a journald.
///
/// # Errors
/// When it cannot be made.
pub fn settle(journald: &Journald) -> Result<()> {
    let directory = journald.mount(SETTINGS, "1m")?;
    write(&directory, "enabled_plugins", PLUGINS)
}

impl RabbitMq {
    /// Whether Debian's package is installed.
    pub fn installed() -> bool {
        Path::new(SERVER).exists()
    }

    /// Starts a broker and waits until its metrics page answers.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start() -> Result<RabbitMq> {
        RabbitMq::start_with(&Wishes::default())
    }

    /// Starts a broker as wished.
    ///
    /// # Errors
    /// As [`RabbitMq::start`].
    pub fn start_with(wishes: &Wishes<'_>) -> Result<RabbitMq> {
        if !RabbitMq::installed() {
            return Err(Error::Missing {
                program: "rabbitmq-server",
                remedy: "run `cargo xtask test`, or `apt-get install rabbitmq-server`",
            });
        }
        let directory = tempfile::Builder::new().prefix("warren-rabbitmq-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for RabbitMQ"))?;
        let root = directory.path();
        let or_free = |port: Option<u16>| port.map_or_else(port::free, Ok);
        let (amqp, metrics) = (or_free(wishes.amqp)?, or_free(wishes.metrics)?);
        let (management, distribution, mapper) = (port::free()?, port::free()?, port::free()?.to_string());
        // Where the settings are: for the node, and seen from here.
        let (settings, place) = match wishes.beside {
            Some(journald) => (Path::new(SETTINGS), journald.root().join(SETTINGS.trim_start_matches('/'))),
            None => (root, root.to_owned()),
        };
        write(&place, "enabled_plugins", PLUGINS)?;
        write(root, "env.conf", "")?;
        let (mut amqps, mut tls) = (None, String::new());
        if let Some((certificate, key)) = wishes.tls {
            let port = *amqps.insert(port::free()?);
            write(root, "certificate.pem", certificate)?;
            write(root, "key.pem", key)?;
            let at = root.display();
            tls = format!(
                "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {at}/certificate.pem\n\
                 ssl_options.certfile = {at}/certificate.pem\nssl_options.keyfile = {at}/key.pem\n"
            );
        }
        let log = if wishes.beside.is_some() { "" } else { "log.console = true\nlog.file = false\n" };
        let text = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n\
             prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {metrics}\n{log}{tls}"
        );
        write(&place, "rabbitmq.conf", &text)?;
        // Erlang would start a port mapper by itself, as a daemon that outlives the broker; ours is there first and ends with the guard.
        let mut epmd = process::command("epmd");
        epmd.args(["-port", &mapper, "-address", "127.0.0.1"]).env("HOME", root);
        let port_mapper = Process::spawn("epmd", &mut epmd, &root.join("epmd.log"))?;
        let mut launch = wishes.beside.map_or_else(|| process::command(SERVER), |journald| journald.enter(SERVER));
        launch.env_clear().envs(environment(root, settings, distribution, &mapper)).current_dir(root);
        let node = start(&mut launch, root, metrics)?;
        Ok(RabbitMq { node, _port_mapper: port_mapper, directory, launch, amqp, amqps, management, metrics })
    }

    /// Starts the broker again after [`RabbitMq::stop`], with everything it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.node = start(&mut self.launch, self.directory.path(), self.metrics)?;
        Ok(())
    }

    /// `amqp://` with the address; the account is `guest`/`guest`.
    pub fn amqp_url(&self) -> String {
        format!("amqp://127.0.0.1:{}", self.amqp)
    }

    /// The same over TLS, if that was wished for.
    pub fn amqps_url(&self) -> Option<String> {
        self.amqps.map(|port| format!("amqps://localhost:{port}"))
    }

    /// `127.0.0.1:PORT` of the metrics page.
    pub fn metrics_address(&self) -> String {
        format!("127.0.0.1:{}", self.metrics)
    }

    /// Address of the management console; the account is `guest`/`guest`.
    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.management)
    }

    /// Runs a command of `rabbitmqctl` on the broker.
    ///
    /// # Errors
    /// When it fails.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = process::command(CTL);
        let environment = self.launch.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.args(arguments).env_clear().envs(environment);
        let finished = process::run("rabbitmqctl", &mut command, STOP_TIMEOUT)?;
        match finished.status.success() {
            true => Ok(finished.stdout),
            false => Err(Error::Malformed { what: format!("rabbitmqctl {}", arguments.join(" ")), reason: finished.stderr }),
        }
    }

    /// The server's log.
    pub fn log_path(&self) -> &Path {
        self.node.log_path()
    }

    /// Declares a durable queue on the default virtual host.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn declare_queue(&self, name: &str) -> Result<()> {
        self.call("PUT", &format!("/api/queues/%2F/{name}"), r#"{"durable":true}"#).map(drop)
    }

    /// Declares a durable topic exchange on the default virtual host.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn declare_topic(&self, name: &str) -> Result<()> {
        self.call("PUT", &format!("/api/exchanges/%2F/{name}"), r#"{"type":"topic","durable":true}"#).map(drop)
    }

    /// Has a queue receive what an exchange is given with keys of this pattern.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn bind(&self, exchange: &str, queue: &str, pattern: &str) -> Result<()> {
        let body = serde_json::json!({"routing_key": pattern}).to_string();
        self.call("POST", &format!("/api/bindings/%2F/e/{exchange}/q/{queue}"), &body).map(drop)
    }

    /// Consumes what is in a queue: properties and payload of each message.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn consume(&self, queue: &str) -> Result<Vec<(serde_json::Value, Vec<u8>)>> {
        use base64::Engine;
        let body = r#"{"count":10000,"ackmode":"ack_requeue_false","encoding":"base64"}"#;
        let answer = self.call("POST", &format!("/api/queues/%2F/{queue}/get"), body)?;
        let malformed = |reason: &str| Error::Malformed { what: format!("what is in {queue}"), reason: reason.to_owned() };
        let messages: Vec<serde_json::Value> =
            serde_json::from_slice(&answer.body).map_err(|error| malformed(&error.to_string()))?;
        let mut consumed = Vec::new();
        for message in messages {
            let text = message["payload"].as_str().ok_or_else(|| malformed("a message has no payload"))?;
            // Text stands as it is.
            let payload = match message["payload_encoding"].as_str() {
                Some("base64") => {
                    base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| malformed(&error.to_string()))?
                }
                _ => text.as_bytes().to_vec(),
            };
            consumed.push((message["properties"].clone(), payload));
        }
        Ok(consumed)
    }

    /// Publishes one message to a queue through the default exchange.
    ///
    /// # Errors
    /// When the broker refuses, or the queue does not exist.
    pub fn publish(&self, queue: &str, payload: &str) -> Result<()> {
        let message =
            serde_json::json!({"properties": {}, "routing_key": queue, "payload": payload, "payload_encoding": "string"});
        let answer = self.call("POST", "/api/exchanges/%2F/amq.default/publish", &message.to_string())?;
        match answer.text().contains("\"routed\":true") {
            true => Ok(()),
            false => {
                Err(Error::Malformed { what: format!("publishing to {queue}"), reason: "the message was not routed".to_owned() })
            }
        }
    }

    /// Removes a queue.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn delete_queue(&self, name: &str) -> Result<()> {
        self.call("DELETE", &format!("/api/queues/%2F/{name}"), "").map(drop)
    }

    /// Stops the broker while its address stays reserved for this guard, as a crash of the server would.
    ///
    /// # Errors
    /// When it has to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.node.stop(STOP_TIMEOUT).map(drop)
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Result<Message> {
        http::succeed(&http::Request {
            method,
            url: &format!("{}{path}", self.management_url()),
            user: Some(USER),
            headers: &[("Content-Type", "application/json")],
            body: body.as_bytes(),
        })
    }
}

fn start(launch: &mut Command, root: &Path, metrics: u16) -> Result<Process> {
    let mut node = Process::spawn("rabbitmq-server", launch, &root.join("rabbitmq.log"))?;
    let page = format!("http://127.0.0.1:{metrics}/metrics");
    node.until("serves its metrics", START_TIMEOUT, || http::get(&page, None).ok())?;
    Ok(node)
}

fn write(directory: &Path, name: &str, text: &str) -> Result<()> {
    std::fs::write(directory.join(name), text).map_err(Error::io(|| format!("write {name} for RabbitMQ")))
}

/// The whole environment of the node: nothing of the caller's, nothing of the system's broker.
fn environment(root: &Path, settings: &Path, distribution_port: u16, mapper_port: &str) -> Vec<(&'static str, PathBuf)> {
    let text = |value: &str| PathBuf::from(value);
    vec![
        ("PATH", text("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
        ("LANG", text("C.UTF-8")),
        ("HOME", root.to_owned()),
        ("ERL_EPMD_PORT", text(mapper_port)),
        ("ERL_EPMD_ADDRESS", text("127.0.0.1")),
        ("RABBITMQ_NODENAME", text(&format!("warren-{mapper_port}@localhost"))),
        ("RABBITMQ_DIST_PORT", text(&distribution_port.to_string())),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", text("-kernel inet_dist_use_interface {127,0,0,1} +S 1:1")),
        ("RABBITMQ_CONF_ENV_FILE", root.join("env.conf")),
        ("RABBITMQ_CONFIG_FILE", settings.join("rabbitmq.conf")),
        ("RABBITMQ_CONFIG_FILES", settings.join("conf.d")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", settings.join("advanced.config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", settings.join("enabled_plugins")),
        ("RABBITMQ_MNESIA_BASE", root.join("data")),
        ("RABBITMQ_LOG_BASE", root.join("log")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", root.join("generated")),
        ("RABBITMQ_PID_FILE", root.join("pid")),
    ]
}
