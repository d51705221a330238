// Owns: how long a consumer stays away from a ring that ran dry, and a producer from one that is full,
// while both sides are awake. A look takes the line from the other side, which needs it for its next
// record; after a stay the same line carries several.
// Knows nothing of: sleeping.

package shmring

const (
	stayLongest = 64  // of a consumer, in pauses
	stayFull    = 32  // of a producer
	looksStayed = 3   // of a consumer behind a stay
	looksAnswer = 32  // of a consumer in a conversation: about the longest round trip
	runOfStream = 256 // records; from here on a stream is well as it is
	plenty      = 4   // a producer waits for this part of the ring
)

// stayAway is for a consumer that found nothing. It fades in a conversation, where records come one
// at a time. It says whether something is there.
func (c *consumer) stayAway() bool {
	run := c.head - c.dryAt
	c.dryAt = c.head
	switch {
	case run <= c.last:
		c.stay /= 2
	case run < runOfStream*c.last:
		if c.stay += 1 + c.stay/2; c.stay > stayLongest {
			c.stay = stayLongest
		}
	}
	if c.stay > 0 {
		relax(c.stay)
	}
	// In a conversation the lines of a record that the front cannot hold come beside the tail word, and
	// not after it.
	expects := c.hint != 0 && c.last > frontLen
	for looks := 0; looks < looksStayed+looksAnswer; looks++ {
		changed := c.hasChanged()
		if expects {
			c.area.prefetchExpected(c.head, c.last)
		}
		if changed {
			return c.refresh()
		}
		relax(1)
		if looks == looksStayed {
			c.stay /= 2
		}
	}
	return false
}

// letDrain is for a producer that found the ring full: it looks now and then until a good part is
// free, but not for long.
func (p *producer) letDrain() {
	good := p.shape.limit / plenty
	if good > p.threshold {
		good = p.threshold
	}
	for looks, stay := 0, 1; looks < 32; looks++ {
		relax(stay)
		if stay < stayFull {
			stay *= 2
		}
		if p.refresh(); p.err != nil || p.free-p.tail >= good {
			return
		}
	}
}
