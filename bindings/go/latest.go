// Owns: the latest value of something: its writer and its readers. LAYOUT.md, "Latest".
// Knows nothing of: rings, beyond what both have: a place, a lease, a session.

package shmring

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
)

// LatestWriter replaces a value that any number of readers copy. There is one at a time, which waits
// for nobody. One goroutine at a time uses it.
type LatestWriter[T any] struct {
	area    area
	version uint64
	slot    uint64
	*side
}

// attempts are how often a reader starts again whose slot was written meanwhile.
const attempts = 64

// NewLatestWriter attaches as the writer of a latest value. It goes on where the last one stopped.
// Options.Items is how many slots a new region has, 8 unless said: it keeps one version less.
func NewLatestWriter[T any](name string, o Options) (*LatestWriter[T], error) {
	size, align, err := layoutOf[T]()
	if err != nil {
		return nil, err
	}
	w := &LatestWriter[T]{}
	w.side, err = attach(RoleProducer, name, contents{kind: kindLatest, size: size, align: align}, o, w.resume)
	if err != nil {
		return nil, err
	}
	w.area, w.slot = w.region.area, w.shape.unit
	return w, nil
}

func (w *LatestWriter[T]) resume(s *side) error {
	w.version = atomic.LoadUint64(s.mine.position)
	if w.version >= maxPosition/2 {
		return fmt.Errorf("%w: version %#x", ErrCorrupt, w.version)
	}
	return nil
}

// Write publishes the next version. It never waits and makes no system call: a reader that waits finds
// it within a millisecond, or at once after Notify. It returns ErrEnded once this end is closed.
func (w *LatestWriter[T]) Write(value T) error { return w.WriteFrom(&value) }

// WriteFrom is Write of a value that stays where it is.
func (w *LatestWriter[T]) WriteFrom(value *T) error {
	if w.err != nil {
		return w.err
	}
	version := w.version + 1
	if version >= maxPosition {
		return ErrExhausted
	}
	// An acquire load of what was stored with release order before: on either processor no store
	// behind it comes before that. So a slot is written only once the version before is seen.
	atomic.LoadUint64(w.mine.position)
	putSlot(&w.area, version*w.slot, value)
	storeWord(w.mine.position, version)
	w.version = version
	return nil
}

// Notify wakes the readers that wait: one system call. Nobody knows whether there are any.
func (w *LatestWriter[T]) Notify() {
	if w.err == nil {
		w.ring()
	}
}

// Version is how many versions were ever written.
func (w *LatestWriter[T]) Version() uint64 { return w.version }

// Abandon ends the session as a death does: readers that wait get ErrDied.
func (w *LatestWriter[T]) Abandon() { w.leave(func() {}) }

// openWriter opens the session of a writer: no word beside pid and session is anybody's.
func (s *side) openWriter() {
	storePid(s.mine)
	s.session = (atomic.LoadUint64(s.mine.session) + 1) | 1
	atomic.StoreUint64(s.mine.session, s.session)
	s.ring()
}

// LatestReader copies the latest value, or each version in order. It holds no lock, writes nothing, and
// nobody knows of it. One goroutine at a time uses it.
type LatestReader[T any] struct {
	place  *place
	region *region
	theirs words
	area   area
	slot   uint64
	slots  uint64
	seen   uint64 // the last version that was read, or passed over
	came   uint64 // the newest version when this reader came
	lease  lease  // of nothing: it asks only
	err    error  // permanent
}

// NewLatestReader opens a latest value for reading. Either side may create it.
func NewLatestReader[T any](name string, o Options) (*LatestReader[T], error) {
	size, align, err := layoutOf[T]()
	if err != nil {
		return nil, err
	}
	c := contents{kind: kindLatest, size: size, align: align}
	var p *place
	for round := 0; ; round++ {
		if p, err = find(name, c, o, syscall.O_RDONLY); err == nil {
			break
		}
		if err != errAgain || round == 100 {
			return nil, err
		}
	}
	h := p.header
	r, err := mapRegion(p.fd, h.page, h.capacity, 0)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	reader := &LatestReader[T]{
		place: p, region: r, theirs: r.side(RoleProducer), area: r.area, slot: h.shape().unit,
		lease: lease{fd: p.fd, page: h.page},
	}
	reader.slots = h.capacity / reader.slot
	reader.came = atomic.LoadUint64(reader.theirs.position)
	return reader, nil
}

// Read copies the latest value, whether it was read before or not. ErrEmpty: none was ever written.
// ErrOverrun: the writer came round to the slot in every attempt.
func (r *LatestReader[T]) Read() (value T, err error) {
	err = r.ReadInto(&value)
	return value, err
}

// ReadInto is Read into a place that is there already. After an error nothing is known of its bytes.
func (r *LatestReader[T]) ReadInto(value *T) error {
	for i := 0; i < attempts; i++ {
		v, err := r.published(r.seen)
		if err == nil && v == 0 {
			err = ErrEmpty
		}
		if err != nil {
			return err
		}
		if r.copy(v, value) {
			r.seen = v
			return nil
		}
	}
	return ErrOverrun
}

// copy copies a version that was published. It is false if its slot was written meanwhile.
func (r *LatestReader[T]) copy(version uint64, value *T) bool {
	getSlot(&r.area, version*r.slot, value)
	return atomic.LoadUint64(r.theirs.position)-version <= r.slots-2
}

