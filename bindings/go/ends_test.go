// Owns: life and death between two ends of this process: roles, ends that are mine, restarts, waiting.
// Knows nothing of: Rust.

package shmring

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair is a ring of numbers with both ends.
func pair(t *testing.T, items uint64) (string, *Producer[uint64], *Consumer[uint64]) {
	t.Helper()
	name, o := newName(t), Options{Items: items}
	tx := must[*Producer[uint64]](t)(NewProducer[uint64](name, o))
	rx := must[*Consumer[uint64]](t)(NewConsumer[uint64](name, o))
	t.Cleanup(func() { tx.Close(); rx.Close() })
	return name, tx, rx
}

func pushes(t *testing.T, tx *Producer[uint64], values ...uint64) {
	t.Helper()
	for _, value := range values {
		if err := tx.TryPush(value); err != nil {
			t.Fatal(err)
		}
	}
}

func pops(t *testing.T, rx *Consumer[uint64], values ...uint64) {
	t.Helper()
	for _, value := range values {
		if found, err := rx.TryPop(); err != nil || found != value {
			t.Fatalf("%d, not %d: %v", found, value, err)
		}
	}
}

func finds(t *testing.T, rx *Consumer[uint64], wanted error) {
	t.Helper()
	if value, err := rx.TryPop(); !errors.Is(err, wanted) {
		t.Fatalf("%d and %v, not %v", value, err, wanted)
	}
}

// Planted once: no lock taken. Then the second producer came in.
func TestARoleIsHeldOnce(t *testing.T) {
	name, tx, rx := pair(t, 4)
	o := Options{Items: 4, Patience: time.Millisecond}
	if _, err := NewProducer[uint64](name, o); !errors.Is(err, ErrTaken) {
		t.Errorf("a second producer: %v", err)
	}
	if _, err := NewConsumer[uint64](name, o); !errors.Is(err, ErrTaken) {
		t.Errorf("a second consumer: %v", err)
	}
	if tx.Peer() != Alive || rx.Peer() != Alive {
		t.Errorf("%v and %v", tx.Peer(), rx.Peer())
	}
	if err := Unlink(name, o); !errors.Is(err, ErrTaken) {
		t.Errorf("unlink: %v", err)
	}
	tx.Close()
	again := must[*Producer[uint64]](t)(NewProducer[uint64](name, o))
	if again.Session() != 3 {
		t.Errorf("session %d", again.Session())
	}
	again.Close()
	if err := again.TryPush(1); !errors.Is(err, ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
}

// A lock for reading, which anyone may take, proves nothing.
func TestALockForReadingIsNoOwner(t *testing.T) {
	name, tx, rx := pair(t, 4)
	tx.Close()
	file := must[*os.File](t)(os.Open("/dev/shm/" + name))
	defer file.Close()
	page := int64(os.Getpagesize())
	if _, err := lock(int(file.Fd()), ofdSetlk, syscall.F_RDLCK, page, page); err != nil {
		t.Fatal(err)
	}
	if rx.Peer() != Closed {
		t.Error(rx.Peer())
	}
	finds(t, rx, ErrClosed)
	forge(t, name, RoleProducer, offSession, 3)
	if rx.Peer() != Dead {
		t.Error(rx.Peer())
	}
	if _, err := NewProducer[uint64](name, Options{Items: 4}); !errors.Is(err, ErrTaken) {
		t.Error(err)
	}
}

func TestAnEndComesBehindTheLastRecordAndIsRepeatedUntilSomebodyFollows(t *testing.T) {
	name, tx, rx := pair(t, 4)
	pushes(t, tx, 1, 2)
	tx.Close()
	pops(t, rx, 1, 2)
	finds(t, rx, ErrClosed)
	finds(t, rx, ErrClosed)
	if told := word(t, name, RoleConsumer, offTold); told != 1 {
		t.Errorf("told %d", told)
	}
	tx = must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 4}))
	finds(t, rx, ErrEmpty)
	pushes(t, tx, 3)
	tx.Abandon()
	pops(t, rx, 3)
	finds(t, rx, ErrDied)
	rx.Close()
	// What was reported is not news to the next consumer.
	rx = must[*Consumer[uint64]](t)(NewConsumer[uint64](name, Options{Items: 4}))
	defer rx.Close()
	finds(t, rx, ErrEmpty)
}

