// Owns: what differs on amd64. Knows nothing of: rings.

package shmring

import "sync/atomic"

const sysMembarrier = 324

// mayRely says whether a waker of this process may leave the barrier to sleepers. It asks the kernel
// once.
var mayRely = membarrier(membarrierRegisterGlobalExpedited)

// storeWord stores a word that others may be reading: whole, and not before any store that precedes
// it. An ordinary store of this processor is that. The compiler keeps stores in order; the one of
// sync/atomic would lock the bus for each, and wait for the lines of all records before it.
func storeWord(word *uint64, value uint64) { *word = value }

// storePosition is storeWord, then a full fence unless sleepers see to that.
func storePosition(word *uint64, value uint64, relies bool) {
	if relies {
		*word = value
	} else {
		atomic.StoreUint64(word, value)
	}
}
