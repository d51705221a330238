//! Owns: `shmr_options`: what C may choose, and how a later library reads an older program's choice. Knows nothing of: rings.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the name that C has for it")]

use core::ffi::c_char;
use core::time::Duration;

use shm_ring::{Ends, ItemLayout, Options, Wait};

use crate::border::{invalid, text};
use crate::code::Failure;

/// `shmr_options`. All zeros are the defaults.
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs, reason = "the header explains each")]
pub struct shmr_options {
    pub size: usize,
    pub item_size: usize,
    pub align: usize,
    pub schema: u64,
    pub items: usize,
    pub bytes: usize,
    pub history: usize,
    pub max_capacity: usize,
    pub label: *const c_char,
    pub mode: u32,
    pub group: u32,
    pub flags: u32,
    pub wait: u32,
    pub spins: u32,
    pub yields: u32,
    pub spin_for_ns: u64,
    pub attach_timeout_ns: u64,
}

const ANY_OWNER: u32 = 1;
const PREFAULT: u32 = 1 << 1;
const LOCK_MEMORY: u32 = 1 << 2;
const SPARSE: u32 = 1 << 3;
const UNLINK_ON_CLOSE: u32 = 1 << 4;
const NO_DEATH_NOTICE: u32 = 1 << 5;
const NO_MEMBARRIER: u32 = 1 << 6;
const ENDS_OF_STREAM: u32 = 1 << 7;
const GROUP: u32 = 1 << 8;
const ANY_VALUES: u32 = 1 << 9;
const KNOWN: u32 = (1 << 10) - 1;

/// No options of any release are longer.
const SIZE_MAX: usize = 4096;

/// What a ring carries.
#[derive(Clone, Copy)]
pub(crate) enum Carried {
    Messages,
    Values(ItemLayout),
    /// Whatever values the header says.
    AnyValues,
}

/// What C chose.
pub(crate) struct Chosen {
    pub(crate) carried: Carried,
    pub(crate) options: Options,
}

/// Reads what C chose; NULL is all defaults.
///
/// # Safety
/// NULL, or as many bytes can be read as the first word says, and the label leads to a text or is NULL.
pub(crate) unsafe fn chosen(given: *const shmr_options) -> Result<Chosen, Failure> {
    let known = size_of::<shmr_options>();
    if given.is_null() {
        return Ok(Chosen { carried: Carried::Messages, options: Options::new() });
    }
    if !given.is_aligned() {
        return Err(invalid("options at an address that is not aligned"));
    }
    // SAFETY: the first word is there.
    let size = unsafe { (*given).size };
    if !(known..=SIZE_MAX).contains(&size) {
        return Err(invalid(format!(
            "options whose size is {size}: say .size = sizeof(shmr_options), which is {known}"
        )));
    }
    // SAFETY: that many bytes are there.
    let all = unsafe { core::slice::from_raw_parts(given.cast::<u8>(), size) };
    if all[known..].iter().any(|byte| *byte != 0) {
        return Err(invalid("options that this release does not know"));
    }
    // SAFETY: it is as long as ours, and any bytes are one.
    let given = unsafe { given.read() };
    // SAFETY: the contract above.
    let label = match given.label.is_null() {
        true => "",
        // SAFETY: the contract above.
        false => core::str::from_utf8(unsafe { text(given.label, "the label") }?)
            .map_err(|_| invalid("a label that is not UTF-8"))?,
    };
    given.chosen(label)
}

impl shmr_options {
    fn chosen(&self, label: &str) -> Result<Chosen, Failure> {
        let has = |flag: u32| self.flags & flag != 0;
        if self.flags & !KNOWN != 0 {
            let unknown = self.flags & !KNOWN;
            return Err(invalid(format!("flags {unknown:#x}, which this release does not know")));
        }
        let mut options = Options::new().label(label).schema(self.schema).wait(self.waiting()?);
        if self.items > 0 {
            options = options.items(self.items);
        }
        if self.bytes > 0 {
            options = options.bytes(self.bytes);
        }
        if self.history > 0 {
            options = options.history(self.history);
        }
        if self.max_capacity > 0 {
            options = options.max_capacity(self.max_capacity);
        }
        if self.mode > 0 {
            options = options.mode(self.mode);
        }
        if self.attach_timeout_ns > 0 {
            options = options.attach_timeout(Duration::from_nanos(self.attach_timeout_ns));
        }
        if has(GROUP) {
            options = options.group(self.group);
        }
        for (flag, choose) in [
            (ANY_OWNER, Options::any_owner as fn(Options) -> Options),
            (PREFAULT, Options::prefault),
            (LOCK_MEMORY, Options::lock_memory),
            (SPARSE, Options::sparse),
            (UNLINK_ON_CLOSE, Options::unlink_on_drop),
            (NO_DEATH_NOTICE, |options| options.death_notice(false)),
            (NO_MEMBARRIER, |options| options.membarrier(false)),
            (ENDS_OF_STREAM, |options| options.ends(Ends::OfStream)),
        ] {
            if has(flag) {
                options = choose(options);
            }
        }
        let carried = match (self.item_size, has(ANY_VALUES)) {
            (0, true) => Carried::AnyValues,
            (_, true) => return Err(invalid("SHMR_ANY_VALUES and an item size: say one of them")),
            (0, false) => {
                if self.align > 0 {
                    options = options.align(self.align);
                }
                Carried::Messages
            }
            (size, false) => {
                Carried::Values(ItemLayout { size, align: self.align, schema: self.schema })
            }
        };
        Ok(Chosen { carried, options })
    }

    fn waiting(&self) -> Result<Wait, Failure> {
        waiting(self.wait, self.spins, self.spin_for_ns, self.yields)
    }
}

/// A way of waiting, as C says it.
pub(crate) fn waiting(
    kind: u32,
    spins: u32,
    spin_for_ns: u64,
    yields: u32,
) -> Result<Wait, Failure> {
    let spin_for = Duration::from_nanos(spin_for_ns);
    match kind {
        0 => Ok(Wait::BALANCED),
        1 => Ok(Wait::SPIN),
        2 => Ok(Wait::PARK),
        3 => Ok(Wait { spins, spin_for, yields, park: true }),
        4 => Ok(Wait { spins, spin_for, yields, park: false }),
        _ => Err(invalid(format!(
            "a way of waiting {kind}: see SHMR_WAIT_BALANCED and its siblings"
        ))),
    }
}
