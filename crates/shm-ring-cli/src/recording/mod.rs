//! What `record`, `tap`, `replay` and `info` have in common: the shape of a ring as a file has it, times, and how they end.
//! It must not know what any of them does.

mod output;
mod selection;
mod stop;

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shm_ring::{Contents, Snapshot};
use shm_ring_recording::{Fault, Header, Kind, Maker, NoMemory, ReadError};

pub(crate) use self::output::{Opened, Output};
pub(crate) use self::selection::{Place, Selection};
pub(crate) use self::stop::Stop;

use crate::failure::{Code, Failure};

/// What `ls`, `top` and `stat` show beside a ring that is recorded: at most the 15 characters that the kernel keeps.
pub(crate) const RECORDER: &CStr = c"shm-ring-record";
pub(crate) const TAP: &CStr = c"shm-ring-tap";

/// Has `ls`, `top` and `stat` show the process by this name. Without it all works as well.
pub(crate) fn name_process(name: &CStr) {
    let _ = rustix::thread::set_name(name);
}

/// Times that go on steadily from the time of day at which the command began: whoever sets the clock does not change how
/// long a replay waits.
pub(crate) struct Clock {
    began: u64,
    start: Instant,
}

impl Clock {
    pub(crate) fn started() -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: began.as_nanos() as u64, start: Instant::now() }
    }

    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) fn now(&self) -> u64 {
        self.began + self.start.elapsed().as_nanos() as u64
    }
}

/// The header of a recording of that ring which begins at `base`.
pub(crate) fn header(
    snapshot: &Snapshot,
    maker: Maker,
    base: u64,
    clock: &Clock,
) -> Result<Header, Failure> {
    let (kind, size, align, unit) = match snapshot.contents {
        Contents::Values { size, align } => (Kind::Values, size, align, size),
        Contents::Messages { size, align } => (Kind::Messages, size, align, align.max(8)),
        Contents::Latest { size, align } => {
            (Kind::Latest, size, align, snapshot.contents.stride().unwrap_or(size))
        }
        _ => {
            let what = format!("{} carries what this release does not know", snapshot.region);
            return Err(Failure::new(Code::Incompatible, what, "use the release that made it"));
        }
    };
    let created = snapshot.created.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Header {
        kind,
        maker,
        size,
        align,
        schema: snapshot.schema,
        capacity: snapshot.capacity,
        limit: snapshot.limit,
        unit,
        base,
        created: created.as_nanos() as u64,
        began: clock.now(),
        id: snapshot.id,
        label: snapshot.label.clone(),
    })
}

/// The file to be read, and what messages call it.
pub(crate) fn input(path: &Path) -> Result<(File, String), Failure> {
    if path == Path::new("-") {
        // Without the buffer of `io::stdin()`.
        return Ok((File::from(io::stdin().as_fd().try_clone_to_owned()?), "the input".to_owned()));
    }
    let name = path.display().to_string();
    let opened = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(file),
    });
    match opened {
        Ok(file) => Ok((file, name)),
        Err(error) => Err(unreadable(&name, &error)),
    }
}

pub(crate) fn unreadable(name: &str, error: &io::Error) -> Failure {
    let what = format!("{name} cannot be read: {error}");
    Failure::new(Code::Failure, what, "check the name, and the disk")
}

/// How reading a file ended early, and what to do.
pub(crate) fn damaged(name: &str, error: &ReadError, hint: &str) -> Failure {
    match error {
        ReadError::Damaged(damage) => match damage.fault {
            Fault::NotARecording { .. } | Fault::Version { .. } => Failure::new(
                Code::Incompatible,
                format!("{name} is no recording that can be read: {}", damage.fault),
                "`shm-ring record` and `shm-ring tap` make recordings",
            ),
            _ => Failure::new(Code::Damaged, format!("{name} is {damage}"), hint),
        },
        ReadError::Io(error) => unreadable(name, error),
        error => Failure::new(Code::Failure, format!("{name}: {error}"), hint),
    }
}

impl From<NoMemory> for Failure {
    fn from(error: NoMemory) -> Self {
        Self::new(Code::Failure, error.to_string(), "what was not written is still in the ring")
    }
}

/// Many small blocks take few system calls.
pub(crate) fn buffered(file: impl Read) -> io::BufReader<impl Read> {
    io::BufReader::with_capacity(256 * 1024, file)
}
