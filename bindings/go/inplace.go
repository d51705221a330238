// Owns: records that are written and read where they stand.
// Knows nothing of: waiting, the order of stores.
//
// What is handed out here is the mapping itself, until it is committed or released. That is the one
// exception to memory.go's rule that no pointer into it leaves this package.

package shmring

import (
	"context"
	"fmt"
)

// Reserve waits for room for n values and returns it, to be written in place: what stands in it is
// undefined. It is not published before Commit, and lost by any other push. After Close it must not be
// touched: the memory is gone. ErrTooLong: the ring never has room for as many.
func (p *Producer[T]) Reserve(ctx context.Context, n int) ([]T, error) { return p.reserve(ctx, n) }

// TryReserve is Reserve that does not wait: ErrFull.
func (p *Producer[T]) TryReserve(n int) ([]T, error) { return p.reserve(nil, n) }

func (p *Producer[T]) reserve(ctx context.Context, n int) ([]T, error) {
	if n < 0 || uint64(n) > p.shape.limit/sizeOf[T]() {
		return nil, ErrTooLong
	}
	if err := p.roomFor(ctx, uint64(n)*sizeOf[T]()); err != nil {
		return nil, err
	}
	return sliceAt[T](p.region, p.tail, n), nil
}

// Commit publishes the first n of the values that were reserved, by one store. The others are given
// back.
func (p *Producer[T]) Commit(n int) error { return p.commitValues(n, sizeOf[T]()) }

// Reserve waits for room for n values and returns it, as bytes: see Producer.Reserve.
func (p *BytesProducer) Reserve(ctx context.Context, n int) ([]byte, error) {
	if n < 0 || uint64(n) > p.shape.limit/p.shape.size {
		return nil, ErrTooLong
	}
	bytes := uint64(n) * p.shape.size
	if err := p.roomFor(ctx, bytes); err != nil {
		return nil, err
	}
	return p.region.slice(p.tail, bytes), nil
}

// Commit publishes the first n of the values that were reserved.
func (p *BytesProducer) Commit(n int) error { return p.commitValues(n, p.shape.size) }

func (p *producer) commitValues(n int, size uint64) error {
	if n < 0 || uint64(n) > p.reserved/size {
		return p.notReserved(n)
	}
	switch bytes := uint64(n) * size; {
	case p.reservedAt != p.tail || p.free == 0:
		return p.notReserved(n)
	case n == 1 && size <= frontLen && p.wantsFront():
		p.publishFront(size, p.region.slice(p.tail, size))
	case n > 0:
		p.publish(bytes)
	}
	p.reserved = 0
	return nil
}

// Reserve waits for room for a message of up to n bytes and returns it: see Producer.Reserve.
func (p *MessageProducer) Reserve(ctx context.Context, n int) ([]byte, error) {
	if n < 0 || uint64(n) > maxPayload || p.shape.message(uint64(n)) > p.shape.limit {
		return nil, ErrTooLong
	}
	if err := p.roomFor(ctx, p.shape.message(uint64(n))); err != nil {
		return nil, err
	}
	return p.region.slice(p.tail+p.shape.unit, uint64(n)), nil
}

// Commit publishes the first n bytes of what was reserved as a message.
func (p *MessageProducer) Commit(n int) error {
	if n < 0 || uint64(n) > maxPayload {
		return p.notReserved(n)
	}
	bytes := p.shape.message(uint64(n))
	if bytes > p.reserved || p.reservedAt != p.tail || p.free == 0 {
		return p.notReserved(n)
	}
	p.reserved = 0
	*p.region.word(p.tail) = recordHeader(p.tail, uint64(n))
	p.exist(p.region.slice(p.tail+p.shape.unit, uint64(n)), bytes)
	return nil
}

