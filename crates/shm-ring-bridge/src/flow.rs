//! Owns: the two rules by which nothing is lost and nothing comes twice: how the source goes forwards and back
//! ([`Window`]), and what the sink takes ([`Gate`]). `model` explores all orders of losses and kills over them. Knows nothing
//! of: rings, engines, time.

use std::collections::VecDeque;

/// Where the next record to be sent begins, and how many bytes of it were sent in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cursor {
    pub(crate) at: u64,
    pub(crate) offset: u32,
}

impl Cursor {
    pub(crate) fn at(at: u64) -> Self {
        Self { at, offset: 0 }
    }
}

/// What the source has sent, and what of it is known to have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    /// The sink has every record below. The source gives those back, and nothing else.
    confirmed: u64,
    next: Cursor,
    /// Counts up with every return, so that a hole is answered once and not for each batch behind it.
    run: u64,
    /// Where those batches begin that the engine has not acknowledged.
    sent: VecDeque<Cursor>,
}

impl Window {
    /// Of a source that has given back all below `head`; `run` is one that no source has used before it.
    pub(crate) fn new(head: u64, run: u64) -> Self {
        Self { confirmed: head, next: Cursor::at(head), run, sent: VecDeque::new() }
    }

    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    pub(crate) fn next(&self) -> Cursor {
        self.next
    }

    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    /// How many batches the engine has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.sent.len()
    }

    /// Bytes that were sent and that the sink is not known to have.
    pub(crate) fn outstanding(&self) -> u64 {
        self.next.at - self.confirmed
    }

    /// A batch was sent that ends at `end`.
    pub(crate) fn send(&mut self, end: Cursor) {
        self.sent.push_back(self.next);
        self.next = end;
    }

    /// The engine has the oldest batch of which it was not known.
    pub(crate) fn acknowledge(&mut self) {
        self.sent.pop_front();
    }

    /// The sink has all below `stand`. Whether that is news.
    pub(crate) fn confirm(&mut self, stand: u64) -> bool {
        let is_news = stand > self.confirmed;
        self.confirmed = self.confirmed.max(stand);
        // A source that was started again learns what its predecessor had sent.
        self.next = self.next.max(Cursor::at(self.confirmed));
        is_news
    }

    /// The engine may not have what it has not acknowledged: sends it again, and all behind it.
    pub(crate) fn return_to_unacknowledged(&mut self) {
        let from = self.sent.front().copied().unwrap_or(self.next);
        self.return_to(from.max(Cursor::at(self.confirmed)));
    }

    /// The engine lost batches that it had acknowledged: sends everything again that the sink has not.
    pub(crate) fn return_to_confirmed(&mut self) {
        self.return_to(Cursor::at(self.confirmed));
    }

    /// The sink stands at `stand` and got a batch of `run` from behind it. Whether that is a reason to return.
    pub(crate) fn hole(&mut self, stand: u64, run: u64) -> bool {
        self.confirm(stand);
        let returns = run == self.run && self.next > Cursor::at(self.confirmed);
        if returns {
            self.return_to_confirmed();
        }
        returns
    }

    /// As the model counts runs: only whether one is the last matters.
    #[cfg(test)]
    pub(crate) fn with_run(self, run: u64) -> Self {
        Self { run, ..self }
    }

    fn return_to(&mut self, cursor: Cursor) {
        self.next = cursor;
        self.run = self.run.wrapping_add(1);
        self.sent.clear();
    }
}

/// Which records a batch has: whole ones from `first` to `end`, or `len` bytes from `offset` on of one of `total` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extent {
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    pub(crate) total: u32,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Extent {
    /// Where the batch behind this one begins.
    pub(crate) fn behind(&self) -> Cursor {
        match self.part {
            Some(Part { total, offset, len }) if offset + len < total => {
                Cursor { at: self.first, offset: offset + len }
            }
            _ => Cursor::at(self.end),
        }
    }
}

