//! shm-ring by the calls of its C library, both sides spinning. It must not know the others.
//!
//! The library is the one that C programs have: the shared object, loaded when the program runs, its functions found by
//! their names. So each call goes through an address that the compiler does not know, and nothing of it is inlined; linked
//! into this program, as a crate, that would depend on what the compiler makes of a crate of the same build. The types of
//! its arguments are of that crate. The file is `$SHMRING_LIBRARY`, or `libshmring.so` in `deps` beside the program, where a
//! build with the feature `c` leaves it, or beside the program.
//!
//! Invariants of the unsafe blocks: a function has the type that the header gives it, and the library is never unloaded; a
//! handle is closed once; a message is as long as its length says.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;

use c_library::{shmr_options, shmr_place};

use super::ring::made;
use super::{Fault, Handle, Made, Receiver, Sender, Transport, with_words};

type End = *mut c_void;
type Push = unsafe extern "C" fn(End, *const c_void, usize, i64) -> c_int;
type PushValues = unsafe extern "C" fn(End, *const c_void, usize, i64) -> i64;
type Pop = unsafe extern "C" fn(End, *mut c_void, usize, i64) -> i64;
type Close = unsafe extern "C" fn(End) -> c_int;
type Text = unsafe extern "C" fn(i64) -> *const c_char;
type Open = unsafe extern "C" fn(shmr_place, *const shmr_options, *mut End) -> c_int;

/// The functions of the library that are called here.
struct Library {
    producer_open: Open,
    consumer_open: Open,
    push: Push,
    push_values: PushValues,
    pop: Pop,
    pop_values: Pop,
    producer_close: Close,
    consumer_close: Close,
    text: Text,
}

/// `SHMR_FOREVER`.
const FOREVER: i64 = -1;
/// `SHMR_PREFAULT` and `SHMR_WAIT_SPIN`.
const PREFAULT: u32 = 2;
const WAIT_SPIN: u32 = 1;
/// The kind of `shmr_descriptor`.
const DESCRIPTOR: u32 = 4;

/// Where the library may be.
fn places() -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os("SHMRING_LIBRARY") {
        return vec![named.into()];
    }
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().map(PathBuf::from).unwrap_or_default();
    ["deps/libshmring.so", "libshmring.so"].map(|file| beside.join(file)).into()
}

fn load() -> Result<Library, Fault> {
    let places = places();
    let library = places.iter().find_map(|place| {
        let path = CString::new(place.clone().into_os_string().into_vec()).ok()?;
        // SAFETY: a path, and what the library does when it is loaded is the project's own.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        ptr::NonNull::new(library)
    });
    let library = library.ok_or_else(|| {
        let why = format!(
            "none of {places:?} can be loaded: build with the feature `c`, or say in SHMRING_LIBRARY where it is"
        );
        Fault::new("the C library", why)
    })?;
    let find = |name: &CStr| {
        // SAFETY: a library that is loaded, and a name.
        let found = unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) };
        ptr::NonNull::new(found)
            .ok_or_else(|| Fault::new("the C library", format_args!("it has no {name:?}")))
    };
    macro_rules! function {
        ($name:literal, $type:ty) => {{
            let found = find($name)?.as_ptr();
            // SAFETY: the invariant.
            unsafe { std::mem::transmute::<*mut c_void, $type>(found) }
        }};
    }
    Ok(Library {
        producer_open: function!(c"shmr_producer_open", Open),
        consumer_open: function!(c"shmr_consumer_open", Open),
        push: function!(c"shmr_push", Push),
        push_values: function!(c"shmr_push_values", PushValues),
        pop: function!(c"shmr_pop", Pop),
        pop_values: function!(c"shmr_pop_values", Pop),
        producer_close: function!(c"shmr_producer_close", Close),
        consumer_close: function!(c"shmr_consumer_close", Close),
        text: function!(c"shmr_text", Text),
    })
}

fn library() -> Result<&'static Library, Fault> {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    match LIBRARY.get() {
        Some(library) => Ok(library),
        None => load().map(|library| LIBRARY.get_or_init(|| library)),
    }
}

impl Library {
    /// A result that is an error, in words.
    #[cold]
    fn fault(&self, what: &str, result: i64) -> Fault {
        // SAFETY: any number may be asked about.
        let text = unsafe { (self.text)(result) };
        // SAFETY: a text, which stays until the next failure of this thread.
        let text = unsafe { CStr::from_ptr(text) };
        Fault::new(what, text.to_string_lossy())
    }

