//! The recorded comparisons: the whole report of each is read again by a parser that knows nothing of how it was
//! written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};
use serde_json::Value;

use super::files::write;
use super::schema::parse;
use super::table::BASELINE;
use super::{Look, Outcome, Report, SCHEMA};

pub(super) const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/record");
pub(super) const RECORDED: [&str; 2] = ["goals-2026-11-29.json", "2026-11-29.json"];

pub(super) fn recorded(name: &str) -> (Value, Report) {
    let text = fs::read_to_string(Path::new(RECORD).join(name)).unwrap();
    (serde_json::from_str(&text).unwrap(), parse(&text).unwrap())
}

/// A directory of a test's own that goes with it.
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new(name: &str) -> Self {
        let own = format!("shm-ring-bench-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(own))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The page as XML: it has none of what HTML allows beyond that but these two.
fn as_xml(page: &str) -> String {
    page.replace("<!DOCTYPE html>", "")
        .replace("<meta charset=\"utf-8\">", "")
        .lines()
        .map(|line| {
            let mut line = line.to_owned();
            while let Some(from) = line.find("<meta name=") {
                let to = from + line[from..].find('>').unwrap();
                line.replace_range(from..=to, "");
            }
            line
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn has_class(node: Node, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

fn of<'a, 'b: 'a>(node: Node<'a, 'b>, name: &'static str) -> impl Iterator<Item = Node<'a, 'b>> {
    node.descendants().filter(move |node| node.tag_name().name() == name)
}

/// What the results say of a cell of a table; nothing of a ratio, which they do not have.
fn in_results<'a>(json: &'a Value, cell: Node) -> Option<&'a Value> {
    let row = &json["results"][cell.attribute("data-row")?.parse::<usize>().unwrap()];
    let part = cell.attribute("data-part").map(|part| part.parse::<f64>().unwrap());
    match (cell.attribute("data-figure")?, part) {
        ("ratio", _) => None,
        ("latency", Some(part)) => Some(latency(row, part)),
        (figure, _) => Some(figure.split('.').fold(row, |of, name| &of[name])),
    }
}

fn latency(row: &Value, part: f64) -> &Value {
    if let Some(quantiles) = row["latency"].as_array() {
        let quantile = quantiles.iter().find(|quantile| quantile["part"].as_f64() == Some(part));
        return &quantile.unwrap()["ns"];
    }
    if row["wake_ns"].is_object() {
        return &row["wake_ns"];
    }
    let names = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999"), (1.0, "max")];
    let (_, name) = names.iter().find(|(named, _)| *named == part).unwrap();
    &row["rtt_ns"][name]
}

/// Every comparison that was recorded, of whatever time.
pub(super) fn all_recorded() -> Vec<String> {
    let entries = fs::read_dir(RECORD).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    let names: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    assert!(names.len() >= RECORDED.len(), "{names:?}");
    names
}

#[test]
fn every_record_is_read_and_yields_its_tables() {
    for name in all_recorded() {
        let (json, report) = recorded(&name);
        let written = report.json().unwrap();
        let text = fs::read_to_string(Path::new(RECORD).join(&name)).unwrap();
        match json["schema"] == SCHEMA {
            true => assert!(written == text, "{name}: `report {name} --json -` prints another"),
            false => assert_eq!(parse(&written), Ok(report.clone()), "{name}"),
        }
        assert_eq!(json["results"].as_array().map(Vec::len), Some(report.results.len()));
        let shown = report.text(Look { wide: true, baseline: BASELINE });
        let mut lines: Vec<_> = shown.lines().collect();
        let shares_a_table = |row: &Outcome, other: &Outcome| {
            (row.state, row.doing(), row.bytes) == (other.state, other.doing(), other.bytes)
        };
        for row in &report.results {
            if report.results.iter().all(|other| !shares_a_table(row, other) || other.runs == 0) {
                assert!(shown.contains("no row has a valid run"), "{name}: {row:?}");
                continue;
            }
            let start = format!(" {} ", row.transport);
            let runs = if row.runs == 0 { "none".to_owned() } else { row.runs.to_string() };
            let end = match row.excluded_for.reasons().join(", ") {
                none if none.is_empty() => format!(" {runs}"),
                reasons => format!(" {runs}  {reasons}"),
            };
            let is_it = |line: &&str| line.starts_with(&start) && line.ends_with(&end);
            let at = lines.iter().position(is_it);
            lines.swap_remove(at.unwrap_or_else(|| panic!("{name}: no line of {row:?}")));
        }
        for goal in &report.goals {
            assert!(shown.contains(&goal.measure), "{name}: {goal:?}");
        }
    }
}

#[test]
fn every_figure_of_the_page_is_that_of_the_results_and_every_plot_has_its_table() {
    for name in all_recorded() {
        let (json, report) = recorded(&name);
        let directory = Directory::new(&name);
        let files = write(&report, "sysv-binary", &directory.0).unwrap();
        let page = fs::read_to_string(directory.0.join("index.html")).unwrap();
        let text = as_xml(&page);
        let document = Document::parse(&text).unwrap();
        let mut compared = 0;
        for cell in document.descendants().filter(|node| node.has_attribute("data-row")) {
            let row =
                &json["results"][cell.attribute("data-row").unwrap().parse::<usize>().unwrap()];
            let [runs] =
                of(cell, "data").filter(|node| has_class(*node, "runs")).collect::<Vec<_>>()[..]
            else {
                panic!("a figure without its runs: {cell:?}")
            };
            assert_eq!(runs.attribute("value"), Some(row["runs"].to_string().as_str()));
            assert_eq!(runs.text(), runs.attribute("value"));
            let Some(figure) = in_results(&json, cell) else { continue };
            for which in ["median", "min", "max"] {
                let shown = of(cell, "data").find(|node| has_class(*node, which)).unwrap();
                let value: f64 = shown.attribute("value").unwrap().parse().unwrap();
                assert_eq!(Some(value), figure[which].as_f64(), "{name}: {which} of {cell:?}");
                compared += 1;
            }
        }
        assert!(compared > 60, "{name}: {compared}");
        for figure in of(document.root(), "figure") {
            assert_eq!(of(figure, "table").count(), 1, "{figure:?}");
        }
        let panels = of(document.root(), "svg").count();
        let inside = of(document.root(), "figure").flat_map(|figure| of(figure, "svg")).count();
        assert!(
            panels >= 5 && panels == inside,
            "{name}: {panels} panels, {inside} beside a table"
        );
        let drawn = of(document.root(), "figure").filter(|figure| of(*figure, "svg").count() > 0);
        let svg = files.iter().filter(|path| path.extension().is_some_and(|end| end == "svg"));
        assert_eq!(svg.count(), drawn.count());
        for head in of(document.root(), "th").filter(|node| node.attribute("scope") == Some("row"))
        {
            let is_transport = report.has(head.text().unwrap_or_default());
            assert!(!is_transport || head.has_attribute("title"), "{head:?} is not explained");
        }
        for heading in of(document.root(), "h2") {
            assert!(of(heading, "a").any(|link| link.attribute("href") == Some("#top")));
        }
    }
}

#[test]
fn the_page_and_each_plot_need_nothing_else_and_say_what_they_are() {
    for name in all_recorded() {
        let directory = Directory::new(&format!("alone-{name}"));
        let files = write(&recorded(&name).1, "sysv-binary", &directory.0).unwrap();
        for path in files {
            let text = fs::read_to_string(&path).unwrap();
            let text = match path.extension().and_then(|end| end.to_str()) {
                Some("html") => as_xml(&text),
                Some("svg") => text,
                _ => continue,
            };
            let document = Document::parse(&text).unwrap();
            let mut ids = BTreeSet::new();
            for node in document.descendants().filter(Node::is_element) {
                assert!(
                    !["script", "link", "img", "image", "use"].contains(&node.tag_name().name())
                );
                for attribute in node.attributes() {
                    let (name, value) = (attribute.name(), attribute.value());
                    assert!(!["src", "style", "srcset"].contains(&name) && !name.starts_with("on"));
                    assert!(name != "href" || value.starts_with('#'), "{value}");
                }
                if let Some(id) = node.attribute("id") {
                    assert!(ids.insert(id), "{id} is there twice");
                }
            }
            for style in of(document.root(), "style") {
                let rules = style.text().unwrap();
                assert!(!rules.contains("url(") && !rules.contains("@import"));
            }
            for svg in of(document.root(), "svg") {
                let texts =
                    svg.children().filter(Node::is_element).map(|node| node.tag_name().name());
                assert_eq!(texts.take(2).collect::<Vec<_>>(), ["title", "desc"]);
                for id in svg.attribute("aria-labelledby").unwrap().split(' ') {
                    assert!(ids.contains(id), "{id}");
                }
                inside(svg);
            }
            for link in of(document.root(), "a") {
                assert!(ids.contains(&link.attribute("href").unwrap()[1..]));
            }
        }
    }
}

/// Nothing is drawn outside the picture, as far as texts' widths can be guessed.
fn inside(svg: Node) {
    let number = |node: Node, name| node.attribute(name).map(|text| text.parse::<f64>().unwrap());
    let (width, height) = (number(svg, "width").unwrap(), number(svg, "height").unwrap());
    for node in svg.descendants().filter(Node::is_element) {
        // A file has its title above the rest.
        let top =
            svg.attribute("viewBox").unwrap().split(' ').nth(1).unwrap().parse::<f64>().unwrap();
        for (name, most) in [("x", width), ("x1", width), ("x2", width), ("cx", width)]
            .into_iter()
            .chain([("y", height), ("y1", height), ("y2", height), ("cy", height)])
        {
            let at = number(node, name).unwrap_or_default();
            let least = if name.contains('y') { top } else { 0.0 };
            assert!((least..=least + most).contains(&at), "{name} = {at} of {node:?}");
        }
        if node.tag_name().name() == "text" {
            let is_bold = node.parent().is_some_and(|group| has_class(group, "default"));
            let each = match (has_class(node, "small"), has_class(node, "name")) {
                (true, _) => 6.2,
                (_, true) if is_bold || has_class(node, "panel") => 8.4,
                _ => 7.4,
            };
            let long = node.text().unwrap().chars().count() as f64 * each;
            let x = number(node, "x").unwrap();
            let from = match node.attribute("text-anchor") {
                Some("end") => x - long,
                Some("middle") => x - long / 2.0,
                _ => x,
            };
            let to = from + long;
            assert!(from > -2.0 && to < width + 2.0, "{:?} from {from} to {to}", node.text());
        }
    }
}

#[test]
fn what_comes_from_outside_stays_text() {
    let mut report = recorded(RECORDED[1]).1;
    let hostile = "<script>alert(1)</script> & \"quoted\" ]]>";
    report.machine.cpu = hostile.to_owned();
    report.results[0].failures = vec![hostile.to_owned()];
    for row in &mut report.results {
        if row.transport == "pipe" {
            row.transport = hostile.to_owned();
        }
    }
    let directory = Directory::new("hostile");
    for path in write(&report, hostile, &directory.0).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        match path.extension().and_then(|end| end.to_str()) {
            Some("html") => {
                let text = as_xml(&text);
                let document = Document::parse(&text).unwrap();
                assert_eq!(
                    of(document.root(), "script").count() + of(document.root(), "b").count(),
                    0
                );
                let failures = document.descendants().find(|node| has_class(*node, "failures"));
                let said: String =
                    failures.unwrap().descendants().filter_map(|n| n.text()).collect();
                assert!(said.contains(hostile), "{said}");
            }
            Some("svg") => {
                let document = Document::parse(&text).unwrap();
                assert_eq!(of(document.root(), "script").count(), 0);
            }
            _ => {}
        }
    }
}

#[test]
fn a_ratio_is_that_of_medians_and_a_shorter_time_is_faster() {
    let (json, report) = recorded(RECORDED[1]);
    let directory = Directory::new("ratio");
    write(&report, "pipe", &directory.0).unwrap();
    let text = as_xml(&fs::read_to_string(directory.0.join("index.html")).unwrap());
    let document = Document::parse(&text).unwrap();
    let median = |transport: &str, workload: &str, bytes: u64| {
        let rows = json["results"].as_array().unwrap();
        let row = rows.iter().find(|row| {
            row["transport"] == transport && row["workload"] == workload && row["bytes"] == bytes
        });
        let row = row.unwrap();
        let figure = if workload == "echo" { &row["rtt_ns"]["p50"] } else { &row["msgs_per_s"] };
        figure["median"].as_f64().unwrap()
    };
    let shown = |id: &str, transport: &str| {
        let figure = document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap();
        let named = |row: &Node| of(*row, "th").any(|head| head.text() == Some(transport));
        let row = of(figure, "tr").find(named).unwrap();
        let data = of(row, "data").find(|node| has_class(*node, "median")).unwrap();
        data.attribute("value").unwrap().parse::<f64>().unwrap()
    };
    let streams = median("rtrb", "stream", 64) / median("pipe", "stream", 64);
    assert_eq!(shown("figure-ratio-stream-near-64", "rtrb"), streams);
    let echoes = median("pipe", "echo", 64) / median("rtrb", "echo", 64);
    assert_eq!(shown("figure-ratio-echo-near-64", "rtrb"), echoes);
    assert_eq!(shown("figure-ratio-echo-near-64", "pipe"), 1.0);
}

/// Sets every figure of the results.
fn set_figures(json: &mut Value, to: f64) {
    match json {
        Value::Object(fields) if fields.contains_key("median") => {
            for name in ["median", "min", "max"] {
                fields[name] = to.into();
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| set_figures(field, to)),
        Value::Array(items) => items.iter_mut().for_each(|item| set_figures(item, to)),
        _ => {}
    }
}

#[test]
fn results_without_rows_and_figures_that_nobody_measured_are_shown_without_a_panic() {
    let directory = Directory::new("strange");
    let mut none = recorded(RECORDED[1]).1;
    (none.results, none.goals, none.states) = (Vec::new(), Vec::new(), Vec::new());
    write(&none, "sysv-binary", &directory.0).unwrap();
    let page = fs::read_to_string(directory.0.join("index.html")).unwrap();
    assert!(Document::parse(&as_xml(&page)).is_ok() && page.contains("No row of this comparison"));
    for figure in [0.0, -1.0, 1e-320, 1e300] {
        for name in RECORDED {
            let mut json = recorded(name).0;
            set_figures(&mut json, figure);
            let report = parse(&json.to_string()).unwrap();
            for path in write(&report, "sysv-binary", &directory.0).unwrap() {
                let text = fs::read_to_string(&path).unwrap();
                let text = match path.extension().and_then(|end| end.to_str()) {
                    Some("html") => as_xml(&text),
                    Some("svg") => text,
                    _ => continue,
                };
                let document = Document::parse(&text).unwrap();
                let attributes = document.descendants().flat_map(|node| node.attributes());
                for value in attributes.map(|attribute| attribute.value()) {
                    assert!(!value.contains("NaN") && !value.contains("inf"), "{figure}: {value}");
                }
            }
        }
    }
}

#[test]
fn what_has_no_valid_run_is_named_beside_the_plot_that_lacks_it() {
    let mut report = recorded(RECORDED[1]).1;
    for row in report.results.iter_mut().filter(|row| row.transport == "pipe") {
        (row.runs, row.excluded_for.floor, row.excluded_for.preempted) = (0, 0, 7);
        (row.msgs_per_s, row.bytes_per_s, row.rtt_ns, row.wake_ns) = (None, None, None, None);
        (row.cost, row.latency) = (None, Vec::new());
    }
    let directory = Directory::new("no-run");
    write(&report, "sysv-binary", &directory.0).unwrap();
    let text = as_xml(&fs::read_to_string(directory.0.join("index.html")).unwrap());
    let document = Document::parse(&text).unwrap();
    for figure in of(document.root(), "figure") {
        let named = of(figure, "th").any(|head| head.text() == Some("pipe"));
        let captions = of(figure, "figcaption").filter_map(|caption| caption.text());
        assert!(
            !named
                && captions
                    .into_iter()
                    .any(|text| text.contains("No valid run, so not here: pipe."))
        );
    }
    assert!(text.contains("pipe echo (near) 64 B: 7 preempted"));
}
