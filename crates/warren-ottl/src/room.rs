//! Room in which a text is put together before it is known whether it must be made one of its own: kept from text to text.

use std::cell::Cell;

/// Bytes that are kept.
const KEPT_BYTES_MAX: usize = 16 << 10;

thread_local! {
    static ROOM: Cell<String> = const { Cell::new(String::new()) };
}

/// An empty room; whoever asks for another one meanwhile gets one of his own.
#[inline]
pub(crate) fn take() -> String {
    let mut room = ROOM.try_with(Cell::take).unwrap_or_default();
    room.clear();
    room
}

/// Gives a room back that is needed no more.
#[inline]
pub(crate) fn give_back(room: String) {
    if room.capacity() <= KEPT_BYTES_MAX {
        // A thread that ends keeps none.
        let _ = ROOM.try_with(|kept| kept.set(room));
    }
}
