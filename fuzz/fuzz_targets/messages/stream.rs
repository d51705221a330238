//! Owns: byte streams over messages, against the queue. Knows nothing of: messages as such.

use std::io::{ErrorKind, IoSlice, Read, Write};

use shm_ring_fuzz::choice::{How, Side};

use super::{Len, Messages};

impl Messages {
    pub(super) fn write(&mut self, lens: [Len; 2], vectored: bool) {
        let quarter = (self.model.header().limit as usize / 4).min(self.most);
        let [first, second] = lens.map(|len| self.len(len));
        let message = self.message(first + second);
        // Whole parts up to a quarter of the ring, or as much of the first with anything in it as that is.
        let should = match vectored {
            true if first + second <= quarter => first + second,
            true if first == 0 => second.min(quarter),
            _ => first.min(quarter),
        };
        let fits = should == 0 || self.fits(should);
        if self.pair.prompt(Side::Producer, How::Wait, fits) != How::Wait {
            return;
        }
        let Some(tx) = self.pair.tx.take() else { return };
        let mut writer = tx.into_writer();
        let written = match vectored {
            true => writer.write_vectored(&[
                IoSlice::new(&message[..first]),
                IoSlice::new(&message[first..]),
            ]),
            false => writer.write(&message[..first]),
        };
        writer.flush().unwrap();
        self.pair.tx = Some(writer.into_inner());
        match written {
            Ok(written) => {
                assert!(fits && written == should);
                if should > 0 {
                    self.model.push(&message[..should], self.pair.memory);
                }
            }
            Err(error) => {
                assert!(!fits && error.kind() == ErrorKind::BrokenPipe);
                self.pair.check_stream_ended(Side::Producer, false);
            }
        }
    }

    /// While it is read as a stream, a consumer reports the end of every stream.
    pub(super) fn read(&mut self, len: usize) {
        self.pair.set_of_streams(true);
        self.read_stream(len);
        self.pair.set_of_streams(false);
    }

    fn read_stream(&mut self, len: usize) {
        let end = self.pair.stream_end().unwrap_or(u64::MAX);
        // Empty messages are no end: the first other one is read from.
        let there = self.has_bytes_below(end) || len == 0;
        if !there && !self.pair.ends_at(end.clamp(self.model.head(), self.model.tail())) {
            return;
        }
        let Some(rx) = self.pair.rx.take() else { return };
        let mut reader = rx.into_reader();
        let mut buffer = vec![0; len];
        let read = reader.read(&mut buffer);
        let (rx, rest) = reader.into_inner();
        self.pair.rx = Some(rx);
        if len == 0 {
            return assert!(matches!(read, Ok(0)) && rest.is_empty());
        }
        while self.first_len_below(end) == Some(0) {
            self.model.release(1);
        }
        match read {
            Ok(read) if there && self.first_len_below(end) > Some(len) => {
                assert_eq!(read, len);
                self.model.pop(&[&buffer[..], &rest].concat());
            }
            Ok(read) if there => {
                // As many as fit, up to an empty one.
                let (mut left, mut room) = (&buffer[..read], len);
                while let Some(next) = self.first_len_below(end).filter(|next| *next <= room) {
                    if next == 0 || room == 0 {
                        self.model.release(usize::from(room > 0));
                        break;
                    }
                    self.model.pop(&left[..next]);
                    (left, room) = (&left[next..], room - next);
                }
                assert!(left.is_empty() && rest.is_empty());
            }
            Ok(read) => {
                assert!(read == 0 && rest.is_empty());
                self.pair.check_stream_ended(Side::Consumer, true);
            }
            Err(error) => {
                assert!(!there && error.kind() == ErrorKind::BrokenPipe);
                self.pair.check_stream_ended(Side::Consumer, false);
            }
        }
    }

    /// Bytes of the payload of the oldest message, if it stands below `end`.
    fn first_len_below(&self, end: u64) -> Option<usize> {
        self.model.first_len().filter(|_| self.model.head() < end)
    }

    /// Whether any message below `end` has a payload.
    fn has_bytes_below(&self, end: u64) -> bool {
        let mut messages = self.model.messages().take_while(|position| *position < end);
        messages.any(|position| !self.model.is_message(position, &[]))
    }
}