// A producer died, another has followed: the death is reported once everything of the dead was read,
// and stands for the ends before it.
func TestADeathIsReportedThoughSomebodyHasFollowed(t *testing.T) {
	name, tx, rx := pair(t, 8)
	pushes(t, tx, 1)
	tx.Abandon()
	next := must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 8}))
	if died := word(t, name, RoleProducer, offDied); died != 1 {
		t.Errorf("died %d", died)
	}
	finds1, _ := rx.TryPop()
	finds(t, rx, ErrDied)
	finds(t, rx, ErrEmpty)
	pushes(t, next, 2)
	next.Close()
	pops(t, rx, 2)
	finds(t, rx, ErrClosed)
	if finds1 != 1 {
		t.Error(finds1)
	}
}

// What a consumer finds unread is owed its end; what it finds read is not.
func TestAnEndIsMineIfSomethingWasUnread(t *testing.T) {
	name, tx, rx := pair(t, 8)
	pushes(t, tx, 1, 2)
	pops(t, rx, 1)
	rx.Close()
	tx.Close()
	rx = must[*Consumer[uint64]](t)(NewConsumer[uint64](name, Options{Items: 8}))
	pops(t, rx, 2)
	finds(t, rx, ErrClosed)
	rx.Close()
}

// To a producer only the end of a consumer that it has met is due.
func TestAProducerIsToldOfTheConsumerThatItMet(t *testing.T) {
	name, tx, rx := pair(t, 2)
	pushes(t, tx, 1, 2)
	rx.Close()
	if err := tx.TryPush(3); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	tx.Close()
	tx = must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 2}))
	defer tx.Close()
	if err := tx.TryPush(3); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if _, err := tx.PushAll(within(t, 50*time.Millisecond), []uint64{3}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestUnlinkSparesWhatIsUnread(t *testing.T) {
	name, tx, rx := pair(t, 2)
	pushes(t, tx, 1)
	tx.Close()
	rx.Close()
	if err := Unlink(name, Options{}); !errors.Is(err, ErrUnread) {
		t.Error(err)
	}
	if err := UnlinkAndDiscard(name, Options{}); err != nil {
		t.Error(err)
	}
	if err := Unlink(name, Options{}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// A side that waits while the context ends is woken by that, also if it is the only one there.
func TestAContextEndsAWait(t *testing.T) {
	for _, canWaitForMany := range []int32{1, 0} {
		hasWaitv = canWaitForMany
		_, _, rx := pair(t, 2)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(20*time.Millisecond, cancel)
		started := time.Now()
		if _, err := rx.Pop(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if took := time.Since(started); took > 10*time.Second {
			t.Error(took)
		}
		if wakeAt := word(t, rx.place.path[len("/dev/shm/"):], RoleConsumer, offWakeAt); wakeAt != never {
			t.Errorf("left asleep until %d", wakeAt)
		}
	}
	hasWaitv = 1
}

// Planted once: no look between wake_at and the sleep. Then both ends slept beside what was there.
func TestALastLookComesBeforeSleep(t *testing.T) {
	_, tx, rx := pair(t, 2)
	looks := 0
	ready := func() bool {
		looks++
		return rx.refresh()
	}
	// The producer does not ring: it saw nobody asleep.
	pushes(t, tx, 1)
	before := *rx.mine.sleeps
	if found, err := rx.sleep(within(t, 5*tick), rx.head+8, ready); !found || err != nil || looks == 0 {
		t.Errorf("%v, %v after %d looks", found, err, looks)
	}
	if *rx.mine.sleeps != before {
		t.Error("slept beside a record")
	}
	pushes(t, tx, 2)
	pops(t, rx, 1, 2)
	before = *tx.mine.sleeps
	ready = func() bool { tx.refresh(); return tx.has(8) }
	if found, err := tx.sleep(within(t, 5*tick), 8, ready); !found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if *tx.mine.sleeps != before {
		t.Error("slept beside room")
	}
}

// Planted once: half of a line copied, and the first line of several. Each way that a value is moved has
// a size here.
func TestValuesOfEverySizeAreMovedWhole(t *testing.T) {
	movedWhole[[3]byte](t)
	movedWhole[[8]byte](t)
	movedWhole[[56]byte](t)
	movedWhole[[60]byte](t)
	movedWhole[[64]byte](t)
	movedWhole[[72]byte](t)
	movedWhole[[128]byte](t)
	movedWhole[[200]byte](t)
	movedWhole[[1024]byte](t)
	movedWhole[[1088]byte](t)
}

func movedWhole[T any](t *testing.T) {
	name, o := newName(t), Options{Items: 5}
	tx := must[*Producer[T]](t)(NewProducer[T](name, o))
	defer tx.Close()
	rx := must[*Consumer[T]](t)(NewConsumer[T](name, o))
	defer rx.Close()
	seed := byte(1)
	for round := 0; round < 40; round++ {
		var sent, come [5]T
		n := 1 + round%5
		all := bytesOf(sent[:n])
		for i := range all {
			all[i] = seed
			seed = seed*5 + 3
		}
		for i := 0; i < n; i++ {
			if err := tx.TryPushFrom(&sent[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i < n; i++ {
			if err := rx.TryPopInto(&come[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(all, bytesOf(come[:n])) {
			t.Fatalf("%T, round %d: % x, not % x", sent[0], round, bytesOf(come[:n]), all)
		}
	}
}

// A copy of the front counts only if the tail word was the same behind it.
func TestAFrontThatIsWrittenMeanwhileIsDiscarded(t *testing.T) {
	_, tx, rx := pair(t, 4)
	pushes(t, tx, 1)
	if !rx.refresh() || !rx.mayUseFront() {
		t.Fatal("not in the front")
	}
	var value uint64
	if getFront(rx.theirs.front, &value); !rx.frontIsWhole() || value != 1 {
		t.Errorf("%v", value)
	}
	pushes(t, tx, 2)
	if getFront(rx.theirs.front, &value); rx.frontIsWhole() {
		t.Errorf("%v taken for the first", value)
	}
	pops(t, rx, 1, 2)
}

// Planted once: no mark in the tail word before the front is written, as a compiler would leave it that
// took the first of two stores for a dead one. Then what was copied meanwhile was torn, and taken for whole.
func TestAFrontThatIsTakenForWholeIsWhole(t *testing.T) {
	type full [frontLen / wordSize]uint64
	const pushed = 300000
	name, o, ctx := newName(t), Options{Items: 64}, within(t, 30*tick)
	tx := must[*Producer[full]](t)(NewProducer[full](name, o))
	rx := must[*Consumer[full]](t)(NewConsumer[full](name, o))
	defer rx.Close()
	done := make(chan error, 1)
	go func() {
		defer tx.Close()
		for n := uint64(1); n <= pushed; n++ {
			if err := tx.Push(ctx, full{n, n, n, n, n, n, n}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for rx.head < pushed*frontLen && ctx.Err() == nil {
		if !rx.refresh() {
			continue
		}
		for again := 0; again < 3 && rx.mayUseFront(); again++ {
			var v full
			getFront(rx.theirs.front, &v)
			n := rx.tail / frontLen
			if rx.frontIsWhole() && v != (full{n, n, n, n, n, n, n}) {
				t.Fatalf("%v is not %d", v, n)
			}
		}
		rx.release(rx.tail - rx.head)
		storeWord(rx.mine.hint, 1) // whatever it thinks of such runs
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Planted once: the tail stored before the copy, and the head. Then the consumer read what was there
// before, and what came after.
func TestARecordExistsOnlyWhileItIsWhole(t *testing.T) {
	for _, items := range []uint64{1, 4} { // both fill the data area
		wideRecords(t, items)
	}
}

func wideRecords(t *testing.T, items uint64) {
	type wide [8192]uint64
	name, ctx := newName(t), within(t, 30*tick)
	o := Options{Items: items}
	tx := must[*Producer[wide]](t)(NewProducer[wide](name, o))
	rx := must[*Consumer[wide]](t)(NewConsumer[wide](name, o))
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for n := uint64(1); n < 1500; n++ {
			var value wide
			for i := range value {
				value[i] = n
			}
			if err := tx.Push(ctx, value); err != nil {
				failed <- err
				return
			}
		}
		tx.Close()
	}()
	for n := uint64(1); ; n++ {
		value, err := rx.Pop(ctx)
		if errors.Is(err, ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range value {
			if value[i] != n {
				t.Fatalf("word %d of value %d is %d", i, n, value[i])
			}
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	rx.Close()
}
