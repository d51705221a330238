// Owns: publishing, whatever is carried: room, the order of stores, waiting for room.
// Knows nothing of: how a payload gets into its record.

package shmring

import (
	"context"
	"sync/atomic"
)

// frontWords are a record in the front.
type frontWords = [frontLen / wordSize]uint64

// producer has what each push needs first, side by side, and not behind another pointer.
type producer struct {
	tail     uint64
	free     uint64  // no record may end beyond this: 0 once there is a permanent error
	position *uint64 // mine
	wakeAt   *uint64 // theirs
	hint     *uint64 // theirs
	front    *frontWords
	area     area
	relies   bool   // on the membarrier of sleepers
	head     uint64 // as it was loaded last
	*side
	threshold            uint64 // bytes that a wait is for
	reserved, reservedAt uint64 // bytes of Reserve, and the tail then
}

func newProducer(name string, c contents, o Options) (*producer, error) {
	p := &producer{}
	s, err := attach(RoleProducer, name, c, o, p.resume)
	if err != nil {
		return nil, err
	}
	p.side = s
	p.position, p.front, p.area, p.relies = s.mine.position, s.mine.front, s.region.area, s.relies
	p.wakeAt, p.hint = s.theirs.wakeAt, s.theirs.hint
	p.threshold = s.shape.limit / 2
	return p, nil
}

// resume takes the tail as it is: what stands behind it never existed.
func (p *producer) resume(s *side) error {
	p.side = s
	p.tail = atomic.LoadUint64(s.mine.position) &^ noFront
	if !s.shape.isPosition(p.tail) {
		s.corrupt("tail", p.tail)
		return s.err
	}
	if p.tail+s.shape.unit >= maxPosition {
		return ErrExhausted
	}
	p.refresh()
	return s.err
}

// refresh loads the consumer's position and checks it.
func (p *producer) refresh() {
	if p.err != nil {
		return
	}
	head := atomic.LoadUint64(p.theirs.position)
	if !p.shape.fits(head, p.tail) {
		p.free = 0
		p.corrupt("the consumer's position", head)
		return
	}
	p.head, p.free = head, head+p.shape.limit
	if p.free > maxPosition-1 {
		p.free = maxPosition - 1
	}
	if used := p.tail - head; used > atomic.LoadUint64(p.mine.highWater) {
		storeWord(p.mine.highWater, used)
	}
}

// has says whether there is room for a record of n bytes.
func (p *producer) has(n uint64) bool { return p.tail+n <= p.free }

// space makes sure of n bytes, waiting if there is a context.
func (p *producer) space(ctx context.Context, n uint64) error {
	if ctx == nil {
		return p.room(n)
	}
	return p.await(ctx, n)
}

// room makes sure of n bytes without waiting.
func (p *producer) room(n uint64) error {
	if p.refresh(); p.has(n) {
		return nil
	}
	if err := p.impossible(n); err != nil {
		return err
	}
	return p.now(ErrFull, func() bool { p.refresh(); return p.err != nil || p.has(n) })
}

// await waits for n bytes: until half the ring is free, but no longer than need be.
func (p *producer) await(ctx context.Context, n uint64) error {
	if p.refresh(); p.has(n) {
		return nil
	}
	if err := p.impossible(n); err != nil {
		return err
	}
	if p.letDrain(); p.has(n) {
		return nil
	}
	wanted := p.threshold
	if wanted < n {
		wanted = n
	}
	ready := func() bool { p.refresh(); return p.err != nil || p.has(n) }
	return p.wait(ctx, p.headWith(wanted), p.headWith(n), ready)
}

func (p *producer) impossible(n uint64) error {
	switch {
	case p.err != nil:
		return p.err
	case n > p.shape.limit:
		return ErrTooLong
	case p.tail+n >= maxPosition:
		return ErrExhausted
	}
	return nil
}

// headWith is the consumer's position at which n bytes are free.
func (p *producer) headWith(n uint64) uint64 {
	if p.tail+n < p.shape.limit {
		return 0
	}
	return p.tail + n - p.shape.limit
}

// publish makes n bytes of records exist that were written behind the tail.
func (p *producer) publish(n uint64) {
	p.tail += n
	storePosition(p.position, p.tail|noFront, p.relies)
	if wakeAt := atomic.LoadUint64(p.wakeAt); p.tail >= wakeAt {
		p.wake(wakeAt)
	}
}

// wantsFront says whether the consumer looks at the front.
func (p *producer) wantsFront() bool { return atomic.LoadUint64(p.hint) != 0 }

// publishFront makes a record of n bytes exist, of which the front takes a copy, as whole words.
func (p *producer) publishFront(n uint64, copy []byte) {
	storeMark(p.position, p.tail|noFront)
	putFrontWords(p.front, copy)
	p.tail += n
	storePosition(p.position, p.tail, p.relies)
	if wakeAt := atomic.LoadUint64(p.wakeAt); p.tail >= wakeAt {
		p.wake(wakeAt)
	}
}

// end makes every later push fail.
func (p *producer) end() { p.free = 0 }

// Close ends the session in order: the consumer gets ErrClosed behind the last record.
// Closing twice is no error.
func (p *producer) Close() error {
	p.end()
	return p.side.Close()
}

// Abandon ends the session as a death does: the consumer gets ErrDied. It is for a producer that
// cannot finish what it began; half a stream must not look whole.
func (p *producer) Abandon() {
	p.end()
	p.side.Abandon()
}

// Position is how many bytes of records have ever been published. It survives every restart, so it
// says where to go on.
func (p *producer) Position() uint64 { return p.tail }
