//! Figures and plots that documents show of the newest record are made from it.

use std::fs;
use std::path::Path;

use super::Look;
use super::files::write;
use super::records::{Directory, RECORD, all_recorded, recorded};
use super::table::BASELINE;

const README: &str = include_str!("../../../../README.md");

/// The newest usual comparison: the name of such a record is its day.
fn newest() -> String {
    let is_day = |name: &String| name.len() == "2026-11-29.json".len() && name.starts_with("20");
    all_recorded().into_iter().filter(is_day).max().unwrap()
}

/// The numbers of a line of a table, whatever stands around them.
fn numbers(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    words.filter(|word| word.parse::<f64>().is_ok())
}

/// The figures of transports in the tables of a document that the tables of a comparison do not have.
fn strange<'a>(document: &'a str, shown: &str) -> Vec<&'a str> {
    let mut strange = Vec::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let name = line[3..].split('`').next().unwrap_or_default();
        let of_name = |line: &&str| line.starts_with(&format!(" {name} "));
        let known: Vec<&str> = shown.lines().filter(of_name).flat_map(numbers).collect();
        let figures = line.split('|').skip(2).flat_map(numbers);
        strange.extend(figures.filter(|figure| !known.is_empty() && !known.contains(figure)));
    }
    strange
}

#[test]
fn tables_of_transports_in_readme_are_those_of_the_newest_record() {
    let shown = recorded(&newest()).1.text(Look { wide: false, baseline: BASELINE });
    let none: [&str; 0] = [];
    assert_eq!(strange(README, &shown), none, "README.md shows figures that {} has not", newest());
    // As such a table is written, with a figure that nobody measured.
    let text = " pipe  1.86  1.75-1.98  3.31 x  5\n rtrb  30.3  23.5-37.9  53.9 x  14\n";
    let table = "| `pipe` | 1.86 (1.75 to 1.98) | 3.31 times |\n| `rtrb` | 31.3 | 53.9 |\n| `other` | 7 | |\n";
    assert_eq!(strange(table, text), ["31.3"]);
}

#[test]
fn the_plots_beside_the_newest_record_are_its_own() {
    let directory = Directory::new("plots");
    write(&recorded(&newest()).1, BASELINE, &directory.0).unwrap();
    let plots = Path::new(RECORD).join("plots");
    for entry in fs::read_dir(&plots).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let made = directory.0.join("plots").join(&name);
        let same = fs::read(&path).unwrap() == fs::read(made).unwrap_or_default();
        assert!(same, "{path:?} is not of {}: `benches/record/run plots` makes it", newest());
    }
    for shown in README.split("(benches/record/plots/").skip(1) {
        let name = shown.split(')').next().unwrap_or_default();
        assert!(plots.join(name).exists(), "README.md shows {name}, which is not there");
    }
}
