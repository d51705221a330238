//! Output for programs: JSON with the number of its schema. It must not know what is printed.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Raised when a reader of the old JSON could misread the new.
pub(crate) const SCHEMA: u32 = 2;

/// A document: the number of the schema, and then what it is about.
#[derive(Serialize)]
struct Document<T> {
    schema: u32,
    #[serde(flatten)]
    content: T,
}

/// Prints `content`, an object, as one document of JSON.
pub(crate) fn json(content: impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &Document { schema: SCHEMA, content })?;
    out.write_all(b"\n")?;
    Ok(())
}
