// Owns: messages of any length: how they get into their records and out.
// Knows nothing of: the order of stores; producer.go and consumer.go do.

package shmring

import (
	"context"
	"sync/atomic"
)

// MessageProducer writes messages. One goroutine at a time uses it.
type MessageProducer struct{ producer }

// MessageConsumer reads messages. One goroutine at a time uses it.
type MessageConsumer struct{ consumer }

// frontMessage is the longest message in the front, behind its header.
const frontMessage = frontLen - wordSize

// NewMessageProducer attaches as the producer of a ring of messages.
func NewMessageProducer(name string, o Options) (*MessageProducer, error) {
	p, err := newProducer(name, contentsOfMessages(o), o)
	if err != nil {
		return nil, err
	}
	return &MessageProducer{*p}, nil
}

// NewMessageConsumer attaches as the consumer of a ring of messages.
func NewMessageConsumer(name string, o Options) (*MessageConsumer, error) {
	c, err := newConsumer(name, contentsOfMessages(o), o)
	if err != nil {
		return nil, err
	}
	return &MessageConsumer{*c}, nil
}

// TryPush publishes a message if there is room, else it returns ErrFull.
func (p *MessageProducer) TryPush(message []byte) error {
	n, err := p.record(message)
	if err == nil && !p.has(n) {
		err = p.room(n)
	}
	if err == nil {
		p.write(message, n)
	}
	return err
}

// Push waits for room and publishes a message.
func (p *MessageProducer) Push(ctx context.Context, message []byte) error {
	n, err := p.record(message)
	if err == nil && !p.has(n) {
		err = p.await(ctx, n)
	}
	if err == nil {
		p.write(message, n)
	}
	return err
}

// PushBatch waits until the first message fits, publishes as many as fit, by one store, and returns
// how many.
func (p *MessageProducer) PushBatch(ctx context.Context, messages [][]byte) (int, error) {
	if len(messages) == 0 {
		return 0, p.err
	}
	n, err := p.record(messages[0])
	if err == nil && !p.has(n) {
		err = p.await(ctx, n)
	}
	if err != nil {
		return 0, err
	}
	used, count := uint64(0), 0
	for _, message := range messages {
		n, err := p.record(message)
		if err == nil && !p.has(used+n) {
			p.refresh()
		}
		if err != nil || !p.has(used+n) {
			break
		}
		p.put(p.tail+used, message)
		used += n
		count++
	}
	if count != 0 {
		p.publish(used)
	}
	return count, p.err
}

// record is how many bytes a message takes.
func (p *MessageProducer) record(message []byte) (uint64, error) {
	n := uint64(len(message))
	if n > maxPayload || p.shape.message(n) > p.shape.limit {
		return 0, ErrTooLong
	}
	return p.shape.message(n), nil
}

func (p *MessageProducer) put(position uint64, message []byte) {
	if n := p.shape.message(uint64(len(message))); beginsLine(position, n) {
		p.area.prefetchRunAhead(position, n)
	}
	*p.region.word(position) = recordHeader(position, uint64(len(message)))
	p.region.put(position+p.shape.unit, message)
}

func (p *MessageProducer) write(message []byte, n uint64) {
	p.put(p.tail, message)
	p.exist(message, n)
}

// exist makes a message exist that was written at the tail, with a copy in the front if that is wanted.
func (p *MessageProducer) exist(message []byte, n uint64) {
	if len(message) <= frontMessage && p.wantsFront() {
		var words frontWords
		words[0] = recordHeader(p.tail, uint64(len(message)))
		copy(bytesOf(words[1:]), message)
		p.publishFront(n, bytesOf(words[:])[:wordSize+len(message)])
	} else {
		p.publish(n)
	}
}

// TryPop takes a message if one is there, else it returns ErrEmpty. The message is in buffer if that
// has the capacity, else in a new one.
func (c *MessageConsumer) TryPop(buffer []byte) ([]byte, error) {
	if c.head == c.tail {
		if err := c.fetch(); err != nil {
			return nil, err
		}
		return c.first(buffer)
	}
	return c.read(buffer)
}

// Pop waits for a message and takes it. The message is in buffer if that has the capacity, else in a
// new one.
func (c *MessageConsumer) Pop(ctx context.Context, buffer []byte) ([]byte, error) {
	if c.head == c.tail {
		if err := c.await(ctx); err != nil {
			return nil, err
		}
		return c.first(buffer)
	}
	return c.read(buffer)
}

// first takes the first message of a run: from the front, if that holds it, and it alone.
func (c *MessageConsumer) first(buffer []byte) ([]byte, error) {
	if c.mayUseFront() {
		var words frontWords
		getFrontWords(c.theirs.front, bytesOf(words[:]))
		isWhole := c.frontIsWhole()
		n := words[0] & (1<<32 - 1)
		if isWhole && n <= frontMessage && words[0] == recordHeader(c.head, n) &&
			c.shape.message(n) == c.tail-c.head {
			c.last = c.tail - c.head
			buffer = append(buffer[:0], bytesOf(words[1:])[:n]...)
			c.release(c.shape.message(n))
			return buffer, nil
		}
	}
	c.area.prefetchRun(c.head, c.tail)
	return c.read(buffer)
}

func (c *MessageConsumer) read(buffer []byte) ([]byte, error) {
	n, err := c.length()
	if err != nil {
		return nil, err
	}
	buffer = append(buffer[:0], c.region.slice(c.head+c.shape.unit, n)...)
	c.last = c.shape.message(n)
	c.release(c.last)
	return buffer, nil
}

// length is that of the message at head, checked: a wild header, or one that leads beyond the tail,
// is permanent.
func (c *MessageConsumer) length() (uint64, error) {
	word := atomic.LoadUint64(c.region.word(c.head))
	n := word & (1<<32 - 1)
	if word != recordHeader(c.head, n) || n > maxPayload || c.shape.message(n) > c.tail-c.head {
		return 0, c.spoilt("record header", word)
	}
	return n, nil
}

// PopBatch waits for a message and takes up to max of those that are there. Each is a copy of its
// own.
func (c *MessageConsumer) PopBatch(ctx context.Context, max int) ([][]byte, error) {
	if c.head == c.tail {
		if err := c.await(ctx); err != nil {
			return nil, err
		}
	}
	var messages [][]byte
	used, head := uint64(0), c.head
	for len(messages) < max && head+used != c.tail {
		c.head = head + used
		n, err := c.length()
		c.head = head
		if err != nil {
			c.tail = head
			break // those before it are whole
		}
		from := c.region.slice(head+used+c.shape.unit, n)
		messages = append(messages, append([]byte(nil), from...))
		used += c.shape.message(n)
	}
	if len(messages) == 0 {
		return nil, c.err
	}
	c.last = c.shape.message(uint64(len(messages[len(messages)-1])))
	c.release(used)
	if c.err != nil {
		c.tail = c.head
	}
	return messages, nil
}
