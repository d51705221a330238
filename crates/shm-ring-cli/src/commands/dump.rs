//! `dump`: what is in a ring and has not been read, in hexadecimal and as text. It reads nothing out of the
//! ring.

use std::io::{self, BufWriter, Write};

use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Serialize, ser};
use shm_ring::{Contents, DumpError, Observer, Unread};
use shm_ring_console::terminal;

use crate::cli::Dump;
use crate::failure::{Code, Failure};
use crate::output;
use crate::units;

/// Bytes in a line.
const LINE: usize = 16;

pub(crate) fn run(dump: &Dump) -> Result<(), Failure> {
    let observer = Observer::open_with(dump.target.region(), &dump.trust.to_look())?;
    let records = observer.dump().take(dump.limit.unwrap_or(usize::MAX));
    let mut out = BufWriter::new(terminal::stdout());
    if dump.json {
        drop(out);
        let ended = std::cell::Cell::new(None);
        let name = dump.target.to_string();
        output::json(Document { name, records: std::cell::RefCell::new(records), ended: &ended })?;
        return ended.get().map_or(Ok(()), |error| Err(no_dump(error)));
    }
    let mut any = dump.limit == Some(0);
    for record in records {
        any = true;
        match record {
            Ok(Unread { position, payload, .. }) => {
                let title = format!("at {position}, {} bytes", payload.len());
                show(&mut out, &title, &payload)?;
            }
            Err(error @ (DumpError::Corrupt { .. } | DumpError::Overrun)) => {
                out.flush()?;
                return Err(no_dump(error));
            }
            Err(error) => {
                writeln!(out, "{}", terminal::paint(&error.to_string(), terminal::QUIET))?
            }
        }
    }
    out.flush()?;
    if !any {
        let snapshot = observer.snapshot();
        let why = match snapshot.contents {
            Contents::Latest { .. } => "nobody has written a value yet".to_owned(),
            _ if snapshot.tail == 0 => "nobody has written a record yet".to_owned(),
            _ => format!("all {} that were published have been read", units::size(snapshot.tail)),
        };
        terminal::note(&format!("{}: {why}", dump.target));
    }
    Ok(())
}

/// Writes a record below its title.
pub(crate) fn show(out: &mut impl Write, title: &str, payload: &[u8]) -> io::Result<()> {
    writeln!(out, "{}", terminal::paint(title, terminal::HEADING))?;
    for (line, bytes) in payload.chunks(LINE).enumerate() {
        writeln!(out, "{:08x}  {}", line * LINE, hex(bytes))?;
    }
    Ok(())
}

fn no_dump(error: DumpError) -> Failure {
    let text = error.to_string();
    let (what, _) = text.split_once(": ").unwrap_or((&text, ""));
    let hint = match error {
        DumpError::Overrun => "it is written faster than it is copied: dump it again",
        _ => "some process wrote what it must not: remove the ring and create it anew",
    };
    Failure::new(Code::Failure, what, hint)
}

/// A line of bytes, and what they are as ASCII.
fn hex(bytes: &[u8]) -> String {
    let mut line = String::new();
    for index in 0..LINE {
        match bytes.get(index) {
            Some(byte) => line += &format!("{byte:02x} "),
            None => line += "   ",
        }
        if index == LINE / 2 - 1 {
            line.push(' ');
        }
    }
    let text = bytes.iter().map(|&byte| match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    });
    line + " |" + &text.collect::<String>() + "|"
}

/// The dump as JSON, a record at a time: it may be larger than what we want to hold.
struct Document<'a, R> {
    name: String,
    records: std::cell::RefCell<R>,
    /// What ended it early.
    ended: &'a std::cell::Cell<Option<DumpError>>,
}

impl<R: Iterator<Item = Result<Unread, DumpError>>> Serialize for Document<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("records", &Records(self))?;
        // Known only now.
        let corrupt = matches!(self.ended.get(), Some(DumpError::Corrupt { .. }));
        map.serialize_entry("corrupt", &corrupt)?;
        map.end()
    }
}

struct Records<'a, 'b, R>(&'a Document<'b, R>);

impl<R: Iterator<Item = Result<Unread, DumpError>>> Serialize for Records<'_, '_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        let mut records = self.0.records.try_borrow_mut().map_err(ser::Error::custom)?;
        for record in records.by_ref() {
            match record {
                Ok(Unread { position, payload, .. }) => {
                    let hex = payload.iter().map(|byte| format!("{byte:02x}")).collect();
                    seq.serialize_element(&Record { position, len: payload.len(), hex })?;
                }
                Err(error @ (DumpError::Corrupt { .. } | DumpError::Overrun)) => {
                    self.0.ended.set(Some(error));
                }
                // What was taken meanwhile is a gap between two positions.
                Err(_) => {}
            }
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct Record {
    position: u64,
    len: usize,
    hex: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_bytes_and_text_in_columns() {
        assert_eq!(
            hex(b"To be, or\0\xff"),
            "54 6f 20 62 65 2c 20 6f  72 00 ff                 |To be, or..|"
        );
        assert_eq!(hex(&[b'x'; 16]).len(), hex(b"").len() + 16);
    }
}
