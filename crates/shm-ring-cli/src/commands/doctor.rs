//! `doctor`: whether this machine is good for rings, and what to do where it is not. `checks` asks; this
//! file only tells.

mod checks;

use std::io::Write;

use serde::Serialize;

use self::checks::{Check, Verdict};
use crate::cli::Doctor;
use crate::failure::{Code, Failure};
use crate::output::{self, Output};

#[derive(Serialize)]
struct Report {
    checks: Vec<Check>,
}

pub(crate) fn run(doctor: &Doctor, output: Output) -> Result<(), Failure> {
    let checks = checks::all();
    let bad: Vec<&str> = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Bad)
        .map(|check| check.what)
        .collect();
    let sick = (!bad.is_empty()).then(|| {
        let what = format!("rings do not work here: {}", bad.join(", "));
        Failure::new(Code::Failure, what, "the lines marked bad say what is missing")
    });
    if doctor.json {
        output::json(Report { checks })?;
        return sick.map_or(Ok(()), Err);
    }
    let mut out = std::io::stdout().lock();
    for Check { verdict, what, found, advice } in checks {
        let (word, style) = match verdict {
            Verdict::Ok => ("ok  ", output::GOOD),
            Verdict::Note => ("note", output::DOUBTFUL),
            Verdict::Bad => ("bad ", output::BAD),
        };
        writeln!(out, "{}  {what:<18} {found}", output.paint(word, style))?;
        if let Some(advice) = advice {
            writeln!(out, "{:24} {advice}", "")?;
        }
    }
    drop(out);
    sick.map_or(Ok(()), Err)
}
