//! Owns: finding and taking values as bytes, whether their type is known or not: the next one, in the front or in the data,
//! or a run. Knows nothing of: what becomes of them.

use super::Receiver;
use crate::attachment::wait::Timeout;
use crate::error::PopError;
use crate::item::Values;
use crate::mapping::records::{self, Front};
use crate::protocol::position::{Corrupt, FRONT_BYTES, Head, Look};

impl<V: Values + ?Sized> Receiver<V> {
    /// Bytes of a value, and from one to the next.
    #[inline(always)]
    pub(super) fn size(&self) -> u64 {
        self.layout().unit
    }

    /// Takes the oldest value into a place that is there already: from the data if it is known to be there, else whence
    /// the tail says.
    #[inline(always)]
    pub(super) fn take_next_into(
        &mut self,
        timeout: Option<Timeout>,
        value: &mut [u8],
        release: impl FnOnce(&mut Self, u64) -> Result<(), PopError>,
    ) -> Result<(), PopError> {
        match self.find_next(timeout, |front| records::copy_front(front, value.len()))? {
            Some(copy) => copy.write_to(value),
            None => {
                self.map.area().take_into(self.head.position(), value);
                self.prefetch_below();
            }
        }
        release(self, value.len() as u64)
    }

    /// Takes as many values as `values` has room for. They are known to be there.
    #[inline(always)]
    pub(super) fn take_run(&mut self, values: &mut [u8]) -> Result<(), PopError> {
        self.map.area().take_run(self.head.position(), values);
        match values.len() {
            0 => Ok(()),
            len => self.release(len as u64),
        }
    }

    /// Makes sure that there is a value. What `take` makes of the front, if that holds the only one, whole.
    #[inline(always)]
    pub(super) fn find_next<R>(
        &mut self,
        timeout: Option<Timeout>,
        take: impl FnOnce(Front<'_>) -> R,
    ) -> Result<Option<R>, PopError> {
        if self.head.has_record() {
            return Ok(None);
        }
        let look = match timeout {
            None => self.try_look()?,
            Some(timeout) => self.await_look(timeout)?,
        };
        let size = self.size();
        let Self { head, map, .. } = &*self;
        if let (Look::Front { word }, true) = (look, size <= FRONT_BYTES) {
            if head.tail() - head.position() == size {
                let theirs = map.theirs();
                let taken = take(theirs.map(|page| &page.position.0.front));
                if Head::front_is_whole(theirs, word) {
                    return Ok(Some(taken));
                }
            }
        }
        self.prefetch_run();
        Ok(None)
    }

    /// How many values are there, up to `max`: looks once if it knows of fewer, and waits if there is none.
    #[inline(always)]
    pub(super) fn count_up_to(
        &mut self,
        max: usize,
        timeout: Option<Timeout>,
    ) -> Result<usize, PopError> {
        self.count_up_to_of(self.size(), max, timeout)
    }

    /// [`count_up_to`](Self::count_up_to) of values whose size the caller knows when it is compiled.
    #[inline(always)]
    pub(super) fn count_up_to_of(
        &mut self,
        size: u64,
        max: usize,
        timeout: Option<Timeout>,
    ) -> Result<usize, PopError> {
        if max == 0 {
            return Ok(0);
        }
        self.check_process()?;
        if self.known(size) < max {
            // Also where some are known: what is new since then may fill the rest.
            match self.look() {
                Ok(Look::Empty) => self.find(timeout)?,
                Ok(look) => look,
                Err(Corrupt) => return Err(self.corrupt()),
            };
            self.prefetch_run();
        }
        let count = self.known(size).min(max);
        self.prefetch_behind(count as u64 * size);
        Ok(count)
    }

    /// Values up to the tail that was seen.
    #[inline(always)]
    fn known(&self, size: u64) -> usize {
        ((self.head.tail() - self.head.position()) / size) as usize
    }
}
