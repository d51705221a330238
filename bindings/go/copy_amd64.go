// Owns: copies of values that ask for lines meanwhile. Knows nothing of: when a record exists.

package shmring

import "unsafe"

// copiesAhead: a value of whole lines is copied, and its lines ahead are asked for, by one call.
const copiesAhead = true

// putAhead copies bytes, a multiple of a line, and asks for as many to write.
//
//go:noescape
func putAhead(to, from unsafe.Pointer, bytes uint64, ahead unsafe.Pointer)

// getAhead copies bytes, a multiple of a line, and asks for as many to read.
//
//go:noescape
func getAhead(to, from unsafe.Pointer, bytes uint64, ahead unsafe.Pointer)
