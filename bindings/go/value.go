// Owns: push and pop of one value, each as one function without a call: a call would cost as much as the
// rest of it. It does what producer.publish, publishFront and consumer.release do for all others.
// Knows nothing of: waiting.
//
// Invariant of its blocks: a value at a masked position is inside the two maps of the data, and
// aligned, since positions are multiples of its size.

package shmring

import (
	"context"
	"sync/atomic"
	"unsafe"
)

// movedAtOnce is the size up to which a value goes by a copy of the function: where two places may
// overlap, as far as the compiler knows, it calls memmove.
const movedAtOnce = 128

func (p *Producer[T]) push(ctx context.Context, value *T) error {
	size := uint64(unsafe.Sizeof(*value)) // a constant where this is compiled for a T
	tail := p.tail
	next := tail + size
	if next > p.free {
		return p.pushLater(ctx, value)
	}
	if size <= frontLen && atomic.LoadUint64(p.hint) != 0 {
		*(*T)(p.area.at(tail)) = *value
		storeMark(p.position, tail|noFront)
		if plainWords && size%wordSize == 0 {
			*(*T)(unsafe.Pointer(p.front)) = *value
		} else {
			putFront(p.front, value)
		}
		storePosition(p.position, next, p.relies)
	} else {
		if goesAhead(size) {
			putAhead(p.area.at(tail), unsafe.Pointer(value), size, p.area.at(tail+aheadOf(size)))
		} else {
			if beginsLine(tail, size) {
				prefetchWrite(p.area.at(tail+aheadOf(size)), linesOf(size))
			}
			*(*T)(p.area.at(tail)) = *value
		}
		storePosition(p.position, next|noFront, p.relies)
	}
	p.tail = next
	if wakeAt := atomic.LoadUint64(p.wakeAt); next >= wakeAt {
		p.wake(wakeAt)
	}
	return nil
}

// pushLater is push where no room is known.
//
//go:noinline
func (p *Producer[T]) pushLater(ctx context.Context, value *T) error {
	if err := p.space(ctx, sizeOf[T]()); err != nil {
		return err
	}
	return p.push(ctx, value)
}

func (c *Consumer[T]) pop(ctx context.Context, value *T) error {
	size := uint64(unsafe.Sizeof(*value)) // a constant where this is compiled for a T
	head := c.head
	if head == c.tail {
		return c.popFirst(ctx, value)
	}
	if goesAhead(size) {
		// Beyond the tail it would take lines from the producer: then it asks for what it has.
		ahead := head + readAhead
		if ahead >= c.tail {
			ahead = head
		}
		getAhead(unsafe.Pointer(value), c.area.at(head), size, c.area.at(ahead))
	} else {
		if ahead := head + readAhead; beginsLine(ahead, size) && ahead < c.tail {
			prefetchRead(c.area.at(ahead), 1)
		}
		if size <= movedAtOnce {
			copied := *(*T)(c.area.at(head))
			*value = copied
		} else {
			*value = *(*T)(c.area.at(head))
		}
	}
	head += size
	c.head = head
	storePosition(c.position, head, c.relies)
	if wakeAt := atomic.LoadUint64(c.wakeAt); head >= wakeAt {
		c.wake(wakeAt)
	}
	return nil
}
