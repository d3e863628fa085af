//! Checking the credentials of requests.

use crate::config::HtpasswdSettings;
use crate::credentials::Credentials;
use crate::memory::Memory;
use crate::users::{Users, Version};
use http::HeaderMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use warren_component::{AuthError, BoxFuture, BuildContext, BuildError, Extension, Identity, RunContext, RunError, ServerAuth};
use warren_telemetry::{Counter, Field, Logger};

/// How often the file is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Requests that may wait for a slow check at a time. Checks are made one by one, so that they take one core at most.
const WAITING_MAX: usize = 64;

/// The running extension on the side of the server.
pub(crate) struct Server(Arc<Checker>);

struct Checker {
    settings: HtpasswdSettings,
    users: Mutex<Current>,
    memory: Memory,
    waiting: Semaphore,
    slow: Semaphore,
    refused: Counter,
    log: Logger,
}

/// The users as last read.
#[derive(Clone)]
struct Current {
    users: Arc<Users>,
    /// Counts readings.
    generation: u64,
}

impl Server {
    pub(crate) fn new(settings: &HtpasswdSettings, cx: &BuildContext) -> Result<Self, BuildError> {
        if settings.file.is_empty() && settings.inline.is_empty() {
            return Err(BuildError::new("no credential source provided"));
        }
        let users = Arc::new(Users::read(settings)?);
        let memory = Memory::new().map_err(|error| BuildError::new(format!("no random bytes from the system: {error}")))?;
        let refused = cx.telemetry.registry.counter(
            "warren_basicauth_overload_total",
            "Requests refused because too many waited for their password to be checked.",
            &[("extension", &cx.id.to_string())],
        );
        let checker = Checker {
            settings: settings.clone(),
            users: Mutex::new(Current { users, generation: 0 }),
            memory,
            waiting: Semaphore::new(WAITING_MAX),
            slow: Semaphore::new(1),
            refused,
            log: cx.telemetry.log.clone(),
        };
        checker.tell_bad_lines();
        Ok(Self(Arc::new(checker)))
    }
}

impl Extension for Server {
    fn server_auth(&self) -> Option<Arc<dyn ServerAuth>> {
        Some(self.0.clone())
    }

    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            tokio::select! {
                () = self.0.clone().watch() => {}
                () = cx.stop.requested() => {}
            }
            Ok(())
        })
    }
}

impl ServerAuth for Checker {
    fn authenticate<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, AuthError>> {
        Box::pin(async move {
            let credentials = Credentials::read(headers)?;
            if !self.is_known(&credentials).await? {
                return Err(AuthError("invalid credentials".to_owned()));
            }
            let username = String::from_utf8_lossy(&credentials.user).into_owned();
            Ok(Identity { attributes: vec![("username", username), ("raw", credentials.raw)] })
        })
    }
}

impl Checker {
    async fn is_known(&self, credentials: &Credentials) -> Result<bool, AuthError> {
        let Current { users, generation } = self.current();
        let Some(hash) = users.get(&credentials.user) else { return Ok(false) };
        if !hash.is_slow() {
            return Ok(hash.matches(&credentials.password));
        }
        let print = self.memory.print(generation, &credentials.user, &credentials.password);
        if let Some(known) = self.memory.recall(&print) {
            return Ok(known);
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            self.refused.add(1);
            return Err(AuthError("too many passwords to check at a time".to_owned()));
        };
        let given_up = |_| AuthError("interrupted while the password was checked".to_owned());
        let _turn = self.slow.acquire().await.map_err(|_| AuthError("the extension has ended".to_owned()))?;
        // Another request may have had the same question.
        if let Some(known) = self.memory.recall(&print) {
            return Ok(known);
        }
        let (hash, password) = (hash.clone(), credentials.password.clone());
        let good = tokio::task::spawn_blocking(move || hash.matches(&password)).await.map_err(given_up)?;
        self.memory.note(print, good);
        Ok(good)
    }

