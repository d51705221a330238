// Owns: the lock that proves a role, and how long one is waited for.
// Knows nothing of: what a role is wanted for.

package shmring

import (
	"fmt"
	"syscall"
	"time"
)

// lease is a role's lock, held through a description that nobody else has.
type lease struct {
	fd   int
	page uint64
	role Role
}

// takeLease waits, up to patience, for a lock whose role says that nobody is attached.
func takeLease(p *place, role Role, patience time.Duration) (*lease, error) {
	started := time.Now()
	readers := 100 * time.Millisecond
	if readers > patience {
		readers = patience
	}
	for pause, gone := 50*time.Microsecond, 0; ; {
		fd, err := p.description()
		if err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
		l := &lease{fd: fd, page: p.header.page, role: role}
		if _, err = l.ask(role, ofdSetlk, syscall.F_WRLCK); err == nil {
			return l, nil
		}
		held, read := l.isHeld(role), l.isRead(role)
		syscall.Close(fd)
		if err != syscall.EAGAIN && err != syscall.EACCES {
			return nil, fmt.Errorf("fcntl(F_OFD_SETLK): %w", err)
		}
		waited := time.Since(started)
		switch {
		case !held && !read && gone < 100:
			gone++ // given up just now
			continue
		case !held && waited > readers:
			return nil, fmt.Errorf("%w: somebody holds a lock for reading on the %v's page", ErrTaken, role)
		case held && (saysAttached(p, role) || waited > patience):
			pid, _ := p.load(role, offFenceMode) // two words: fence mode and pid
			return nil, fmt.Errorf("%w: process %d is the %v", ErrTaken, pid>>32, role)
		}
		time.Sleep(pause)
		if pause < 5*time.Millisecond {
			pause *= 2
		}
	}
}

// saysAttached says whether the role's session is open and no death of it was reported.
func saysAttached(p *place, role Role) bool {
	session, err := p.load(role, offSession)
	if err != nil {
		return false
	}
	liveness, err := p.load(role, offLiveness)
	return err == nil && session%2 == 1 && liveness&deathMark == 0
}

// isHeld says whether somebody else holds a role. A lock for reading is no obstacle to a question
// with one, and proves nothing. An error counts as held: nobody is dead because a sandbox refuses.
func (l *lease) isHeld(role Role) bool {
	kind, err := l.ask(role, ofdGetlk, syscall.F_RDLCK)
	return err != nil || kind != syscall.F_UNLCK
}

// isRead says whether any lock is in the way.
func (l *lease) isRead(role Role) bool {
	kind, err := l.ask(role, ofdGetlk, syscall.F_WRLCK)
	return err != nil || kind != syscall.F_UNLCK
}

func (l *lease) ask(role Role, command int, kind int16) (int16, error) {
	return lock(l.fd, command, kind, int64(uint64(role)*l.page), int64(l.page))
}

// giveUp unlocks before it closes: a child between fork and exec has a duplicate.
func (l *lease) giveUp() {
	l.ask(l.role, ofdSetlk, syscall.F_UNLCK)
	syscall.Close(l.fd)
}
