//! Owns: one operation of one child, instruction by instruction: looked at after each, or killed after one of them. Knows
//! nothing of: what the operation works on, and which there are.

use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::{Pid, alarm, getpid};

use crate::trace::{Step, Traced};

/// A window that is still open after so many instructions hangs.
const STEPS_MAX: u64 = 1_000_000;
/// A child that gets no further ends after so many seconds.
const HANG_SECONDS: u32 = 60;

/// The exit codes of a child. The operation had another outcome than it must have.
pub(super) const FAILED: i32 = 3;
/// It read something else than was published.
pub(super) const MISREAD: i32 = 4;

/// The rings or the tracing failed, or something was violated.
pub(super) type Outcome<T> = Result<T, String>;

/// What a child does: its exit code, or why it could not get ready.
pub(super) type Done = Result<i32, Box<dyn std::error::Error>>;

/// How a child is killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    /// After so many instructions.
    pub(super) steps: u64,
    /// Without anybody on the other side.
    pub(super) alone: bool,
}

/// What a window showed.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Instructions between the two marks.
    pub(super) steps: u64,
    /// Distinct images that were checked.
    pub(super) images: u64,
    /// After which instruction the operation had published or released what it must.
    pub(super) moved: Option<u64>,
    /// The address of each instruction.
    pub(super) path: Vec<u64>,
}

/// What operations work on.
pub(super) trait Subject {
    /// An operation and where it begins.
    type Scene: Copy;
    /// What is laid out for one child, who is there beside it, and what was seen of it.
    type Stage;

    /// The operation's name, under which it is counted.
    fn name(scene: Self::Scene) -> String;
    /// The fewest instructions of a window, and the fewest kills, that show anything.
    fn least(scene: Self::Scene) -> (u64, u64);
    /// The operation and where it begins.
    fn says(&self, scene: Self::Scene) -> String;

    /// Lays everything out for a child that is looked at, or killed.
    fn stage(&self, scene: Self::Scene, kill: Option<Kill>) -> Outcome<Self::Stage>;
    /// What the child does, its operation [`between_marks`].
    fn perform(&self, stage: &mut Self::Stage) -> Done;
    /// Notes how things stand right before the operation.
    fn begins(&self, _: &mut Self::Stage) {}
    /// Checks what stands there now, as one who finds it when everybody is dead.
    fn look(&self, stage: &mut Self::Stage, child: &Traced, window: &mut Window) -> Outcome<()>;
    /// Checks what the whole operation did, of which the last look has seen the end.
    fn whole(&self, stage: Self::Stage) -> Outcome<()>;
    /// Checks what is left of `child`, which is killed.
    fn killed(&self, stage: Self::Stage, child: Traced) -> Outcome<()>;
}

pub(super) fn os<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

/// Stops this process for whoever traces it, in as few instructions as that takes.
struct Mark(Pid);

impl Mark {
    #[inline(always)]
    fn here(&self) {
        // A process may always signal itself.
        let _ = signal(self.0, Signal::SIGSTOP);
    }
}

/// Two marks around `operation`.
#[inline(always)]
pub(super) fn between_marks<R>(operation: impl FnOnce() -> R) -> R {
    let mark = Mark(getpid());
    mark.here();
    let answer = operation();
    mark.here();
    answer
}

/// Looks after each instruction of the operation.
pub(super) fn images<S: Subject>(subject: &S, scene: S::Scene) -> Outcome<Window> {
    let mut stage = subject.stage(scene, None)?;
    let mut child = child(subject, &mut stage)?;
    let mut window = Window::default();
    loop {
        let steps = window.steps;
        let at = |what: String| format!("after instruction {steps}, image: {what}");
        subject.look(&mut stage, &child, &mut window).map_err(at)?;
        window.path.push(child.instruction().map_err(os("tracing"))?);
        match child.step().map_err(os("tracing"))? {
            Step::Stopped if window.steps < STEPS_MAX => window.steps += 1,
            Step::Signalled(Signal::SIGSTOP) => break,
            other => return Err(at(format!("it hangs or ended: {other:?}"))),
        }
    }
    subject.whole(stage)?;
    match child.go().map_err(os("tracing"))? {
        Step::Exited(0) => Ok(window),
        Step::Exited(MISREAD) => Err("it read something else than was published".to_owned()),
        other => Err(format!("the operation failed: {other:?}")),
    }
}

/// Kills a child and checks what is left. `path` holds the addresses of the window's instructions that are known.
pub(super) fn kill<S: Subject>(
    subject: &S,
    scene: S::Scene,
    kill: Kill,
    path: &[u64],
) -> Outcome<()> {
    let at = |what| format!("killed after instruction {}: {what}", kill.steps);
    let inside = kill_one(subject, scene, kill, path).map_err(at)?;
    if !inside && kill.steps < path.len() as u64 {
        // It went another way and missed the breakpoint.
        kill_one(subject, scene, kill, &[]).map_err(at)?;
    }
    Ok(())
}

/// Whether the kill was inside of the operation, and not behind it.
fn kill_one<S: Subject>(subject: &S, scene: S::Scene, kill: Kill, path: &[u64]) -> Outcome<bool> {
    let mut stage = subject.stage(scene, Some(kill))?;
    let mut child = child(subject, &mut stage)?;
    let inside = advance(&mut child, kill.steps, path)?;
    subject.killed(stage, child)?;
    Ok(inside)
}

/// A child stopped right before the operation.
pub(super) fn child<S: Subject>(subject: &S, stage: &mut S::Stage) -> Outcome<Traced> {
    let job = || {
        // Whoever traces it learns of the signal.
        alarm::set(HANG_SECONDS);
        subject.perform(stage).unwrap_or_else(|error| {
            eprintln!("a child could not get ready: {error}");
            FAILED
        })
    };
    let mut child = Traced::start(job).map_err(os("tracing"))?;
    match child.go().map_err(os("tracing"))? {
        Step::Signalled(Signal::SIGSTOP) => {}
        other => return Err(format!("a child did not get ready: {other:?}")),
    }
    subject.begins(stage);
    Ok(child)
}

/// Whether a child has made `steps` instructions of its window; not if it is behind the whole operation.
/// `path` are the addresses of another child's, which may have gone another way.
pub(super) fn advance(child: &mut Traced, steps: u64, path: &[u64]) -> Outcome<bool> {
    match child.advance(steps, path).map_err(os("tracing"))? {
        Step::Stopped => Ok(true),
        Step::Signalled(Signal::SIGSTOP) => Ok(false),
        other => Err(format!("it hangs or ended: {other:?}")),
    }
}
