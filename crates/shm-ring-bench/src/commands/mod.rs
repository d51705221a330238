//! Owns: what each subcommand does: `comparison` measures, `saved` and `diff` read what was measured, `overview` and `doctor`
//! measure nothing; `output` and `progress` are how the first say what comes of it. Knows nothing of: how a run is made.

pub(crate) mod comparison;
pub(crate) mod diff;
pub(crate) mod doctor;
mod output;
pub(crate) mod overview;
mod progress;
pub(crate) mod saved;
