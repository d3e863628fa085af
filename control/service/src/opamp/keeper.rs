//! Writes down what collectors tell: all that has come while the last was being written, in one transaction. A fleet of which each has something
//! to tell would else wait for the disk once for each.

use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use warren_store::{Actor, Client, Entry, Store, StoreError};

/// Reports in one transaction.
const BATCH_MAX: usize = 256;

/// Reports that wait; beyond that, those who bring more wait before they hand it in.
const WAITING_MAX: usize = 1024;

/// What is to be written down of a collector, all of it or nothing.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What is known of it now.
    pub(crate) client: Client,
    /// Whether anything of that is to be written.
    pub(crate) news: bool,
    /// The configuration that it says it runs, if that is another than before.
    pub(crate) effective: Option<String>,
    /// It says that it cannot run what it was given.
    pub(crate) failed: bool,
    /// A credential that it is to get.
    pub(crate) credential: Option<String>,
    /// A credential that it uses for the first time.
    pub(crate) settles: Option<String>,
}

/// What came of a report.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// That it cannot run what it was given was not known.
    pub(crate) failed: bool,
}

type Waiting = (Report, oneshot::Sender<Result<Written, Arc<StoreError>>>);

/// Where reports are handed in.
pub(crate) struct Keeper(mpsc::Sender<Waiting>);

impl Keeper {
    /// Begins to write.
    pub(crate) fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(store, receiver));
        Self(sender)
    }

    /// Has a report written down, and waits until it is.
    ///
    /// # Errors
    /// When it could not be.
    pub(crate) async fn keep(&self, report: Report) -> Result<Written, Arc<StoreError>> {
        let ended = || Arc::new(StoreError::Missing("writer any more: the control plane ends".to_owned()));
        let (done, written) = oneshot::channel();
        self.0.send((report, done)).await.map_err(|_| ended())?;
        written.await.map_err(|_| ended())?
    }
}

async fn run(store: Store, mut reports: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while reports.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (reports, done): (Vec<Report>, Vec<_>) = batch.drain(..).unzip();
        match written(&store, &reports).await {
            Ok(all) => all.into_iter().zip(done).for_each(|(written, done)| drop(done.send(Ok(written)))),
            Err(error) => {
                let error = Arc::new(error);
                done.into_iter().for_each(|done| drop(done.send(Err(Arc::clone(&error)))));
            }
        }
    }
}

async fn written(store: &Store, reports: &[Report]) -> Result<Vec<Written>, StoreError> {
    let mut change = store.begin().await?;
    let (mut all, mut settled) = (Vec::with_capacity(reports.len()), Vec::new());
    for report in reports {
        let (client, mut written) = (&report.client, Written::default());
        let actor = Actor { name: format!("collector:{}", client.server), address: String::new() };
        if report.news {
            change.put_client(client, report.effective.as_deref()).await?;
        }
        // What it was never given it cannot have failed with, and what it has failed with it is not given again.
        if report.failed && change.add_failure(&client.server, &client.config_hash, &client.config_error).await? {
            written.failed = true;
            let detail = serde_json::json!({"hash": client.config_hash, "error": client.config_error});
            change.tell(&actor, &Entry::new("", "config.failed", format!("servers/{}/config", client.server), detail)).await?;
        }
        if let Some(id) = &report.settles {
            change.settle_credential(id, &client.server).await?;
            let detail = serde_json::json!({"credential": id, "uid": client.uid});
            change.tell(&actor, &Entry::new("", "server.enrolled", format!("servers/{}", client.server), detail)).await?;
            settled.push(client.server.clone());
        }
        if let Some(token) = &report.credential {
            change.add_credential(token, &client.server).await?;
        }
        all.push(written);
    }
    change.tell_nodes(&settled).await?;
    change.commit(&Actor::default(), &[]).await?;
    Ok(all)
}
