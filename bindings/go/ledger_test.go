// Owns: kills at random moments of Go and of Rust, restarts in place, and a ledger of every number.
// Knows nothing of: the words of a region.
//
// The number n is the value at position 8 n, so a side that starts again reads off its ring where to
// go on. What the documents promise: what was published is read in order and once; of what a
// consumer that is killed has popped, what it had not used yet is lost.

package shmring

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"testing"
	"time"
)

const kills = 20

func init() {
	// Publishes the numbers from where the ring is.
	jobs["count"] = func(arguments []string) {
		tx, err := NewProducer[uint64](arguments[0], Options{Items: 1000})
		if err != nil {
			panic(err)
		}
		for n := tx.Position() / 8; ; n++ {
			batch := []uint64{n, n + 1, n + 2}
			if n%7 != 0 {
				batch = batch[:1]
			}
			if err := tx.Push(context.Background(), n); err != nil && !errors.Is(err, ErrDied) {
				panic(err)
			} else if err != nil {
				n-- // the consumer died: the next one reads on
			} else if m, _ := tx.TryPushSlice([]uint64{n + 1, n + 2}[:len(batch)-1]); m > 0 {
				n += uint64(m)
			}
		}
	}
	// Writes each number that it pops to standard output, at once.
	jobs["print"] = func(arguments []string) {
		rx, err := NewConsumer[uint64](arguments[0], Options{Items: 1000})
		if err != nil {
			panic(err)
		}
		var b [8]byte
		for {
			n, err := rx.Pop(context.Background())
			if errors.Is(err, ErrDied) || errors.Is(err, ErrClosed) {
				rx.AwaitPeer(context.Background())
				continue // the next producer goes on
			}
			if err != nil {
				panic(err)
			}
			binary.LittleEndian.PutUint64(b[:], n)
			os.Stdout.Write(b[:])
		}
	}
}

// heard reads numbers from a process until it ends. They must follow each other.
func heard(t *testing.T, from io.Reader) (first, count uint64) {
	all, err := io.ReadAll(from)
	if err != nil {
		t.Error(err)
	}
	for ; len(all) >= 8; all = all[8:] {
		n := binary.LittleEndian.Uint64(all)
		if count == 0 {
			first = n
		}
		if n != first+count {
			t.Fatalf("%d behind %d", n, first+count-1)
		}
		count++
	}
	return first, count
}

func pause() { time.Sleep(time.Duration(rand.Intn(60)) * time.Millisecond) }

func head(t *testing.T, name string) uint64 { return word(t, name, RoleConsumer, offPosition) / 8 }
func tail(t *testing.T, name string) uint64 {
	return word(t, name, RoleProducer, offPosition) &^ noFront / 8
}

// isAttached waits until a process has a role: one that nobody saw come dies unnoticed.
func isAttached(t *testing.T, name string, role Role, command *exec.Cmd) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		shot, err := Stat(name, Options{})
		side := shot.Producer
		if role == RoleConsumer {
			side = shot.Consumer
		}
		if err == nil && side.Session%2 == 1 && int(side.Pid) == command.Process.Pid {
			return
		}
	}
	t.Errorf("no %v came", role)
}

// killed ends a process as it is.
func killed(command *exec.Cmd) {
	command.Process.Kill()
	command.Wait()
}

// A producer in Go is killed again and again; a consumer in Rust, at random too.
func TestLedgerOfGoToRust(t *testing.T) {
	name := newName(t)
	tx := self("count", name)
	start(t, tx)
	isAttached(t, name, RoleProducer, tx)
	next := uint64(0)
	died, lost, twice := 0, 0, 0
	for kill := 0; kill < kills; kill++ {
		recv := rust(t, "recv", "--keep", name)
		recv.Stderr = nil
		out := must[io.ReadCloser](t)(recv.StdoutPipe())
		start(t, recv)
		isRust := rand.Intn(3) == 0
		victim := tx
		if isRust {
			victim = recv
		}
		go func() {
			isAttached(t, name, RoleConsumer, recv)
			isAttached(t, name, RoleProducer, tx)
			pause()
			victim.Process.Kill()
		}()
		watch := time.AfterFunc(20*time.Second, func() { recv.Process.Kill() })
		first, count := heard(t, out)
		watch.Stop()
		recv.Wait()
		end := head(t, name)
		if count != 0 && first != next {
			t.Fatalf("a consumer that is not the first begins with %d, not %d", first, next)
		}
		if isRust {
			// recv writes before it releases, by up to 64 KiB, of which some may be in its buffer.
			if gap := int64(end) - int64(next+count); gap > 2*8192 || gap < -8192 {
				t.Fatalf("killed at %d after it wrote up to %d", end, next+count)
			} else if gap > 0 {
				lost++
			} else if gap < 0 {
				twice++
			}
		} else {
			died++
			if end != next+count || end != tail(t, name) {
				t.Fatalf("%d read and %d published of which %d were seen", end, tail(t, name), next+count)
			}
			tx.Wait()
			tx = self("count", name)
			start(t, tx)
		}
		next = end
	}
	killed(tx)
	t.Logf("%d numbers, %d kills of Go, %d of Rust (%d lost what it had not written, %d repeated)",
		next, died, kills-died, lost, twice)
}

