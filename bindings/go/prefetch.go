// Owns: which lines each side asks for before it needs them, and the pause between two looks.
// Knows nothing of: when a record exists. What is asked for too early, or never needed, is only lost.

package shmring

import "unsafe"

const (
	line         = 64
	aheadValues  = 64   // how many values a producer asks ahead,
	aheadLeast   = 512  // in bytes at least
	aheadMost    = 1024 // and at most
	runAheadMost = 4096 // the longest run of lines that is asked for at once
	expectedMost = 256  // bytes of a record that are asked for before it is there
	readAhead    = 512  // bytes that a consumer asks ahead, below the tail that it has seen
)

// relax does nothing for some pauses of the processor.
//
//go:noescape
func relax(turns int)

// prefetchRead asks for lines to read. Any address is right: one that is not mapped is passed over.
//
//go:noescape
func prefetchRead(at unsafe.Pointer, lines uint64)

// prefetchWrite asks for lines to write.
//
//go:noescape
func prefetchWrite(at unsafe.Pointer, lines uint64)

// goesAhead says whether values of size bytes are copied by putAhead and getAhead.
func goesAhead(size uint64) bool { return copiesAhead && size%line == 0 && size <= aheadMost }

// aheadOf is how far ahead of its tail a producer of values asks for lines.
func aheadOf(size uint64) uint64 {
	switch {
	case aheadValues*size < aheadLeast:
		return aheadLeast
	case aheadValues*size > aheadMost:
		return aheadMost
	}
	return aheadValues * size
}

func linesOf(bytes uint64) uint64 { return (bytes + line - 1) / line }

// beginsLine says whether a record of size bytes at position reaches into a line that the one before
// it did not: each line is asked for once.
func beginsLine(position, size uint64) bool { return size >= line || position%line < size }

// prefetchRunAhead asks for the lines of a run of bytes that will come some way behind position.
func (a *area) prefetchRunAhead(position, bytes uint64) {
	if bytes > runAheadMost {
		bytes = runAheadMost
	}
	prefetchWrite(a.at(position+aheadMost), linesOf(bytes))
}

// prefetchRun asks for the first lines between position and tail.
func (a *area) prefetchRun(position, tail uint64) {
	if position >= tail {
		return
	}
	bytes := tail - position
	if bytes > readAhead {
		bytes = readAhead
	}
	prefetchRead(a.at(position), linesOf(bytes))
}

// prefetchExpected asks for the lines of a record of bytes that is expected at position.
func (a *area) prefetchExpected(position, bytes uint64) {
	if bytes > expectedMost {
		bytes = expectedMost
	}
	prefetchRead(a.at(position), linesOf(bytes))
}
