use super::*;
use crate::tests::outlined;
use std::sync::Mutex;
use warren_component::Control;

const TEXT: &str = "
receivers: {source: }
exporters: {sink: }
service: {pipelines: {logs: {receivers: [source], exporters: [sink]}}}
";

/// Reads everything as [`TEXT`], and notes what it was asked for; waits for a word first if there is a receiver of such.
fn noting(asked: Arc<Mutex<Vec<String>>>, gate: Option<std::sync::mpsc::Receiver<()>>) -> Read {
    let gate = Mutex::new(gate);
    Arc::new(move |origin| {
        asked.lock().unwrap().push(match origin {
            Origin::Sources => "sources".to_owned(),
            Origin::Text(text) => text.clone(),
            Origin::Canonical(text) => format!("canonical {text}"),
        });
        if let Some(gate) = &*gate.lock().unwrap() {
            gate.recv().unwrap();
        }
        let (settings, outline) = outlined(TEXT);
        Ok(Decoded { settings, outline, files: Vec::new(), warnings: Vec::new(), canonical: Arc::from("") })
    })
}

#[tokio::test]
async fn of_those_that_wait_the_newest_is_applied_and_answers_for_all() {
    let (control, inbox) = Control::new();
    let (open, gate) = std::sync::mpsc::channel();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut reloads = Reloads::new(noting(asked.clone(), Some(gate)), inbox);
    let ask = |config: &str| {
        let (control, config) = (control.clone(), config.to_owned());
        tokio::spawn(async move { control.apply(Some(config)).await })
    };
    let first = ask("1");
    let serve = async {
        let mut finished = Vec::new();
        while finished.len() < 2 {
            match reloads.next(false).await {
                Event::Status(reply) => {
                    // The first is being read; now more come.
                    drop(reply);
                    open.send(()).unwrap();
                    open.send(()).unwrap();
                }
                Event::Read(read) => {
                    finished.push(read.apply);
                    read.answer(&Ok(Applied::default()));
                }
                Event::Effective(_) => panic!("nobody asks for the configuration in effect"),
            }
        }
        finished
    };
    let more = async {
        while asked.lock().unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let waiting = [ask("2"), ask("3")];
        tokio::task::yield_now().await;
        let _ = control.status().await;
        waiting
    };
    let (finished, waiting) = tokio::join!(serve, more);
    assert_eq!(finished, [true, true]);
    for answer in std::iter::once(first).chain(waiting) {
        assert!(answer.await.unwrap().is_ok());
    }
    assert_eq!(*asked.lock().unwrap(), ["1", "3"]);
}

#[tokio::test]
async fn a_plan_does_not_apply_and_waits_its_turn() {
    let (control, inbox) = Control::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut reloads = Reloads::new(noting(asked.clone(), None), inbox);
    let asking = tokio::spawn(async move { control.plan(None).await });
    let Event::Read(finished) = reloads.next(false).await else { panic!("not read") };
    assert!(!finished.apply);
    finished.answer(&Err(Refused::because("no")));
    assert_eq!(asking.await.unwrap().unwrap_err().to_string(), "no");
    assert_eq!(*asked.lock().unwrap(), ["sources"]);
}

#[tokio::test]
async fn what_is_put_back_comes_before_everything_that_waits() {
    let (control, inbox) = Control::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut reloads = Reloads::new(noting(asked.clone(), None), inbox);
    control.reload();
    reloads.put_back(Arc::from("before"));
    for put_back in [true, false] {
        let Event::Read(finished) = reloads.next(false).await else { panic!("not read") };
        assert_eq!((finished.apply, finished.put_back), (true, put_back));
    }
    assert_eq!(*asked.lock().unwrap(), ["canonical before", "sources"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_reloads_rest() {
    let (control, inbox) = Control::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut reloads = Reloads::new(noting(asked.clone(), None), inbox);
    control.reload();
    let rested = tokio::time::timeout(std::time::Duration::from_secs(1), reloads.next(true)).await;
    assert!(rested.is_err() && asked.lock().unwrap().is_empty());
    assert!(matches!(reloads.next(false).await, Event::Read(_)));
}
