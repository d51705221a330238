// Owns: looking at a ring without being noticed: one, or all under /dev/shm.
// Knows nothing of: ends; an observer holds no lock and writes nothing.

package shmring

import (
	"encoding/hex"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Kind is what a region carries.
type Kind uint32

// The kinds of records.
const (
	Values   Kind = kindValues
	Messages Kind = kindMessages
	Latest   Kind = kindLatest
)

func (k Kind) String() string { return [...]string{"", "values", "messages", "latest"}[k&3] }

// Info is what a region carries, as its creator wrote it.
type Info struct {
	Kind        Kind
	Size, Align uint64
	Schema      uint64
	Label       string
	ID          string // 32 hexadecimal digits, as the command shows them
	Limit       uint64 // bytes of records in flight
	Capacity    uint64
	Created     time.Time
}

func (h *header) info() Info {
	// Shown as a number, so the last byte comes first.
	var id [16]byte
	for i, b := range h.id {
		id[len(id)-1-i] = b
	}
	return Info{
		Kind: Kind(h.kind), Size: h.size, Align: h.align, Schema: h.schema, Label: h.text(),
		ID: hex.EncodeToString(id[:]), Limit: h.limit, Capacity: h.capacity,
		Created: time.Unix(0, int64(h.created)),
	}
}

// SideStat is what is known about one side.
type SideStat struct {
	State   State
	Session uint64
	Pid     uint32 // 0: unknown, or of another pid namespace
	// Position is bytes published or read; of a latest value the number of the newest version.
	Position uint64
	// Sleeps, Wakes and Waits count how often the side slept, rang its bell, and found the ring
	// full (producer) or empty (consumer).
	Sleeps, Wakes, Waits uint64
}

// Snapshot is a ring at a moment.
type Snapshot struct {
	Path string
	Info
	Producer, Consumer SideStat
	HighWater, Dropped uint64
	// Unread is how many bytes of records nobody has read.
	Unread uint64
	// Corrupt says that positions contradict each other.
	Corrupt bool
}

// Observer looks at a ring, or a latest value, again and again. It holds no lock and writes nothing, and
// a ring that loses its name is still seen.
type Observer struct {
	place  *place
	region *region
	tx, rx words
}

// NewObserver opens a region to look at it, whatever it carries.
func NewObserver(name string, o Options) (*Observer, error) {
	p, err := openPlace(name, syscall.O_RDONLY, o)
	if err != nil {
		return nil, err
	}
	r, err := mapRegion(p.fd, p.header.page, p.header.capacity, 0)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	return &Observer{p, r, r.side(RoleProducer), r.side(RoleConsumer)}, nil
}

// Close gives the memory back. Closing twice is no error.
func (o *Observer) Close() error {
	if o.region != nil {
		o.region.close()
		o.place.close()
		o.region = nil
	}
	return nil
}

// Stat looks once at a ring, or a latest value.
func Stat(name string, o Options) (Snapshot, error) {
	observer, err := NewObserver(name, o)
	if err != nil {
		return Snapshot{}, err
	}
	defer observer.Close()
	return observer.Look()
}

// Look is the ring now. It returns ErrEnded once the observer is closed.
func (o *Observer) Look() (Snapshot, error) {
	if o.region == nil {
		return Snapshot{}, ErrEnded
	}
	h, tx, rx := o.place.header, o.tx, o.rx
	shot := Snapshot{Path: o.place.path, Info: h.info()}
	question := lease{fd: o.place.fd, page: h.page}
	isHeld := func() bool { return question.isHeld(RoleProducer) }
	if h.kind == kindLatest {
		// A writer has no more words than these.
		shot.Producer = statOf(tx, writerOf(tx, isHeld))
		shot.Producer.Position = atomic.LoadUint64(tx.position)
		shot.Corrupt = shot.Producer.Position >= maxPosition
		return shot, nil
	}
	shot.Producer = statOf(tx, lookAt(tx, isHeld).state)
	shot.HighWater, shot.Dropped = atomic.LoadUint64(tx.highWater), atomic.LoadUint64(tx.dropped)
	shot.Consumer = statOf(rx, lookAt(rx, func() bool { return question.isHeld(RoleConsumer) }).state)
	s := h.shape()
	// Both move meanwhile: they belong together if the tail is the same before and after.
	for looks := 0; looks < 100; looks++ {
		tail := atomic.LoadUint64(tx.position) &^ noFront
		head := atomic.LoadUint64(rx.position)
		if isSame := atomic.LoadUint64(tx.position)&^noFront == tail; isSame || looks == 99 {
			shot.Producer.Position, shot.Consumer.Position = tail, head
			shot.Corrupt = isSame && !s.fits(head, tail)
			if s.fits(head, tail) {
				shot.Unread = tail - head
			}
			break
		}
	}
	return shot, nil
}

func statOf(w words, state State) SideStat {
	stat := SideStat{
		State: state, Session: atomic.LoadUint64(w.session), Sleeps: atomic.LoadUint64(w.sleeps),
		Wakes: atomic.LoadUint64(w.wakesSent), Waits: atomic.LoadUint64(w.waits),
	}
	if here := pidNamespace(); here != 0 && atomic.LoadUint64(w.pidNamespace) == here {
		stat.Pid = atomic.LoadUint32(w.pid)
	}
	return stat
}

// List looks at every ring and latest value under /dev/shm that this process may look at.
func List(o Options) ([]Snapshot, error) {
	entries, err := os.ReadDir("/dev/shm")
	if err != nil {
		return nil, err
	}
	var all []Snapshot
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		if shot, err := Stat(entry.Name(), o); err == nil {
			all = append(all, shot)
		}
	}
	return all, nil
}