    /// Opens an end of the ring that the parent made.
    fn open<const W: usize>(&self, open: Open, handle: &Handle) -> Result<End, Fault> {
        let fd = handle.descriptor(0)?;
        let place = shmr_place {
            kind: DESCRIPTOR,
            fd: fd.as_raw_fd(),
            name: ptr::null(),
            pid: 0,
            unused: 0,
        };
        // SAFETY: integers and an address that may be NULL: all zeros are the defaults.
        let defaults = unsafe { MaybeUninit::<shmr_options>::zeroed().assume_init() };
        let options = shmr_options {
            size: size_of::<shmr_options>(),
            item_size: size_of::<[u64; W]>(),
            align: align_of::<u64>(),
            flags: PREFAULT,
            wait: WAIT_SPIN,
            ..defaults
        };
        let mut end = ptr::null_mut();
        // SAFETY: the header's contract: all three are what it says.
        match unsafe { open(place, &raw const options, &raw mut end) } {
            0 => Ok(end),
            failed => Err(self.fault("attaching", failed.into())),
        }
    }
}

/// The ring by calls.
pub(crate) struct CCall;

pub(crate) struct Tx<const W: usize> {
    library: &'static Library,
    end: End,
}

pub(crate) struct Rx<const W: usize> {
    library: &'static Library,
    end: End,
    /// Where the messages of a batch are taken to.
    at_once: Vec<[u64; W]>,
}

/// Words of a message of which batches are asked for.
const SHORT: usize = 32;
/// The most messages that are taken by one call.
const AT_ONCE: usize = 64;

impl Transport for CCall {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        // What cannot be loaded is said before anything is measured.
        library()?;
        with_words!(bytes, W => made::<W>())
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        let library = library()?;
        Ok(Tx { library, end: library.open::<W>(library.producer_open, handle)? })
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let library = library()?;
        let end = library.open::<W>(library.consumer_open, handle)?;
        let most = if W > SHORT { 1 } else { AT_ONCE };
        Ok(Rx { library, end, at_once: vec![[0; W]; most] })
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let (from, len) = (message.as_ptr().cast(), size_of_val(message));
        // SAFETY: the invariants.
        match unsafe { (self.library.push)(self.end, from, len, FOREVER) } {
            0 => Ok(()),
            failed => Err(self.library.fault("shmr_push", failed.into())),
        }
    }

    #[inline(always)]
    fn send_batch(&mut self, messages: &[[u64; W]]) -> Result<(), Fault> {
        let mut rest = messages;
        while !rest.is_empty() {
            let (from, count) = (rest.as_ptr().cast(), rest.len());
            // SAFETY: the invariants.
            let sent = unsafe { (self.library.push_values)(self.end, from, count, FOREVER) };
            let sent =
                usize::try_from(sent).map_err(|_| self.library.fault("shmr_push_values", sent))?;
            rest = &rest[sent..];
        }
        Ok(())
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let (to, room) = (message.as_mut_ptr().cast(), size_of_val(message));
        // SAFETY: the invariants.
        match unsafe { (self.library.pop)(self.end, to, room, FOREVER) } {
            0.. => Ok(()),
            failed => Err(self.library.fault("shmr_pop", failed)),
        }
    }

    #[inline(always)]
    fn receive_batch(&mut self, max: usize, each: impl FnMut(&[u64; W])) -> Result<usize, Fault> {
        let (to, count) = (self.at_once.as_mut_ptr().cast(), max.min(self.at_once.len()));
        // SAFETY: the invariants: there is room for as many.
        let taken = unsafe { (self.library.pop_values)(self.end, to, count, FOREVER) };
        let taken =
            usize::try_from(taken).map_err(|_| self.library.fault("shmr_pop_values", taken))?;
        self.at_once[..taken].iter().for_each(each);
        Ok(taken)
    }
}

impl<const W: usize> Drop for Tx<W> {
    fn drop(&mut self) {
        // SAFETY: the invariants.
        unsafe { (self.library.producer_close)(self.end) };
    }
}

impl<const W: usize> Drop for Rx<W> {
    fn drop(&mut self) {
        // SAFETY: the invariants.
        unsafe { (self.library.consumer_close)(self.end) };
    }
}
