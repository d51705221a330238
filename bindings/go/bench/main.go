// Command bench is one side of a run of crates/shm-ring-bench, in Go: the harness in Rust has made the
// ring and measured the floor, and becomes this program with what it was told and where the results go.
//
//	cargo run --release -p shm-ring-bench --features go -- compare --transport shm-ring-spin,go
//
// Owns: what a side is told, and what it tells. Knows nothing of: the layout, which workload does what.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// spec is what a run is, as far as it matters here: src/run/spec.rs.
type spec struct {
	Side     string
	Workload string
	Bytes    int
	WarmUp   uint64 `json:"warm_up"`
	Messages uint64
	Batch    int
	Clock    struct {
		NsPerTick float64 `json:"ns_per_tick"`
	}
	Code     code
	Control  int
	Channels []struct{ Prefix string }
}

// places are where things are in the page that both sides share, in bytes.
type places struct {
	Length   int
	Stages   [2]uintptr // mine, theirs
	Measures map[string]uintptr
}

// The stages at which the sides meet: src/run/workload/mod.rs.
const (
	attachedStage = 3
	lastStage     = 5
)

// control is that page.
type control struct {
	base unsafe.Pointer
	places
}

func (c *control) at(offset uintptr) *uint64 { return (*uint64)(unsafe.Add(c.base, offset)) }

func (c *control) record(measure string, value uint64) {
	atomic.StoreUint64(c.at(c.Measures[measure]), value)
}

// meet waits until the other side has come as far.
func (c *control) meet(stage uint64) {
	atomic.StoreUint64(c.at(c.Stages[0]), stage)
	for atomic.LoadUint64(c.at(c.Stages[1])) < stage {
		syscall.Syscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

func main() {
	if err := side(); err != nil {
		fmt.Fprintln(os.Stderr, "the side in Go:", err)
		os.Exit(1)
	}
}

func side() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("shm-ring-bench starts this program")
	}
	var s spec
	var c control
	if err := json.Unmarshal([]byte(os.Args[1]), &s); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(os.Args[2]), &c.places); err != nil {
		return err
	}
	page, err := syscall.Mmap(s.Control, 0, c.Length, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping the control page: %w", err)
	}
	c.base = unsafe.Pointer(&page[0])
	// What is measured is one thread, and nothing that it does is collected.
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	return play(&s, &c)
}

// stopwatch is what the measured interval took.
type stopwatch struct {
	begun                 time.Time
	cpu, queued, switches uint64
}

func start() stopwatch {
	w := stopwatch{queued: threadQueued(), switches: threadSwitches()}
	// Last, since what stands before takes time of its own.
	w.cpu, w.begun = threadCPU(), time.Now()
	return w
}

func (w *stopwatch) stop(c *control, verified uint64) {
	wall := time.Since(w.begun)
	c.record("CpuNs", threadCPU()-w.cpu)
	c.record("Switches", threadSwitches()-w.switches)
	c.record("QueuedNs", threadQueued()-w.queued)
	c.record("WallNs", uint64(wall))
	c.record("Verified", verified)
}

func threadCPU() uint64 {
	const threadClock = 3
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&t)), 0)
	return uint64(t.Nano())
}

func threadSwitches() uint64 {
	const thread = 1
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0
	}
	return uint64(u.Nvcsw + u.Nivcsw)
}

// threadQueued is for how long this thread waited for a processor, in nanoseconds.
func threadQueued() uint64 {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	queued, _ := strconv.ParseUint(fields[1], 10, 64)
	return queued
}
