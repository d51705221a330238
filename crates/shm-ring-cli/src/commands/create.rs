//! `create`: a ring of messages or of values, for whoever comes.

use shm_ring::{ItemLayout, MessageRing, Options, UntypedRing};

use crate::cli::Create;
use crate::failure::Failure;

pub(crate) fn run(create: &Create) -> Result<(), Failure> {
    let Create { schema, .. } = *create;
    let options = Options::new()
        .bytes(create.bytes)
        .label(create.label.as_str())
        .schema(schema)
        .mode(create.mode);
    let options = if create.sparse { options.sparse() } else { options };
    let options = create.group.map_or(options.clone(), |group| options.group(group));
    let region = create.target.region();
    match create.item {
        None => drop(MessageRing::create(region, &options)?),
        Some((size, align)) => {
            drop(UntypedRing::create(region, ItemLayout { size, align, schema }, &options)?);
        }
    }
    Ok(())
}
