// Owns: what both ends share: attaching, closing, asking about the peer.
// Knows nothing of: records.

package shmring

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
)

// side is an attached side. One goroutine at a time uses it.
type side struct {
	role         Role
	shape        shape
	header       header
	place        *place
	region       *region
	lease        *lease
	mine, theirs words
	session      uint64
	rungFor      uint64 // the last wake_at that was rung for
	relies       bool   // on the membarrier of sleepers
	reported     uint32 // the liveness word of this session
	interrupt    uint32 // a word to sleep on that changes when a context ends
	err          error  // permanent: corrupt, or ended
	ends         ends
}

// attach opens or creates a ring, takes the role and opens a session. recover checks the positions
// and says where this side begins.
func attach(role Role, name string, c contents, o Options, resume func(*side) error) (*side, error) {
	// Each round is lost only to somebody who creates or removes at that moment.
	for round := 0; ; round++ {
		p, err := find(name, c, o, syscall.O_RDWR)
		if err != nil {
			if errors.Is(err, errAgain) && round < 100 {
				continue
			}
			return nil, err
		}
		s, err := occupy(role, p, c, o, resume)
		if err != nil {
			p.close()
			if err == errAgain && round < 100 {
				continue
			}
			return nil, fmt.Errorf("%s: %w", p.path, err)
		}
		return s, nil
	}
}

// errAgain says that a name was given to another file, or to none, meanwhile.
var errAgain = errors.New("the name changes again and again")

// find opens what is under a name, or creates it.
func find(name string, c contents, o Options, access int) (*place, error) {
	if o.Open != New {
		p, err := openPlace(name, access, o)
		if err == nil {
			if err = p.header.is(c, o); err != nil {
				p.close()
				return nil, fmt.Errorf("%s: %w", p.path, err)
			}
			return p, nil
		}
		if o.Open == Existing || !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	p, err := createPlace(name, c, o)
	if errors.Is(err, ErrExists) && o.Open != New {
		return nil, errAgain
	}
	return p, err
}

func occupy(role Role, p *place, c contents, o Options, resume func(*side) error) (*side, error) {
	l, err := takeLease(p, role, o.patience())
	if err != nil {
		return nil, err
	}
	if n, err := p.links(); err != nil || n == 0 {
		l.giveUp()
		return nil, errAgain
	}
	h := p.header
	r, err := mapRegion(p.fd, h.page, h.capacity, role)
	if err != nil {
		l.giveUp()
		return nil, err
	}
	s := &side{
		role: role, shape: h.shape(), header: h, place: p, region: r, lease: l,
		mine: r.side(role), theirs: r.side(role.peer()), rungFor: never, relies: mayRely,
	}
	if err = resume(s); err != nil {
		r.close()
		l.giveUp()
		return nil, err
	}
	if c.kind == kindLatest {
		s.openWriter()
	} else {
		s.open()
	}
	return s, nil
}

// open opens a session, in the order of LAYOUT.md, "Roles".
func (s *side) open() {
	mode := uint32(fenceModeFull)
	if s.relies {
		mode = fenceModeRelies
	}
	atomic.StoreUint32(s.mine.fenceMode, mode)
	storePid(s.mine)
	last := atomic.LoadUint64(s.mine.session)
	if s.role == RoleProducer && last%2 == 1 {
		atomic.StoreUint64(s.mine.died, last)
	}
	s.reported = report(s.region, s.role)
	atomic.StoreUint32(s.mine.liveness, s.reported)
	atomic.StoreUint64(s.mine.wakeAt, never)
	s.session = (last + 1) | 1
	if s.role == RoleProducer {
		start := &s.mine.start[s.session>>1&1]
		atomic.StoreUint64(&start.session, s.session)
		atomic.StoreUint64(&start.began, atomic.LoadUint64(s.mine.position)&^noFront)
		atomic.StoreUint64(&start.diedBefore, atomic.LoadUint64(s.mine.died))
	} else {
		atomic.StoreUint64(s.mine.hint, 1)
	}
	atomic.StoreUint64(s.mine.session, s.session)
	s.ring()
	s.ends.attach(s, s.lookAtPeer())
}

// Close ends the session in order: the peer gets ErrClosed. What was published stays in the ring.
// Closing twice is no error.
func (s *side) Close() error {
	s.leave(func() { atomic.StoreUint64(s.mine.session, s.session+1) })
	return nil
}

// Abandon ends the session as a death does: the peer gets ErrDied. It is for a producer that
// cannot finish what it began; half a stream must not look whole.
func (s *side) Abandon() {
	// The thread stays named: a process that is killed before it rings is still reported.
	s.leave(func() { atomic.StoreUint32(s.mine.liveness, s.reported|deathMark) })
}

func (s *side) leave(end func()) {
	if s.err == ErrEnded {
		return
	}
	s.err = ErrEnded
	end()
	s.ring()
	if atomic.LoadUint32(s.mine.liveness) != deathMark {
		atomic.StoreUint32(s.mine.liveness, 0)
	}
	// Not before: until here the kernel would have to report a death.
	if s.reported != 0 {
		unreport(s.region, s.role)
	}
	s.lease.giveUp()
	s.region.close()
	s.place.close()
}

// ring wakes the peer whatever it waits for.
func (s *side) ring() {
	count(s.mine.wakesSent)
	atomic.AddUint32(s.mine.bell, 1)
	futexWakeAll(s.mine.bell)
}

// wake is called with the position at which the peer wants to be woken, once this side's position,
// which was stored just now, has come to it. It rings once for each.
func (s *side) wake(wakeAt uint64) {
	if wakeAt != s.rungFor {
		s.rungFor = wakeAt
		s.ring()
	}
}

// corrupt is permanent.
func (s *side) corrupt(what string, found uint64) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: %s %#x", ErrCorrupt, what, found)
	}
}

