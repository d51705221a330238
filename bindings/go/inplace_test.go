// Owns: records in place, and what they must not do.
// Knows nothing of: Rust, but for one stream each way.

package shmring

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// Planted once: a commit of what another push has published since.
func TestWhatIsReservedExistsOnceItIsCommitted(t *testing.T) {
	_, tx, rx := pair(t, 4)
	ctx := within(t, 5*tick)
	for round := uint64(0); round < 5; round++ { // across the end of the data
		room := must[[]uint64](t)(tx.Reserve(ctx, 3))
		room[0], room[1], room[2] = 10*round, 10*round+1, 99
		finds(t, rx, ErrEmpty)
		if err := tx.Commit(4); !errors.Is(err, ErrOptions) {
			t.Errorf("a commit of more: %v", err)
		}
		if err := tx.Commit(2); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(1); !errors.Is(err, ErrOptions) {
			t.Errorf("a second commit: %v", err)
		}
		seen := must[[]uint64](t)(rx.Peek(ctx, 9))
		if len(seen) != 2 || seen[0] != 10*round || seen[1] != 10*round+1 {
			t.Fatalf("%v", seen)
		}
		if err := rx.Release(1); err != nil {
			t.Error(err)
		}
		pops(t, rx, 10*round+1)
		if err := rx.Release(1); !errors.Is(err, ErrOptions) {
			t.Errorf("a release of what was popped: %v", err)
		}
	}
	room := must[[]uint64](t)(tx.Reserve(ctx, 1))
	pushes(t, tx, 7)
	room[0] = 8 // too late, and harmless: it is published already
	if err := tx.Commit(1); !errors.Is(err, ErrOptions) {
		t.Errorf("a commit behind a push: %v", err)
	}
	if _, err := tx.Reserve(ctx, 5); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	if _, err := tx.TryReserve(4); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if _, err := rx.TryPeek(1); err != nil {
		t.Error(err)
	}
	tx.Close()
	if err := tx.Commit(0); err == nil {
		t.Error("a commit after the end")
	}
	rx.Close()
	if err := rx.Release(1); !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
	if _, err := rx.TryPeek(1); !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
}

// By the front: what is committed there is read from there.
func TestOneValueInPlaceStandsInTheFront(t *testing.T) {
	_, tx, rx := pair(t, 4)
	ctx := within(t, 5*tick)
	must[[]uint64](t)(tx.Reserve(ctx, 1))[0] = 5
	if err := tx.Commit(1); err != nil {
		t.Fatal(err)
	}
	var value uint64
	if !rx.refresh() || !rx.mayUseFront() {
		t.Fatal("not in the front")
	}
	if getFront(rx.theirs.front, &value); value != 5 {
		t.Error(value)
	}
	pops(t, rx, 5)
}

func TestMessagesInPlaceAreThoseOfRust(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	label := Options{Bytes: 4096, Label: "shm-ring stream"}
	tx := must[*MessageProducer](t)(NewMessageProducer(name, label))
	recv := rust(t, "recv", "--lines", name)
	var out bytes.Buffer
	recv.Stdout = &out
	start(t, recv)
	all := lines(2000)
	for _, one := range all {
		room := must[[]byte](t)(tx.Reserve(ctx, 300))
		if err := tx.Commit(copy(room, one)); err != nil {
			t.Fatal(err)
		}
	}
	tx.Close()
	text := strings.Join(all, "\n") + "\n"
	if code := exitCode(t, recv); code != 0 || out.String() != text {
		t.Errorf("recv ended with %d after %d bytes of %d", code, out.Len(), len(text))
	}

	rx := must[*MessageConsumer](t)(NewMessageConsumer(name, label))
	send := rust(t, "send", "--lines", name)
	send.Stdin = strings.NewReader(text)
	start(t, send)
	for i, one := range all {
		found := must[[]byte](t)(rx.Peek(ctx))
		if string(found) != one {
			t.Fatalf("line %d: %q", i, found)
		}
		if err := rx.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if err := rx.Release(); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
	if _, err := rx.Peek(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if code := exitCode(t, send); code != 0 {
		t.Errorf("send ended with %d", code)
	}
}

// Planted once: the length read again from a header that the producer has changed since.
func TestAMessageThatChangesAfterThePeekIsReleasedAsItWas(t *testing.T) {
	name, ctx := newName(t), within(t, 5*tick)
	o := Options{Bytes: 4096}
	tx := must[*MessageProducer](t)(NewMessageProducer(name, o))
	rx := must[*MessageConsumer](t)(NewMessageConsumer(name, o))
	defer rx.Close()
	defer tx.Close()
	for _, text := range []string{"one", "two"} {
		if err := tx.Push(ctx, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	must[[]byte](t)(rx.Peek(ctx))
	*tx.region.word(0) = recordHeader(0, 11)
	if err := rx.Release(); err != nil {
		t.Error(err)
	}
	if found := must[[]byte](t)(rx.Pop(ctx, nil)); string(found) != "two" {
		t.Errorf("%q", found)
	}
}

func TestBytesInPlace(t *testing.T) {
	name, ctx := newName(t), within(t, 5*tick)
	o := Options{Items: 3}
	tx := must[*BytesProducer](t)(NewBytesProducer(name, 5, 1, o))
	rx := must[*BytesConsumer](t)(NewBytesConsumer(name, 5, 1, o))
	defer rx.Close()
	defer tx.Close()
	for round := 0; round < 1000; round++ {
		copy(must[[]byte](t)(tx.Reserve(ctx, 2)), "helloworld")
		if err := tx.Commit(2); err != nil {
			t.Fatal(err)
		}
		if seen := must[[]byte](t)(rx.Peek(ctx, 3)); string(seen) != "helloworld" {
			t.Fatalf("%q", seen)
		}
		if err := rx.Release(2); err != nil {
			t.Fatal(err)
		}
	}
}