/// What a sink does with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// It has all of it: drops it.
    Known,
    /// Takes what it has not.
    Take,
    /// Something is missing before it: drops it, and says so. The source sends both again.
    Hole,
}

/// Decides about a batch at a sink that has all below `stand`, and of the record there the first `assembled` bytes.
pub(crate) fn judge(stand: u64, assembled: u32, extent: &Extent) -> Verdict {
    if extent.end <= stand {
        return Verdict::Known;
    }
    match extent.part {
        None if extent.first <= stand => Verdict::Take,
        Some(part) if extent.first == stand && part.offset == assembled => Verdict::Take,
        Some(part) if extent.first == stand && part.offset + part.len <= assembled => {
            Verdict::Known
        }
        _ => Verdict::Hole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(first: u64, end: u64) -> Extent {
        Extent { first, end, part: None }
    }

    fn part(offset: u32, len: u32) -> Extent {
        Extent { first: 80, end: 112, part: Some(Part { total: 24, offset, len }) }
    }

    #[test]
    fn a_sink_takes_what_follows_and_nothing_else() {
        assert_eq!(judge(80, 0, &whole(0, 80)), Verdict::Known);
        assert_eq!(judge(80, 0, &whole(80, 96)), Verdict::Take);
        assert_eq!(judge(80, 0, &whole(40, 96)), Verdict::Take);
        assert_eq!(judge(80, 0, &whole(88, 96)), Verdict::Hole);
        assert_eq!(judge(80, 0, &part(0, 10)), Verdict::Take);
        assert_eq!(judge(80, 10, &part(0, 10)), Verdict::Known);
        assert_eq!(judge(80, 10, &part(10, 14)), Verdict::Take);
        assert_eq!(judge(80, 10, &part(20, 4)), Verdict::Hole);
        assert_eq!(judge(72, 0, &part(0, 10)), Verdict::Hole);
        assert_eq!(judge(112, 0, &part(0, 10)), Verdict::Known);
    }

    #[test]
    fn a_batch_that_is_not_acknowledged_is_sent_again_with_all_behind_it() {
        let mut window = Window::new(0, 7);
        [10, 20, 30].into_iter().for_each(|end| window.send(Cursor::at(end)));
        window.acknowledge();
        assert_eq!((window.unacknowledged(), window.outstanding()), (2, 30));
        window.return_to_unacknowledged();
        assert_eq!((window.next(), window.unacknowledged()), (Cursor::at(10), 0));
        assert_ne!(window.run(), 7);
        // What the sink has is not sent, acknowledged or not.
        window.send(Cursor::at(20));
        assert!(window.confirm(15));
        window.return_to_unacknowledged();
        assert_eq!(window.next(), Cursor::at(15));
        assert!(!window.confirm(12));
    }

    #[test]
    fn a_hole_is_answered_once_in_a_run() {
        let mut window = Window::new(0, 7);
        [10, 20, 30].into_iter().for_each(|end| window.send(Cursor::at(end)));
        assert!(window.hole(10, 7));
        assert_eq!(window.next(), Cursor::at(10));
        window.send(Cursor::at(20));
        assert!(
            !window.hole(10, 7),
            "what was sent before the return says nothing of what came after it"
        );
        assert!(window.hole(10, window.run()));
    }

    #[test]
    fn parts_of_a_record_follow_each_other() {
        assert_eq!(part(0, 10).behind(), Cursor { at: 80, offset: 10 });
        assert_eq!(part(10, 14).behind(), Cursor::at(112));
        assert_eq!(whole(0, 80).behind(), Cursor::at(80));
        let mut window = Window::new(80, 0);
        window.send(Cursor { at: 80, offset: 10 });
        window.send(Cursor { at: 80, offset: 20 });
        window.acknowledge();
        window.return_to_unacknowledged();
        assert_eq!(window.next(), Cursor { at: 80, offset: 10 });
    }
}
