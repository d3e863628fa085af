//! From a file that was fetched to a version that may be tried.

use super::fetch::{Progress, Source, fetch};
use crate::config::PackageConfig;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};
use warren_http::Client;
use warren_package::{Keys, Label, Offered, SIGNATURE_BYTES_MAX, hex};
use warren_slots::{INITIAL, PROGRAM, SLOT_VARIABLE, Slots};

/// What lies beside the program: who vouches for it, and as what it was offered.
const SIGNATURE: &str = "package.minisig";
const OFFER: &str = "offer";

/// Where what is being fetched lies.
const FETCHED: &str = "fetched";

/// How long a version may take to look at the configuration.
const CHECK: Duration = Duration::from_secs(30);

/// Most bytes of what it says then.
const SAID_BYTES_MAX: u64 = 4096;

/// Most bytes of the file of trusted keys.
const KEYS_BYTES_MAX: u64 = 64 << 10;

/// What is to be had.
#[derive(Clone)]
pub(super) struct Goods {
    pub(super) slots: Slots,
    pub(super) offered: Offered,
    /// What both sides know the offer by.
    pub(super) offer: Vec<u8>,
    pub(super) signature: String,
    /// What the signature claims, until it is verified.
    pub(super) label: Label,
    /// The version that runs.
    pub(super) there: String,
    /// The file of those who are trusted.
    pub(super) keys: String,
}

/// Fetches a version unless it is here, verifies it and sees that it can run what runs here.
///
/// # Errors
/// Why it is not to be tried.
pub(super) async fn obtain(
    goods: Goods,
    source: Source,
    client: Client,
    config: PackageConfig,
    progress: Arc<Progress>,
) -> Result<(), String> {
    let slot = goods.label.slot();
    let here = goods.clone();
    let known = blocking(move || here.known()).await??;
    if !known {
        let directory = goods.slots.path().join(FETCHED);
        sleep(config.jitter.mul_f64(crate::backoff::fraction())).await;
        let path = fetch(&client, &source, (&directory, &goods.offered.sha256), &config, &progress).await?;
        let goods = goods.clone();
        blocking(move || goods.put_in_place(&path)).await??;
    }
    check(&goods.slots.program(&slot), &goods.slots.path().join("check.log")).await
}

/// A version that was here before is to be run again.
///
/// # Errors
/// When it is not here.
pub(super) async fn return_to(slots: Slots, slot: String) -> Result<(), String> {
    if !slots.has(&slot) {
        return Err("there is no version that this host came with".to_owned());
    }
    let (here, name) = (slots.clone(), slot.clone());
    blocking(move || here.forgive(&name)).await?.map_err(at(slots.path()))?;
    check(&slots.program(&slot), &slots.path().join("check.log")).await
}

impl Goods {
    /// Whether it is here and good. What has run here before may be run again, also if it is older or its time is over.
    pub(super) fn known(&self) -> Result<bool, String> {
        let (slots, slot) = (&self.slots, self.label.slot());
        if let Some(why) = slots.bad(&slot) {
            if offer_of(slots, &slot) == self.offer {
                return Err(format!("it has failed here before: {}", super::redact::redacted(&why)));
            }
            // Somebody who knows that wants it to be tried again.
            slots.forgive(&slot).map_err(at(slots.path()))?;
        }
        if !slots.has(&slot) {
            return Ok(false);
        }
        let ran = [slots.current(), slots.previous()].contains(&Some(slot.clone()));
        let path = slots.program(&slot);
        let program = File::open(&path).map_err(at(&path))?;
        let verified = self.verified(&program).and_then(|label| if ran { Ok(()) } else { self.fresh(&label) });
        match verified {
            Ok(()) => {
                note_offer(slots, &slot, &self.offer);
                Ok(true)
            }
            Err(reason) if ran => Err(format!("what is here of this version is not good any more: {reason}")),
            Err(_) => Ok(false),
        }
    }

    /// Verifies a file and puts it where it can be run from.
    pub(super) fn put_in_place(&self, path: &Path) -> Result<(), String> {
        let file = File::open(path).map_err(at(path));
        let verified = file.and_then(|file| self.verified(&file)).and_then(|label| self.fresh(&label));
        if let Err(reason) = verified {
            // Gone on with, it would not get better.
            let _ = fs::remove_file(path);
            return Err(reason);
        }
        self.placed(path).map_err(at(self.slots.path()))
    }

