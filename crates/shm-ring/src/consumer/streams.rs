//! Owns: keeping the streams of several producers apart, for a consumer that reports the end of each. Knows nothing of: which
//! end is owed; `protocol/ending` does.

use super::Receiver;
use crate::attachment::wait::Ended;
use crate::item::Payload;
use crate::options::Ends;
use crate::protocol::clock::Deadline;
use crate::protocol::position::{Corrupt, Look};

impl<P: Payload + ?Sized> Receiver<P> {
    /// Changes which ends this side reports, and returns which those were before.
    pub(crate) fn set_ends(&mut self, ends: Ends) -> Ends {
        let of_stream = ends == Ends::OfStream;
        self.head.keep_streams_apart(of_stream);
        let was_of_stream = self.side.endings.set_of_stream(of_stream);
        let end = of_stream.then(|| self.side.endings.stream_end(self.map.theirs())).flatten();
        if let Some(end) = end {
            let layout = self.layout();
            self.head.end_stream_at(&layout, end);
        }
        if was_of_stream { Ends::OfStream } else { Ends::Mine }
    }

    /// Looks again where the plain look decided nothing: the next stream begins only after the end of this one was reported.
    #[cold]
    #[inline(never)]
    pub(super) fn look_in_stream(&mut self) -> Result<Look, Corrupt> {
        if !self.head.keeps_streams_apart() {
            return Err(Corrupt);
        }
        let (layout, theirs) = (self.layout(), self.map.theirs());
        let endings = &self.side.endings;
        self.head.look_in_stream(&layout, theirs, || endings.stream_end(theirs))
    }

    /// The end that stands between what was read and what comes, if there is one; what changes all the time holds no
    /// deadline up.
    pub(super) fn end_of_stream(&self, deadline: Deadline) -> Result<(), Ended> {
        match self.side.ended(self.map.theirs(), false) {
            Some(ended) => Err(ended),
            None if Deadline::now() >= deadline => Err(Ended::TimedOut),
            None => Ok(()),
        }
    }
}
