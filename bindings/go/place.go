// Owns: where regions live: names, files without a half-made state, and who is trusted with one.
// Knows nothing of: what is in a region beyond its header and the two words that are not zero.

package shmring

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// pathOf is where a name leads: `/x` and `x` to /dev/shm/x. A path of several components, such as
// `./x`, is a file at that path.
func pathOf(name string) (string, error) {
	one := strings.TrimPrefix(name, "/")
	switch {
	case strings.IndexByte(name, 0) >= 0 || one == "" || one == "." || one == "..":
		return "", fmt.Errorf("%w: name %q", ErrOptions, name)
	case strings.Contains(one, "/"):
		return name, nil
	case len(one) > 255:
		return "", fmt.Errorf("%w: a name of %d bytes: at most 255", ErrOptions, len(one))
	}
	return "/dev/shm/" + one, nil
}

// place is an open region, not mapped.
type place struct {
	path   string
	fd     int
	header header
}

func (p *place) close() { syscall.Close(p.fd) }

// description opens the region once more, as a lock of its own needs it.
func (p *place) description() (int, error) {
	return reopen(p.fd, syscall.O_RDWR)
}

func proc(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

func reopen(fd, access int) (int, error) {
	return syscall.Open(proc(fd), access|syscall.O_CLOEXEC, 0)
}

// createPlace makes a ring that nobody sees before it is whole.
func createPlace(name string, c contents, o Options) (*place, error) {
	path, err := pathOf(name)
	if err != nil {
		return nil, err
	}
	h, err := newHeader(c, o)
	if err != nil {
		return nil, err
	}
	if _, err = rand.Read(h.id[:]); err != nil {
		return nil, err
	}
	h.created = uint64(time.Now().UnixNano())
	folder := path[:strings.LastIndexByte(path, '/')+1]
	fd, err := syscall.Open(folder, oTmpfile|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: open(O_TMPFILE): %w", folder, err)
	}
	if err = fill(fd, &h, o); err == nil {
		err = link(proc(fd), path)
	}
	switch {
	case err == nil:
		return &place{path: path, fd: fd, header: h}, nil
	case err == syscall.EEXIST:
		err = ErrExists
	}
	syscall.Close(fd)
	return nil, fmt.Errorf("%s: %w", path, err)
}

// fill writes what of a fresh region is not zero, and takes the memory.
func fill(fd int, h *header, o Options) error {
	length := int64(controlPages*h.page + h.capacity)
	if err := syscall.Ftruncate(fd, length); err != nil {
		return fmt.Errorf("ftruncate to %d bytes: %w", length, err)
	}
	if !o.Sparse {
		if err := syscall.Fallocate(fd, 0, 0, length); err != nil {
			return fmt.Errorf("fallocate of %d bytes: %w", length, err)
		}
	}
	var awake [8]byte
	binary.LittleEndian.PutUint64(awake[:], never)
	for _, part := range []struct {
		bytes []byte
		at    uint64
	}{
		{h.encode(), 0},
		{awake[:], uint64(RoleProducer)*h.page + offWakeAt},
		{awake[:], uint64(RoleConsumer)*h.page + offWakeAt},
	} {
		if n, err := syscall.Pwrite(fd, part.bytes, int64(part.at)); err != nil || n != len(part.bytes) {
			return fmt.Errorf("pwrite: %d bytes, %v", n, err)
		}
	}
	// The umask has no say.
	return syscall.Fchmod(fd, o.mode())
}

// openPlace opens what is under a name, once it has looked at it through a descriptor that opens
// nothing: a pipe or a device that somebody planted is not touched.
func openPlace(name string, access int, o Options) (*place, error) {
	path, err := pathOf(name)
	if err != nil {
		return nil, err
	}
	// Each round is lost only to somebody who replaced the file in between.
	for round := 0; round < 100; round++ {
		found, err := syscall.Open(path, oPath|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
		if err == syscall.ENOENT {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: open: %w", path, err)
		}
		links, err := trusted(found, o)
		if err != nil || links == 0 {
			syscall.Close(found)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			continue
		}
		fd, err := reopen(found, access)
		syscall.Close(found)
		if err != nil {
			return nil, fmt.Errorf("%s: open: %w", path, err)
		}
		p := &place{path: path, fd: fd}
		if err = p.read(); err != nil {
			p.close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return p, nil
	}
	return nil, fmt.Errorf("%s: %w", path, ErrNotFound)
}

// trusted refuses what is no file of ours alone. It returns how many names the file has.
func trusted(fd int, o Options) (uint64, error) {
	var s syscall.Stat_t
	if err := syscall.Fstat(fd, &s); err != nil {
		return 0, fmt.Errorf("fstat: %w", err)
	}
	if s.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return 0, fmt.Errorf("%w: no regular file", ErrIncompatible)
	}
	if !o.AnyOwner && s.Uid != uint32(os.Geteuid()) {
		return 0, fmt.Errorf("%w: it belongs to user %d", ErrForbidden, s.Uid)
	}
	if s.Mode&0o022&^o.mode() != 0 {
		return 0, fmt.Errorf("%w: mode %04o lets more users write than %04o", ErrForbidden, s.Mode&0o777, o.mode())
	}
	if s.Nlink > 1 {
		return 0, fmt.Errorf("%w: it has %d names", ErrForbidden, s.Nlink)
	}
	return uint64(s.Nlink), nil
}

// read copies the header and checks the copy.
func (p *place) read() error {
	var s syscall.Stat_t
	if err := syscall.Fstat(p.fd, &s); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	b := make([]byte, headerLength)
	n, err := syscall.Pread(p.fd, b, 0)
	if err != nil {
		return fmt.Errorf("pread: %w", err)
	}
	p.header, err = decode(b[:n], s.Size)
	return err
}

// links is how many names the open file has by now.
func (p *place) links() (uint64, error) {
	var s syscall.Stat_t
	err := syscall.Fstat(p.fd, &s)
	return uint64(s.Nlink), err
}

// isNamed says whether the name leads to this very file.
func (p *place) isNamed() bool {
	var here, there syscall.Stat_t
	return syscall.Fstat(p.fd, &here) == nil && syscall.Lstat(p.path, &there) == nil &&
		here.Dev == there.Dev && here.Ino == there.Ino
}

// load reads a word of a side's page through the descriptor.
func (p *place) load(role Role, offset uint64) (uint64, error) {
	var b [8]byte
	n, err := syscall.Pread(p.fd, b[:], int64(uint64(role)*p.header.page+offset))
	if err == nil && n != len(b) {
		err = ErrIncompatible
	}
	return binary.LittleEndian.Uint64(b[:]), err
}
