// Owns: that there are no copies of values that ask for lines meanwhile. Knows nothing of: rings.

package shmring

import "unsafe"

const copiesAhead = false

func putAhead(to, from unsafe.Pointer, bytes uint64, ahead unsafe.Pointer) { panic("not on arm64") }

func getAhead(to, from unsafe.Pointer, bytes uint64, ahead unsafe.Pointer) { panic("not on arm64") }
