//! Packages of collectors: `warren packages …`. Keys are made and used here, on the operator's machine; the control plane has none.

use crate::api::Api;
use crate::commands::{Shown, encoded, list, now, read_text};
use crate::table::{ago, cell, table};
use bytes::Bytes;
use clap::{Args, Subcommand};
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Cursor, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use warren_package::{COLLECTOR, Keys, Label, signed_label};

/// What private keys are encrypted with.
const PASSWORD_VARIABLE: &str = "WARREN_KEY_PASSWORD";

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// What to do with packages.
#[derive(Debug, Subcommand)]
pub(crate) enum Packages {
    /// All of them.
    List,
    /// Those of a version.
    Show {
        /// The version.
        version: String,
    },
    /// Adds one: a program, and its signature.
    Add(Add),
    /// Removes those of a version.
    Remove {
        /// The version.
        version: String,
    },
    /// Makes a pair of keys: one that signs, and one that collectors trust. Set WARREN_KEY_PASSWORD to encrypt the former.
    Keygen(Keygen),
    /// Signs a program.
    Sign(Sign),
}

/// A package to be added.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The program.
    file: PathBuf,
    /// Its signature [default: beside it, with .minisig].
    #[arg(long)]
    signature: Option<PathBuf>,
    /// Fails if it is another version than this.
    #[arg(long)]
    version: Option<String>,
    /// Fails if it is for another machine than this, such as amd64.
    #[arg(long)]
    arch: Option<String>,
    /// Where collectors get it; it is not sent to the control plane then.
    #[arg(long, default_value = "")]
    content_url: String,
}

/// Where keys go.
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// File of the key that signs; the public one is beside it, with .pub.
    #[arg(long)]
    key: PathBuf,
    /// Leaves the key that signs unencrypted.
    #[arg(long)]
    unencrypted: bool,
}

/// What is to be signed, as what.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The program; the signature is beside it, with .minisig.
    file: PathBuf,
    /// File of the key.
    #[arg(long)]
    key: PathBuf,
    /// Its version, such as 1.4.0.
    #[arg(long)]
    version: String,
    /// For which machines: amd64, arm64.
    #[arg(long)]
    arch: String,
    /// For which system.
    #[arg(long, default_value = "linux")]
    os: String,
    /// After how many days it is not installed any more.
    #[arg(long, default_value_t = 180)]
    days: u64,
    /// It may take the place of a newer version.
    #[arg(long)]
    allow_downgrade: bool,
}

/// Whether no control plane is needed.
pub(crate) fn is_local(command: &Packages) -> bool {
    matches!(command, Packages::Keygen(_) | Packages::Sign(_))
}

/// Does what needs no control plane.
pub(crate) fn local(command: &Packages) -> Result<String, String> {
    match command {
        Packages::Keygen(keygen) => make_keys(keygen, password()),
        Packages::Sign(asked) => sign(asked, password(), u64::try_from(now() / 1000).unwrap_or(0)),
        _ => Ok(String::new()),
    }
}

/// Asks, and gives the answer.
pub(crate) async fn packages(api: &Api, command: Packages) -> Result<Shown, String> {
    match command {
        Packages::List => {
            let body = api.get("/packages").await?.body;
            let released = cell(&body, "/released");
            let rows: Vec<Vec<String>> = list(&body).iter().map(|package| row(package, &released)).collect();
            Ok(Shown::new(body, table(&["VERSION", "OS", "ARCH", "CONTENT", "SHA256", "AGE", "BY"], &rows)))
        }
        Packages::Show { version } => Ok(Shown::plain(api.get(&format!("/packages/{}", encoded(&version))).await?.body)),
        Packages::Add(add) => {
            let signature = add.signature.clone().unwrap_or_else(|| beside(&add.file, "minisig"));
            let signature = read_text(&signature)?;
            let label = signed_label(&signature).map_err(|refusal| refusal.to_string())?;
            for (what, wanted, is) in [("version", &add.version, &label.version), ("arch", &add.arch, &label.arch)] {
                if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != is) {
                    return Err(format!("it is signed as {what} {is:?}, and not {wanted:?}"));
                }
            }
            let content = if add.content_url.is_empty() { Some(read(&add.file)?) } else { None };
            let mut body = api.post("/packages", &json!({"signature": signature, "url": add.content_url})).await?.body;
            if let Some(content) = content.filter(|_| !api.is_trial()) {
                let part = |name: &str| encoded(&cell(&body, name));
                let path = format!("/packages/{}/{}/{}/content", part("/version"), part("/os"), part("/arch"));
                body = api.upload(&path, Bytes::from(content)).await?.body;
            }
            let text = format!("version {} for {}/{} is there", label.version, label.os, label.arch);
            Ok(Shown::new(body, text))
        }
        Packages::Remove { version } => {
            api.delete(&format!("/packages/{}", encoded(&version))).await?;
            Ok(Shown::new(Value::Null, format!("version {version} is removed")))
        }
        Packages::Keygen(_) | Packages::Sign(_) => Ok(Shown::new(Value::Null, "")),
    }
}

