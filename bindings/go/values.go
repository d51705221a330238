// Owns: values of a Go type: how they get into their records and out.
// Knows nothing of: the order of stores; producer.go and consumer.go do.

package shmring

import "context"

// Producer is the end of a ring that writes values of type T, which is made of numbers, arrays and
// structs without padding. One goroutine at a time uses it.
type Producer[T any] struct {
	producer
	size   uint64
	fronts uint64 // words of a value in the front; 0: it does not fit
}

// Consumer is the end of a ring that reads values of type T. One goroutine at a time uses it.
type Consumer[T any] struct {
	consumer
	size   uint64
	fronts uint64
}

func fronts(size uint64) uint64 {
	if size > frontLen {
		return 0
	}
	return roundUp(size, wordSize) / wordSize
}

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
	return &Producer[T]{*p, size, fronts(size)}, nil
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
	return &Consumer[T]{*c, size, fronts(size)}, nil
}

// TryPush publishes a value if there is room, else it returns ErrFull.
func (p *Producer[T]) TryPush(value T) error {
	if !p.has(p.size) {
		if err := p.room(p.size); err != nil {
			return err
		}
	}
	putValue(p.region, p.tail, value)
	if p.fronts != 0 && p.wantsFront() {
		p.writeFront(value)
	} else {
		p.publish(p.size)
	}
	return nil
}

// Push waits for room and publishes a value.
func (p *Producer[T]) Push(ctx context.Context, value T) error {
	if !p.has(p.size) {
		if err := p.await(ctx, p.size); err != nil {
			return err
		}
	}
	// As TryPush does: a call between would copy the value once more.
	putValue(p.region, p.tail, value)
	if p.fronts != 0 && p.wantsFront() {
		p.writeFront(value)
	} else {
		p.publish(p.size)
	}
	return nil
}

func (p *Producer[T]) writeFront(value T) {
	var words frontWords
	frontOf(&value, &words)
	p.publishFront(p.size, words[:p.fronts])
}

// TryPushSlice publishes as many values as fit now, by one store, and returns how many. It returns
// ErrFull if none fits.
func (p *Producer[T]) TryPushSlice(values []T) (int, error) {
	if len(values) == 0 {
		return 0, p.err
	}
	if uint64(len(values))*p.size > p.free-p.tail || !p.has(p.size) {
		if err := p.room(p.size); err != nil {
			return 0, err
		}
	}
	return p.writeSlice(values), nil
}

// PushSlice waits until at least one value fits, publishes as many as fit, by one store, and returns
// how many. PushAll is for all of them.
func (p *Producer[T]) PushSlice(ctx context.Context, values []T) (int, error) {
	if len(values) == 0 {
		return 0, p.err
	}
	if uint64(len(values))*p.size > p.free-p.tail || !p.has(p.size) {
		if err := p.await(ctx, p.size); err != nil {
			return 0, err
		}
	}
	return p.writeSlice(values), nil
}

func (p *Producer[T]) writeSlice(values []T) int {
	n := (p.free - p.tail) / p.size
	if n > uint64(len(values)) {
		n = uint64(len(values))
	}
	p.region.put(p.tail, bytesOf(values[:n]))
	p.publish(n * p.size)
	return int(n)
}

// PushAll publishes all values, as many at a time as fit. It returns how many were published.
func (p *Producer[T]) PushAll(ctx context.Context, values []T) (int, error) {
	done := 0
	for done < len(values) {
		n, err := p.PushSlice(ctx, values[done:])
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// TryPop takes a value if one is there, else it returns ErrEmpty; behind the last one ErrClosed or
// ErrDied.
func (c *Consumer[T]) TryPop() (value T, err error) {
	if c.head == c.tail {
		if err = c.fetch(); err != nil {
			return value, err
		}
		return c.first(), nil
	}
	value = getValue[T](c.region, c.head)
	c.release(c.size)
	return value, nil
}

// Pop waits for a value and takes it. Behind the last one it returns ErrClosed or ErrDied; after that
// it may be called again, for the values of whoever follows.
func (c *Consumer[T]) Pop(ctx context.Context) (value T, err error) {
	if c.head == c.tail {
		if err = c.await(ctx); err != nil {
			return value, err
		}
		return c.first(), nil
	}
	value = getValue[T](c.region, c.head)
	c.release(c.size)
	return value, nil
}

// first takes the first value of a run.
func (c *Consumer[T]) first() T {
	if c.fronts != 0 && c.mayUseFront() && c.tail-c.head == c.size {
		var words frontWords
		if c.copyFront(words[:c.fronts]) {
			c.release(c.size)
			return ofFront[T](&words)
		}
	}
	value := getValue[T](c.region, c.head)
	c.release(c.size)
	return value
}

// TryPopSlice takes as many values as are there and fit, and returns how many; ErrEmpty if none.
func (c *Consumer[T]) TryPopSlice(values []T) (int, error) {
	if len(values) == 0 {
		return 0, c.err
	}
	if c.head == c.tail {
		if err := c.fetch(); err != nil {
			return 0, err
		}
	}
	return c.readSlice(values), nil
}

// PopSlice waits for a value and takes as many as are there and fit. It returns how many.
func (c *Consumer[T]) PopSlice(ctx context.Context, values []T) (int, error) {
	if len(values) == 0 {
		return 0, c.err
	}
	if c.head == c.tail {
		if err := c.await(ctx); err != nil {
			return 0, err
		}
	}
	return c.readSlice(values), nil
}

func (c *Consumer[T]) readSlice(values []T) int {
	n := (c.tail - c.head) / c.size
	if n > uint64(len(values)) {
		n = uint64(len(values))
	}
	c.region.get(c.head, bytesOf(values[:n]))
	c.release(n * c.size)
	return int(n)
}

// Len is how many values are there at least.
func (c *Consumer[T]) Len() int {
	c.refresh()
	return int((c.tail - c.head) / c.size)
}
