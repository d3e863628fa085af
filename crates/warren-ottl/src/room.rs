//! Room in which a text is put together before it is known whether it must be made one of its own: kept from text to text.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// Bytes that are kept.
const KEPT_BYTES_MAX: usize = 16 << 10;

thread_local! {
    static ROOM: Cell<String> = const { Cell::new(String::new()) };
}

/// Room that is given back once it is needed no more.
pub(crate) struct Room(String);

/// An empty room; whoever asks for another one meanwhile gets one of his own.
#[inline]
pub(crate) fn take() -> Room {
    let mut room = ROOM.try_with(Cell::take).unwrap_or_default();
    room.clear();
    Room(room)
}

impl Drop for Room {
    #[inline]
    fn drop(&mut self) {
        if self.0.capacity() <= KEPT_BYTES_MAX {
            let room = std::mem::take(&mut self.0);
            // A thread that ends keeps none.
            let _ = ROOM.try_with(|kept| kept.set(room));
        }
    }
}

impl Deref for Room {
    type Target = String;

    #[inline]
    fn deref(&self) -> &String {
        &self.0
    }
}

impl DerefMut for Room {
    #[inline]
    fn deref_mut(&mut self) -> &mut String {
        &mut self.0
    }
}
