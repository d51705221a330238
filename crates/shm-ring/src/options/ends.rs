//! Owns: [`Ends`], which ends of the other side an end reports. Knows nothing of: how that is found out.

/// The ends of the other side that a `pop`, a `push` and their siblings report: `Closed` and `PeerDead`.
///
/// ```
/// use std::time::Duration;
/// use shm_ring::{Ends, Options, PopError, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// ring.producer()?.close(); // yesterday
/// let mut rx = ring.consumer()?;
/// assert_eq!(rx.pop_timeout(Duration::from_millis(1)), Err(PopError::TimedOut));
/// let mut tx = ring.producer()?;
/// tx.push(7)?;
/// tx.close();
/// assert_eq!((rx.pop()?, rx.pop()), (7, Err(PopError::Closed)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// Of a side that was alive when this end attached or came later, and of a producer whose records it read. A side that
    /// had gone before counts as one that has not come yet: a service that starts waits for the next one.
    #[default]
    Mine,
    /// Of every stream, once: even of one that ended before this consumer came, if no earlier consumer has reported that.
    /// Records of the next producer come only after the end of the last one was reported. A program that copies one stream
    /// and ends with it wants this. A [`StreamReader`](crate::StreamReader) does it whatever its options say.
    ///
    /// To a producer this is the same as [`Mine`](Self::Mine): a consumer that is gone leaves no stream behind.
    OfStream,
}
