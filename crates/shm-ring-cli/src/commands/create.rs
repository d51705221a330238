//! `create`: a ring of messages, for whoever comes.

use shm_ring::{MessageRing, Options};

use crate::cli::Create;
use crate::failure::Failure;

pub(crate) fn run(create: &Create) -> Result<(), Failure> {
    let options = Options::new()
        .bytes(create.bytes)
        .label(create.label.as_str())
        .schema(create.schema)
        .mode(create.mode);
    let options = if create.sparse { options.sparse() } else { options };
    let options = create.group.map_or(options.clone(), |group| options.group(group));
    MessageRing::create(create.target.region(), &options)?;
    Ok(())
}