    fn placed(&self, path: &Path) -> std::io::Result<()> {
        let slot = self.label.slot();
        self.slots.tidy(&slot)?;
        let (place, unfinished) = (self.slots.slot(&slot), self.slots.slot(&format!(".{slot}.new")));
        // What was left unfinished is tidied up already.
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir(&unfinished)?;
        let program = unfinished.join(PROGRAM);
        fs::rename(path, &program)?;
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
        File::open(&program)?.sync_all()?;
        for (name, text) in [(SIGNATURE, self.signature.clone()), (OFFER, hex(&self.offer))] {
            let mut file = File::create(unfinished.join(name))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        warren_slots::sync(&unfinished)?;
        fs::rename(&unfinished, &place)?;
        warren_slots::sync(&self.slots.path().join("versions"))
    }

    /// What somebody who is trusted has signed of a program, which is what was offered.
    fn verified(&self, program: &File) -> Result<Label, String> {
        let mut text = String::new();
        let keys = File::open(&self.keys).and_then(|file| file.take(KEYS_BYTES_MAX).read_to_string(&mut text));
        keys.map_err(at(Path::new(&self.keys)))?;
        let told = |refusal: warren_package::Refusal| refusal.to_string();
        let label = Keys::parse(&text).and_then(|keys| keys.verify(&self.signature, program)).map_err(told)?;
        label.fits(&self.offered, std::env::consts::OS, crate::describe::architecture()).map_err(told)?;
        Ok(label)
    }

    fn fresh(&self, label: &Label) -> Result<(), String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        label.may_replace(&self.there, now).map_err(|refusal| refusal.to_string())
    }
}

/// What the signature beside a version says of it.
pub(super) fn label_of(slots: &Slots, slot: &str) -> Option<Label> {
    warren_package::signed_label(&read(&slots.slot(slot).join(SIGNATURE))?).ok()
}

/// What both sides know the offer by that a version was last offered as; nothing for one that the host came with.
pub(super) fn offer_of(slots: &Slots, slot: &str) -> Vec<u8> {
    let text = read(&slots.slot(slot).join(OFFER)).unwrap_or_default();
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len() / 2).map_while(|at| digit(2 * at)).collect()
}

/// A version was offered once more.
pub(super) fn note_offer(slots: &Slots, slot: &str, offer: &[u8]) {
    if slot != INITIAL && offer_of(slots, slot) != offer {
        // If it is not kept, the next offer is taken for another one, which does no harm.
        let _ = fs::write(slots.slot(slot).join(OFFER), hex(offer));
    }
}

/// Has a version look at the configuration that runs: with the arguments of this process it is asked what it would start with.
async fn check(program: &Path, log: &Path) -> Result<(), String> {
    let (program, path) = (program.to_owned(), log.to_owned());
    let started = blocking(move || {
        let said = File::create(&path).map_err(at(&path))?;
        let mut command = Command::new(&program);
        command.args(std::env::args_os().skip(1)).arg("validate").env_remove(SLOT_VARIABLE);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().map_err(at(&program))
    });
    let mut started = Guard(started.await?.map_err(|reason| format!("it cannot be started: {reason}"))?);
    let began = Instant::now();
    loop {
        let failed = match started.0.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => format!("it refuses the configuration ({status})"),
            Ok(None) if began.elapsed() < CHECK => {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
            Ok(None) => "it does not come to an end with looking at the configuration".to_owned(),
            Err(error) => error.to_string(),
        };
        let log = log.to_owned();
        let said = blocking(move || {
            let mut said = Vec::new();
            File::open(log)?.take(SAID_BYTES_MAX).read_to_end(&mut said)?;
            Ok::<_, std::io::Error>(super::redact::redacted(&String::from_utf8_lossy(&said)))
        });
        return Err(format!("{failed}: {}", said.await?.unwrap_or_default().trim()));
    }
}

/// A program that does not outlive whoever waits for it.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn read(path: &PathBuf) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(SIGNATURE_BYTES_MAX as u64).read_to_string(&mut text).ok()?;
    Some(text)
}

/// What is told of an error at a place.
fn at(path: &Path) -> impl Fn(std::io::Error) -> String + use<'_> {
    move |error| format!("{}: {error}", path.display())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|_| "interrupted".to_owned())
}
