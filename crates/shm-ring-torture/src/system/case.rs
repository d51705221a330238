//! What a case is and how it ends. It must not know any case.

/// One fault and what must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// `group/what`.
    pub(crate) name: &'static str,
    pub(crate) needs: Needs,
    /// Only in the full form.
    pub(crate) full: bool,
    pub(crate) run: fn(&Scene) -> Seen,
}

pub(crate) use super::scene::Scene;

/// What a machine may withhold. A case that needs nothing and is skipped counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// Root, a namespace, a control group or a tool: the case itself finds out and says which.
    Something,
}

/// What was seen, of a case in which all held.
pub(crate) type Seen = Result<String, Stop>;

/// Why a case did not end well.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something that the library promises did not hold, or the case could not be set up.
    Violated(String),
    /// This machine cannot show it, and why.
    Skipped(String),
}

/// Whatever is not expected is a violation: no case passes because its setting up failed.
impl<E: std::error::Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Violated(format!("unexpected: {error}"))
    }
}

/// An error is something that this machine withholds.
pub(crate) fn or_skip<T, E: std::fmt::Display>(
    answer: Result<T, E>,
    what: &str,
) -> Result<T, Stop> {
    answer.map_err(|error| Stop::Skipped(format!("{what}: {error}")))
}

/// For what only root may do.
pub(crate) fn root(what: &str) -> Result<(), Stop> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(Stop::Skipped(format!("only root can have {what}")))
    }
}

/// A case that needs nothing special.
pub(crate) const fn case(name: &'static str, run: fn(&Scene) -> Seen) -> Case {
    Case { name, needs: Needs::Nothing, full: false, run }
}

impl Case {
    /// One that a machine may not be able to show.
    pub(crate) const fn special(mut self) -> Self {
        self.needs = Needs::Something;
        self
    }

    /// One that takes long.
    pub(crate) const fn full(mut self) -> Self {
        self.full = true;
        self
    }
}

/// Ends the case with a violation unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err($crate::system::case::Stop::Violated(format!($($what)+)));
        }
    };
}

/// Ends the case with a violation unless the answer matches; the rest says what was asked.
macro_rules! want {
    ($answer:expr, $pattern:pat $(if $guard:expr)?, $($what:tt)+) => {
        match &$answer {
            $pattern $(if $guard)? => {}
            other => {
                let what = format!($($what)+);
                return Err($crate::system::case::Stop::Violated(format!("{what}: {other:?}")));
            }
        }
    };
}

pub(crate) use {ensure, want};
