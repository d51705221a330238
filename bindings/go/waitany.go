// Owns: waiting for any of several rings. Knows nothing of: what they carry.

package shmring

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// AnyConsumer is a Consumer, a BytesConsumer or a MessageConsumer.
type AnyConsumer interface{ base() *consumer }

func (c *consumer) base() *consumer { return c }

// mostWaited: the kernel sleeps on 128 words, two of a ring and one of the context.
const mostWaited = 63

// WaitAny waits until one of several consumers has something to take, or an end of its producer to
// report that it has not reported yet, and returns which: the next pop of that one does not wait. All
// are of the goroutine that calls. At most 63; thresholds do not count.
func WaitAny(ctx context.Context, consumers ...AnyConsumer) (int, error) {
	if len(consumers) == 0 || len(consumers) > mostWaited {
		return 0, fmt.Errorf("%w: waiting for %d rings: 1 to %d", ErrOptions, len(consumers), mostWaited)
	}
	all := make([]*consumer, len(consumers))
	for i, one := range consumers {
		all[i] = one.base()
	}
	started := time.Now()
	for i := 0; ; i++ {
		if ready := anyReady(all); ready >= 0 {
			return ready, nil
		}
		if i%looksPerGlance == looksPerGlance-1 && time.Since(started) >= spinFor {
			break
		}
		relax(1)
	}
	first := all[0].side
	over := make(chan struct{})
	defer close(over)
	if ctx.Done() != nil {
		go first.interruptWhen(ctx, over)
	}
	for {
		if ready, err := sleepAny(ctx, all); ready >= 0 || err != nil {
			return ready, err
		}
	}
}

func anyReady(all []*consumer) int {
	for i, c := range all {
		if c.refresh() || c.err != nil {
			return i
		}
	}
	return -1
}

// sleepAny is one sleep, in the steps of LAYOUT.md, "Sleeping and waking", for several rings at once.
func sleepAny(ctx context.Context, all []*consumer) (int, error) {
	first := all[0].side
	// The bell of the first stands first: it is all that some kernels can sleep on.
	words := make([]watchedWord, 0, 2*len(all)+1)
	limit, needs, isHeard := sliceWatched, false, true
	for _, c := range all {
		words = append(words, watchedWord{c.theirs.bell, atomic.LoadUint32(c.theirs.bell), true})
		liveness := watchedWord{c.theirs.liveness, atomic.LoadUint32(c.theirs.liveness), true}
		if liveness.value != 0 {
			words = append(words, liveness)
		}
		if liveness.value&threadMark == 0 || liveness.value&deathMark != 0 {
			limit = slice
		}
	}
	interrupt := watchedWord{&first.interrupt, atomic.LoadUint32(&first.interrupt), false}
	if ctx.Done() != nil {
		words = append(words, interrupt)
	}
	for _, c := range all {
		// A read-modify-write is a full fence.
		atomic.SwapUint64(c.mine.wakeAt, c.head+c.shape.unit)
		defer atomic.StoreUint64(c.mine.wakeAt, never)
		needs = needs || atomic.LoadUint32(c.theirs.fenceMode) != fenceModeFull
	}
	if needs && !membarrier(membarrierGlobalExpedited) {
		for _, c := range all {
			isHeard = isHeard && atomic.LoadUint32(c.theirs.fenceMode) != fenceModeRelies
		}
	}
	if ready := anyReady(all); ready >= 0 {
		return ready, nil
	}
	for i, c := range all {
		c.ends.position = c.head
		v := c.lookAtPeer()
		c.ends.found, c.ends.asked = v.session, time.Now()
		if e, isDue := c.ends.due(c.role, v); isDue && e.session >= c.ends.from() {
			return i, nil
		}
	}
	// What the looks found may have come between.
	if ready := anyReady(all); ready >= 0 {
		return ready, nil
	}
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	if !isHeard {
		limit = sliceShort
	}
	for _, c := range all {
		count(c.mine.sleeps)
	}
	if atomic.LoadInt32(&hasWaitv) == 0 && limit > sliceShort {
		limit = sliceShort
	}
	first.doze(words, limit, ctx)
	return -1, nil
}
