//! The extension's settings.

use crate::client::Client;
use crate::server::Server;
use std::sync::Arc;
use warren_component::{BuildContext, BuildError, Extension, ExtensionConfig};
use warren_config::{Block, Fields, Report, Secret};

/// Settings of a `basicauth` extension: one of the two.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Users that are let in.
    pub htpasswd: Option<HtpasswdSettings>,
    /// The user that we are.
    pub client_auth: Option<ClientAuthSettings>,
}

/// Users that are let in, in the form of Apache's `htpasswd`.
#[derive(Clone, Debug, Default)]
pub struct HtpasswdSettings {
    /// A file of them.
    pub file: String,
    /// More of them, which win over those of the file.
    pub inline: Secret,
}

/// The user that we are.
#[derive(Clone, Debug, Default)]
pub struct ClientAuthSettings {
    /// Name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("htpasswd", &mut self.htpasswd);
        f.optional("client_auth", &mut self.client_auth);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match (&self.htpasswd, &self.client_auth) {
            (Some(_), Some(_)) => report.error("", "only one of `htpasswd` or `client_auth` can be specified"),
            (None, None) => report.error("", "no credential source provided"),
            _ => {}
        }
    }
}

impl Block for HtpasswdSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("file", &mut self.file);
        f.scalar("inline", &mut self.inline);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.file.is_empty() && self.inline.is_empty() {
            report.error("", "no credential source provided");
        }
        if !self.file.is_empty() {
            report.file("file", &self.file);
        }
    }
}

impl Block for ClientAuthSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("username", &mut self.username);
        f.scalar("password", &mut self.password);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.username.contains(':') {
            report.error_with_hint("username", "invalid authorization format", "a user name cannot contain a colon");
        }
    }
}

impl ExtensionConfig for Config {
    fn build(&self, cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        match (&self.htpasswd, &self.client_auth) {
            (Some(settings), _) => Ok(Arc::new(Server::new(settings, &cx)?)),
            (None, Some(settings)) => Ok(Arc::new(Client::new(settings)?)),
            (None, None) => Err(BuildError::new("no credential source provided")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    #[test]
    fn one_source_of_credentials_is_needed() {
        let cases = [
            ("{}", "no credential source provided"),
            ("htpasswd: ", "no credential source provided"),
            ("htpasswd: {}", "no credential source provided"),
            ("{htpasswd: {inline: \"u:p\"}, client_auth: {}}", "only one of `htpasswd` or `client_auth` can be specified"),
            ("client_auth: {username: \"a:b\"}", "invalid authorization format"),
            ("htpasswd: {inline: \"u:p\"}", ""),
            ("client_auth: {username: u, password: \"\"}", ""),
        ];
        for (yaml, message) in cases {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
            let told: Vec<String> = diagnostics.errors().map(|error| error.message.clone()).collect();
            assert_eq!(told.join("\n"), message, "{yaml}");
        }
    }
}
