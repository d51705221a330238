// Owns: values whose size is known when the program runs, as bytes.
// Knows nothing of: the order of stores; producer.go and consumer.go do.

package shmring

import (
	"context"
	"fmt"
)

// BytesProducer writes values of one size, given as bytes. One goroutine at a time uses it.
type BytesProducer struct{ producer }

// BytesConsumer reads values of one size as bytes. One goroutine at a time uses it.
type BytesConsumer struct{ consumer }

// contentsOfBytes: size 0 takes what an existing ring has, its schema and label too.
func contentsOfBytes(size, align uint64, o *Options) contents {
	if size == 0 {
		o.Open = Existing
	}
	return contents{kind: kindValues, size: size, align: align, any: size == 0}
}

// NewBytesProducer attaches as the producer of a ring of values of size bytes, aligned to align.
// With size 0 it takes any ring of values that exists.
func NewBytesProducer(name string, size, align uint64, o Options) (*BytesProducer, error) {
	p, err := newProducer(name, contentsOfBytes(size, align, &o), o)
	if err != nil {
		return nil, err
	}
	return &BytesProducer{*p}, nil
}

// NewBytesConsumer attaches as the consumer of a ring of values of size bytes, aligned to align.
// With size 0 it takes any ring of values that exists.
func NewBytesConsumer(name string, size, align uint64, o Options) (*BytesConsumer, error) {
	c, err := newConsumer(name, contentsOfBytes(size, align, &o), o)
	if err != nil {
		return nil, err
	}
	return &BytesConsumer{*c}, nil
}

// Size is how many bytes a value has.
func (p *BytesProducer) Size() int { return int(p.shape.size) }

// Size is how many bytes a value has.
func (c *BytesConsumer) Size() int { return int(c.shape.size) }

// TryPush publishes the values that stand one behind the other in b, as many as fit now, and returns
// how many. ErrFull: none fits.
func (p *BytesProducer) TryPush(b []byte) (int, error) {
	if err := isWhole(b, p.shape.size); err != nil || len(b) == 0 {
		return 0, err
	}
	if uint64(len(b)) > p.free-p.tail || !p.has(p.shape.size) {
		if err := p.room(p.shape.size); err != nil {
			return 0, err
		}
	}
	return p.write(b), nil
}

// Push publishes all values that stand one behind the other in b, as many at a time as fit, and
// returns how many were published.
func (p *BytesProducer) Push(ctx context.Context, b []byte) (int, error) {
	if err := isWhole(b, p.shape.size); err != nil {
		return 0, err
	}
	done := 0
	for rest := b; len(rest) != 0; {
		if uint64(len(rest)) > p.free-p.tail || !p.has(p.shape.size) {
			if err := p.await(ctx, p.shape.size); err != nil {
				return done, err
			}
		}
		n := p.write(rest)
		done += n
		rest = rest[uint64(n)*p.shape.size:]
	}
	return done, nil
}

func (p *BytesProducer) write(b []byte) int {
	size := p.shape.size
	n := (p.free - p.tail) / size
	if all := uint64(len(b)) / size; n > all {
		n = all
	}
	b = b[:n*size]
	p.area.prefetchRunAhead(p.tail, n*size)
	p.region.put(p.tail, b)
	if n == 1 && size <= frontLen && p.wantsFront() {
		p.publishFront(size, b)
	} else {
		p.publish(n * size)
	}
	return int(n)
}

// TryPop copies as many values as are there and fit into b, and returns how many. ErrEmpty: none is
// there.
func (c *BytesConsumer) TryPop(b []byte) (int, error) {
	if err := isWhole(b, c.shape.size); err != nil || len(b) == 0 {
		return 0, err
	}
	if err := c.fetch(); err != nil {
		return 0, err
	}
	return c.read(b), nil
}

// Pop waits for a value, copies as many as are there and fit into b, and returns how many.
func (c *BytesConsumer) Pop(ctx context.Context, b []byte) (int, error) {
	if err := isWhole(b, c.shape.size); err != nil || len(b) == 0 {
		return 0, err
	}
	if err := c.await(ctx); err != nil {
		return 0, err
	}
	return c.read(b), nil
}

func (c *BytesConsumer) read(b []byte) int {
	size := c.shape.size
	n := (c.tail - c.head) / size
	if all := uint64(len(b)) / size; n > all {
		n = all
	}
	if n == 1 && size <= frontLen && c.mayUseFront() && c.tail-c.head == size {
		// What is copied before the front is found whole is overwritten below.
		if getFrontWords(c.theirs.front, b[:size]); c.frontIsWhole() {
			c.release(size)
			return 1
		}
	}
	c.area.prefetchRun(c.head, c.tail)
	c.region.get(c.head, b[:n*size])
	c.release(n * size)
	return int(n)
}

func isWhole(b []byte, size uint64) error {
	if uint64(len(b))%size != 0 {
		return fmt.Errorf("%w: %d bytes are no multiple of %d", ErrTooLong, len(b), size)
	}
	return nil
}