func (p *producer) roomFor(ctx context.Context, bytes uint64) error {
	p.reserved = 0
	if p.tail+bytes > p.free || p.free == 0 {
		if err := p.space(ctx, bytes); err != nil {
			return err
		}
	}
	p.reserved, p.reservedAt = bytes, p.tail
	return nil
}

func (p *producer) notReserved(n int) error {
	if p.err != nil {
		return p.err
	}
	return fmt.Errorf("%w: a commit of %d, which is not reserved", ErrOptions, n)
}

// Peek waits for a value and returns as many as are there, up to max, in place. They stay in the ring
// until Release, and must not be touched after Release or Close. They cannot be written: an attempt
// ends the process. A producer that breaks the protocol may change them meanwhile: copy first what you
// decide by.
func (c *Consumer[T]) Peek(ctx context.Context, max int) ([]T, error) { return c.peek(ctx, max) }

// TryPeek is Peek that does not wait: ErrEmpty.
func (c *Consumer[T]) TryPeek(max int) ([]T, error) { return c.peek(nil, max) }

func (c *Consumer[T]) peek(ctx context.Context, max int) ([]T, error) {
	n, err := c.there(ctx, max, sizeOf[T]())
	if err != nil {
		return nil, err
	}
	return sliceAt[T](c.region, c.head, n), nil
}

// Release takes the first n of the values that were seen by Peek.
func (c *Consumer[T]) Release(n int) error { return c.releaseValues(n, sizeOf[T]()) }

// Peek waits for a value and returns as many as are there, up to max, in place: see Consumer.Peek.
func (c *BytesConsumer) Peek(ctx context.Context, max int) ([]byte, error) {
	n, err := c.there(ctx, max, c.shape.size)
	if err != nil {
		return nil, err
	}
	return c.region.slice(c.head, uint64(n)*c.shape.size), nil
}

// Release takes the first n of the values that were seen by Peek.
func (c *BytesConsumer) Release(n int) error { return c.releaseValues(n, c.shape.size) }

// there is how many values are there, up to max.
func (c *consumer) there(ctx context.Context, max int, size uint64) (int, error) {
	c.peeked = 0
	if max <= 0 {
		return 0, c.err
	}
	n := (c.tail - c.head) / size
	if n < uint64(max) {
		if n == 0 || !c.look() {
			if err := c.records(ctx); err != nil {
				return 0, err
			}
		}
		n = (c.tail - c.head) / size
	}
	if n > uint64(max) {
		n = uint64(max)
	}
	c.peeked, c.peekedAt = n*size, c.head
	return int(n), nil
}

func (c *consumer) releaseValues(n int, size uint64) error {
	if c.err != nil || n < 0 || uint64(n) > c.peeked/size || c.peekedAt != c.head {
		return c.notSeen(n)
	}
	c.peeked -= uint64(n) * size
	if n > 0 {
		c.release(uint64(n) * size)
	}
	c.peekedAt = c.head
	return nil
}

// Peek waits for a message and returns it in place: see Consumer.Peek.
func (c *MessageConsumer) Peek(ctx context.Context) ([]byte, error) {
	c.peeked = 0
	if c.head == c.tail {
		if err := c.records(ctx); err != nil {
			return nil, err
		}
	}
	n, err := c.length()
	if err != nil {
		return nil, err
	}
	c.peeked, c.peekedAt = c.shape.message(n), c.head
	return c.region.slice(c.head+c.shape.unit, n), nil
}

// Release takes the message that was seen by Peek.
func (c *MessageConsumer) Release() error {
	// What was found then counts, whatever stands in the header by now.
	if c.err != nil || c.peeked == 0 || c.peekedAt != c.head {
		return c.notSeen(1)
	}
	c.last = c.peeked
	c.release(c.peeked)
	c.peeked = 0
	return nil
}

func (c *consumer) notSeen(n int) error {
	if c.err != nil {
		return c.err
	}
	return fmt.Errorf("%w: a release of %d, which no Peek has returned", ErrOptions, n)
}
