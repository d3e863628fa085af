//! Why the store does not do what it is asked.

/// Why the store does not do what it is asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such thing.
    #[error("there is no {0}")]
    Missing(String),
    /// There is one already.
    #[error("there is already {0}")]
    Exists(String),
    /// Somebody else changed it meanwhile.
    #[error("{what} was changed by somebody else: it is at version {is} now")]
    Stale {
        /// What.
        what: String,
        /// Its version now.
        is: i64,
    },
    /// What is stored cannot be read: wrong key, or damage.
    #[error("{0} cannot be decrypted: the key file does not belong to this store, or the entry is damaged")]
    Sealed(String),
    /// What is stored is not what this version writes.
    #[error("{0} in the store is malformed: {1}")]
    Malformed(&'static str, serde_json::Error),
    /// What is stored is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The key file cannot be used.
    #[error("key file {path}: {reason}")]
    KeyFile {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// The address of the store cannot be understood. Holds what it begins with: behind that there may be a password.
    #[error("{0:?} is no kind of store; use sqlite:PATH or postgres://…")]
    Address(String),
    /// The database is away, full, or refuses.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}
