//! The running extension.

use crate::config::Config;
use crate::link::Dialler;
use crate::session::Manager;
use std::sync::{Arc, Mutex, PoisonError};
use warren_component::{BoxFuture, BuildContext, BuildError, Control, Extension, RunContext, RunError};

/// Connects to a server, and does what it says.
pub(crate) struct OpAmp {
    config: Config,
    cx: BuildContext,
    /// Where the collector is asked; given before the start.
    control: Mutex<Option<Control>>,
    dialler: Mutex<Option<Dialler>>,
}

impl OpAmp {
    pub(crate) fn new(config: Config, cx: BuildContext) -> Result<Self, BuildError> {
        let dialler = Mutex::new(Some(Dialler::new(&config, &cx)?));
        Ok(Self { config, cx, control: Mutex::new(None), dialler })
    }
}

impl Extension for OpAmp {
    fn attach(&self, control: Control) {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(control);
    }

    fn run(self: Arc<Self>, run: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let control = self.control.lock().unwrap_or_else(PoisonError::into_inner).take();
            let dialler = self.dialler.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (Some(control), Some(dialler)) = (control, dialler) else {
                return Err(RunError("the extension was started twice".to_owned()));
            };
            let manager = Manager::new(self.config.clone(), self.cx.clone(), control, dialler, run.status.clone());
            tokio::select! {
                () = run.stop.requested() => return Ok(()),
                manager = manager => match manager {
                    Ok(mut manager) => manager.run(&run.stop).await,
                    Err(error) => return Err(RunError(error)),
                },
            }
            Ok(())
        })
    }
}
