//! Small files of each kind, cut at every byte and with every byte changed.

mod damage;
mod files;
mod lengths;
