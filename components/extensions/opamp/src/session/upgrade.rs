//! Other versions of the collector, as far as they are a matter of the connection: what is offered, and what is told.

use super::Manager;
use warren_opamp::{PackageState, PackagesAvailable};
use warren_telemetry::Field;

impl Manager {
    /// The server has packages. The same again, whatever became of it, is none.
    pub(super) async fn offered_packages(&mut self, offer: &PackagesAvailable) {
        let known = self.kept.package.as_ref().is_some_and(|sought| sought.all == offer.all_packages_hash);
        let Some(packages) = self.packages.as_mut().filter(|_| !known && !self.leaving) else { return };
        let sought = packages.offered(offer, &self.access);
        self.cx.telemetry.log.info("The OpAMP server offers a version", &[("version", Field::Str(&sought.version))]);
        self.kept.package = Some(sought);
        self.told_of_packages().await;
    }

    /// What is sought is here, or cannot be had.
    pub(super) async fn obtained(&mut self, done: Result<(), String>) {
        let (Some(packages), Some(sought)) = (&self.packages, &mut self.kept.package) else { return };
        let slot = sought.slot.clone();
        match done {
            Ok(()) => sought.state = PackageState::Installing as i32,
            Err(reason) => sought.fail(&reason),
        }
        let here = sought.state == PackageState::Installing as i32;
        self.agent.now.packages = Some(packages.statuses(Some(sought)));
        // Before this process ends.
        self.keep().await;
        if let Some(switch) = self.packages.as_ref().filter(|_| here).map(|packages| packages.switch(&slot)) {
            self.cx.telemetry.log.info("This collector makes room for another version", &[("slot", Field::Str(&slot))]);
            self.leaving = true;
            if let Err(reason) = switch.await {
                self.leaving = false;
                if let Some(sought) = &mut self.kept.package {
                    sought.fail(&reason);
                }
            }
        }
        self.told_of_packages().await;
    }

    /// Looks what has become of what was sought; whether that is to be kept.
    pub(super) fn look_at_packages(&mut self) -> bool {
        let Some(packages) = &mut self.packages else { return false };
        let news = packages.look(&mut self.kept.package);
        self.agent.now.packages = Some(packages.statuses(self.kept.package.as_ref()));
        news
    }

    async fn told_of_packages(&mut self) {
        self.look_at_packages();
        if let Some(sought) = self.kept.package.as_ref().filter(|sought| sought.state == PackageState::InstallFailed as i32) {
            let fields = [("version", Field::Str(&sought.version)), ("error", Field::Str(&sought.error))];
            self.cx.telemetry.log.error("The version from the OpAMP server is not run", &fields);
        }
        self.keep().await;
    }
}
