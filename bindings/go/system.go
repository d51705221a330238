// Owns: the kernel's calls that package syscall has not, each in one function.
// Knows nothing of: rings.
//
// memory.go says which files import unsafe. Every block passes the address of a variable
// of this function, or one in a mapping, to a call that ends before the function returns.

package shmring

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const (
	sysFutexWaitv = 449
	futexWait     = 0
	futexWake     = 1
	futexPrivate  = 128
	futex32       = 2 // of futex_waitv: the word has 32 bits

	ofdGetlk = 36
	ofdSetlk = 37

	membarrierGlobalExpedited         = 1 << 1
	membarrierRegisterGlobalExpedited = 1 << 2

	oPath    = 0x200000
	oTmpfile = 0x400000 | syscall.O_DIRECTORY

	atFdcwd         = -0x64
	atSymlinkFollow = 0x400
)

func fail(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// lock asks for, takes or gives up a lock of an open file description on a range of bytes.
// It returns the kind of the lock that is in the way, for ofdGetlk.
func lock(fd, command int, kind int16, start, length int64) (int16, error) {
	l := syscall.Flock_t{Type: kind, Whence: 0, Start: start, Len: length}
	for {
		err := syscall.FcntlFlock(uintptr(fd), command, &l)
		if err != syscall.EINTR {
			return l.Type, err
		}
	}
}

// membarrier with membarrierGlobalExpedited makes every waker that relies on it run a full barrier.
func membarrier(command uintptr) bool {
	_, _, e := syscall.Syscall(sysMembarrier, command, 0, 0)
	return e == 0
}

func futexWakeAll(word *uint32) {
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, 1<<31-1, 0, 0, 0)
}

func futexWakePrivate(word *uint32) {
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)),
		futexWake|futexPrivate, 1<<31-1, 0, 0, 0)
}

// watchedWord is a word to sleep on, and what it was when it was last looked at.
type watchedWord struct {
	word   *uint32
	value  uint32
	shared bool
}

// futexWaitAny sleeps while all words are as they were, for at most d.
// It returns false if this kernel cannot sleep on several words.
func futexWaitAny(words []watchedWord, d time.Duration) bool {
	type waiter struct {
		value, address uint64
		flags, _       uint32
	}
	all := make([]waiter, len(words))
	for i, w := range words {
		flags := uint32(futex32)
		if !w.shared {
			flags |= futexPrivate
		}
		all[i] = waiter{uint64(w.value), uint64(uintptr(unsafe.Pointer(w.word))), flags, 0}
	}
	const monotonic = 1
	var until syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&until)), 0)
	until = syscall.NsecToTimespec(until.Nano() + int64(d))
	_, _, e := syscall.Syscall6(sysFutexWaitv, uintptr(unsafe.Pointer(&all[0])), uintptr(len(words)), 0,
		uintptr(unsafe.Pointer(&until)), monotonic, 0)
	runtime.KeepAlive(words)
	return e != syscall.ENOSYS && e != syscall.EPERM
}

// futexWaitOne sleeps while one shared word is as it was, for at most d.
func futexWaitOne(w watchedWord, d time.Duration) {
	for_ := syscall.NsecToTimespec(int64(d))
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w.word)), futexWait,
		uintptr(w.value), uintptr(unsafe.Pointer(&for_)), 0, 0)
}

// link gives the file that fd leads to, which has no name, one that is free.
func link(proc, path string) error {
	from, err := syscall.BytePtrFromString(proc)
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	here := atFdcwd
	_, _, e := syscall.Syscall6(syscall.SYS_LINKAT, uintptr(here), uintptr(unsafe.Pointer(from)),
		uintptr(here), uintptr(unsafe.Pointer(to)), atSymlinkFollow, 0)
	return fail(e)
}

// mapAt maps a file at an address inside a range that was reserved before.
func mapAt(address, length uintptr, writable bool, fd int, offset int64) error {
	prot := uintptr(syscall.PROT_READ)
	if writable {
		prot |= syscall.PROT_WRITE
	}
	const fixed = 0x10
	_, _, e := syscall.Syscall6(syscall.SYS_MMAP, address, length, prot, syscall.MAP_SHARED|fixed,
		uintptr(fd), uintptr(offset))
	return fail(e)
}

// reserveRange takes a range of addresses. Its first `writable` bytes are memory of this process;
// nothing can be read or written behind them until something is mapped there.
func reserveRange(length, writable uintptr) (uintptr, error) {
	const noReserve = 0x4000
	flags := uintptr(syscall.MAP_PRIVATE | syscall.MAP_ANON | noReserve)
	base, _, e := syscall.Syscall6(syscall.SYS_MMAP, 0, length, syscall.PROT_NONE, flags, ^uintptr(0), 0)
	if e != 0 {
		return 0, e
	}
	both := uintptr(syscall.PROT_READ | syscall.PROT_WRITE)
	if _, _, e = syscall.Syscall(syscall.SYS_MPROTECT, base, writable, both); e != 0 {
		giveBack(base, length)
		return 0, e
	}
	return base, nil
}

func giveBack(base, length uintptr) {
	syscall.Syscall(syscall.SYS_MUNMAP, base, length, 0)
}

// setRobustList tells the kernel where this thread's list begins.
func setRobustList(head unsafe.Pointer, length uintptr) bool {
	_, _, e := syscall.Syscall(syscall.SYS_SET_ROBUST_LIST, uintptr(head), length, 0)
	return e == 0
}
