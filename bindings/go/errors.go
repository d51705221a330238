// Owns: what may go wrong, as errors to compare with errors.Is.
// Knows nothing of: who returns which.

package shmring

import "errors"

var (
	// ErrFull is returned by a call that does not wait: there is no room now.
	ErrFull = errors.New("the ring is full")
	// ErrEmpty is returned by a call that does not wait: there is nothing now.
	ErrEmpty = errors.New("the ring is empty")
	// ErrClosed says that the peer closed in order. To a consumer it comes behind the last record.
	ErrClosed = errors.New("the peer closed")
	// ErrDied says that the peer died, or ended by Abandon. To a consumer it comes behind the last
	// record. The end stays usable: whoever follows the peer goes on where it stopped.
	ErrDied = errors.New("the peer died without closing")
	// ErrCorrupt says that the peer wrote what the protocol does not allow. It is permanent.
	ErrCorrupt = errors.New("the peer broke the protocol")
	// ErrOverrun says that the writer of a latest value came round to the slot in every attempt to read
	// it. The next may do better; more slots make that likelier.
	ErrOverrun = errors.New("overrun by the writer")
	// ErrTooLong says that a record can never fit, or that a buffer is too short for one.
	ErrTooLong = errors.New("too long")
	// ErrEnded says that this end was closed before, by its own user.
	ErrEnded = errors.New("this end is closed")
	// ErrExhausted says that positions have come to their end, at 2^62 bytes.
	ErrExhausted = errors.New("no position is left")
	// ErrTaken says that somebody else holds the role.
	ErrTaken = errors.New("the role is taken")
	// ErrNotFound says that nothing is under that name.
	ErrNotFound = errors.New("no such ring")
	// ErrExists says that something is under that name already.
	ErrExists = errors.New("something is there already")
	// ErrIncompatible says that a region is no ring, or not the one that was asked for.
	ErrIncompatible = errors.New("not the ring that was asked for")
	// ErrForbidden says that a file belongs to, or may be written by, somebody who is not trusted.
	ErrForbidden = errors.New("not to be trusted")
	// ErrUnread says that a ring holds records which nobody has read.
	ErrUnread = errors.New("something is unread")
	// ErrOptions says that what was asked for cannot be.
	ErrOptions = errors.New("impossible options")
)
