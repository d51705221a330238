//! By how many instructions a push and a pop have become longer than those recorded.
//! Owns: asking `instructions/run`, which counts them, and reading its answer. Knows nothing of: rings.

use std::process::{Command, Stdio};

use crate::plan::goals::Measured;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions/run");

/// The most that a pair of any size has become longer; below 0 if all became shorter. It builds a
/// program and runs it under valgrind, which takes some time.
pub(crate) fn more_than_recorded() -> Measured {
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    // The script would install it.
    if !valgrind.is_ok_and(|status| status.success()) {
        return Err("valgrind, which counts them, is not installed".to_owned());
    }
    let counted = Command::new("bash").arg(SCRIPT).stdin(Stdio::null()).output();
    let counted = counted.map_err(|error| format!("{SCRIPT}: {error}"))?;
    // It ends non-zero if there are more, which is for the goal to say.
    let said = String::from_utf8_lossy(&counted.stdout);
    let last =
        || String::from_utf8_lossy(&counted.stderr).lines().last().unwrap_or_default().to_owned();
    more(&said).ok_or_else(|| format!("instructions/run counted nothing: {}", last()))
}

/// What the script says of each size: `8 bytes: 68.01 instructions a pair, recorded are 68.01`, or
/// `MORE than the 60.00 recorded`.
fn more(said: &str) -> Option<f64> {
    let of_size = |line: &str| {
        let (_, counts) = line.split_once(" bytes: ")?;
        let mut numbers = counts.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
        Some(numbers.next()? - numbers.next()?)
    };
    said.lines().filter_map(of_size).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_that_became_the_longest_is_told() {
        let said = "8 bytes: 70.50 instructions a pair, MORE than the 68.00 recorded\n\
                    64 bytes: 112.00 instructions a pair, recorded are 112.25\n";
        assert_eq!(more(said), Some(2.5));
        let shorter = "8 bytes: 60.00 instructions a pair, recorded are 68.00\n\
                       Fewer than recorded: record them with instructions/run --record\n";
        assert_eq!(more(shorter), Some(-8.0));
        assert_eq!(more("8 bytes: 68.00 instructions a pair, and none recorded\n"), None);
        assert_eq!(more("valgrind counted nothing: 1 2\n"), None);
    }
}
