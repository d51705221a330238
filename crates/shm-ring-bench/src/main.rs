//! Measures shm-ring against other ways to pass bytes between processes.

fn main() {}
