//! Owns: waiting for the other side itself: until it is there, or another than it was. Knows nothing of: records.

use core::time::Duration;

use shm_ring::{
    AnyEnd, Armed, Consumer, Item, MessageConsumer, MessageProducer, Peer, Producer,
    UntypedConsumer, UntypedProducer, WaitAnyError, arm, is_armed, take_interrupt, wait_any,
};

use crate::sleeper::Wait;
use crate::wrapper::Async;

/// Until the other side is not as `known`.
struct Change {
    known: Peer,
}

/// Until somebody is there who was not reported.
struct Arrival;

/// Whether this process was forked from that of the end: nothing changes here then.
fn is_a_parents(end: &mut dyn AnyEnd) -> bool {
    wait_any(&mut [end], Some(Duration::ZERO)) == Err(WaitAnyError::Forked)
}

macro_rules! peers {
    ($([$($generics:tt)*] $end:ty;)*) => {$(
        impl<$($generics)*> Wait<$end, Armed, Peer> for Change {
            fn answer(&mut self, end: &mut $end, thorough: bool) -> Option<Peer> {
                let over = thorough && (take_interrupt(end) || is_a_parents(&mut end.awaited_change()));
                Some(end.peer()).filter(|peer| *peer != self.known || over)
            }

            fn arm(&mut self, end: &mut $end, long: bool) -> Option<Armed> {
                let change = end.awaited_change();
                // Behind the words that it is to differ from.
                if end.peer() == self.known { arm(&change, long) } else { None }
            }

            fn is_armed(&self, end: &$end, long: bool) -> bool {
                is_armed(&end.awaited_change(), long)
            }
        }

        impl<$($generics)*> Wait<$end, Armed, Peer> for Arrival {
            fn answer(&mut self, end: &mut $end, _thorough: bool) -> Option<Peer> {
                // A wait without any time returns how things are.
                let over = arm(&end.awaited_peer(), false).is_none();
                let _ = over && take_interrupt(end);
                over.then(|| end.wait_for_peer(Duration::ZERO))
            }

            fn arm(&mut self, end: &mut $end, long: bool) -> Option<Armed> {
                arm(&end.awaited_peer(), long)
            }

            fn is_armed(&self, end: &$end, long: bool) -> bool {
                is_armed(&end.awaited_peer(), long)
            }
        }

        impl<$($generics)*> Async<$end> {
            /// Waits until the other side is not as `known`, which is what [`peer`](Self::peer) has said: it attached, closed
            /// or died. Returns how it is then, and how it is if an [`Interrupt`](shm_ring::Interrupt) comes first. A process that dies is seen twice, if it takes the kernel long to free its
            /// lock.
            ///
            /// ```
            /// use shm_ring::{Options, Peer, Ring};
            /// # use shm_ring_async::Async;
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let (tx, rx) = Ring::<u64>::pair(&Options::new())?;
            /// let mut rx = Async::new(rx);
            /// let known = rx.peer();
            /// tx.close();
            /// assert_eq!(rx.peer_changed(known).await, Peer::Closed { session: 2 });
            /// # Ok(())
            /// # }
            /// ```
            pub async fn peer_changed(&mut self, known: Peer) -> Peer {
                self.wait(|this, cx| this.poll_wait(cx, Change { known })).await
            }

            /// Waits until somebody has attached to the other side, as the end's own `wait_for_peer` does, and returns how it is
            /// then, or if an [`Interrupt`](shm_ring::Interrupt) comes first: for an end that has learned that the other side closed or
            /// died, and goes on with the next.
            pub async fn wait_for_peer(&mut self) -> Peer {
                self.wait(|this, cx| this.poll_wait(cx, Arrival)).await
            }

            /// How the other side is: two loads and one `fcntl`.
            #[must_use]
            pub fn peer(&self) -> Peer {
                self.get_ref().peer()
            }
        }
    )*};
}

peers! {
    [T: Item] Consumer<T>;
    [T: Item] Producer<T>;
    [] MessageConsumer;
    [] MessageProducer;
    [] UntypedConsumer;
    [] UntypedProducer;
}
