//! Owns: raising an interrupt, and closing its handle. Knows nothing of: the waits that it ends.
#![allow(unsafe_code)]

use core::ffi::c_int;

use shm_ring::Interrupt;

use crate::border::guard_int;
use crate::handle::Handle;

/// `shmr_interrupt_raise`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_interrupt_raise(interrupt: Option<&Handle>) -> c_int {
    guard_int(|| {
        Handle::interrupt(interrupt)?;
        Ok(0)
    })
}

/// `shmr_interrupt_close`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_interrupt_close(interrupt: Option<&'static Handle>) -> c_int {
    guard_int(|| Handle::close::<Interrupt>(interrupt))
}
