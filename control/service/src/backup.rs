//! Taking the control plane's memory elsewhere, and back: SQLite's database and the key without which no secret in it can be read.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use warren_store::{MasterKey, Store, copy, sqlite_file};

/// Names of the files of a backup.
const DATABASE: &str = "warren.db";
const KEY: &str = "warren.key";

/// Copies the store at an address, and its key, into a directory that is made; the control plane may serve meanwhile.
///
/// # Errors
/// What kept it from that, in words. The copy is verified.
pub async fn backup(store: &str, key_file: Option<&Path>, to: &Path) -> Result<(), String> {
    let key = key_of(store, key_file)?;
    DirBuilder::new().mode(0o700).create(to).map_err(|error| format!("{}: {error}", to.display()))?;
    let database = to.join(DATABASE);
    let taken = async {
        // Made before it is filled, so that it is for this user alone.
        made(&database)?;
        copy(store, &database).await.map_err(|error| error.to_string())?;
        copied(&key, &to.join(KEY))?;
        verified(&database, &to.join(KEY)).await
    };
    let taken = taken.await;
    if taken.is_err() {
        // Half a backup is none; the directory was made now.
        let _ = std::fs::remove_dir_all(to);
    }
    taken
}

/// Puts the files of a backup where a store is to be; nothing that is there is written over.
///
/// # Errors
/// What kept it from that, in words: nothing is put there then.
pub async fn restore(store: &str, key_file: Option<&Path>, from: &Path) -> Result<(), String> {
    let (database, key) = (sqlite_file(store).map_err(|error| error.to_string())?, key_of(store, key_file)?);
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", database.display()));
    for path in [&database, &key, &beside("-wal"), &beside("-shm")] {
        if path.exists() {
            return Err(format!("{} is there already: end what uses it and move it away", path.display()));
        }
    }
    let arriving = beside(".restoring");
    let put = async {
        copied(&from.join(DATABASE), &arriving)?;
        copied(&from.join(KEY), &key)?;
        verified(&arriving, &key).await?;
        std::fs::rename(&arriving, &database).map_err(|error| format!("{}: {error}", database.display()))
    };
    let put = put.await;
    if put.is_err() {
        // What is there was put there now.
        let _ = (std::fs::remove_file(&arriving), std::fs::remove_file(&key));
    }
    put
}

async fn verified(database: &Path, key: &Path) -> Result<(), String> {
    let opened = async {
        let store = Store::open(&format!("sqlite:{}", database.display()), MasterKey::from_file(key)?).await?;
        let whole = store.verify().await;
        store.close().await;
        whole
    };
    opened.await.map_err(|error| format!("{}: {error}", database.display()))
}

fn key_of(store: &str, key_file: Option<&Path>) -> Result<PathBuf, String> {
    let database = sqlite_file(store)
        .map_err(|_| "this is for SQLite; PostgreSQL has its own tools (pg_dump), and the key file is to be kept as well")?;
    Ok(key_file.map_or_else(|| database.with_extension("key"), Path::to_owned))
}

fn made(path: &Path) -> Result<File, String> {
    File::options().write(true).create_new(true).mode(0o600).open(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn copied(from: &Path, to: &Path) -> Result<(), String> {
    let mut source = File::open(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let mut target = made(to)?;
    let written = std::io::copy(&mut source, &mut target).and_then(|_| target.sync_all());
    written.map_err(|error| format!("{}: {error}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_store::{Actor, Entry};

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_backed_up_is_there_again_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let address = |name: &str| format!("sqlite:{}", at(name).display());
        let store = Store::open(&address("warren.db"), MasterKey::from_file(&at("warren.key")).unwrap()).await.unwrap();
        let mut change = store.begin().await.unwrap();
        let secret = change.put_secret("t", "name", "canary").await.unwrap();
        change
            .commit(&Actor::default(), &[Entry::new("t", "secret.update", "secrets/name", serde_json::json!({}))])
            .await
            .unwrap();
        backup(&address("warren.db"), None, &at("backup")).await.unwrap();
        assert!(backup(&address("warren.db"), None, &at("backup")).await.unwrap_err().contains("backup"));
        let mut change = store.begin().await.unwrap();
        change.put_secret("t", "name", "later").await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();

        restore(&address("again.db"), None, &at("backup")).await.unwrap();
        let again = Store::open(&address("again.db"), MasterKey::from_file(&at("again.key")).unwrap()).await.unwrap();
        assert_eq!(again.secrets("t", std::slice::from_ref(&secret)).await.unwrap()[&secret], "canary");
        assert_eq!(again.secret_infos("t").await.unwrap()[0].version, 1);
        assert!(restore(&address("again.db"), None, &at("backup")).await.unwrap_err().contains("already"));

        // With another key, or with pages that are none, it is no backup.
        std::fs::write(at("backup").join(KEY), [7; 32]).unwrap();
        assert!(restore(&address("third.db"), None, &at("backup")).await.unwrap_err().contains("key"));
        std::fs::write(at("backup").join(DATABASE), "no database").unwrap();
        assert!(restore(&address("third.db"), None, &at("backup")).await.is_err());
        assert!(!at("third.db").exists() && !at("third.key").exists() && !at("third.db.restoring").exists());
        assert!(backup("postgres://host/db", None, &at("other")).await.unwrap_err().contains("pg_dump"));
        assert!(
            backup(&address("missing.db"), None, &at("other")).await.is_err()
                && !at("missing.db").exists()
                && !at("other").exists()
        );
    }
}
