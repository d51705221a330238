//! The process that dies: this program again, attached to a ring, told by a line on stdin to end.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use clap::{Args, ValueEnum};
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use shm_ring::{Options, Ring};
use shm_ring_outsider::Side;

use super::now;

/// How a process ends without closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum End {
    Kill,
    /// Killed, with memory that takes the kernel a while to tear down.
    Large,
    /// Killed, with many threads.
    Threads,
    Segv,
    Abort,
    Exit,
    Exec,
    /// A thread unwinds with the end, and the process goes on.
    Panic,
}

/// Bytes of its own that a large one has touched.
const LARGE: usize = 256 << 20;
const THREADS: usize = 32;

impl End {
    pub(crate) const ALL: [Self; 8] = [
        Self::Kill,
        Self::Large,
        Self::Threads,
        Self::Segv,
        Self::Abort,
        Self::Exit,
        Self::Exec,
        Self::Panic,
    ];

    fn is_a_kill(self) -> bool {
        matches!(self, Self::Kill | Self::Large | Self::Threads)
    }

    /// How many deaths of this kind there are where there are `deaths` of most.
    pub(crate) fn share_of(self, deaths: u64) -> u64 {
        if self == Self::Large { deaths.div_ceil(10) } else { deaths }
    }

    /// Whether the liveness word says so: one that panics leaves its thread in it.
    pub(crate) fn is_in(self, liveness: u64) -> bool {
        let names_a_thread = liveness & 0x3FFF_FFFF != 0;
        liveness >> 30 == 3 && names_a_thread == (self == Self::Panic)
    }
}

/// Which end it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    Producer,
    Consumer,
}

impl Role {
    /// What an outsider calls it.
    pub(crate) fn side(self) -> Side {
        match self {
            Self::Producer => Side::Producer,
            Self::Consumer => Side::Consumer,
        }
    }
}

/// What a victim is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    name: String,
    role: Role,
    end: End,
    /// Whether it has the kernel tell of its death.
    #[arg(long)]
    quiet: bool,
    /// The processor that it keeps to.
    #[arg(long)]
    processor: Option<usize>,
}

/// Has this thread, and those that it starts, keep to one processor.
pub(crate) fn keep_to(processor: usize) -> Result<(), String> {
    let mut only = CpuSet::new();
    only.set(processor);
    sched_setaffinity(None, &only).map_err(|error| format!("keeping to a processor: {error}"))
}

/// A victim that is attached. It is killed when this is dropped.
pub(crate) struct Victim {
    process: Child,
    said: BufReader<ChildStdout>,
    end: End,
}

impl Victim {
    pub(crate) fn start_with(
        name: &str,
        end: End,
        role: Role,
        more: Option<&str>,
    ) -> Result<Self, String> {
        let text = |value: Option<clap::builder::PossibleValue>| {
            value.map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut process = Command::new(program)
            .args(["victim", name, &text(role.to_possible_value()), &text(end.to_possible_value())])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let said = process.stdout.take().map(BufReader::new).ok_or("no pipe")?;
        let mut victim = Self { process, said, end };
        let mut line = String::new();
        victim.said.read_line(&mut line).map_err(|error| error.to_string())?;
        if line == "attached\n" { Ok(victim) } else { Err(format!("the victim said {line:?}")) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Has it end; the moment at which that began.
    pub(crate) fn end(&mut self) -> Result<u64, String> {
        if self.end.is_a_kill() {
            let began = now();
            kill(Pid::from_raw(self.process.id() as i32), Signal::SIGKILL)
                .map_err(|error| error.to_string())?;
            return Ok(began);
        }
        let stdin = self.process.stdin.as_mut().ok_or("no pipe")?;
        stdin.write_all(b"end\n").map_err(|error| error.to_string())?;
        let mut began = [0; 8];
        self.said.read_exact(&mut began).map_err(|error| error.to_string())?;
        Ok(u64::from_le_bytes(began))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Attaches, says so, and ends when told, having said when.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    // No core files of thousands of deaths.
    let _ = nix::sys::prctl::set_dumpable(false);
    if arguments.processor.is_some_and(|processor| keep_to(processor).is_err()) {
        return ExitCode::FAILURE;
    }
    let options = Options::new().death_notice(!arguments.quiet);
    let ring = Ring::<u64>::open_with(arguments.name.as_str(), &options);
    let (tx, rx) = match (ring, arguments.role) {
        (Ok(ring), Role::Producer) => (ring.producer().ok(), None),
        (Ok(ring), Role::Consumer) => (None, ring.consumer().ok()),
        (Err(_), _) => (None, None),
    };
    if tx.is_none() && rx.is_none() {
        return ExitCode::FAILURE;
    }
    let mut memory = Vec::new();
    match arguments.end {
        // Not zeros, of which there may be one page for all.
        End::Large => memory.resize(LARGE, 1_u8),
        End::Threads => (0..THREADS).for_each(|_| drop(std::thread::spawn(std::thread::park))),
        _ => {}
    }
    core::hint::black_box(&memory);
    let mut out = std::io::stdout();
    let mut line = String::new();
    let ready = out.write_all(b"attached\n").and_then(|()| out.flush());
    if ready.is_err() || std::io::stdin().read_line(&mut line).is_err() || line != "end\n" {
        return ExitCode::FAILURE;
    }
    let _ = out.write_all(&now().to_le_bytes()).and_then(|()| out.flush());
    match arguments.end {
        End::Segv => drop(raise(Signal::SIGSEGV)),
        End::Abort => std::process::abort(),
        End::Exec => drop(Command::new("/bin/sleep").arg("30").exec()),
        End::Panic => {
            let unwinding = move || {
                let _ends = (tx, rx);
                std::panic::resume_unwind(Box::new(()));
            };
            drop(std::thread::spawn(unwinding).join());
            let _ = std::io::stdin().read_line(&mut line);
        }
        End::Kill | End::Large | End::Threads | End::Exit => {}
    }
    // Ends here, with nothing closed in order.
    std::process::exit(0)
}
