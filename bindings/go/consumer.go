// Owns: reading, whatever is carried: what is there, the front, releasing, waiting for records.
// Knows nothing of: how a payload gets out of its record.

package shmring

import (
	"context"
	"sync/atomic"
	"time"
)

// consumer has what each pop needs first, side by side, and not behind another pointer.
type consumer struct {
	head     uint64
	tail     uint64  // as it was loaded last; head once there is a permanent error
	position *uint64 // mine
	wakeAt   *uint64 // theirs
	area     area
	relies   bool // on the membarrier of sleepers
	*side
	from  uint64 // where the ring last ran dry
	last  uint64 // bytes of the record that was taken last
	hint  uint64
	raw   uint64 // the tail word of the last look
	dryAt uint64 // for stayAway
	stay  int    // for stayAway

	threshold        uint64 // bytes that a wait is for; 0: any
	within           time.Duration
	peeked, peekedAt uint64 // bytes of Peek, and the head then
}

func newConsumer(name string, c contents, o Options) (*consumer, error) {
	r := &consumer{}
	s, err := attach(RoleConsumer, name, c, o, r.resume)
	if err != nil {
		return nil, err
	}
	r.side = s
	r.position, r.wakeAt, r.area, r.relies = s.mine.position, s.theirs.wakeAt, s.region.area, s.relies
	return r, nil
}

// resume goes on where the last consumer stood.
func (c *consumer) resume(s *side) error {
	c.side = s
	c.head = atomic.LoadUint64(s.mine.position)
	c.tail, c.from, c.dryAt, c.last, c.hint, c.raw = c.head, c.head, c.head, s.shape.size, 1, noFront
	if !s.shape.isPosition(c.head) {
		s.corrupt("head", c.head)
	}
	return s.err
}

// hasChanged says whether the producer's position is another one, whatever it is.
func (c *consumer) hasChanged() bool {
	return atomic.LoadUint64(c.theirs.position)&^noFront != c.tail
}

// refresh says whether anything is there. It looks if nothing is known to be.
func (c *consumer) refresh() bool { return c.head != c.tail || c.look() }

// look loads the producer's position and checks it. It says whether anything is there.
func (c *consumer) look() bool {
	if c.err != nil {
		return false
	}
	word := atomic.LoadUint64(c.theirs.position)
	tail := word &^ noFront
	if tail == c.head {
		if c.head != c.tail {
			c.spoilt("the producer's position", tail)
			return false
		}
		if c.head != c.from {
			c.ranDry()
		}
		return false
	}
	fresh := tail - c.head
	if tail >= maxPosition || tail < c.tail || fresh > c.shape.limit ||
		fresh != c.shape.unit && fresh%c.shape.unit != 0 {
		c.spoilt("the producer's position", tail)
		return false
	}
	c.tail, c.raw = tail, word
	return true
}

// ranDry notes that nothing is left of a run of records, and how long it was: the front is for a
// consumer that waits for each record.
func (c *consumer) ranDry() {
	hint := uint64(0)
	if c.head-c.from <= c.last {
		hint = 1
	}
	c.from = c.head
	if hint != c.hint {
		c.hint = hint
		storeWord(c.mine.hint, hint)
	}
}

// mayUseFront says whether the record at head is the newest and stands in the front.
func (c *consumer) mayUseFront() bool { return c.raw&noFront == 0 }

// frontIsWhole says whether what was copied from the front since the last look is what was published
// then: the producer has not written there meanwhile.
func (c *consumer) frontIsWhole() bool { return atomic.LoadUint64(c.theirs.position) == c.raw }

// records makes sure that something is there, waiting if there is a context.
func (c *consumer) records(ctx context.Context) error {
	if ctx == nil {
		return c.fetch()
	}
	return c.await(ctx)
}

// fetch makes sure that something is there without waiting.
func (c *consumer) fetch() error {
	if c.refresh() {
		return nil
	}
	if c.err != nil {
		return c.err
	}
	c.ends.position = c.head
	return c.now(ErrEmpty, func() bool { return c.refresh() || c.err != nil })
}

// await waits until something is there.
func (c *consumer) await(ctx context.Context) error {
	if c.refresh() {
		return nil
	}
	if c.err != nil {
		return c.err
	}
	if c.threshold > c.shape.unit {
		return c.awaitEnough(ctx)
	}
	if c.stayAway() {
		return nil
	}
	if c.err != nil {
		return c.err
	}
	c.ends.position = c.head
	wakeAt := c.head + c.shape.unit
	return c.wait(ctx, wakeAt, wakeAt, func() bool { return c.refresh() || c.err != nil })
}

// release gives n bytes back to the producer.
func (c *consumer) release(n uint64) {
	c.head += n
	storePosition(c.position, c.head, c.relies)
	if wakeAt := atomic.LoadUint64(c.wakeAt); c.head >= wakeAt {
		c.wake(wakeAt)
	}
}

// spoilt makes a finding permanent: nothing more is read.
func (c *consumer) spoilt(what string, found uint64) error {
	c.corrupt(what, found)
	c.tail = c.head
	return c.err
}

// Close ends the session in order. What is unread stays in the ring, for the next consumer.
// Closing twice is no error.
func (c *consumer) Close() error {
	c.tail = c.head
	return c.side.Close()
}

// Abandon ends the session as a death does.
func (c *consumer) Abandon() {
	c.tail = c.head
	c.side.Abandon()
}

// Position is how many bytes of records have ever been read.
func (c *consumer) Position() uint64 { return c.head }