// count adds 1 to a word that this side alone writes.
func count(word *uint64) { storeWord(word, atomic.LoadUint64(word)+1) }

func storePid(mine words) {
	atomic.StoreUint32(mine.pid, uint32(os.Getpid()))
	atomic.StoreUint64(mine.pidNamespace, pidNamespace())
}

func pidNamespace() uint64 {
	var s syscall.Stat_t
	if syscall.Stat("/proc/self/ns/pid", &s) != nil {
		return 0
	}
	return s.Ino
}

// State is what is known about a role.
type State int

// The states of a role.
const (
	Absent State = iota // nobody has ever attached
	Alive
	Closed
	Dead
)

func (s State) String() string { return [...]string{"absent", "alive", "closed", "dead"}[s] }

// seen is what one look at a side found. All of it belongs to one session.
type seen struct {
	state      State
	session    uint64
	newest     uint64 // the newest session that has begun; 0: none
	began      uint64 // where it began; never: unknown
	diedBefore uint64
	tail       uint64 // of a producer
}

func (v *seen) isOver() bool { return v.state == Closed || v.state == Dead }

// newestOf is the newest session that has begun, by the session word.
func newestOf(session uint64) uint64 {
	if session%2 == 0 && session != 0 {
		return session - 1
	}
	return session
}

func (s *side) lookAtPeer() seen {
	return lookAt(s.theirs, func() bool { return s.lease.isHeld(s.role.peer()) })
}

// lookAt follows LAYOUT.md, "To know about the other side".
func lookAt(theirs words, isHeld func() bool) seen {
	for looks := 0; ; looks++ {
		if looks > 0 {
			runtime.Gosched()
		}
		v := seen{session: atomic.LoadUint64(theirs.session), began: never}
		liveness := atomic.LoadUint32(theirs.liveness)
		held := isHeld()
		died := atomic.LoadUint64(theirs.died)
		v.newest = newestOf(v.session)
		start := &theirs.start[v.newest>>1&1]
		if v.newest != 0 && atomic.LoadUint64(&start.session) == v.newest {
			v.began = atomic.LoadUint64(&start.began)
			v.diedBefore = atomic.LoadUint64(&start.diedBefore)
		}
		v.tail = atomic.LoadUint64(theirs.position) &^ noFront
		changed := atomic.LoadUint64(theirs.session) != v.session
		isLast := looks == 100
		switch {
		case changed && !isLast:
			continue
		case changed:
			v.state, v.began, v.diedBefore, v.tail = Alive, never, 0, never
		case v.session%2 == 1:
			v.state = Dead
			if held && liveness&deathMark == 0 && died != v.session {
				v.state = Alive
			}
		case held && !isLast:
			continue
		case v.session != 0:
			v.state = Closed
		case held:
			v.state = Alive
		}
		return v
	}
}

// Peer is the state of the other side. It costs a system call.
func (s *side) Peer() State {
	if s.err == ErrEnded {
		return Absent
	}
	return s.lookAtPeer().state
}

// Session is the number of this side's session: odd, and 2 more than that of the last one.
func (s *side) Session() uint64 { return s.session }

// Limit is how many bytes of records may be in flight.
func (s *side) Limit() uint64 { return s.shape.limit }

// Header is what the ring carries, as its creator wrote it.
func (s *side) Header() Info { return s.header.info() }
