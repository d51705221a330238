//! What a campaign found: figures, minimums that were missed, violations. It must not know any campaign.

use serde::Serialize;

/// Violations that are told one by one; the others are only counted.
const TOLD: usize = 20;

/// The outcome of one campaign.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Rises when the meaning of a field changes.
    schema: u32,
    campaign: &'static str,
    figures: Vec<Figure>,
    /// For campaigns that consist of named cases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<Case>,
    /// The first [`TOLD`] of them.
    violations: Vec<String>,
    violation_count: u64,
}

#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// The campaign counts as failed below this: it would have passed by testing nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Case {
    name: &'static str,
    /// `ok`, `FAILED` or `skipped`.
    verdict: &'static str,
    /// What was seen, or why it was skipped.
    seen: String,
}

impl Report {
    pub(crate) fn new(campaign: &'static str) -> Self {
        Self {
            schema: 1,
            campaign,
            figures: Vec::new(),
            cases: Vec::new(),
            violations: Vec::new(),
            violation_count: 0,
        }
    }

    /// Something that was counted or measured.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit, least: None });
    }

    /// What became of a named case.
    pub(crate) fn case(&mut self, name: &'static str, verdict: &'static str, seen: String) {
        self.cases.push(Case { name, verdict, seen });
    }

    /// Something that was counted and must have reached `least`, lest the campaign pass by testing nothing.
    pub(crate) fn at_least(
        &mut self,
        name: impl Into<String>,
        value: u64,
        least: u64,
        unit: &'static str,
    ) {
        let name = name.into();
        if value < least {
            self.violation(format!(
                "{name}: {value} {unit}, and {least} is the least that shows anything"
            ));
        }
        self.figures.push(Figure { name, value: value as f64, unit, least: Some(least as f64) });
    }

    /// Something that the library promises did not hold.
    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.violation_count += 1;
        if self.violations.len() < TOLD {
            self.violations.push(what.into());
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.violation_count == 0
    }

    pub(crate) fn print(&self, json: bool) {
        let text = if json {
            serde_json::to_string_pretty(self).unwrap_or_else(|error| format!("\"{error}\"")) + "\n"
        } else {
            self.text()
        };
        // A reader that closed the pipe wants no more.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.campaign);
        for Case { name, verdict, seen } in &self.cases {
            text += &format!("  {verdict:<8} {name}: {seen}\n");
        }
        for Figure { name, value, unit, least } in &self.figures {
            let least = least.map(|least| format!("  (at least {least})")).unwrap_or_default();
            text += &format!("  {name:<48} {value:>16} {unit}{least}\n");
        }
        for violation in &self.violations {
            text += &format!("  VIOLATION: {violation}\n");
        }
        text + &format!("  {} violations\n", self.violation_count)
    }
}
