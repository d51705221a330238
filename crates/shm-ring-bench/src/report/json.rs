//! Owns: how results are spelled as JSON: one row a line, and no more digits than were measured.
//! Knows nothing of: what stands in them.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};

/// Significant digits of a figure. Two runs never agree in as many.
pub(super) const DIGITS: usize = 6;

pub(super) fn render(results: &impl Serialize) -> serde_json::Result<String> {
    let mut text = Vec::new();
    results
        .serialize(&mut Serializer::with_formatter(&mut text, Lines { depth: 0, row: false }))?;
    text.push(b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Breaks lines before each field of the whole and before each object in a list of them.
struct Lines {
    depth: usize,
    /// Whether an element of a list of the whole comes next.
    row: bool,
}

impl Lines {
    fn open<W: Write + ?Sized>(&mut self, writer: &mut W, with: &str) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(with.as_bytes())
    }

    fn close<W: Write + ?Sized>(&mut self, writer: &mut W, with: &str) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(with.as_bytes())
    }
}

impl Formatter for Lines {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let rounded = format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value);
        CompactFormatter.write_f64(writer, rounded)
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, "[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, "]")
    }

    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.row = self.depth == 2;
        writer.write_all(if first { b"" } else { b"," })
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.row = false;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        let row = std::mem::take(&mut self.row);
        self.open(writer, if row { "\n{" } else { "{" })
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, "}")
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(match (first, self.depth) {
            (true, _) => b"",
            (false, 1) => b",\n",
            (false, _) => b",",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_a_line_and_a_figure_has_as_many_digits_as_were_measured() {
        let figure =
            json!({ "median": 112_182_527.961_420_71, "min": 0.408_925_712_163_7, "max": 3.0 });
        let results = json!({
            "command": ["a", "b"], "machine": { "clock": { "tsc": true }, "pinned": [0, 1] },
            "results": [{ "at": figure, "runs": [[1], [2]] }, { "at": null }], "none": [],
        });
        let text = render(&results).unwrap();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                r#"{"command":["a","b"],"#,
                r#""machine":{"clock":{"tsc":true},"pinned":[0,1]},"#,
                r#""none":[],"#,
                r#""results":["#,
                r#"{"at":{"max":3.0,"median":112183000.0,"min":0.408926},"runs":[[1],[2]]},"#,
                r#"{"at":null}]}"#,
            ]
        );
    }
}
