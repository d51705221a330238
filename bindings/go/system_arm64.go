// Owns: what differs on arm64. Knows nothing of: rings.

package shmring

import "sync/atomic"

const sysMembarrier = 283

// mayRely: a store of sync/atomic and a load behind it keep their order here, at no further cost.
const mayRely = false

// storeWord stores a word that others may be reading: whole, and not before any store that precedes
// it.
func storeWord(word *uint64, value uint64) { atomic.StoreUint64(word, value) }

// plainWords: loads and stores of several words have no order here.
const plainWords = false

// storeMark is storeWord for a word that is soon stored again.
func storeMark(word *uint64, value uint64) { atomic.StoreUint64(word, value) }

// storePosition is storeWord; no load behind it comes before it.
func storePosition(word *uint64, value uint64, _ bool) { atomic.StoreUint64(word, value) }
