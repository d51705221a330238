//! The slices that lie in a region, and the calls that lend them.
//!
//! Owns: what only unsafe code can do with a record. Knows nothing of: forms.
//!
//! Invariant of the unsafe blocks: both sides of the ring are the test's own, and nobody writes data but through these.
#![allow(unsafe_code)]

use shm_ring::{Item, Message, MessageReservation, Reservation, View};

/// A message's address in the region and a copy of its bytes, by its slice.
pub(crate) fn message_bytes(message: &Message<'_>) -> (usize, Vec<u8>) {
    // SAFETY: the invariant.
    let slice = unsafe { message.as_slice() };
    assert_eq!(message.as_ptr(), slice.as_ptr());
    (slice.as_ptr().addr(), slice.to_vec())
}

/// The address of a view's values in the region and copies of their bytes, by their slice.
pub(crate) fn view_bytes<T: Item>(view: &View<'_, T>) -> (usize, Vec<Vec<u8>>) {
    // SAFETY: the invariant.
    let values = unsafe { view.as_slice() };
    (values.as_ptr().addr(), values.iter().map(|value| value.as_bytes().to_vec()).collect())
}

/// Writes a message through its slice; the slice's address.
pub(crate) fn write_message(room: &mut MessageReservation<'_>, message: &[u8]) -> usize {
    let address = room.as_mut_ptr();
    // SAFETY: the invariant.
    let place = unsafe { room.as_mut_slice() };
    assert_eq!(place.as_mut_ptr(), address);
    place.copy_from_slice(message);
    place.as_ptr().addr()
}

/// Writes values through their places; the address of the first.
pub(crate) fn write_values<T: Item>(room: &mut Reservation<'_, T>, values: Vec<T>) -> usize {
    // SAFETY: the invariant.
    let places = unsafe { room.as_uninit() };
    let address = places.as_ptr().addr();
    for (place, value) in places.iter_mut().zip(values) {
        place.write(value);
    }
    address
}
