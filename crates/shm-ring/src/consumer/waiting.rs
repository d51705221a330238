//! Owns: how a consumer waits: for a record, for as many as its threshold says, for the end. Knows nothing of: how a payload
//! leaves its record.

use super::Receiver;
use crate::attachment::backoff;
use crate::attachment::wait::{Ended, Timeout, WaitRequest};
use crate::item::Payload;
use crate::options::Threshold;
use crate::protocol::clock::Deadline;
use crate::protocol::park;
use crate::protocol::position::Look;

impl<P: Payload + ?Sized> Receiver<P> {
    /// Waits until there is a record: never [`Look::Empty`].
    #[cold]
    #[inline(never)]
    pub(super) fn wait_for_record(&mut self, timeout: Timeout) -> Result<Look, Ended> {
        self.record_or_end(timeout).map_err(|ended| self.told(ended))
    }

    /// Passes on to the caller how a wait ended.
    pub(crate) fn told(&mut self, ended: Ended) -> Ended {
        self.head.forget_stream_end();
        self.side.told(self.map.mine(), ended)
    }

    fn record_or_end(&mut self, timeout: Timeout) -> Result<Look, Ended> {
        self.hint.ran_dry(self.map.mine(), self.head.position(), self.last);
        self.side.endings.has_read(self.head.position());
        if timeout == Timeout::NONE {
            let ended = self.side.has_no_time(self.map.theirs(), false);
            return match self.look()? {
                Look::Empty => Err(ended),
                look => Ok(look),
            };
        }
        let mut deadline = None;
        loop {
            let mut deadline = || *deadline.get_or_insert_with(|| timeout.deadline());
            if self.head.keeps_streams_apart() {
                // What the tail says may be the next stream.
                self.end_of_stream(deadline())?;
            }
            if let Some(threshold) = self.threshold {
                self.wait_for_threshold(threshold, deadline())?;
            } else if !self.stays_away() {
                self.wait_for_first(deadline())?;
            }
            match self.look()? {
                Look::Empty => {}
                look => return Ok(look),
            }
        }
    }

    /// Stays away from a ring that ran dry, and looks a few times: whether there is something.
    pub(super) fn stays_away(&mut self) -> bool {
        let Self { head, backoff, hint, map, last, side, .. } = self;
        // Its lines come beside the tail word, and not after it.
        let expects = hint.is_wanted() && map.is_beyond_front(*last);
        let has_changed = || {
            let changed = head.has_changed(map.theirs());
            if expects {
                map.area().prefetch_expected(head.position(), *last);
            }
            changed
        };
        backoff.on_empty(head.position(), *last, has_changed)
            || side.spins() && backoff::on_answer(has_changed)
    }

    fn wait_for_first(&mut self, deadline: Deadline) -> Result<(), Ended> {
        let request = WaitRequest::for_records(self.first(), deadline);
        let Self { head, map, side, .. } = self;
        let (mine, theirs) = (map.mine(), map.theirs());
        let has_changed = || head.has_changed(theirs);
        side.wait(mine, theirs, request, has_changed, |_| has_changed())
    }

    /// The least tail by which there is a record.
    pub(crate) fn first(&self) -> u64 {
        self.head.position() + self.side.layout.unit
    }

    /// Waits until as much is there as the threshold says, or until there is something and its time
    /// is over, or the producer waits for room or is gone.
    fn wait_for_threshold(
        &mut self,
        threshold: Threshold,
        deadline: Deadline,
    ) -> Result<(), Ended> {
        let wake_at = self.head.position() + threshold.bytes;
        loop {
            let within = deadline.min(Deadline::now().plus(threshold.within));
            let Self { head, map, side, .. } = self;
            let (layout, mine, theirs) = (side.layout, map.mine(), map.theirs());
            let enough = || match head.ready(&layout, theirs) {
                Some(ready) => {
                    park::is_enough(ready, threshold.bytes, || head.has_changed(theirs), theirs)
                }
                // What contradicts the protocol is not waited for.
                None => true,
            };
            // An end counts although something is there: that is taken then.
            let request = WaitRequest { unread: true, ..WaitRequest::for_records(wake_at, within) };
            let ended = side.wait(mine, theirs, request, enough, |_| enough()).err();
            if self.head.has_changed(self.map.theirs()) {
                return Ok(());
            }
            match ended {
                Some(Ended::TimedOut) if Deadline::now() < deadline => {}
                Some(ended) => return Err(ended),
                None => {}
            }
            // Nothing came in that time: the next record starts the clock again.
            self.wait_for_first(deadline)?;
        }
    }

    /// Sets the threshold: see [`Consumer::set_threshold`].
    pub(crate) fn set_threshold(&mut self, threshold: Option<Threshold>) {
        let layout = &self.side.layout;
        let most = (layout.limit / 2).max(layout.unit);
        self.threshold = threshold.map(|threshold| Threshold {
            bytes: threshold.bytes.clamp(layout.unit, most),
            ..threshold
        });
    }
}
