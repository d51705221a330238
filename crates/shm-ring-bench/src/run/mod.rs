//! One run: makes the objects, starts both sides as processes of their own, waits for them, and
//! reads what they measured. It must not know what the figures mean.

pub(crate) mod clock;
pub(crate) mod control;
mod fault;
mod floor;
pub(crate) mod histogram;
pub(crate) mod message;
pub(crate) mod queues;
pub(crate) mod side;
pub(crate) mod spec;
pub(crate) mod sys;
pub(crate) mod transport;
pub(crate) mod workload;

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};

use crate::run::control::{Control, Measure, PER_NANOSECOND, Side};
use crate::run::histogram::PARTS;
use crate::run::message::Code;
use crate::run::spec::{Spec, Workload};
use crate::run::transport::{Made, find, make};
use crate::run::workload::ATTACHED_STAGE;

/// Set by Ctrl-C and SIGTERM.
pub(crate) static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The first argument of a process that is one side of a run.
pub(crate) const SIDE_ARGUMENT: &str = "__side";

/// What a run measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Which round of the comparison it was.
    pub(crate) round: u32,
    /// 0 without a floor: on one processor, or where nothing is timed.
    pub(crate) floor_ns: f64,
    pub(crate) wall_ns: u64,
    /// Messages that side A verified.
    pub(crate) verified: u64,
    /// Processor time over wall time, of B (which sends) and of A.
    pub(crate) cpu: [f64; 2],
    /// Time spent waiting for a processor over wall time, of B and of A.
    pub(crate) queued: [f64; 2],
    /// The percentiles of [`PARTS`], in nanoseconds; zeros for streams.
    pub(crate) percentiles: [f64; PARTS.len()],
    /// Nanoseconds that the rate is reckoned from: the wall time, if not another span is the point.
    pub(crate) span_ns: u64,
    /// Nanoseconds that half of the bursts did not exceed, for `burst`.
    pub(crate) drain_ns: f64,
    /// Processor time of both sides, in nanoseconds, less that in which one waited for the next
    /// message to be due.
    pub(crate) cpu_ns: u64,
    /// Context switches of both sides, less those that the workload asked for.
    pub(crate) switches: u64,
    /// System calls of both sides, where they were counted.
    pub(crate) system_calls: Option<u64>,
    /// What a side holds beyond the messages' bytes, for `memory`.
    pub(crate) held_bytes: u64,
}

/// Why there is no sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Interrupted,
    TimedOut,
    /// A side failed; what it said.
    Side(String),
    /// The run could not be set up.
    SetUp(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::TimedOut => f.write_str("timed out and was killed"),
            Self::Side(said) => write!(f, "failed: {said}"),
            Self::SetUp(said) => write!(f, "could not be set up: {said}"),
        }
    }
}

/// Both sides, in a process group of their own that dies with this value.
struct Sides {
    group: Option<u32>,
    children: Vec<Child>,
}

impl Sides {
    fn start(&mut self, spec: &Spec) -> io::Result<()> {
        let json = serde_json::to_string(spec).map_err(io::Error::other)?;
        let child = Command::new("/proc/self/exe")
            .args([SIDE_ARGUMENT, &json])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(self.group.map_or(0, |leader| leader as i32))
            .spawn()?;
        self.group.get_or_insert(child.id());
        self.children.push(child);
        Ok(())
    }

