// Owns: the mapping of a region: its pages, its data twice in a row, and every access to them.
// Knows nothing of: what the words mean.
//
// Beside system.go and value.go, and prefetch.go and copy_*.go, which pass addresses on, the only file
// that imports unsafe. Invariants of its blocks: a region's maps stay until close; `at` and `slice` stay inside the
// two maps of the data, because a place is masked with the capacity and a length is at most the
// capacity. The mapping is no Go memory: the garbage collector does not know it, and no pointer into it
// leaves this package, but for what inplace.go hands out.

package shmring

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"unsafe"
)

// region is a mapped region.
type region struct {
	base     unsafe.Pointer // of the range; two private pages, then the region
	length   uintptr
	page     uintptr
	capacity uint64
	area
}

// area is the data of a region: what each push and pop needs of it, kept beside their positions.
type area struct {
	data unsafe.Pointer
	mask uint64 // capacity - 1
}

// privatePages lie in front of the region, one for each role: see notice.go.
const privatePages = 2

// pointerTo makes a pointer of an address that the kernel returned: memory outside Go's.
func pointerTo(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// mapRegion maps a region whose length was checked. What the role does not own cannot be written;
// with role 0 nothing can.
func mapRegion(fd int, page, capacity uint64, role Role) (*region, error) {
	pg, data := uintptr(page), uintptr(capacity)
	length := (privatePages+controlPages)*pg + 2*data
	base, err := reserveRange(length, privatePages*pg)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes: %w", length, err)
	}
	r := &region{base: pointerTo(base), length: length, page: pg, capacity: capacity}
	here := base + privatePages*pg
	for part, writable := range []bool{false, role == RoleProducer, role == RoleConsumer} {
		if err == nil {
			err = mapAt(here+uintptr(part)*pg, pg, writable, fd, int64(part)*int64(pg))
		}
	}
	for twice := uintptr(0); twice < 2; twice++ {
		if err == nil {
			at := here + controlPages*pg + twice*data
			err = mapAt(at, data, role == RoleProducer, fd, int64(controlPages*pg))
		}
	}
	if err != nil {
		giveBack(base, length)
		return nil, fmt.Errorf("mmap: %w", err)
	}
	r.area = area{unsafe.Add(r.base, (privatePages+controlPages)*pg), capacity - 1}
	return r, nil
}

func (r *region) close() { giveBack(uintptr(r.base), r.length) }

// words are those of a side's page.
type words struct {
	position, wakeAt, hint, session, pidNamespace *uint64
	highWater, sleeps, wakesSent, waits, dropped  *uint64
	died, told                                    *uint64
	bell, fenceMode, pid, liveness                *uint32
	front                                         *frontWords
	start                                         *[2]startWords
}

// startWords say where a session of a producer began.
type startWords struct{ session, began, diedBefore uint64 }

func (r *region) side(role Role) words {
	page := unsafe.Add(r.base, (privatePages+uintptr(role))*r.page)
	at := func(offset uintptr) *uint64 { return (*uint64)(unsafe.Add(page, offset)) }
	at32 := func(offset uintptr) *uint32 { return (*uint32)(unsafe.Add(page, offset)) }
	return words{
		position: at(offPosition), wakeAt: at(offWakeAt), hint: at(offHint), session: at(offSession),
		pidNamespace: at(offPidNamespace), highWater: at(offHighWater), sleeps: at(offSleeps),
		wakesSent: at(offWakesSent), waits: at(offWaits), dropped: at(offDropped), died: at(offDied),
		told: at(offTold), bell: at32(offBell), fenceMode: at32(offFenceMode), pid: at32(offPid),
		liveness: at32(offLiveness),
		front:    (*frontWords)(unsafe.Add(page, offFront)),
		start:    (*[2]startWords)(unsafe.Add(page, offStart)),
	}
}

// at is where a position is in the data.
func (a *area) at(position uint64) unsafe.Pointer { return unsafe.Add(a.data, position&a.mask) }

// slice is the data from a position on. A length that is no part of the capacity is a bug of this
// package.
func (r *region) slice(position, length uint64) []byte {
	if length > r.capacity {
		panic("shmring: a bug: a record beyond the data")
	}
	return unsafe.Slice((*byte)(r.at(position)), length)
}

// sliceAt is n values from a position on, in place.
func sliceAt[T any](r *region, position uint64, n int) []T {
	if n < 0 || uint64(n) > r.capacity/sizeOf[T]() {
		panic("shmring: a bug: values beyond the data")
	}
	return unsafe.Slice((*T)(r.at(position)), n)
}

// put writes bytes into the data.
func (r *region) put(position uint64, from []byte) {
	copy(r.slice(position, uint64(len(from))), from)
}

// get copies bytes out of the data. A hostile producer that writes meanwhile spoils the copy only.
func (r *region) get(position uint64, to []byte) {
	copy(to, r.slice(position, uint64(len(to))))
}

// word is that of a record header: positions of messages are multiples of 8.
func (r *region) word(position uint64) *uint64 { return (*uint64)(r.at(position)) }

// getValue copies a value of a type whose size and alignment the header has. The data is aligned to a
// page and positions are multiples of the size, so the place is aligned.
func getValue[T any](a *area, position uint64, value *T) { *value = *(*T)(a.at(position)) }

