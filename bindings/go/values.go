// Owns: values of a Go type: how they get into their records and out.
// Knows nothing of: the order of stores; producer.go and consumer.go do.

package shmring

import "context"

// Producer is the end of a ring that writes values of type T, which is made of numbers, arrays and
// structs without padding. One goroutine at a time uses it.
type Producer[T any] struct{ producer }

// Consumer is the end of a ring that reads values of type T. One goroutine at a time uses it.
type Consumer[T any] struct{ consumer }

// NewProducer attaches as the producer of a ring of values.
func NewProducer[T any](name string, o Options) (*Producer[T], error) {
	size, align, err := layoutOf[T]()
	if err != nil {
		return nil, err
	}
	p, err := newProducer(name, contents{kind: kindValues, size: size, align: align}, o)
	if err != nil {
		return nil, err
	}
	return &Producer[T]{*p}, nil
}

// NewConsumer attaches as the consumer of a ring of values.
func NewConsumer[T any](name string, o Options) (*Consumer[T], error) {
	size, align, err := layoutOf[T]()
	if err != nil {
		return nil, err
	}
	c, err := newConsumer(name, contents{kind: kindValues, size: size, align: align}, o)
	if err != nil {
		return nil, err
	}
	return &Consumer[T]{*c}, nil
}

// TryPush publishes a value if there is room, else it returns ErrFull.
func (p *Producer[T]) TryPush(value T) error { return p.push(nil, &value) }

// Push waits for room and publishes a value.
func (p *Producer[T]) Push(ctx context.Context, value T) error { return p.push(ctx, &value) }

// TryPushFrom is TryPush of a value that stays where it is.
func (p *Producer[T]) TryPushFrom(value *T) error { return p.push(nil, value) }

// PushFrom is Push of a value that stays where it is: for values of more than some words, which Push
// copies once more.
func (p *Producer[T]) PushFrom(ctx context.Context, value *T) error { return p.push(ctx, value) }

// TryPushSlice publishes as many values as fit now, by one store, and returns how many. It returns
// ErrFull if none fits.
func (p *Producer[T]) TryPushSlice(values []T) (int, error) { return p.pushSlice(nil, values) }

// PushSlice waits until at least one value fits, publishes as many as fit, by one store, and returns
// how many. PushAll is for all of them.
func (p *Producer[T]) PushSlice(ctx context.Context, values []T) (int, error) {
	return p.pushSlice(ctx, values)
}

func (p *Producer[T]) pushSlice(ctx context.Context, values []T) (int, error) {
	if len(values) == 0 {
		return 0, p.err
	}
	if bytes := uint64(len(values)) * sizeOf[T](); p.free < p.tail || bytes > p.free-p.tail {
		if err := p.space(ctx, sizeOf[T]()); err != nil {
			return 0, err
		}
		// One value at a time, as room comes, would take the line of the consumer's position each time.
		if ctx != nil && bytes > p.free-p.tail {
			if p.letDrain(); p.err != nil {
				return 0, p.err // and no room
			}
		}
	}
	n := (p.free - p.tail) / sizeOf[T]()
	if n > uint64(len(values)) {
		n = uint64(len(values))
	}
	bytes := n * sizeOf[T]()
	p.area.prefetchRunAhead(p.tail, bytes)
	p.region.put(p.tail, bytesOf(values[:n]))
	p.publish(bytes)
	return int(n), nil
}

// PushAll publishes all values, as many at a time as fit. It returns how many were published.
func (p *Producer[T]) PushAll(ctx context.Context, values []T) (int, error) {
	for done := 0; ; {
		n, err := p.pushSlice(ctx, values[done:])
		if done += n; err != nil || done == len(values) {
			return done, err
		}
	}
}

// TryPop takes a value if one is there, else it returns ErrEmpty; behind the last one ErrClosed or
// ErrDied.
func (c *Consumer[T]) TryPop() (value T, err error) {
	err = c.pop(nil, &value)
	return value, err
}

// Pop waits for a value and takes it. Behind the last one it returns ErrClosed or ErrDied; after that
// it may be called again, for the values of whoever follows.
func (c *Consumer[T]) Pop(ctx context.Context) (value T, err error) {
	err = c.pop(ctx, &value)
	return value, err
}

// TryPopInto is TryPop into a place that is there already, which an error leaves as it was.
func (c *Consumer[T]) TryPopInto(value *T) error { return c.pop(nil, value) }

// PopInto is Pop into a place that is there already, which an error leaves as it was: for values of
// more than some words, which Pop copies once more.
func (c *Consumer[T]) PopInto(ctx context.Context, value *T) error { return c.pop(ctx, value) }

// popFirst takes the first value of a run: from the front, if that holds it, and it alone.
func (c *Consumer[T]) popFirst(ctx context.Context, value *T) error {
	if err := c.records(ctx); err != nil {
		return err
	}
	if inFront[T]() && c.mayUseFront() && c.tail-c.head == sizeOf[T]() {
		var copied T
		getFront(c.theirs.front, &copied)
		if c.frontIsWhole() {
			*value = copied
			c.release(sizeOf[T]())
			return nil
		}
	}
	c.area.prefetchRun(c.head, c.tail)
	getValue(&c.area, c.head, value)
	c.release(sizeOf[T]())
	return nil
}

// TryPopSlice takes as many values as are there and fit, and returns how many; ErrEmpty if none.
func (c *Consumer[T]) TryPopSlice(values []T) (int, error) { return c.popSlice(nil, values) }

// PopSlice waits for a value and takes as many as are there and fit. It returns how many.
func (c *Consumer[T]) PopSlice(ctx context.Context, values []T) (int, error) {
	return c.popSlice(ctx, values)
}

func (c *Consumer[T]) popSlice(ctx context.Context, values []T) (int, error) {
	if len(values) == 0 {
		return 0, c.err
	}
	n := (c.tail - c.head) / sizeOf[T]()
	if n < uint64(len(values)) {
		// What is new since the last look may fill the rest.
		if n == 0 || !c.look() {
			if err := c.records(ctx); err != nil {
				return 0, err
			}
		}
		c.area.prefetchRun(c.head, c.tail)
		n = (c.tail - c.head) / sizeOf[T]()
	}
	if n > uint64(len(values)) {
		n = uint64(len(values))
	}
	bytes := n * sizeOf[T]()
	c.area.prefetchRun(c.head+bytes, c.tail)
	c.region.get(c.head, bytesOf(values[:n]))
	c.release(bytes)
	return int(n), nil
}

// Len is how many values are there at least.
func (c *Consumer[T]) Len() int {
	c.look()
	return int((c.tail - c.head) / sizeOf[T]())
}
