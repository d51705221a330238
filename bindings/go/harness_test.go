// Owns: what tests share: names, contexts, the words of a region, other processes.
// Knows nothing of: what is tested.

package shmring

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// jobs are what this test program does when a test starts it as another process.
var jobs = map[string]func(arguments []string){}

func TestMain(m *testing.M) {
	if job := os.Getenv("SHMRING_JOB"); job != "" {
		jobs[job](strings.Fields(os.Getenv("SHMRING_ARGUMENTS")))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var names uint32

// newName is a name of this test's own, which is gone when the test ends.
func newName(t testing.TB) string {
	name := fmt.Sprintf("shm-ring-go-%d-%d", os.Getpid(), atomic.AddUint32(&names, 1))
	t.Cleanup(func() { os.Remove("/dev/shm/" + name) })
	return name
}

// within bounds a test that would hang.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// rust is the command shm-ring, built by bindings/go/run.
func rust(t testing.TB, arguments ...string) *exec.Cmd {
	path := os.Getenv("SHM_RING")
	if path == "" {
		path = "../../target/debug/shm-ring"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: %v: build it, or set SHM_RING", err)
	}
	command := exec.Command(path, arguments...)
	command.Stderr = os.Stderr
	return command
}

// example is one of the examples of the Rust library, built by bindings/go/run.
func example(t testing.TB, which string, arguments ...string) *exec.Cmd {
	folder := os.Getenv("SHM_RING_EXAMPLES")
	if folder == "" {
		folder = "../../target/debug/examples"
	}
	path := folder + "/" + which
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: %v: build it, or set SHM_RING_EXAMPLES", err)
	}
	command := exec.Command(path, arguments...)
	command.Stderr = os.Stderr
	return command
}

// self is this program in another process.
func self(job string, arguments ...string) *exec.Cmd {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "SHMRING_JOB="+job, "SHMRING_ARGUMENTS="+strings.Join(arguments, " "))
	command.Stderr = os.Stderr
	return command
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func start(t testing.TB, command *exec.Cmd) {
	t.Helper()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
}

// forge writes a word of a region behind the back of both sides.
func forge(t testing.TB, name string, role Role, offset int64, value uint64) {
	t.Helper()
	forgeAt(t, name, int64(role)*int64(os.Getpagesize())+offset, value)
}

func forgeAt(t testing.TB, name string, at int64, value uint64) {
	t.Helper()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], value)
	file := must[*os.File](t)(os.OpenFile("/dev/shm/"+name, os.O_RDWR, 0))
	defer file.Close()
	must[int](t)(file.WriteAt(b[:], at))
}

func word(t testing.TB, name string, role Role, offset int64) uint64 {
	t.Helper()
	var b [8]byte
	file := must[*os.File](t)(os.Open("/dev/shm/" + name))
	defer file.Close()
	must[int](t)(file.ReadAt(b[:], int64(role)*int64(os.Getpagesize())+offset))
	return binary.LittleEndian.Uint64(b[:])
}

// exitCode waits for a process, and bounds the wait.
func exitCode(t testing.TB, command *exec.Cmd) int {
	t.Helper()
	watch := time.AfterFunc(20*time.Second, func() { command.Process.Kill() })
	defer watch.Stop()
	command.Wait()
	return command.ProcessState.ExitCode()
}

func loadWord(word *uint64) uint64 { return atomic.LoadUint64(word) }
