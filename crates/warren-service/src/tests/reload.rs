//! From one configuration to another while everything runs.

use super::graph::{common, outlined};
use super::*;
use crate::graph::Built;
use crate::outline::Outline;
use crate::reload::{Decoded, Origin, Read, Reloads};
use crate::run::running::Running as Service;
use crate::run::service::Service as Whole;
use crate::run::signals::Signals as Os;
use crate::watch::Watched;
use warren_component::Control;
use warren_pdata::{LogRecord, Logs, Resource, Scope};

/// A service, and the outputs that each source was given when it was built.
struct Scene {
    running: Service,
    built: mpsc::UnboundedReceiver<(ComponentId, Outputs)>,
    outputs: std::collections::BTreeMap<String, Outputs>,
}

impl Scene {
    fn start(text: &str) -> Self {
        let (sender, built) = mpsc::unbounded_channel();
        BUILT.with(|slot| *slot.lock().unwrap() = Some(sender));
        let running = Service::new(&common(), Control::new().0, Duration::from_secs(10));
        let mut scene = Self { running, built, outputs: Default::default() };
        scene.reload(text).unwrap();
        scene
    }

    fn reload(&mut self, text: &str) -> Result<(), String> {
        let (settings, outline): (_, Outline) = outlined(text);
        let built = Built::new(&settings, &outline, self.running.present(), &common()).map_err(|error| error.to_string())?;
        self.running.switch(built, outline);
        while let Ok((id, outputs)) = self.built.try_recv() {
            self.outputs.insert(id.to_string(), outputs);
        }
        Ok(())
    }

    /// Sends through what the source was given when it was built last.
    async fn send(&self, source: &str) -> Result<(), ConsumeError> {
        let logs = Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()]);
        self.outputs[source].get(Signal::Logs).unwrap().consume(Arc::new(Batch::Logs(logs))).await
    }

    /// What happened since it was last asked, once everything has come to rest.
    async fn diary(&mut self) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Diary::mine().take()
    }
}

fn config(exporters: &str, pipeline: &str) -> String {
    format!(
        "
receivers: {{source: , source/b: }}
processors: {{pass: }}
exporters: {{{exporters}}}
extensions: {{badge: }}
service: {{extensions: [badge], pipelines: {{logs: {{{pipeline}}}}}}}
"
    )
}

