// Owns: how much must be there, or be free, before a side that waits is woken.
// Knows nothing of: sleeping.

package shmring

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// SetThreshold sets how many bytes must be free before a push that waits is woken: at most the limit. It
// is half the limit unless said. After 100 ms any room that suffices will do.
func (p *producer) SetThreshold(bytes uint64) {
	if bytes > p.shape.limit {
		bytes = p.shape.limit
	}
	p.threshold = bytes
}

// SetThreshold sets how many bytes of records, their headers included, must be there before a pop that
// found the ring empty returns, and how long after the first of them it returns all the same. A producer
// that waits for room, closes or dies ends the wait too. At most half the limit; 0 is what holds unless
// said: at the first record.
func (c *consumer) SetThreshold(bytes uint64, within time.Duration) {
	if bytes > c.shape.limit/2 {
		bytes = c.shape.limit / 2
	}
	c.threshold, c.within = bytes, within
}

// awaitEnough waits for as much as the threshold says.
func (c *consumer) awaitEnough(ctx context.Context) error {
	first := func() bool { return c.refresh() || c.err != nil }
	enough := func() bool {
		c.look()
		fresh := c.tail - c.head
		return c.err != nil || fresh >= c.threshold || fresh != 0 && c.mustTake()
	}
	for {
		c.ends.position = c.head
		wakeAt := c.head + c.threshold
		short, cancel := context.WithTimeout(ctx, c.within)
		err := c.wait(short, wakeAt, wakeAt, enough)
		cancel()
		if c.err != nil || c.head != c.tail {
			return c.err
		}
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
		// Nothing came in that time: the next record starts the clock again.
		wakeAt = c.head + c.shape.unit
		if err := c.wait(ctx, wakeAt, wakeAt, first); err != nil {
			return err
		}
	}
}

// mustTake says that the producer waits for room, or writes no more: then what is there is taken.
func (c *consumer) mustTake() bool {
	return atomic.LoadUint64(c.wakeAt) != never || atomic.LoadUint64(c.theirs.session)%2 == 0 ||
		atomic.LoadUint32(c.theirs.liveness)&deathMark != 0
}