    /// Reads the file again whenever it changes. Users of a file that cannot be read stay as they were.
    async fn watch(self: Arc<Self>) {
        if self.settings.file.is_empty() {
            return std::future::pending().await;
        }
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            ticks.tick().await;
            let (settings, seen) = (self.settings.clone(), self.current().users.version);
            let read = tokio::task::spawn_blocking(move || {
                let changed = Version::now(&settings.file) != seen;
                changed.then(|| Users::read(&settings))
            });
            match read.await {
                Ok(Some(Ok(users))) => {
                    failing = false;
                    let mut current = self.users.lock().unwrap_or_else(PoisonError::into_inner);
                    *current = Current { users: Arc::new(users), generation: current.generation + 1 };
                    drop(current);
                    self.log.info("Read the htpasswd file again", &[("file", Field::Str(&self.settings.file))]);
                    self.tell_bad_lines();
                }
                Ok(Some(Err(error))) if !failing => {
                    failing = true;
                    self.log.warn("Cannot read the htpasswd file again; its users stay", &[("error", Field::Display(&error))]);
                }
                _ => {}
            }
        }
    }

    fn current(&self) -> Current {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell_bad_lines(&self) {
        let lines = self.current().users.bad_lines;
        if lines > 0 {
            let lines = i64::try_from(lines).unwrap_or(i64::MAX);
            self.log
                .warn("Some htpasswd lines have no colon or a malformed hash and let nobody in", &[("lines", Field::Int(lines))]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::AUTHORIZATION;
    use warren_component::{BuildInfo, Extensions, Inherited, Status, Stop};
    use warren_config::Secret;
    use warren_telemetry::Telemetry;

    fn server(file: &str, inline: &str) -> Arc<Server> {
        let cx = BuildContext {
            id: "basicauth".parse().unwrap(),
            telemetry: Telemetry::discarded(),
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions: Extensions::default(),
            inherited: Inherited::default(),
            collect_now: false,
            gates: Default::default(),
        };
        let settings = HtpasswdSettings { file: file.to_owned(), inline: Secret::new(inline) };
        Arc::new(Server::new(&settings, &cx).unwrap())
    }

    async fn ask(server: &Server, user: &str, password: &str) -> Result<Identity, String> {
        let header = warren_http::client::basic(user, password).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
        server.server_auth().unwrap().authenticate(&headers).await.map_err(|error| error.0)
    }

    const INVALID: &str = "invalid credentials";

    #[tokio::test]
    async fn a_known_user_is_let_in_and_named() {
        let server = server("", "username:password\n");
        let identity = ask(&server, "username", "password").await.unwrap();
        assert_eq!(identity.attributes, [("username", "username".to_owned()), ("raw", "dXNlcm5hbWU6cGFzc3dvcmQ=".to_owned())]);
        assert_eq!(ask(&server, "username", "wrong").await, Err(INVALID.to_owned()));
        assert_eq!(ask(&server, "nobody", "password").await, Err(INVALID.to_owned()));
    }

    #[tokio::test]
    async fn a_slow_check_is_made_once() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        let server = server("", &format!("u:{hash}"));
        assert!(ask(&server, "u", "secret").await.is_ok());
        assert_eq!(ask(&server, "u", "wrong").await, Err(INVALID.to_owned()));
        // With no turn to be had, only what is remembered can be answered.
        let turn = server.0.slow.try_acquire().unwrap();
        assert!(ask(&server, "u", "secret").await.is_ok());
        assert_eq!(ask(&server, "u", "wrong").await, Err(INVALID.to_owned()));
        drop(turn);
    }

    #[tokio::test]
    async fn too_many_waiting_requests_are_refused_and_counted() {
        let server = server("", &format!("u:{}", bcrypt::hash("secret", 4).unwrap()));
        let places = server.0.waiting.try_acquire_many(WAITING_MAX as u32).unwrap();
        assert_eq!(ask(&server, "u", "secret").await, Err("too many passwords to check at a time".to_owned()));
        assert_eq!(server.0.refused.get(), 1.0);
        drop(places);
        assert!(ask(&server, "u", "secret").await.is_ok());
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again_and_a_missing_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("htpasswd");
        std::fs::write(&file, "a:1").unwrap();
        let server = server(file.to_str().unwrap(), "");
        assert!(ask(&server, "a", "1").await.is_ok());
        tokio::time::pause();
        let (handle, stop) = Stop::new();
        let running = tokio::spawn(server.clone().run(RunContext { stop, status: Status::default() }));
        let generation = || server.0.current().generation;
        let changed_to = async |wanted| {
            while generation() < wanted {
                tokio::time::sleep(WATCH_INTERVAL).await;
            }
        };
        std::fs::write(&file, "b:two").unwrap();
        changed_to(1).await;
        assert_eq!(ask(&server, "a", "1").await, Err(INVALID.to_owned()));
        assert!(ask(&server, "b", "two").await.is_ok());
        std::fs::remove_file(&file).unwrap();
        tokio::time::sleep(WATCH_INTERVAL * 3).await;
        assert!(ask(&server, "b", "two").await.is_ok());
        std::fs::write(&file, "c:three").unwrap();
        changed_to(2).await;
        assert!(ask(&server, "c", "three").await.is_ok());
        handle.request(tokio::time::Instant::now());
        running.await.unwrap().unwrap();
    }
}
