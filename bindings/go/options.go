// Owns: what may be chosen when an end is opened.
// Knows nothing of: files.

package shmring

import (
	"fmt"
	"math/bits"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// Opening says what must be under a name.
type Opening int

const (
	// Either opens what is there, or creates it: either side may start first.
	Either Opening = iota
	// Existing does not create.
	Existing
	// New creates, and refuses what is there.
	New
)

// Options say what a ring is to be. The zero value is usable. Schema and Label must be the same on
// both sides; Items and Bytes matter to the side that creates the ring.
type Options struct {
	// Open says whether the ring must be there, or must not.
	Open Opening
	// Items is how many values the ring holds, exactly; for messages use Bytes. 0: by Bytes. Of a latest
	// value it is how many slots there are, at least.
	Items uint64
	// Bytes is the limit of what is in flight, headers of messages included; 0: 1 MiB.
	Bytes uint64
	// Schema is an id of the user's.
	Schema uint64
	// Label is up to 64 bytes of text.
	Label string
	// Align is what payloads of messages are aligned to, at least; 0: 1.
	Align uint64
	// Mode is what a new file may be used by, and the most that an existing one may be written by;
	// 0: 0600.
	Mode uint32
	// Sparse leaves memory to the first touch.
	Sparse bool
	// AnyOwner opens files of other users too.
	AnyOwner bool
	// Patience is how long a role is waited for whose holder is about to be gone; 0: 5 s.
	Patience time.Duration
}

func (o Options) mode() uint32 {
	if o.Mode == 0 {
		return 0o600
	}
	return o.Mode & 0o777
}

func (o Options) patience() time.Duration {
	if o.Patience == 0 {
		return 5 * time.Second
	}
	return o.Patience
}

// contents are what a ring is to carry.
type contents struct {
	kind        uint32
	size, align uint64
	any         bool // of values: size, alignment, schema and label are taken as they are
}

func contentsOfMessages(o Options) contents {
	if o.Align == 0 {
		o.Align = 1
	}
	return contents{kind: kindMessages, size: 1, align: o.Align}
}

// newHeader is that of a new ring, without time and id.
func newHeader(c contents, o Options) (header, error) {
	page := uint64(os.Getpagesize())
	h := header{page: page, kind: c.kind, size: c.size, align: c.align, schema: o.Schema}
	if len(o.Label) > len(h.label) || strings.IndexByte(o.Label, 0) >= 0 || !utf8.ValidString(o.Label) {
		return h, fmt.Errorf("%w: label %q: at most 64 bytes of text without a NUL", ErrOptions, o.Label)
	}
	copy(h.label[:], o.Label)
	if c.align == 0 || bits.OnesCount64(c.align) != 1 || c.align > page {
		return h, fmt.Errorf("%w: alignment %d: a power of two, at most a page", ErrOptions, c.align)
	}
	if c.size == 0 || c.size > maxPayload || c.kind == kindValues && c.size%c.align != 0 {
		return h, fmt.Errorf("%w: size %d, alignment %d", ErrOptions, c.size, c.align)
	}
	limit := o.Bytes
	if limit == 0 {
		limit = 1 << 20
	}
	if c.kind == kindValues {
		items := o.Items
		if items == 0 {
			items = limit / c.size
		}
		if items == 0 {
			items = 1
		}
		if items > maxCapacity/c.size {
			return h, fmt.Errorf("%w: %d items of %d bytes", ErrOptions, items, c.size)
		}
		limit = items * c.size
	} else if c.kind == kindLatest {
		return h, h.roomForLatest(c, o)
	} else if o.Items != 0 {
		return h, fmt.Errorf("%w: Items of messages: say Bytes", ErrOptions)
	}
	if limit > maxCapacity {
		return h, fmt.Errorf("%w: %d bytes", ErrOptions, limit)
	}
	h.limit, h.capacity = limit, page
	for h.capacity < limit {
		h.capacity *= 2
	}
	if c.kind == kindMessages && limit < h.shape().unit {
		return h, fmt.Errorf("%w: %d bytes hold no message", ErrOptions, limit)
	}
	return h, nil
}

// slotsLeast and slotsUsual are how many slots a latest value has, at least and unless somebody asks.
const (
	slotsLeast = 4
	slotsUsual = 8
)

// roomForLatest makes room for slots: a power of two of them.
func (h *header) roomForLatest(c contents, o Options) error {
	slot := h.shape().unit
	slots := o.Items
	if o.Bytes/slot > slots {
		slots = o.Bytes / slot
	}
	switch {
	case c.size%c.align != 0:
		return fmt.Errorf("%w: size %d, alignment %d", ErrOptions, c.size, c.align)
	case slots > maxCapacity/slot:
		return fmt.Errorf("%w: %d slots of %d bytes", ErrOptions, slots, slot)
	case slots == 0:
		slots = slotsUsual
	case slots < slotsLeast:
		slots = slotsLeast
	}
	for h.capacity = h.page; h.capacity < slots*slot; {
		h.capacity *= 2
	}
	h.limit = h.capacity
	return nil
}
