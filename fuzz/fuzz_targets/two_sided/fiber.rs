//! Coroutines that are stopped in the middle of anything: one for each attachment.
//!
//! Owns: their stacks, stopping and going on. Knows nothing of: what they do.
//!
//! Invariant of the unsafe block: a yielder's address is in `YIELDERS` only while its coroutine exists,
//! and [`pause`] is called inside that coroutine.

use std::cell::{Cell, RefCell};
use std::ptr;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};

use crate::script::Side;

thread_local! {
    static YIELDERS: [Cell<*const Yielder<(), ()>>; 2] =
        const { [Cell::new(ptr::null()), Cell::new(ptr::null())] };
    /// Stacks to be used again: mapping one costs more than most inputs.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

pub(crate) struct Fiber(Coroutine<(), (), (), DefaultStack>);

impl Fiber {
    pub(crate) fn new(side: Side, body: impl FnOnce() + 'static) -> Self {
        let stack = STACKS.with_borrow_mut(Vec::pop).unwrap_or_default();
        Self(Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            YIELDERS.with(|yielders| yielders[side as usize].set(ptr::from_ref(yielder)));
            body();
        }))
    }

    /// Goes on until the next [`pause`], or to the end: whether it is there.
    pub(crate) fn resume(&mut self) -> bool {
        self.0.resume(());
        self.0.done()
    }

    /// Ends it where it stands: what it owns is dropped.
    pub(crate) fn end(mut self) {
        self.0.force_unwind();
        STACKS.with_borrow_mut(|stacks| stacks.push(self.0.into_stack()));
    }
}

/// Stops the coroutine of `side`, in which this is called, until it is resumed.
pub(crate) fn pause(side: Side) {
    let yielder = YIELDERS.with(|yielders| yielders[side as usize].get());
    assert!(!yielder.is_null(), "not in a coroutine");
    // SAFETY: the invariant above.
    unsafe { &*yielder }.suspend(());
}
