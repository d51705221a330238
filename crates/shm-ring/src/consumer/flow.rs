//! Owns: [`Flow`], by which the closure of a batch says whether the batch goes on. Knows nothing of: batches.

use core::ops::ControlFlow;

/// The return value of a batch's closure: nothing, and the batch takes all that it may, or a [`ControlFlow`], by which it
/// stops.
///
/// The record that the closure stops at has been taken. Those behind it stay in the ring.
///
/// ```
/// use core::ops::ControlFlow;
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push_batch([1, 2, 3, 4])?;
/// let mut budget = 3_u64;
/// let taken = rx.pop_batch(usize::MAX, |item| {
///     budget = budget.saturating_sub(item);
///     if budget == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert_eq!(taken, 2);
/// assert_eq!(rx.pop()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Flow: sealed::Stops {}

impl Flow for () {}
impl Flow for ControlFlow<()> {}

pub(super) mod sealed {
    use core::ops::ControlFlow;

    /// The two forms are all that a batch can follow.
    pub trait Stops {
        /// Whether the batch ends here. Known when this is compiled for closures that return nothing.
        fn stops(self) -> bool;
    }

    impl Stops for () {
        #[inline(always)]
        fn stops(self) -> bool {
            false
        }
    }

    impl Stops for ControlFlow<()> {
        #[inline(always)]
        fn stops(self) -> bool {
            self.is_break()
        }
    }
}
