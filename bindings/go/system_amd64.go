// Owns: what differs on amd64. Knows nothing of: rings.

package shmring

import "sync/atomic"

const sysMembarrier = 324

// mayRely says whether a waker of this process may leave the barrier to sleepers. It asks the kernel
// once.
var mayRely = membarrier(membarrierRegisterGlobalExpedited)

// plainWords: what races here with plain loads and stores of several words races as with whole words.
// The front is judged whole by the tail word before and behind it, and this processor keeps loads in
// their order and stores in theirs, whatever their size.
const plainWords = true

// storeWord stores a word that others may be reading: whole, and not before any store that precedes
// it. An ordinary store of this processor is that. The compiler keeps stores in order, and loads of
// sync/atomic where they are; the store of sync/atomic would lock the bus for each, and wait for the
// lines of all records before it. An assembly function would be a call for one instruction, and no
// more of a promise: the compiler keeps stores before a call as it keeps them before a load of
// sync/atomic, by one chain of memory states.
func storeWord(word *uint64, value uint64) { *word = value }

// storeMark is storeWord for a word that is soon stored again. The load says that somebody looks
// meanwhile: else the compiler could take the first store for a dead one.
func storeMark(word *uint64, value uint64) {
	*word = value
	atomic.LoadUint64(word)
}

// storePosition is storeWord, then a full fence unless sleepers see to that.
func storePosition(word *uint64, value uint64, relies bool) {
	if relies {
		*word = value
	} else {
		atomic.StoreUint64(word, value)
	}
}
