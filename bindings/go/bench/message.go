// Owns: what a message says, as crates/shm-ring-bench says it in Rust, in src/run/message.rs.
// Knows nothing of: who carries it.

package main

import (
	"fmt"
	"math/bits"
	"unsafe"
)

const (
	factor  = 0x9e3779b97f4a7c15
	pattern = 0x5ea15ea15ea15ea1
)

// code is the secret of a run.
type code uint64

func (c code) first(number uint64) uint64 {
	high, low := bits.Mul64(number^uint64(c), factor)
	return low ^ high
}

func (c code) other() code { return code(bits.RotateLeft64(uint64(c), 32) ^ pattern) }

func word(first uint64, index int) uint64 {
	return bits.RotateLeft64(first, 32) ^ pattern + uint64(index)
}

// wordsOf are those of a message, which is an array of them.
func wordsOf[T any](m *T) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(m)), unsafe.Sizeof(*m)/8)
}

// stamp makes message `number`: its first word from the number, its last from the first.
func stamp(m []uint64, first uint64) {
	if last := len(m) - 1; last > 0 {
		m[last] = word(first, last)
	}
	m[0] = first
}

func stampWhole(m []uint64, first uint64) {
	for i := range m {
		m[i] = word(first, i)
	}
	m[0] = first
}

// isSealed says whether both ends are what a message that was stamped with first has.
func isSealed(m []uint64, begins, first uint64) bool {
	last := len(m) - 1
	return m[0] == begins && (last == 0 || m[last] == word(first, last))
}

func isWhole(m []uint64, begins, first uint64) bool {
	for i := 1; i < len(m); i++ {
		if m[i] != word(first, i) {
			return false
		}
	}
	return m[0] == begins
}

func wrong(number, found, due uint64) error {
	return fmt.Errorf("verifying: message %d begins with %#x, not %#x, or came torn", number, found, due)
}
