// Owns: the examples as their users start them, in processes of their own, and beside those of Rust.
// Knows nothing of: how they do it.

package shmring

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// built is an example of this folder, as a program.
func built(t *testing.T, which string) string {
	t.Helper()
	path := t.TempDir() + "/" + which
	build := exec.Command("go", "build", "-o", path, "./examples/"+which)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func output(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v", command.Args, err)
	}
	return string(out)
}

func TestAStructIsHandedOverByNameInBothLanguages(t *testing.T) {
	program := built(t, "shm-struct")
	inGo := func(arguments ...string) *exec.Cmd {
		command := exec.Command(program, arguments...)
		command.Stderr = os.Stderr
		return command
	}
	inRust := func(arguments ...string) *exec.Cmd { return example(t, "shm-struct", arguments...) }
	for _, pair := range []struct{ writes, reads func(...string) *exec.Cmd }{
		{inGo, inGo}, {inGo, inRust}, {inRust, inGo},
	} {
		name := newName(t)
		if said := output(t, pair.writes("write", name)); !strings.Contains(said, "3999999996 bytes") {
			t.Errorf("%q", said)
		}
		said := output(t, pair.reads("read", name))
		for _, number := range []string{"100", "876", "8021"} {
			if !strings.Contains(said, number) {
				t.Errorf("%q", said)
			}
		}
		if _, err := os.Stat("/dev/shm/" + name); err == nil {
			t.Error("the reader left the region")
		}
	}
}

// Kill either and start it again, as the example says.
func TestTicksGoOnAcrossKillsOfBoth(t *testing.T) {
	program, name := built(t, "ticks"), newName(t)
	begin := func(job string) (*exec.Cmd, *bufio.Scanner) {
		command := exec.Command(program, job, name)
		command.Stderr = os.Stderr
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, command)
		return command, bufio.NewScanner(out)
	}
	kill := func(command *exec.Cmd) {
		command.Process.Kill()
		command.Wait()
	}
	next := uint64(0)
	// Reads ticks until so many have come. A consumer that is killed may take some that it never shows.
	read := func(lines *bufio.Scanner, count int, mayLose bool) {
		for ; count > 0 && lines.Scan(); count-- {
			var number, price uint64
			if n, _ := fmt.Sscan(lines.Text(), &number, &price); n != 2 {
				count++ // what it says about deaths
				continue
			}
			if number != next && !(mayLose && number > next) {
				t.Fatalf("tick %d, not %d", number, next)
			}
			next, mayLose = number+1, false
		}
		if count != 0 {
			t.Fatal("the consumer ended")
		}
	}
	producer, _ := begin("produce")
	consumer, lines := begin("consume")
	read(lines, 5, false)
	kill(producer)
	producer, _ = begin("produce")
	read(lines, 5, false)
	kill(consumer)
	consumer, lines = begin("consume")
	read(lines, 5, true)
	producer.Process.Signal(syscall.SIGINT)
	go func() {
		for lines.Scan() {
		}
	}()
	if code := exitCode(t, producer); code != 0 {
		t.Errorf("the producer ended with %d", code)
	}
	if code := exitCode(t, consumer); code != 0 {
		t.Errorf("the consumer ended with %d", code)
	}
	for tries := 0; ; tries++ {
		if _, err := os.Stat("/dev/shm/" + name); err != nil {
			break
		}
		if tries > 1000 {
			t.Fatal("the consumer left the ring")
		}
		time.Sleep(time.Millisecond)
	}
}