fn row(package: &Value, released: &str) -> Vec<String> {
    let version = cell(package, "/version");
    let content = match (package["size"].as_u64().unwrap_or(0), cell(package, "/url")) {
        (0, url) if url.is_empty() => "missing".to_owned(),
        (0, url) => url,
        (size, _) => format!("{:.1} MiB", size as f64 / f64::from(1 << 20)),
    };
    let mark = if version == released { format!("{version} *") } else { version };
    let sha256 = cell(package, "/sha256").chars().take(16).collect();
    vec![
        mark,
        cell(package, "/os"),
        cell(package, "/arch"),
        content,
        sha256,
        ago(package, "/created", now()),
        cell(package, "/author"),
    ]
}

fn make_keys(keygen: &Keygen, password: Option<String>) -> Result<String, String> {
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
        None if keygen.unencrypted => KeyPair::generate_unencrypted_keypair(),
        None => return Err(format!("set {PASSWORD_VARIABLE} to encrypt the key that signs, or say --unencrypted")),
    };
    let failed = |error: minisign::PError| error.to_string();
    let pair = pair.map_err(failed)?;
    let (public, private) =
        (pair.pk.to_box().map_err(failed)?.into_string(), pair.sk.to_box(None).map_err(failed)?.into_string());
    write_new(&keygen.key, &private, 0o600)?;
    let place = beside(&keygen.key, "pub");
    write_new(&place, &public, 0o644)?;
    Ok(format!("{} signs; {} is what collectors trust", keygen.key.display(), place.display()))
}

fn sign(asked: &Sign, password: Option<String>, now: u64) -> Result<String, String> {
    let program = read(&asked.file)?;
    let key = secret_key(&read_text(&asked.key)?, password)?;
    let label = Label {
        name: COLLECTOR.to_owned(),
        version: asked.version.clone(),
        os: asked.os.clone(),
        arch: asked.arch.clone(),
        sha256: warren_package::sha256(&program),
        built: now,
        expires: now.saturating_add(asked.days.saturating_mul(DAY)),
        allow_downgrade: asked.allow_downgrade,
    };
    // What could not be read again would be refused by every collector.
    Label::parse(&label.to_string())
        .map_err(|_| "a version and a machine have 1 to 64 letters, digits and - _ . +".to_owned())?;
    let failed = |error: minisign::PError| error.to_string();
    let signature =
        minisign::sign(None, &key, Cursor::new(&program), Some(&label.to_string()), None).map_err(failed)?.into_string();
    let public = minisign::PublicKey::from_secret_key(&key).map_err(failed)?.to_base64();
    let verified = Keys::parse(&public).and_then(|keys| keys.verify(&signature, program.as_slice()));
    verified.map_err(|refusal| refusal.to_string())?;
    let place = beside(&asked.file, "minisig");
    std::fs::write(&place, signature).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(format!("{}: {label}", place.display()))
}

fn secret_key(text: &str, password: Option<String>) -> Result<SecretKey, String> {
    let key = SecretKeyBox::from_string(text).map_err(|error| error.to_string())?;
    let read = match password {
        Some(password) => key.into_secret_key(Some(password)),
        None => key.into_unencrypted_secret_key(),
    };
    read.map_err(|error| format!("the key cannot be used: {error} (its password is taken from {PASSWORD_VARIABLE})"))
}

fn password() -> Option<String> {
    std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty())
}

/// The file of the same name with something more at its end.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{extension}"));
    PathBuf::from(name)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let file = File::options().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_with_a_key_is_taken_by_whoever_trusts_it() {
        let root = tempfile::tempdir().unwrap();
        let (key, file) = (root.path().join("key"), root.path().join("program"));
        std::fs::write(&file, "a program").unwrap();
        let mut asked = Sign {
            file: file.clone(),
            key: key.clone(),
            version: "1.4.0".into(),
            arch: "amd64".into(),
            os: "linux".into(),
            days: 2,
            allow_downgrade: true,
        };
        let keygen = Keygen { key: key.clone(), unencrypted: true };
        assert!(make_keys(&Keygen { unencrypted: false, ..keygen }, None).unwrap_err().contains(PASSWORD_VARIABLE));
        let keygen = Keygen { key: key.clone(), unencrypted: true };
        make_keys(&keygen, None).unwrap();
        assert!(make_keys(&keygen, None).is_err(), "a key that is there is not lost");
        sign(&asked, None, 1000).unwrap();
        let keys = Keys::parse(&read_text(&beside(&key, "pub")).unwrap()).unwrap();
        let signature = read_text(&beside(&file, "minisig")).unwrap();
        let label = keys.verify(&signature, read(&file).unwrap().as_slice()).unwrap();
        assert_eq!((label.expires, label.allow_downgrade, label.version.as_str()), (1000 + 2 * DAY, true, "1.4.0"));
        asked.version = "1 4".into();
        assert!(sign(&asked, None, 1000).is_err());
    }
}