#[tokio::test(start_paused = true)]
async fn what_does_not_change_runs_on_and_sends_into_what_is_new() {
    let before = config("sink/a: , sink/b: ", "receivers: [source], processors: [pass], exporters: [sink/a]");
    let mut scene = Scene::start(&before);
    scene.diary().await;
    scene.reload(&config("sink/a: , sink/b: ", "receivers: [source], processors: [pass], exporters: [sink/b]")).unwrap();
    assert_eq!(scene.diary().await, ["sink/b is built for logs", "exporter sink/b runs", "exporter sink/a stops"]);
    scene.send("source").await.unwrap();
    assert_eq!(scene.diary().await, ["pass passes 1 logs", "sink/b takes 1 logs, one of 1"]);
    scene.reload(&before).unwrap();
    scene.send("source").await.unwrap();
    assert!(scene.diary().await.contains(&"sink/a takes 1 logs, one of 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_built_changes_nothing() {
    let mut scene = Scene::start(&config("sink: ", "receivers: [source], exporters: [sink]"));
    scene.diary().await;
    let broken = config("sink: , sink/b: {auth: badge}", "receivers: [source, source/b], exporters: [sink, sink/b]");
    let error = scene.reload(&broken).unwrap_err();
    assert!(error.contains("requested authenticator is not a HTTP client authenticator"), "{error}");
    assert_eq!(scene.diary().await, [""; 0]);
    scene.send("source").await.unwrap();
    assert_eq!(scene.diary().await, ["sink takes 1 logs, one of 1"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_again_touches_nothing() {
    let text = config("sink: ", "receivers: [source], processors: [pass], exporters: [sink]");
    let mut scene = Scene::start(&text);
    scene.diary().await;
    scene.reload(&text).unwrap();
    assert_eq!(scene.diary().await, [""; 0]);
    assert_eq!(scene.running.leaving(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_under_way_ends_before_what_it_is_in() {
    let slow = config("sink/slow: ", "receivers: [source], processors: [pass], exporters: [sink/slow]");
    let mut scene = Scene::start(&slow);
    let output = scene.outputs["source"].get(Signal::Logs).unwrap().clone();
    let logs = Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()]);
    let call = tokio::spawn(async move { output.consume(Arc::new(Batch::Logs(logs))).await });
    scene.diary().await;
    scene.reload(&config("sink: ", "receivers: [source], exporters: [sink]")).unwrap();
    assert_eq!(scene.diary().await, ["sink is built for logs", "exporter sink runs"]);
    scene.send("source").await.unwrap();
    assert_eq!(scene.diary().await, ["sink takes 1 logs, one of 1"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    call.await.unwrap().unwrap();
    assert_eq!(scene.diary().await, ["sink/slow has taken it", "exporter sink/slow stops"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hands_nothing_over_runs_when_the_old_one_has_ended() {
    let text = config("sink: ", "receivers: [source], exporters: [sink]");
    let mut scene = Scene::start(&text);
    scene.diary().await;
    scene.reload(&text.replace("{source: ,", "{source: {interval: 5s},")).unwrap();
    assert_eq!(scene.diary().await, ["receiver source stops", "receiver source runs"]);
    scene.reload(&text.replace("receivers: [source]", "receivers: [source/b]")).unwrap();
    assert_eq!(scene.diary().await, ["receiver source/b runs", "receiver source stops"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_is_on_its_way_out() {
    let slow = config("sink/slow: ", "receivers: [source], exporters: [sink/slow]");
    let mut scene = Scene::start(&slow);
    let output = scene.outputs["source"].get(Signal::Logs).unwrap().clone();
    let logs = Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()]);
    let call = tokio::spawn(async move { output.consume(Arc::new(Batch::Logs(logs))).await });
    scene.diary().await;
    scene.reload(&config("sink: ", "receivers: [source], exporters: [sink]")).unwrap();
    assert_eq!(scene.running.leaving(), 1);
    scene.running.stop(&mut Os::new().unwrap()).await;
    call.await.unwrap().unwrap();
    assert!(Diary::mine().take().contains(&"exporter sink/slow stops".to_owned()));
}

#[tokio::test]
async fn a_component_that_cannot_go_on_takes_its_configuration_back() {
    let telemetry = "  telemetry: {metrics: {level: none}}";
    let text = |receiver: &str| {
        format!(
            "
receivers: {{source: , source/ill: }}
exporters: {{sink: }}
service:
  pipelines: {{logs: {{receivers: [source{receiver}], exporters: [sink]}}}}
{telemetry}
"
        )
    };
    let (good, ill) = (text(""), text(", source/ill"));
    let read: Read = Arc::new(move |origin| {
        let text = match origin {
            Origin::Sources => ill.clone(),
            Origin::Text(text) => text.clone(),
            Origin::Canonical(text) => text.to_string(),
        };
        let (mut settings, outline) = outlined(&text);
        let canonical = settings.canonical().into();
        Ok(Decoded { settings, outline, files: Vec::new(), warnings: Vec::new(), canonical })
    });
    let (control, inbox) = Control::new();
    let common = common();
    let running = Service::new(&common, control.clone(), Duration::from_secs(1));
    let mut service = Whole::new(common, String::new(), None, running, None);
    service.start(read(&Origin::Text(good)).unwrap_or_else(|refused| panic!("{refused}")), || {}).unwrap();
    let before = service.status().hash;
    let mut signals = Os::new().unwrap();
    let (reloads, watched) = (Reloads::new(read, inbox), Watched::default());
    let asking = async {
        assert_ne!(control.apply(None).await.unwrap().hash, before);
        loop {
            let status = control.status().await.unwrap();
            if status.hash == before {
                break status;
            }
        }
    };
    let show: crate::reload::Show = Arc::new(|text: &str| text.to_owned());
    let status = tokio::select! {
        ended = crate::run::until_ended(&mut service, reloads, &show, &control, &watched, &mut signals) => panic!("{ended:?}"),
        status = asking => status,
    };
    assert_eq!(status.degraded.as_deref(), Some("receiver source/ill: no space left on device"));
    assert_eq!(status.components.len(), 2);
}
