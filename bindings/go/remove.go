// Owns: taking a name away from a ring while nobody uses it.
// Knows nothing of: what is in the records.

package shmring

import (
	"fmt"
	"syscall"
	"time"
)

// Unlink removes the name of a ring that nobody uses and that is read out, or of a latest value that
// was never written. It returns ErrTaken if a role is held, ErrUnread if something can be read.
func Unlink(name string, o Options) error { return unlink(name, o, false) }

// UnlinkAndDiscard is Unlink, but what is unread goes too.
func UnlinkAndDiscard(name string, o Options) error { return unlink(name, o, true) }

// unlink holds all roles while it looks and until the name is gone: nobody attaches meanwhile.
func unlink(name string, o Options, discard bool) error {
	p, err := openPlace(name, syscall.O_RDWR, o)
	if err != nil {
		return err
	}
	defer p.close()
	roles := []Role{RoleProducer, RoleConsumer}
	if p.header.kind == kindLatest {
		roles = roles[:1]
	}
	for _, role := range roles {
		l, err := takeLease(p, role, 100*time.Millisecond)
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		defer l.giveUp()
	}
	if links, err := p.links(); err != nil || links != 1 || !p.isNamed() {
		return fmt.Errorf("%s: %w: the name leads elsewhere by now", p.path, ErrNotFound)
	}
	if !discard {
		if err := p.refuseUnread(); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	if err := syscall.Unlink(p.path); err != nil {
		return fmt.Errorf("%s: unlink: %w", p.path, err)
	}
	return nil
}

func (p *place) refuseUnread() error {
	tail, err := p.load(RoleProducer, offPosition)
	if err != nil {
		return err
	}
	s := p.header.shape()
	if s.kind == kindLatest {
		if tail != 0 {
			return fmt.Errorf("%w: version %d", ErrUnread, tail)
		}
		return nil
	}
	head, err := p.load(RoleConsumer, offPosition)
	if err != nil {
		return err
	}
	tail &^= noFront
	switch {
	case !s.fits(head, tail):
		return fmt.Errorf("%w: head %#x, tail %#x", ErrCorrupt, head, tail)
	case head != tail:
		return fmt.Errorf("%w: %d bytes", ErrUnread, tail-head)
	}
	return nil
}
