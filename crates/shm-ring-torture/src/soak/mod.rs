//! stub
use crate::{How, report::Report};
pub(crate) fn run(_: &How) -> Report {
    Report::new("soak")
}
