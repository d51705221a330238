// Owns: the time stamp counter of amd64. Knows nothing of: what is timed.

package main

// ticks reads the time stamp counter, which the harness in Rust found steady.
func ticks() uint64