// putSlot writes a value to the start of a slot, and zeros behind it up to a whole word.
func putSlot[T any](a *area, position uint64, value *T) {
	*(*T)(a.at(position)) = *value
	for i := sizeOf[T](); i%wordSize != 0; i++ {
		*(*byte)(a.at(position + i)) = 0
	}
}

// getSlot copies a value from the start of a slot, of which a load behind it says whether it was written
// meanwhile: as whole words where others would not keep their order. A slot is longer than its value.
func getSlot[T any](a *area, position uint64, value *T) {
	if plainWords {
		*value = *(*T)(a.at(position))
		return
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(value)), sizeOf[T]())
	for len(to) > 0 {
		word := atomic.LoadUint64((*uint64)(a.at(position)))
		to = to[copy(to, (*[wordSize]byte)(unsafe.Pointer(&word))[:]):]
		position += wordSize
	}
}

// sizeOf is a constant where a function is compiled for a T.
func sizeOf[T any]() uint64 {
	var value T
	return uint64(unsafe.Sizeof(value))
}

// inFront says whether values have a place in the front.
func inFront[T any]() bool { return sizeOf[T]() <= frontLen }

// putFront copies a value to the front, as whole words.
func putFront[T any](to *frontWords, value *T) {
	if plainWords && sizeOf[T]()%wordSize == 0 {
		*(*T)(unsafe.Pointer(to)) = *value
		return
	}
	putFrontWords(to, unsafe.Slice((*byte)(unsafe.Pointer(value)), sizeOf[T]()))
}

// getFront copies a value from the front, as whole words.
func getFront[T any](from *frontWords, value *T) {
	if plainWords && sizeOf[T]()%wordSize == 0 {
		*value = *(*T)(unsafe.Pointer(from))
		return
	}
	getFrontWords(from, unsafe.Slice((*byte)(unsafe.Pointer(value)), sizeOf[T]()))
}

// putFrontWords fills the last word up with zeros.
func putFrontWords(to *frontWords, value []byte) {
	var words frontWords
	copy(bytesOf(words[:]), value)
	for i := range words[:wordsOf(len(value))] {
		storeWord(&to[i], words[i])
	}
}

func getFrontWords(from *frontWords, value []byte) {
	var words frontWords
	for i := range words[:wordsOf(len(value))] {
		words[i] = atomic.LoadUint64(&from[i])
	}
	copy(value, bytesOf(words[:]))
}

func wordsOf(bytes int) int { return (bytes + wordSize - 1) / wordSize }

// bytesOf are those of a slice of values, in place.
func bytesOf[T any](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), uintptr(len(values))*unsafe.Sizeof(values[0]))
}

// layoutOf is the size and the alignment of T. T must have no padding, which would show what was in
// memory before, and nothing in it of which some bytes are no value: any bytes must be a T.
func layoutOf[T any]() (size, align uint64, err error) {
	t := reflect.TypeOf((*T)(nil)).Elem()
	if err = plain(t); err != nil {
		return 0, 0, err
	}
	if t.Size() == 0 {
		return 0, 0, fmt.Errorf("%w: %v has no bytes", ErrOptions, t)
	}
	return uint64(t.Size()), uint64(t.Align()), nil
}

func plain(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return nil
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		var used uintptr
		for i := 0; i < t.NumField(); i++ {
			f := t.Field(i)
			if err := plain(f.Type); err != nil {
				return err
			}
			used += f.Type.Size()
		}
		if used != t.Size() {
			return fmt.Errorf("%w: %v has %d bytes of padding: name them, as in `_ [4]byte`",
				ErrOptions, t, t.Size()-used)
		}
		return nil
	}
	return fmt.Errorf("%w: %v cannot cross: only numbers, and arrays and structs of them", ErrOptions, t)
}

// robustHead is what the kernel calls robust_list_head, in memory that never moves.
type robustHead struct {
	first   unsafe.Pointer
	offset  int64
	pending unsafe.Pointer
}

// robustNode is an entry of the list: `offset` bytes behind it is the liveness word.
type robustNode struct{ next unsafe.Pointer }

func newRobustHead(offset int64) (*robustHead, bool) {
	base, err := reserveRange(4096, 4096)
	if err != nil {
		return nil, false
	}
	head := (*robustHead)(pointerTo(base))
	head.offset = offset
	head.first = unsafe.Pointer(head)
	return head, setRobustList(unsafe.Pointer(head), unsafe.Sizeof(*head))
}

// node is where the entry of a side is: the private pages lie controlPages before the sides' pages.
func (r *region) node(role Role) *robustNode {
	return (*robustNode)(unsafe.Add(r.base, (uintptr(role)-1)*r.page+offLiveness))
}

// add puts an entry first. At each moment the list is whole, whenever the process may be killed.
func (h *robustHead) add(n *robustNode) {
	atomic.StorePointer(&n.next, h.first)
	atomic.StorePointer(&h.first, unsafe.Pointer(n))
}

// remove takes an entry out.
func (h *robustHead) remove(n *robustNode) {
	for at := &h.first; *at != unsafe.Pointer(h); at = &(*robustNode)(*at).next {
		if *at == unsafe.Pointer(n) {
			atomic.StorePointer(at, n.next)
			return
		}
	}
}
