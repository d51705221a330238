//! Byte streams over messages against the queue.

use std::io::{ErrorKind, IoSlice, Read, Write};

use shm_ring_fuzz::bytes::PAGE;
use shm_ring_fuzz::choice::{How, Side};

use super::{Call, Len, Messages};

impl Messages<u8> {
    pub(super) fn stream(&mut self, call: &Call) {
        match *call {
            Call::Write { lens, vectored } => self.write(lens, vectored),
            Call::Read { len } => self.read(len.into()),
            _ => {}
        }
    }

    fn write(&mut self, lens: [Len; 2], vectored: bool) {
        let quarter = PAGE as usize / 4;
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
                    self.model.push(&message[..should]);
                }
            }
            Err(error) => assert!(!fits && error.kind() == ErrorKind::BrokenPipe),
        }
    }

    fn read(&mut self, len: usize) {
        // Empty messages are no end: the first other one is read from.
        let there = self.model.has_bytes() || len == 0;
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
        while self.model.first().is_some_and(<[u8]>::is_empty) {
            self.model.pop();
        }
        match read {
            Ok(read) if there => {
                let payload = self.model.pop();
                assert_eq!(read, len.min(payload.len()));
                assert_eq!([&buffer[..read], &rest].concat(), payload);
            }
            Ok(read) => assert!(read == 0 && rest.is_empty()),
            Err(error) => assert!(!there && error.kind() == ErrorKind::BrokenPipe),
        }
    }
}
