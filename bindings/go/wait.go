// Owns: how a side that has nothing to do waits: it looks for a while, then sleeps on the peer's bell.
// Knows nothing of: what is carried.

package shmring

import (
	"bytes"
	"context"
	"os"
	"sync/atomic"
	"time"
)

const (
	sliceWatched = time.Second            // the kernel reports a death
	slice        = 100 * time.Millisecond // nothing does
	sliceShort   = time.Millisecond       // the waker relies on a membarrier that was refused
	sliceContext = 10 * time.Millisecond  // the kernel cannot sleep on several words
	patient      = 100 * time.Millisecond // after that a threshold is not waited for
)

// spinFor is how long a side looks again before it sleeps: about as long as a sleep and a wake-up take.
// On a machine of one processor nobody else runs meanwhile. runtime.NumCPU says how many this process
// may use, and the peer may use others.
var spinFor = func() time.Duration {
	online, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err == nil && !bytes.ContainsAny(online, "-,") {
		return 0
	}
	return 50 * time.Microsecond
}()

// looksPerGlance is how many looks there are between two at the clock.
const looksPerGlance = 64

// hasWaitv: until the kernel says that it cannot sleep on several words.
var hasWaitv int32 = 1

// wait returns nil when ready says so. It wants to be woken at the position `soon`, after a while at
// `later`. ready must be true where the peer's position has reached either, and for a side with a
// permanent error.
func (s *side) wait(ctx context.Context, soon, later uint64, ready func() bool) error {
	if s.err != nil {
		return s.err
	}
	count(s.mine.waits)
	for i := 0; i < looksPerGlance; i++ {
		if ready() {
			return s.err
		}
		relax(1)
	}
	started := time.Now()
	for i := 0; i%looksPerGlance != 0 || time.Since(started) < spinFor; i++ {
		if ready() {
			return s.err
		}
		relax(1)
	}
	// The kernel wakes this side when the context ends, by a word of its own.
	var over chan struct{}
	defer func() {
		if over != nil {
			close(over)
		}
	}()
	for {
		wakeAt := soon
		if time.Since(started) > patient {
			wakeAt = later
		}
		if over == nil && ctx.Done() != nil {
			over = make(chan struct{})
			go s.interruptWhen(ctx, over)
		}
		found, err := s.sleep(ctx, wakeAt, ready)
		if s.err != nil {
			return s.err
		}
		if found || err != nil {
			return err
		}
		if ready() {
			return s.err
		}
	}
}

func (s *side) interruptWhen(ctx context.Context, over <-chan struct{}) {
	select {
	case <-ctx.Done():
		atomic.AddUint32(&s.interrupt, 1)
		futexWakePrivate(&s.interrupt)
	case <-over:
	}
}

// AwaitPeer sleeps until the other role has a session whose end this side has not returned, even if
// it is over by now, or until the context ends. A consumer also returns if something is unread.
func (s *side) AwaitPeer(ctx context.Context) error {
	over := make(chan struct{})
	defer close(over)
	if ctx.Done() != nil {
		go s.interruptWhen(ctx, over)
	}
	for s.err == nil {
		bell := watchedWord{s.theirs.bell, atomic.LoadUint32(s.theirs.bell), true}
		interrupt := watchedWord{&s.interrupt, atomic.LoadUint32(&s.interrupt), false}
		newest := newestOf(atomic.LoadUint64(s.theirs.session))
		unread := s.role == RoleConsumer &&
			atomic.LoadUint64(s.theirs.position)&^noFront != atomic.LoadUint64(s.mine.position)
		if newest >= s.ends.from() || unread {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		s.doze([]watchedWord{bell, interrupt}, slice, ctx)
	}
	return s.err
}

// sleep is one sleep, in the steps of LAYOUT.md, "Sleeping and waking". It says whether the last look
// found what is waited for.
func (s *side) sleep(ctx context.Context, wakeAt uint64, ready func() bool) (bool, error) {
	bell := watchedWord{s.theirs.bell, atomic.LoadUint32(s.theirs.bell), true}
	liveness := watchedWord{s.theirs.liveness, atomic.LoadUint32(s.theirs.liveness), true}
	interrupt := watchedWord{&s.interrupt, atomic.LoadUint32(&s.interrupt), false}
	// A read-modify-write is a full fence.
	atomic.SwapUint64(s.mine.wakeAt, wakeAt)
	defer atomic.StoreUint64(s.mine.wakeAt, never)
	isHeard := true
	if mode := atomic.LoadUint32(s.theirs.fenceMode); mode != fenceModeFull {
		isHeard = membarrier(membarrierGlobalExpedited) || mode != fenceModeRelies
	}
	// A consumer that waits for more than one record takes what is there.
	if s.role == RoleProducer && atomic.LoadUint64(s.theirs.wakeAt) != never {
		s.ring()
	}
	// The last look. Without it a position stored before wake_at would be slept through.
	if ready() {
		return true, nil
	}
	if err := s.ended(ready); err != nil || s.err != nil {
		return false, err
	}
	// What the look found may have come between.
	if ready() {
		return true, nil
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	words := []watchedWord{bell}
	limit := slice
	if liveness.value != 0 {
		words = append(words, liveness)
		if liveness.value&threadMark != 0 && liveness.value&deathMark == 0 {
			limit = sliceWatched
		}
	}
	if ctx.Done() != nil {
		words = append(words, interrupt)
	}
	if !isHeard {
		limit = sliceShort
	}
	count(s.mine.sleeps)
	s.doze(words, limit, ctx)
	return false, nil
}

// doze sleeps on words, the first of which is the peer's bell.
func (s *side) doze(words []watchedWord, limit time.Duration, ctx context.Context) {
	if atomic.LoadInt32(&hasWaitv) == 1 {
		if futexWaitAny(words, limit) {
			return
		}
		atomic.StoreInt32(&hasWaitv, 0)
	}
	if limit > slice {
		limit = slice
	}
	if ctx.Done() != nil && limit > sliceContext {
		limit = sliceContext
	}
	futexWaitOne(words[0], limit)
}

// now is for a call that does not wait: the end of the peer if one is due, else `nothing`.
func (s *side) now(nothing error, ready func() bool) error {
	if s.err != nil {
		return s.err
	}
	if !s.isThere() || time.Since(s.ends.asked) > slice {
		if err := s.ended(ready); err != nil {
			return err
		}
		if s.err != nil {
			return s.err
		}
		if ready() {
			return s.err
		}
	}
	return nothing
}
