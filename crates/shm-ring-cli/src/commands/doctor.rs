//! `doctor`: whether this machine is good for rings, and what to do where it is not. `checks` asks the machine, `rings` those
//! that are there; this file only tells.

mod checks;
mod rings;

use std::io::Write;

use serde::Serialize;
use shm_ring_console::doctor::{Finding, Form, State};
use shm_ring_console::terminal;

use crate::cli::Doctor;
use crate::failure::{Code, Failure};
use crate::output;

const FORM: Form = Form { note: "note", width: 19, advice: "" };

#[derive(Serialize)]
struct Report {
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    verdict: &'static str,
    found: String,
    advice: Option<String>,
}

pub(crate) fn run(doctor: &Doctor) -> Result<(), Failure> {
    let mut findings = checks::all();
    findings.extend(rings::all());
    let bad: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.state == State::Bad)
        .map(|finding| finding.check)
        .collect();
    let sick = (!bad.is_empty()).then(|| {
        let what = format!("rings do not work here: {}", bad.join(", "));
        Failure::new(Code::Failure, what, "the lines marked bad say what is missing")
    });
    if doctor.json {
        let check = |Finding { check, state, found, advice }| Check {
            what: check,
            verdict: FORM.word(state).0,
            found,
            advice,
        };
        output::json(Report { checks: findings.into_iter().map(check).collect() })?;
    } else {
        terminal::stdout().write_all(FORM.text(&findings).as_bytes())?;
    }
    sick.map_or(Ok(()), Err)
}
