// Owns: the 256 bytes of the header, written for a new region and checked for one that was found.
// Knows nothing of: mappings; it works on a private copy.

package shmring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"unicode/utf8"
)

// header is what differs from ring to ring.
type header struct {
	page     uint64
	kind     uint32
	size     uint64
	align    uint64
	schema   uint64
	capacity uint64
	created  uint64
	id       [16]byte
	label    [64]byte
	limit    uint64
}

func (h *header) encode() []byte {
	b := make([]byte, headerLength)
	le := binary.LittleEndian
	copy(b, "shm-ring")
	le.PutUint32(b[8:], layoutVersion)
	le.PutUint32(b[12:], headerLength)
	le.PutUint32(b[16:], byteOrderMark)
	le.PutUint32(b[20:], wordSize)
	le.PutUint32(b[24:], uint32(h.page))
	le.PutUint32(b[28:], h.kind)
	le.PutUint64(b[32:], h.size)
	le.PutUint64(b[40:], h.align)
	le.PutUint64(b[48:], h.schema)
	le.PutUint64(b[56:], h.capacity)
	le.PutUint64(b[64:], controlPages*h.page)
	le.PutUint64(b[72:], h.created)
	copy(b[80:], h.id[:])
	copy(b[96:], h.label[:])
	le.PutUint64(b[160:], h.limit)
	return b
}

// decode checks all that an observer checks, who takes what is there.
func decode(b []byte, length int64) (header, error) {
	le := binary.LittleEndian
	var h header
	refuse := func(what string, found, wanted interface{}) (header, error) {
		return h, fmt.Errorf("%w: %s is %v, not %v", ErrIncompatible, what, found, wanted)
	}
	if len(b) < headerLength || string(b[:8]) != "shm-ring" {
		return refuse("magic", "another", "\"shm-ring\"")
	}
	page := uint64(os.Getpagesize())
	for _, f := range []struct {
		name   string
		at     int
		wanted uint64
	}{
		{"byte order mark", 16, byteOrderMark}, {"version", 8, layoutVersion},
		{"header length", 12, headerLength}, {"word size", 20, wordSize}, {"page", 24, page},
	} {
		if found := uint64(le.Uint32(b[f.at:])); found != f.wanted {
			return refuse(f.name, found, f.wanted)
		}
	}
	h = header{
		page: page, kind: le.Uint32(b[28:]), size: le.Uint64(b[32:]), align: le.Uint64(b[40:]),
		schema: le.Uint64(b[48:]), capacity: le.Uint64(b[56:]), created: le.Uint64(b[72:]),
		limit: le.Uint64(b[160:]),
	}
	copy(h.id[:], b[80:])
	copy(h.label[:], b[96:])
	if h.kind < kindValues || h.kind > kindLatest {
		return refuse("record kind", h.kind, "1, 2 or 3")
	}
	if h.size == 0 || h.size > maxPayload || h.kind == kindMessages && h.size != 1 {
		return refuse("item size", h.size, "possible")
	}
	if bits.OnesCount64(h.align) != 1 || h.align > page {
		return refuse("item alignment", h.align, "a power of two up to a page")
	}
	if h.kind != kindMessages && h.size%h.align != 0 {
		return refuse("item size", h.size, fmt.Sprint("a multiple of ", h.align))
	}
	if bits.OnesCount64(h.capacity) != 1 || h.capacity < page || h.capacity > maxCapacity {
		return refuse("capacity", h.capacity, "a power of two from a page to 2^44")
	}
	if found := le.Uint64(b[64:]); found != controlPages*page {
		return refuse("data offset", found, controlPages*page)
	}
	s := h.shape()
	possible := h.limit > 0 && h.limit <= h.capacity
	switch h.kind {
	case kindValues:
		possible = possible && h.limit%h.size == 0
	case kindMessages:
		possible = possible && h.limit >= s.unit
	case kindLatest:
		possible = h.limit == h.capacity && h.capacity/s.unit >= 4
	}
	if !possible {
		return refuse("limit", h.limit, "possible")
	}
	if wanted := controlPages*page + h.capacity; uint64(length) != wanted {
		return refuse("length", length, wanted)
	}
	text := bytes.TrimRight(h.label[:], "\x00")
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return refuse("label", fmt.Sprintf("%q", h.label), "text")
	}
	return h, nil
}

// is checks what a side expects of a header that decode has taken.
func (h *header) is(c contents, o Options) error {
	refuse := func(what string, found, wanted interface{}) error {
		return fmt.Errorf("%w: %s is %v, not %v", ErrIncompatible, what, found, wanted)
	}
	if h.kind != c.kind {
		return refuse("record kind", h.kind, c.kind)
	}
	if c.any {
		return nil
	}
	if h.size != c.size {
		return refuse("item size", h.size, c.size)
	}
	if h.align != c.align && (c.kind != kindMessages || h.align < c.align) {
		return refuse("item alignment", h.align, c.align)
	}
	if h.schema != o.Schema {
		return refuse("schema id", h.schema, o.Schema)
	}
	if label := h.text(); label != o.Label {
		return refuse("label", fmt.Sprintf("%q", label), fmt.Sprintf("%q", o.Label))
	}
	return nil
}

func (h *header) text() string { return string(bytes.TrimRight(h.label[:], "\x00")) }

func (h *header) shape() shape {
	unit := h.size
	switch h.kind {
	case kindMessages:
		unit = 8
		if h.align > unit {
			unit = h.align
		}
	case kindLatest:
		for unit = 128; unit < h.size || unit < h.align; {
			unit *= 2
		}
	}
	return shape{kind: h.kind, size: h.size, unit: unit, limit: h.limit, capacity: h.capacity}
}
