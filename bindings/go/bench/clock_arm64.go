// Owns: a counter where the harness has no other. Knows nothing of: what is timed.

package main

import "time"

var begun = time.Now()

// ticks are nanoseconds.
func ticks() uint64 { return uint64(time.Since(begun)) }
