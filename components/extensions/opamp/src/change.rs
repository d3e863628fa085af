//! From one configuration to another, as the server wants it: applied by the collector's own reload, then watched for a while.
//!
//! ```text
//! offer ─▶ would it cut us off? ─▶ apply ─▶ watch: grace over ─▶ applied ─▶ watch on: put back? ─▶ failed
//!              └──────── refused ─────┴──▶ failed     └─ a component fails for good ─▶ revert ─▶ failed
//! ```

use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use warren_component::{Applied, Control, Health, Refused, ServiceStatus, Step};
use warren_config::ComponentId;

/// How long what was applied may still be put back.
const PROBATION: Duration = Duration::from_secs(120);

/// Time between two looks while the grace lasts, and afterwards.
const LOOKS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Most characters of an error that are told.
pub(crate) const ERROR_CHARS_MAX: usize = 4096;

/// A configuration to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// What both sides know it by.
    pub(crate) hash: Vec<u8>,
    /// Its text, with secrets.
    pub(crate) text: String,
    /// What ran well before, to be run again if this does not.
    pub(crate) before: Option<String>,
}

/// What came of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is being applied.
    Began(Vec<u8>),
    /// It runs, and did well for the time of grace. The last is what the collector knows it by.
    Applied(Offer, String),
    /// It does not run, and why.
    Failed(Vec<u8>, String),
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Phase {
    Rest,
    Applying(Offer, Work<Result<Applied, Refused>>),
    Watching { offer: Offer, meaning: String, since: Instant, told: bool, look: Instant },
    Reverting(Offer, String, Work<Result<Applied, Refused>>),
}

/// The way from one configuration to another.
pub(crate) struct Change {
    control: Control,
    own: ComponentId,
    grace: Duration,
    phase: Phase,
    waiting: Option<Offer>,
}

impl Change {
    pub(crate) fn new(control: Control, own: ComponentId, grace: Duration) -> Self {
        Self { control, own, grace, phase: Phase::Rest, waiting: None }
    }

    /// Applies this as soon as what is being applied is; of several that wait, the newest.
    pub(crate) fn offer(&mut self, offer: Offer) {
        self.waiting = Some(offer);
    }

    /// What happens next; never while there is nothing to do. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            match &mut self.phase {
                Phase::Rest => match self.waiting.take() {
                    None => return std::future::pending().await,
                    Some(offer) => {
                        let hash = offer.hash.clone();
                        let work = apply(self.control.clone(), self.own.clone(), offer.text.clone());
                        self.phase = Phase::Applying(offer, Box::pin(work));
                        return Event::Began(hash);
                    }
                },
                Phase::Applying(offer, work) => {
                    let outcome = work.await;
                    let offer = offer.clone();
                    let now = Instant::now();
                    match outcome {
                        Ok(Applied { hash: meaning, .. }) => {
                            self.phase = Phase::Watching { offer, meaning, since: now, told: false, look: now };
                        }
                        Err(refused) => {
                            self.phase = Phase::Rest;
                            return Event::Failed(offer.hash, told(&refused));
                        }
                    }
                }
                // Something newer takes its place, whatever would have become of it.
                Phase::Watching { .. } if self.waiting.is_some() => self.phase = Phase::Rest,
                Phase::Watching { offer, meaning, since, told, look } => {
                    sleep_until(*look).await;
                    let Ok(status) = self.control.status().await else { return std::future::pending().await };
                    let now = Instant::now();
                    *look = now + if *told { LOOKS.1 } else { LOOKS.0 };
                    match verdict(&status, meaning) {
                        Verdict::PutBack(reason) => {
                            let hash = offer.hash.clone();
                            self.phase = Phase::Rest;
                            return Event::Failed(hash, format!("rolled back to what ran before: {reason}"));
                        }
                        Verdict::Ill(reason) if !*told => {
                            let offer = offer.clone();
                            let (control, before) = (self.control.clone(), offer.before.clone());
                            let work = async move {
                                match before {
                                    Some(before) => control.apply(Some(before)).await,
                                    None => Err(Refused::because("nothing ran before")),
                                }
                            };
                            self.phase = Phase::Reverting(offer, reason, Box::pin(work));
                        }
                        Verdict::Well | Verdict::Ill(_) => {
                            let (age, due) = (now.duration_since(*since), !*told);
                            if due && age >= self.grace {
                                *told = true;
                                return Event::Applied(offer.clone(), meaning.clone());
                            }
                            if age >= PROBATION.max(self.grace) {
                                self.phase = Phase::Rest;
                            }
                        }
                    }
                }
                Phase::Reverting(offer, reason, work) => {
                    let outcome = work.await;
                    let end = match outcome {
                        Ok(_) => "rolled back to what ran before".to_owned(),
                        Err(refused) => format!("it goes on as it can, for what ran before cannot be put back: {refused}"),
                    };
                    let event = Event::Failed(offer.hash.clone(), format!("{reason}; {end}"));
                    self.phase = Phase::Rest;
                    return event;
                }
            }
        }
    }
}

/// Applies a configuration unless it would end the connection to the server. Does not end if this program does meanwhile, which is no fault of the
/// configuration: what became of it, the next one tells.
async fn apply(control: Control, own: ComponentId, text: String) -> Result<Applied, Refused> {
    let outcome = applied(&control, own, text).await;
    if outcome.is_err() && control.status().await.is_err() {
        return std::future::pending().await;
    }
    outcome
}

async fn applied(control: &Control, own: ComponentId, text: String) -> Result<Applied, Refused> {
    let plan = control.plan(Some(text.clone())).await?;
    // Built anew for another reason, it goes on as before.
    let cuts = |step: &&Step| {
        let ours = step.component.kind == "extension" && step.component.id == own;
        ours && (step.action == "remove" || step.why.iter().any(|why| why.contains("settings")))
    };
    if let Some(step) = plan.steps.iter().find(cuts) {
        let what = if step.action == "remove" { "take away" } else { "change" };
        return Err(Refused::because(format!(
            "this configuration would {what} the extension {own}, through which this collector is managed; its settings belong into the \
             host file (--host-config), which a configuration from elsewhere cannot change"
        )));
    }
    control.apply(Some(text)).await
}

enum Verdict {
    Well,
    /// Another configuration runs, because this one could not go on.
    PutBack(String),
    /// A part of it will never work.
    Ill(String),
}

fn verdict(status: &ServiceStatus, meaning: &str) -> Verdict {
    if status.hash != meaning {
        return match &status.degraded {
            Some(reason) => Verdict::PutBack(reason.clone()),
            // Somebody on the host wanted something else.
            None => Verdict::Well,
        };
    }
    let ill = status.components.iter().find_map(|(name, health)| match health {
        Health::Permanent(reason) => Some(format!("{} {}: {reason}", name.kind, name.id)),
        _ => None,
    });
    ill.map_or(Verdict::Well, Verdict::Ill)
}

/// Why a configuration was refused: every finding with its place in it.
fn told(refused: &Refused) -> String {
    #[derive(serde::Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Finding {
        severity: String,
        pointer: String,
        message: String,
        component: Option<String>,
        hint: Option<String>,
    }
    let findings: Vec<Finding> = serde_json::from_str(&refused.findings).unwrap_or_default();
    let lines = findings.iter().filter(|finding| finding.severity == "error").map(|finding| {
        let component = finding.component.as_ref().map(|id| format!("{id} ")).unwrap_or_default();
        let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{component}{}: {}{hint}", finding.pointer, finding.message)
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = if text.is_empty() { refused.summary.trim_end().to_owned() } else { text };
    text.chars().take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
