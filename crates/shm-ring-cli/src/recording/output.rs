//! Where a recording goes: a file that may be there already, or a stream. It must not know what is recorded.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use shm_ring_recording::{End, find_end};

use super::damaged;
use crate::failure::{Code, Failure};

/// A recording that is written.
pub(crate) struct Output {
    file: File,
    name: String,
    /// Bytes that were written whole; `None` of a stream, which cannot be shortened to them.
    whole: Option<u64>,
    sync: bool,
}

/// What was found there.
pub(crate) enum Opened {
    /// Nothing: a header comes first.
    New(Output),
    /// A recording, which goes on where it ends.
    Found(Output, End),
}

impl Output {
    /// The file at `path`, or standard output.
    pub(crate) fn open(path: Option<&Path>, sync: bool) -> Result<Opened, Failure> {
        let Some(path) = path else { return Self::standard().map(Opened::New) };
        let name = path.display().to_string();
        let cannot = |error: &io::Error| unwritable(&name, error);
        // What a ring holds is its owner's alone, and so is this.
        let mut regular = OpenOptions::new();
        regular.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = match path.metadata() {
            Ok(stat) if !stat.is_file() => OpenOptions::new().write(true).open(path),
            _ => regular.open(path),
        };
        let file = file.map_err(|error| cannot(&error))?;
        let stat = file.metadata()?;
        if !stat.is_file() {
            if sync {
                let what = format!("{name} is no regular file, and --sync wants one");
                return Err(Failure::new(Code::Usage, what, "without --sync it is written to"));
            }
            return Ok(Opened::New(Self { file, name, whole: None, sync }));
        }
        // A file system without locks has nobody who holds one.
        if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::AGAIN) {
            let what = format!("another process records into {name}");
            return Err(Failure::new(Code::Failure, what, "end it first, or use another file"));
        }
        if sync {
            Self::sync_name(path).map_err(|error| cannot(&error))?;
        }
        let mut output = Self { file, name, whole: Some(0), sync };
        // Again, now that nobody else writes.
        let len = output.file.metadata()?.len();
        let hint = "nobody could read what would stand behind that: record into another file";
        let end =
            find_end(&output.file, len).map_err(|error| damaged(&output.name, &error, hint))?;
        output.shorten_to(end.as_ref().map_or(0, |end| end.byte))?;
        Ok(match end {
            None => Opened::New(output),
            Some(end) => Opened::Found(output, end),
        })
    }

    fn standard() -> Result<Self, Failure> {
        // Without the buffer of `io::stdout()`, which looks for the ends of lines.
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        if file.is_terminal() {
            return Err(Failure::new(
                Code::Usage,
                "a recording is nothing for a terminal",
                "name a file (-o FILE), or send it there: > FILE",
            ));
        }
        let stat = file.metadata()?;
        if stat.is_file() && stat.len() > 0 {
            return Err(Failure::new(
                Code::Usage,
                format!("standard output is a file that holds {} bytes already", stat.len()),
                "-o FILE goes on with a recording; > FILE replaces it",
            ));
        }
        let whole = stat.is_file().then_some(0);
        Ok(Self { file, name: "standard output".to_owned(), whole, sync: false })
    }

    /// Has the directory remember that the file is there.
    fn sync_name(path: &Path) -> io::Result<()> {
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        File::open(parent)?.sync_all()
    }

    fn shorten_to(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::Start(len))?;
        self.whole = Some(len);
        Ok(())
    }

    /// Writes a header or a block, all of it or nothing. When it returns a crash of this process loses none of it, and with
    /// --sync no crash of the machine.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes).and_then(|()| match self.sync {
            true => self.file.sync_data(),
            false => Ok(()),
        });
        match (written, self.whole) {
            (Ok(()), whole) => {
                self.whole = whole.map(|whole| whole + bytes.len() as u64);
                Ok(())
            }
            // As for every command: who reads a pipe may have seen enough.
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(whole)) => {
                // A half block would be dropped as well by whoever goes on.
                let _ = self.shorten_to(whole);
                Err(unwritable(&self.name, &error))
            }
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_terminal(&self) -> &impl IsTerminal {
        &self.file
    }
}

fn unwritable(name: &str, error: &io::Error) -> Failure {
    Failure::new(
        Code::Failure,
        format!("{name} cannot be written: {error}"),
        "what is not in it is still in the ring: make room, and the same command with -o goes on",
    )
}
