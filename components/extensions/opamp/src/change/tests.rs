use super::*;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use warren_component::{ComponentName, Request};

/// A collector that answers as it is told.
struct Collector {
    inbox: mpsc::Receiver<Request>,
    applied: Vec<String>,
    refuses: Option<Refused>,
    steps: Vec<Step>,
    status: ServiceStatus,
}

impl Collector {
    /// Everything that happens until such an event, and what was applied meanwhile.
    async fn serve(mut self, until: Event, change: &mut Change) -> (Vec<Event>, Vec<String>) {
        let applied = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&applied);
        // On a task of its own, as the real one: a question that is asked is answered, whoever waits meanwhile.
        let serving = tokio::spawn(async move {
            while let Some(request) = self.inbox.recv().await {
                self.answer(request);
                told.lock().unwrap().clone_from(&self.applied);
            }
        });
        let mut events = Vec::new();
        loop {
            let event = change.next().await;
            let last = std::mem::discriminant(&event) == std::mem::discriminant(&until);
            events.push(event);
            if last {
                serving.abort();
                return (events, applied.lock().unwrap().clone());
            }
        }
    }

    fn answer(&mut self, request: Request) {
        let outcome = || match &self.refuses {
            Some(refused) => Err(refused.clone()),
            None => Ok(Applied { hash: "m".into(), steps: self.steps.clone(), ..Applied::default() }),
        };
        match request {
            Request::Plan { reply, .. } => drop(reply.send(outcome())),
            Request::Apply { config, reply } => {
                let outcome = outcome();
                self.applied.extend(config.filter(|_| outcome.is_ok()));
                drop(reply.send(outcome));
            }
            Request::Status { reply } => drop(reply.send(self.status.clone())),
            Request::Effective { reply } => drop(reply.send(String::new())),
        }
    }
}

fn scene() -> (Change, Collector) {
    let (control, inbox) = Control::new();
    let status = ServiceStatus { hash: "m".into(), ..ServiceStatus::default() };
    let collector = Collector { inbox, applied: Vec::new(), refuses: None, steps: Vec::new(), status };
    (Change::new(control, "opamp".parse().unwrap(), Duration::from_secs(10)), collector)
}

fn offer(text: &str) -> Offer {
    Offer { hash: b"h".to_vec(), text: text.into(), before: Some("before".into()) }
}

fn failed() -> Event {
    Event::Failed(Vec::new(), String::new())
}

#[tokio::test(start_paused = true)]
async fn what_runs_well_for_the_time_of_grace_is_applied() {
    let (mut change, collector) = scene();
    change.offer(offer("older"));
    change.offer(offer("newer"));
    let began = Instant::now();
    let until = Event::Applied(offer(""), String::new());
    let (events, applied) = collector.serve(until, &mut change).await;
    assert_eq!(events, [Event::Began(b"h".to_vec()), Event::Applied(offer("newer"), "m".into())]);
    assert_eq!(applied, ["newer"]);
    assert!(began.elapsed() >= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_has_failed_with_every_finding() {
    let (mut change, mut collector) = scene();
    let findings = r#"[{"severity":"error","pointer":"/exporters/x","message":"unknown type","component":"x","hint":"y?"},{"severity":"warning"}]"#;
    collector.refuses = Some(Refused { reason: "r".into(), summary: "s".into(), findings: findings.into() });
    change.offer(offer("bad"));
    let (events, applied) = collector.serve(failed(), &mut change).await;
    assert_eq!(events[1], Event::Failed(b"h".to_vec(), "x /exporters/x: unknown type (y?)".into()));
    assert!(applied.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_end_of_the_collector_cuts_off_has_not_failed() {
    let (mut change, collector) = scene();
    change.offer(offer("good"));
    assert_eq!(change.next().await, Event::Began(b"h".to_vec()));
    drop(collector);
    for _ in 0..2 {
        assert!(tokio::time::timeout(PROBATION, change.next()).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn what_would_cut_the_connection_is_not_applied() {
    let (mut change, mut collector) = scene();
    let component = ComponentName { kind: "extension", id: "opamp".parse().unwrap(), signal: None, pipeline: None };
    collector.steps = vec![Step { action: "remove", component, why: Vec::new() }];
    change.offer(offer("without"));
    let (events, applied) = collector.serve(failed(), &mut change).await;
    assert!(matches!(&events[1], Event::Failed(_, reason) if reason.contains("take away the extension opamp")), "{events:?}");
    assert!(applied.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_put_back_has_failed() {
    let (mut change, mut collector) = scene();
    collector.status = ServiceStatus { hash: "a".into(), degraded: Some("gone".into()), ..ServiceStatus::default() };
    change.offer(offer("short-lived"));
    let (events, _) = collector.serve(failed(), &mut change).await;
    assert!(matches!(&events[1], Event::Failed(_, reason) if reason == "rolled back to what ran before: gone"), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn what_never_will_work_is_reverted() {
    let (mut change, mut collector) = scene();
    let name = ComponentName { kind: "receiver", id: "otlp".parse().unwrap(), signal: None, pipeline: None };
    collector.status.components = vec![(name, Health::Permanent("port".into()))];
    change.offer(offer("ill"));
    let (events, applied) = collector.serve(failed(), &mut change).await;
    assert!(
        matches!(&events[1], Event::Failed(_, reason) if reason == "receiver otlp: port; rolled back to what ran before"),
        "{events:?}"
    );
    assert_eq!(applied, ["ill", "before"]);
}
