// Owns: which end of the peer is due to a side, and which was returned: LAYOUT.md, "Ends".
// Knows nothing of: how a lease is held, what is done with an end.

package shmring

import (
	"sync/atomic"
	"time"
)

// ends is what a side knows about those of its peer.
type ends struct {
	mineFrom uint64
	heard    uint64 // the newest session whose end was returned: a consumer's `told`
	last     end
	position uint64 // up to where a consumer has read
	found    uint64 // the session that the last look found
	asked    time.Time
}

type end struct {
	session uint64
	died    bool
}

func (e *ends) attach(s *side, v seen) {
	e.found, e.asked = v.session, time.Now()
	if s.role == RoleConsumer {
		e.heard = atomic.LoadUint64(s.mine.told)
		e.position = atomic.LoadUint64(s.mine.position)
	}
	next := v.newest
	switch {
	case v.isOver():
		next = plus(v.newest, 2)
	case v.newest == 0:
		next = 1
	}
	switch {
	case s.role == RoleProducer || e.position == v.tail:
		e.mineFrom = next
	case e.position >= v.began:
		e.mineFrom = v.newest
	default:
		e.mineFrom = plus(e.heard, 1)
	}
}

// plus does not wrap: a hostile side may have written any session.
func plus(a, b uint64) uint64 {
	if a+b < a {
		return never
	}
	return a + b
}

// from is the first session whose end would be news.
func (e *ends) from() uint64 {
	if from := plus(e.heard, 1); from > e.mineFrom {
		return from
	}
	return e.mineFrom
}

// due is the end that a look found to be owed to this side.
func (e *ends) due(role Role, v seen) (end, bool) {
	from := e.from()
	isDrained := role == RoleProducer || e.position >= v.tail
	died := v.state == Dead
	switch {
	case v.isOver() && v.newest >= from && isDrained:
		return end{v.newest, died || role == RoleConsumer && v.diedBefore >= from}, true
	case role == RoleConsumer && v.newest >= plus(from, 2) && e.position >= v.began:
		return end{v.newest - 2, v.diedBefore >= from}, true
	case v.isOver() && e.last.session == v.newest && v.newest != 0 && isDrained:
		return e.last, true // again, since nobody has followed
	}
	return end{}, false
}

// ended asks whether an end of the peer is due: ErrClosed or ErrDied, which is noted as returned
// unless `ready` finds something that the peer published before.
func (s *side) ended(ready func() bool) error {
	v := s.lookAtPeer()
	s.ends.found, s.ends.asked = v.session, time.Now()
	e, isDue := s.ends.due(s.role, v)
	if !isDue || ready() {
		return nil
	}
	if s.role == RoleConsumer {
		atomic.StoreUint64(s.mine.told, e.session)
	}
	if e.session > s.ends.heard {
		s.ends.heard = e.session
	}
	s.ends.last = e
	if e.died {
		return ErrDied
	}
	return ErrClosed
}

// isThere says, without a system call, that the peer has the session that was seen last and that the
// kernel will report its death.
func (s *side) isThere() bool {
	session := atomic.LoadUint64(s.theirs.session)
	liveness := atomic.LoadUint32(s.theirs.liveness)
	return session%2 == 1 && session == s.ends.found && liveness&threadMark != 0 && liveness&deathMark == 0
}
