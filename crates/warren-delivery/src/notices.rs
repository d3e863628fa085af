//! Telling what the queue's log has met with.

use crate::counters::Loss;
use crate::delivery::Delivery;
use crate::disk::{Disk, Notice};
use warren_component::Health;
use warren_storage::Damage;
use warren_telemetry::Field;

impl Delivery {
    /// Logs and counts what has happened on the disk.
    pub(crate) fn tell_notices(&self, disk: &Disk) {
        disk.notices().into_iter().for_each(|notice| self.tell_notice(disk, notice));
    }

    fn tell_notice(&self, disk: &Disk, notice: Notice) {
        let directory = disk.path().display().to_string();
        let directory = ("directory", Field::Str(&directory));
        match notice {
            Notice::Opened(found) => {
                let fields = [directory, ("batches", integer(found.records)), ("items", integer(found.items))];
                self.log.info("Sending queue on disk opened", &fields);
            }
            Notice::Damage(damage) => self.tell_damage(&damage, directory),
            Notice::Undecodable(items, error) => {
                self.counters.lost(items, Loss::Undecodable);
                let fields = [directory, ("error", Field::Str(&error)), ("dropped_items", integer(items))];
                self.log.error("What was read from the sending queue on disk is no batch. Dropping data.", &fields);
            }
            Notice::Failing(error) => {
                let message = "Sending queue on disk cannot be written. Refusing data until it can; what was taken is safe.";
                self.log.error(message, &[directory, ("error", Field::Str(&error))]);
                if let Some(status) = self.status() {
                    status.tell(Health::Recoverable(error));
                }
            }
            Notice::Works => {
                self.log.info("Sending queue on disk can be written again", &[directory]);
                if let Some(status) = self.status() {
                    status.tell(Health::Ok);
                }
            }
        }
    }

    fn tell_damage(&self, damage: &Damage, directory: (&str, Field<'_>)) {
        if damage.first {
            self.counters.corrupt_segments().add(1);
        }
        self.counters.lost(damage.items, Loss::Corrupt);
        let fields = [
            directory,
            ("file", Field::Str(&damage.segment)),
            ("from_byte", integer(damage.from)),
            ("to_byte", integer(damage.to)),
            ("dropped_items", integer(damage.items)),
        ];
        self.log.error("Part of the sending queue on disk is damaged. Skipping it.", &fields);
    }
}

fn integer(number: u64) -> Field<'static> {
    Field::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
