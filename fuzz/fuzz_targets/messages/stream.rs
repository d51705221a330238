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
            Err(error) => assert!(!fits && error.kind() == ErrorKind::BrokenPipe),
        }
    }

    pub(super) fn read(&mut self, len: usize) {
        // Empty messages are no end: the first other one is read from.
        let there = self.has_bytes() || len == 0;
        if self.pair.prompt(Side::Consumer, How::Wait, there) != How::Wait {
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
        while self.model.first_len() == Some(0) {
            self.model.release(1);
        }
        match read {
            Ok(read) if there && self.model.first_len() > Some(len) => {
                assert_eq!(read, len);
                self.model.pop(&[&buffer[..], &rest].concat());
            }
            Ok(read) if there => {
                // As many as fit, up to an empty one.
                let (mut left, mut room) = (&buffer[..read], len);
                while let Some(next) = self.model.first_len().filter(|next| *next <= room) {
                    if next == 0 || room == 0 {
                        self.model.release(usize::from(room > 0));
                        break;
                    }
                    self.model.pop(&left[..next]);
                    (left, room) = (&left[next..], room - next);
                }
                assert!(left.is_empty() && rest.is_empty());
            }
            Ok(read) => assert!(read == 0 && rest.is_empty()),
            Err(error) => assert!(!there && error.kind() == ErrorKind::BrokenPipe),
        }
    }

    /// Whether any message has a payload.
    fn has_bytes(&self) -> bool {
        self.model.messages().any(|position| !self.model.is_message(position, &[]))
    }
}