// feed writes the numbers from where the ring is into a producer in Rust, until that is killed.
func feed(t *testing.T, name string) *exec.Cmd {
	send := rust(t, "send", name)
	send.Stderr = nil
	in := must[io.WriteCloser](t)(send.StdinPipe())
	from := tail(t, name)
	start(t, send)
	go func() {
		for n := from; ; n += 100 {
			if _, err := in.Write(numbers(n, n+100)); err != nil {
				return
			}
		}
	}()
	return send
}

// A producer in Rust and a consumer in Go are killed again and again.
func TestLedgerOfRustToGo(t *testing.T) {
	name := newName(t)
	must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 1000})).Close()
	send := feed(t, name)
	next, ofGo, unused := uint64(0), 0, uint64(0)
	kill := 0
	for kill < kills {
		rx := self("print", name)
		out := must[io.ReadCloser](t)(rx.StdoutPipe())
		start(t, rx)
		type result struct{ first, count uint64 }
		heardAll := make(chan result)
		go func() {
			first, count := heard(t, out)
			heardAll <- result{first, count}
		}()
		for pause(); rand.Intn(2) == 0; pause() {
			killed(send)
			send = feed(t, name)
			kill++
		}
		rx.Process.Kill()
		kill++
		ofGo++
		found := <-heardAll
		rx.Wait()
		end := head(t, name)
		if found.count != 0 && found.first != next {
			t.Fatalf("begins with %d, not %d", found.first, next)
		}
		// Popped, but not printed yet: one number at most.
		if end < next+found.count || end > next+found.count+1 {
			t.Fatalf("killed at %d after it printed up to %d", end, next+found.count)
		}
		unused += end - next - found.count
		next = end
	}
	killed(send)
	t.Logf("%d numbers, %d kills of Go (%d popped and not printed), %d of Rust", next, ofGo, unused, kill-ofGo)
}

// Both ends are in Go, and the producer is killed: the consumer learns of each death, and misses nothing.
func TestLedgerOfGoToGo(t *testing.T) {
	name, ctx := newName(t), within(t, 30*tick)
	rx := must[*Consumer[uint64]](t)(NewConsumer[uint64](name, Options{Items: 1000}))
	next := uint64(0)
	for kill := 0; kill < kills; kill++ {
		tx := self("count", name)
		start(t, tx)
		deadline := time.Now().Add(time.Duration(rand.Intn(30)) * time.Millisecond)
		for isKilled := false; ; next++ {
			if !isKilled && next%64 == 0 && time.Now().After(deadline) && rx.Peer() == Alive {
				tx.Process.Kill()
				isKilled = true
			}
			n, err := rx.Pop(ctx)
			if errors.Is(err, ErrDied) && isKilled {
				break
			}
			if errors.Is(err, ErrDied) {
				next--
				rx.AwaitPeer(ctx)
				continue
			}
			if err != nil || n != next {
				t.Fatalf("%d, not %d: %v", n, next, err)
			}
		}
		tx.Wait()
	}
	if tail := tail(t, name); next != tail {
		t.Errorf("%d read of %d", next, tail)
	}
	rx.Close()
	if shot := must[Snapshot](t)(Stat(name, Options{})); shot.Producer.State != Dead || shot.Producer.Session != 2*kills-1 {
		t.Errorf("%+v", shot.Producer)
	}
}
