// Owns: the numbers of LAYOUT.md: offsets, kinds, marks.
// Knows nothing of: memory, files, who reads and writes.

package shmring

const (
	layoutVersion = 2
	headerLength  = 256
	byteOrderMark = 0x01020304
	wordSize      = 8
	controlPages  = 3 // header, producer, consumer

	kindValues   = 1
	kindMessages = 2
	kindLatest   = 3

	maxCapacity = 1 << 44
	maxPosition = 1 << 62 // the first number that is no position
	maxPayload  = 1<<32 - 16

	never     = ^uint64(0) // wake_at of a side that is awake
	noFront   = 1 << 63    // bit of the tail word: the front is not to be used
	frontLen  = 56
	recordBit = 1 << 63 // set in each record header

	// The kernel's marks in a liveness word.
	threadMark = 1 << 31
	deathMark  = 1 << 30

	// What a waker does between its position and the look at wake_at.
	fenceModeRelies = 1 // nothing: sleepers call membarrier
	fenceModeFull   = 2 // a full fence, for as long as its session lasts
)

// Offsets in a side's page.
const (
	offPosition     = 0
	offFront        = 8
	offWakeAt       = 128
	offHint         = 136
	offBell         = 256
	offSession      = 384
	offFenceMode    = 392
	offPid          = 396
	offPidNamespace = 400
	offLiveness     = 512
	offHighWater    = 640
	offSleeps       = 648
	offWakesSent    = 656
	offWaits        = 664
	offDropped      = 672
	offDied         = 768
	offStart        = 776 // two of three words, by bit 1 of the session
	offTold         = 824
)

// Role is one of the two sides of a ring. It is the index of the role's page.
type Role uint64

const (
	// RoleProducer writes records.
	RoleProducer Role = 1
	// RoleConsumer reads them.
	RoleConsumer Role = 2
)

func (r Role) String() string {
	if r == RoleProducer {
		return "producer"
	}
	return "consumer"
}

func (r Role) peer() Role { return 3 - r }

func roundUp(x, a uint64) uint64 { return (x + a - 1) &^ (a - 1) }

// shape is how records lie in the data: it comes from a checked header and never changes.
type shape struct {
	kind     uint32
	size     uint64 // bytes of a value; of messages 1
	unit     uint64 // what positions are multiples of: size, or A of messages
	limit    uint64
	capacity uint64
}

// fits says whether head and tail can be those of one ring.
func (s *shape) fits(head, tail uint64) bool {
	return s.isPosition(head) && s.isPosition(tail) && head <= tail && tail-head <= s.limit
}

func (s *shape) isPosition(p uint64) bool { return p < maxPosition && p%s.unit == 0 }

// message is how many bytes a message of n bytes takes.
func (s *shape) message(n uint64) uint64 { return s.unit + roundUp(n, s.unit) }

// recordHeader is that of a message of n bytes at position p.
func recordHeader(p, n uint64) uint64 { return recordBit | (p>>3&(1<<31-1))<<32 | n }
