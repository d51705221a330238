// Owns: the thread by which the kernel reports the death of this process: its list of robust
// futexes holds the liveness word of every attached side.
// Knows nothing of: what a death means.

package shmring

import (
	"os"
	"runtime"
	"sync"
	"syscall"
)

var notice struct {
	once   sync.Once
	mutex  sync.Mutex
	head   *robustHead
	thread uint32 // 0: the kernel reports nothing
	sides  int
}

// mostSides: the kernel follows 2048 entries.
const mostSides = 2000

// keepThread starts the thread. It does nothing but exist until the process ends.
func keepThread() {
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		offset := int64(controlPages) * int64(os.Getpagesize())
		if head, ok := newRobustHead(offset); ok {
			notice.head, notice.thread = head, uint32(syscall.Gettid())
		}
		close(ready)
		select {}
	}()
	<-ready
}

// report puts a side on the list. It returns the liveness word to store, 0 if nobody reports.
func report(r *region, role Role) uint32 {
	notice.once.Do(keepThread)
	notice.mutex.Lock()
	defer notice.mutex.Unlock()
	if notice.thread == 0 || notice.sides >= mostSides {
		return 0
	}
	notice.sides++
	notice.head.add(r.node(role))
	return threadMark | notice.thread
}

// unreport takes it off: before the region is unmapped.
func unreport(r *region, role Role) {
	notice.mutex.Lock()
	defer notice.mutex.Unlock()
	notice.head.remove(r.node(role))
	notice.sides--
}