    /// Whether all have ended in order; an error if one has failed. Then their group is no more.
    fn ended(&mut self) -> Result<bool, Failure> {
        let mut all = true;
        let mut failed = Vec::new();
        for (index, child) in self.children.iter_mut().enumerate() {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => failed.push((index, status)),
                Ok(None) => all = false,
                Err(error) => return Err(Failure::SetUp(error.to_string())),
            }
        }
        if all {
            self.group = None;
        }
        if failed.is_empty() {
            return Ok(all);
        }
        self.kill();
        let said = failed.into_iter().map(|(index, status)| self.what_was_said(index, status));
        Err(Failure::Side(said.collect::<Vec<_>>().join("; ")))
    }

    fn what_was_said(&mut self, index: usize, status: ExitStatus) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.children[index].stderr {
            let _ = stderr.read_to_string(&mut text);
        }
        match text.trim() {
            "" => format!("a side ended with {status}"),
            text => text.to_owned(),
        }
    }

    fn kill(&mut self) {
        if let Some(leader) = self.group {
            sys::kill_group(leader);
        }
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        // A group exists until its members have been waited for, so its number is still ours.
        self.kill();
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// Runs `spec` (whose side, control, code and channels are filled in here) within `limit`.
pub(crate) fn run(spec: &Spec, limit: Duration) -> Result<Sample, Failure> {
    let set_up = |error: io::Error| Failure::SetUp(error.to_string());
    let control = Control::new().map_err(set_up)?;
    let threads = find(&spec.transport).is_some_and(|entry| entry.threads);
    let mut made = Vec::new();
    if !threads {
        for _ in 0..spec.channels_wanted() {
            let channel = make(&spec.transport, spec.bytes);
            made.push(channel.map_err(|fault| Failure::SetUp(fault.to_string()))?);
        }
    }
    for fd in made.iter().flat_map(|made| made.descriptors()) {
        fcntl_setfd(fd, FdFlags::empty()).map_err(|errno| set_up(errno.into()))?;
    }
    fcntl_setfd(&control, FdFlags::empty()).map_err(|errno| set_up(errno.into()))?;

    let code = Code::fresh().map_err(|fault| Failure::SetUp(fault.to_string()))?;
    let mut sides = Sides { group: None, children: Vec::new() };
    let both: &[Side] = if threads { &[Side::A] } else { &[Side::B, Side::A] };
    for &side in both {
        let spec = Spec {
            side,
            code,
            control: control.as_fd().as_raw_fd(),
            channels: made.iter().map(|made| made.handle()).collect(),
            ..spec.clone()
        };
        sides.start(&spec).map_err(set_up)?;
    }
    wait(&mut sides, &control, &mut made, limit)?;
    read(&control, spec, made.first().and_then(|made| made.holds()))
}

fn wait(
    sides: &mut Sides,
    control: &Control,
    made: &mut [Box<dyn Made>],
    limit: Duration,
) -> Result<(), Failure> {
    let start = Instant::now();
    let mut attached = false;
    while !sides.ended()? {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        if start.elapsed() > limit {
            return Err(Failure::TimedOut);
        }
        if !attached && [Side::A, Side::B].iter().all(|&s| control.stage(s) >= ATTACHED_STAGE) {
            attached = true;
            for made in &mut *made {
                made.attached();
            }
        }
        // Rarely enough not to disturb what is measured on the same processors.
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(())
}

fn read(control: &Control, spec: &Spec, holds: Option<u64>) -> Result<Sample, Failure> {
    if [Side::A, Side::B].iter().any(|&side| control.measured(side, Measure::Done) != 1) {
        return Err(Failure::Side("a side ended before it was done".to_owned()));
    }
    let a = |measure| control.measured(Side::A, measure);
    let shares = |of: Measure| {
        [Side::B, Side::A].map(|side| {
            control.measured(side, of) as f64
                / control.measured(side, Measure::WallNs).max(1) as f64
        })
    };
    let nanoseconds = |of| a(of) as f64 / PER_NANOSECOND;
    let verified = a(Measure::Verified);
    if verified != spec.messages {
        let due = spec.messages;
        return Err(Failure::Side(format!("{verified} of {due} messages were verified")));
    }
    let held_bytes = match (spec.workload, holds) {
        (Workload::Memory, None) => {
            let why = "how many bytes of messages the transport holds is not known";
            return Err(Failure::SetUp(why.to_owned()));
        }
        (Workload::Memory, Some(holds)) => held(control, holds),
        _ => 0,
    };
    let both = |of| control.measured(Side::A, of) + control.measured(Side::B, of);
    let calls =
        [Side::A, Side::B].map(|side| control.measured(side, Measure::Calls).checked_sub(1));
    // Of each side by itself: one that was kept from its processor waited for longer than it ran.
    let used = [Side::A, Side::B].map(|side| {
        control
            .measured(side, Measure::CpuNs)
            .saturating_sub(control.measured(side, Measure::WaitedNs))
    });
    Ok(Sample {
        round: 0,
        floor_ns: nanoseconds(Measure::Floor),
        wall_ns: a(Measure::WallNs),
        verified,
        cpu: shares(Measure::CpuNs),
        queued: shares(Measure::QueuedNs),
        percentiles: PARTS.map(|(measure, _)| nanoseconds(measure)),
        span_ns: match a(Measure::SpanNs) {
            0 => a(Measure::WallNs),
            span => span,
        },
        drain_ns: nanoseconds(Measure::Drain),
        cpu_ns: used.iter().sum(),
        switches: both(Measure::Switches),
        system_calls: calls[0].and_then(|a| Some(a + calls[1]?)),
        held_bytes,
    })
}

/// What the side that holds more holds: its own memory, and all that both share beyond the `holds`
/// bytes in which messages stand. What both share counts half on each side.
fn held(control: &Control, holds: u64) -> u64 {
    let both = |of| [Side::A, Side::B].map(|side| control.measured(side, of));
    let [a, b] = both(Measure::PrivateBytes);
    let shared: u64 = both(Measure::SharedBytes).into_iter().sum();
    a.max(b) + shared.saturating_sub(holds)
}
