//! The tables, as they came to be: each step is run once, in order.

/// `BYTES` stands for the database's type of bytes.
pub(crate) const STEPS: [&str; 8] = ["
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE servers (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, cluster TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    version BIGINT NOT NULL, created BIGINT NOT NULL);
CREATE INDEX servers_tenant ON servers (tenant, id);
CREATE INDEX servers_cluster ON servers (tenant, cluster);
CREATE TABLE settings (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE integrations (id BIGINT PRIMARY KEY, tenant TEXT NOT NULL, cluster TEXT NOT NULL, body TEXT NOT NULL,
    version BIGINT NOT NULL, created BIGINT NOT NULL);
CREATE INDEX integrations_cluster ON integrations (tenant, cluster);
CREATE TABLE profiles (version BIGINT PRIMARY KEY, body TEXT NOT NULL, created BIGINT NOT NULL, author TEXT NOT NULL);
CREATE TABLE data_keys (tenant TEXT PRIMARY KEY, wrapped BYTES NOT NULL);
CREATE TABLE secrets (tenant TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, sealed BYTES NOT NULL, last4 TEXT NOT NULL,
    updated BIGINT NOT NULL, PRIMARY KEY (tenant, name, version));
CREATE TABLE desired (server TEXT NOT NULL, number BIGINT NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL, provenance TEXT NOT NULL,
    profile BIGINT NOT NULL, sample_interval BIGINT NOT NULL, cause TEXT NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (server, number));
CREATE TABLE clients (uid TEXT PRIMARY KEY, server TEXT NOT NULL, credential TEXT NOT NULL, sequence BIGINT NOT NULL,
    seen BIGINT NOT NULL, body TEXT NOT NULL, effective TEXT NOT NULL);
CREATE INDEX clients_server ON clients (server);
CREATE TABLE failures (server TEXT NOT NULL, hash TEXT NOT NULL, error TEXT NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (server, hash));
CREATE TABLE credentials (digest TEXT PRIMARY KEY, id TEXT NOT NULL, server TEXT NOT NULL, created BIGINT NOT NULL,
    used BIGINT NOT NULL, revoked BIGINT NOT NULL);
CREATE INDEX credentials_server ON credentials (server);
CREATE TABLE enrolments (digest TEXT PRIMARY KEY, id TEXT NOT NULL, server TEXT NOT NULL, created BIGINT NOT NULL,
    expires BIGINT NOT NULL, used BIGINT NOT NULL);
CREATE TABLE tokens (digest TEXT PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, tenant TEXT NOT NULL,
    created BIGINT NOT NULL, expires BIGINT NOT NULL, used BIGINT NOT NULL, revoked BIGINT NOT NULL);
CREATE TABLE replies (token TEXT NOT NULL, name TEXT NOT NULL, request TEXT NOT NULL, status BIGINT NOT NULL, body TEXT NOT NULL,
    created BIGINT NOT NULL, PRIMARY KEY (token, name));
CREATE TABLE audit (number BIGINT PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL, tenant TEXT NOT NULL, action TEXT NOT NULL,
    resource TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, digest TEXT NOT NULL);
CREATE INDEX audit_tenant ON audit (tenant, number)
", "
CREATE TABLE released (number BIGINT PRIMARY KEY, version BIGINT NOT NULL, created BIGINT NOT NULL);
INSERT INTO released (number, version, created) SELECT 1, version, created FROM profiles ORDER BY version DESC LIMIT 1;
CREATE TABLE rollouts (number BIGINT PRIMARY KEY, version BIGINT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX rollouts_state ON rollouts (state);
CREATE TABLE targets (rollout BIGINT NOT NULL, server TEXT NOT NULL, stage BIGINT NOT NULL, state TEXT NOT NULL, since BIGINT NOT NULL,
    ill BIGINT NOT NULL, well BIGINT NOT NULL, error TEXT NOT NULL, PRIMARY KEY (rollout, server));
CREATE INDEX targets_state ON targets (rollout, state, stage, server);
CREATE INDEX targets_server ON targets (server)
", "
CREATE TABLE audit_forgotten (number BIGINT PRIMARY KEY, digest TEXT NOT NULL)
", "
CREATE TABLE emergencies (number BIGINT PRIMARY KEY, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX emergencies_state ON emergencies (state)
", "
CREATE INDEX credentials_id ON credentials (id);
CREATE INDEX enrolments_id ON enrolments (id);
CREATE INDEX enrolments_server ON enrolments (server);
CREATE TABLE news (number BIGINT PRIMARY KEY, node TEXT NOT NULL, server TEXT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE leases (name TEXT PRIMARY KEY, node TEXT NOT NULL, until BIGINT NOT NULL)
", "
CREATE TABLE packages (version TEXT NOT NULL, os TEXT NOT NULL, arch TEXT NOT NULL, sha256 TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (version, os, arch));
CREATE INDEX packages_content ON packages (sha256);
CREATE TABLE released_packages (number BIGINT PRIMARY KEY, version TEXT NOT NULL, created BIGINT NOT NULL);
CREATE TABLE package_failures (server TEXT NOT NULL, package TEXT NOT NULL, attempt BIGINT NOT NULL, error TEXT NOT NULL,
    created BIGINT NOT NULL, forgiven BIGINT NOT NULL, PRIMARY KEY (server, package, attempt));
ALTER TABLE rollouts ADD COLUMN package TEXT NOT NULL DEFAULT ''
", "
ALTER TABLE targets ADD COLUMN baseline TEXT NOT NULL DEFAULT ''
", "
ALTER TABLE desired ADD COLUMN bus_interval BIGINT NOT NULL DEFAULT 0
"];