// published is the newest version, which is not before `least`.
func (r *LatestReader[T]) published(least uint64) (uint64, error) {
	if r.err != nil {
		return 0, r.err
	}
	v := atomic.LoadUint64(r.theirs.position)
	if v < least || v >= maxPosition {
		r.err = fmt.Errorf("%w: version %#x", ErrCorrupt, v)
		return 0, r.err
	}
	return v, nil
}

// StartAtOldest makes the next version the oldest that is still there, whatever was read before.
func (r *LatestReader[T]) StartAtOldest() error {
	v, err := r.published(r.seen)
	if err != nil {
		return err
	}
	if r.seen, r.came = 0, 0; v >= r.slots {
		r.seen = v - (r.slots - 1)
	}
	return nil
}

// TryNext copies the version behind the one that was read last; of a reader that has read none the
// first that is written after it came. It returns how many versions before it were lost, because they
// were overwritten, or were about to be. ErrEmpty: there is no newer one.
func (r *LatestReader[T]) TryNext() (value T, lost uint64, err error) {
	lost, err = r.next(&value)
	return value, lost, err
}

func (r *LatestReader[T]) next(value *T) (lost uint64, err error) {
	if r.seen == 0 {
		r.seen = r.came
	}
	for i := 0; i < attempts; i++ {
		p, err := r.published(r.seen)
		if err == nil && p == r.seen {
			err = ErrEmpty
		}
		if err != nil {
			return lost, err
		}
		next := r.seen + 1
		if p-next <= r.slots-2 && r.copy(next, value) {
			r.seen = next
			return lost, nil
		}
		w, err := r.published(next)
		if err != nil {
			return lost, err
		}
		// Half of what is there: the oldest would be gone with the next version.
		if to := w - (r.slots-2)/2; to > next && w-next > r.slots-2 {
			lost += to - next
			r.seen = to - 1
		}
	}
	return lost, ErrOverrun
}

// Next is TryNext that waits for a newer version. It returns ErrClosed or ErrDied when there is none
// and the writer is gone; after that it may be called again, for the versions of whoever follows.
func (r *LatestReader[T]) Next(ctx context.Context) (value T, lost uint64, err error) {
	err = r.await(ctx, func() (err error) {
		more, err := r.next(&value)
		lost += more
		return err
	})
	return value, lost, err
}

// ReadNewer waits for a version that was not read yet, and copies the latest. It returns ErrClosed or
// ErrDied when there is none and the writer is gone.
func (r *LatestReader[T]) ReadNewer(ctx context.Context) (value T, err error) {
	err = r.await(ctx, func() error {
		if v, err := r.published(r.seen); err != nil || v == r.seen {
			if err == nil {
				err = ErrEmpty
			}
			return err
		}
		return r.ReadInto(&value)
	})
	return value, err
}

// await calls read until it returns anything but ErrEmpty, the writer is gone, or the context ends. The
// writer does not know that somebody waits, so a sleep is short.
func (r *LatestReader[T]) await(ctx context.Context, read func() error) error {
	started := time.Now()
	for i := 0; ; i++ {
		if err := read(); err != ErrEmpty {
			return err
		}
		if i%looksPerGlance == looksPerGlance-1 && time.Since(started) >= spinFor {
			break
		}
		relax(1)
	}
	for {
		bell := watchedWord{r.theirs.bell, atomic.LoadUint32(r.theirs.bell), true}
		gone := r.gone()
		if err := read(); err != ErrEmpty {
			return err
		}
		// What the writer wrote before it went was seen by that look.
		if gone != nil {
			return gone
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		futexWaitOne(bell, sliceShort)
	}
}

// gone is ErrClosed or ErrDied if there is no writer any more.
func (r *LatestReader[T]) gone() error {
	switch r.Writer() {
	case Closed:
		return ErrClosed
	case Dead:
		return ErrDied
	}
	return nil
}

// Writer is the state of the writer. It costs a system call.
func (r *LatestReader[T]) Writer() State {
	if r.err != nil {
		return Absent
	}
	return writerOf(r.theirs, func() bool { return r.lease.isHeld(RoleProducer) })
}

// writerOf looks at session and lock alone: a writer has no other words.
func writerOf(theirs words, isHeld func() bool) State {
	for looks := 0; ; looks++ {
		session := atomic.LoadUint64(theirs.session)
		held := isHeld()
		changed := atomic.LoadUint64(theirs.session) != session
		switch isLast := looks == 100; {
		case (changed || session%2 == 0 && held) && !isLast:
			relax(1)
			continue
		case session%2 == 1 && !held && !changed:
			return Dead
		case session%2 == 1 || changed:
			return Alive
		case session != 0:
			return Closed
		case held:
			return Alive
		}
		return Absent
	}
}

// Version is the number of the version that was read last; 0: none.
func (r *LatestReader[T]) Version() uint64 { return r.seen }

// Header is what the region carries, as its creator wrote it.
func (r *LatestReader[T]) Header() Info { return r.place.header.info() }

// Close gives the memory back. Closing twice is no error.
func (r *LatestReader[T]) Close() error {
	if r.err != ErrEnded {
		r.err = ErrEnded
		r.region.close()
		r.place.close()
	}
	return nil
}
