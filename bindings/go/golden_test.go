// Owns: the golden images of the Rust suite, read by Go, and written by Go again byte by byte.
// Knows nothing of: waiting.

package shmring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

const goldenSchema = 0x0807060504030201

var goldenOptions = Options{Schema: goldenSchema, Label: "golden"}

// image is a golden image, as bytes.
func image(t *testing.T, which string) []byte {
	if os.Getpagesize() != 4096 {
		t.Skip("the golden images have pages of 4096 bytes")
	}
	text := must[[]byte](t)(os.ReadFile("../../crates/shm-ring/tests/it/golden/v2-" + which + ".hex"))
	var b []byte
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.SplitN(strings.SplitN(line, "  |", 2)[0], "  ", 2)
		at := must[uint64](t)(strconv.ParseUint(fields[0], 16, 32))
		b = append(b, make([]byte, int(at)-len(b))...)
		if len(fields) == 2 {
			for _, one := range strings.Fields(fields[1]) {
				b = append(b, byte(must[uint64](t)(strconv.ParseUint(one, 16, 8))))
			}
		}
	}
	return b
}

func laid(t *testing.T, which string) string {
	name := newName(t)
	if err := os.WriteFile("/dev/shm/"+name, image(t, which), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// same compares a region with an image, but for what varies: time and id, and fence mode, pid and pid
// namespace of both sides.
func same(t *testing.T, name, which string) {
	t.Helper()
	wanted, found := image(t, which), must[[]byte](t)(os.ReadFile("/dev/shm/"+name))
	for _, part := range [][2]int{{72, 96}, {4096 + 392, 4096 + 408}, {8192 + 392, 8192 + 408}} {
		copy(found[part[0]:part[1]], make([]byte, 24))
	}
	if len(wanted) != len(found) {
		t.Fatalf("%d bytes, not %d", len(found), len(wanted))
	}
	for at := range wanted {
		if wanted[at] != found[at] {
			t.Errorf("%s: byte %#x is %#x, not %#x", which, at, found[at], wanted[at])
		}
	}
}

// goldenValue is the n-th value: the letter of its number again and again, and its number at its end.
func goldenValue(n, size int) []byte {
	b := bytes.Repeat([]byte{byte('a' + n)}, size)
	b[size-1] = byte('0' + n)
	return b
}

func TestGoldenValuesAreReadAndWritten(t *testing.T) {
	for size, align := range map[int]uint64{1: 1, 5: 1, 8: 8, 24: 1} {
		which := fmt.Sprint("values-of-", size)
		name := laid(t, which)
		ctx := within(t, 5*tick)
		rx := must[*BytesConsumer](t)(NewBytesConsumer(name, uint64(size), align, goldenOptions))
		if rx.Session() != 3 || rx.Limit() != uint64(5*size) {
			t.Errorf("session %d, limit %d", rx.Session(), rx.Limit())
		}
		b := make([]byte, size)
		for n := 1; n < 5; n++ {
			must[int](t)(rx.Pop(ctx, b))
			if !bytes.Equal(b, goldenValue(n, size)) {
				t.Errorf("value %d is %q", n, b)
			}
		}
		if _, err := rx.Pop(ctx, b); !errors.Is(err, ErrClosed) {
			t.Errorf("behind the last one: %v", err)
		}
		rx.Close()

		// The same again, written by Go.
		name = newName(t)
		o := goldenOptions
		o.Items = 5
		tx := must[*BytesProducer](t)(NewBytesProducer(name, uint64(size), align, o))
		rx = must[*BytesConsumer](t)(NewBytesConsumer(name, uint64(size), align, o))
		must[int](t)(tx.Push(ctx, goldenValue(0, size)))
		must[int](t)(tx.Push(ctx, goldenValue(1, size)))
		must[int](t)(rx.Pop(ctx, b))
		must[int](t)(tx.Push(ctx, append(goldenValue(2, size), goldenValue(3, size)...)))
		must[int](t)(tx.Push(ctx, goldenValue(4, size)))
		tx.Close()
		rx.Close()
		same(t, name, which)
	}
}

var goldenTexts = []string{"taken", "", "of 49 bytes, one more than there is in the front.", "two", "in the front"}

func TestGoldenMessagesAreReadAndWritten(t *testing.T) {
	name := laid(t, "messages")
	ctx := within(t, 5*tick)
	o := goldenOptions
	o.Align = 16
	rx := must[*MessageConsumer](t)(NewMessageConsumer(name, o))
	for _, text := range goldenTexts[1:] {
		if found := must[[]byte](t)(rx.Pop(ctx, nil)); string(found) != text {
			t.Errorf("%q, not %q", found, text)
		}
	}
	if _, err := rx.Pop(ctx, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("behind the last one: %v", err)
	}
	rx.Close()

	name, o.Bytes = newName(t), 500
	tx := must[*MessageProducer](t)(NewMessageProducer(name, o))
	rx = must[*MessageConsumer](t)(NewMessageConsumer(name, o))
	push := func(text string) {
		if err := tx.Push(ctx, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	push(goldenTexts[0])
	must[[]byte](t)(rx.Pop(ctx, nil))
	batch := [][]byte{[]byte(goldenTexts[1]), []byte(goldenTexts[2])}
	if n := must[int](t)(tx.PushBatch(ctx, batch)); n != 2 {
		t.Errorf("%d of 2", n)
	}
	push(goldenTexts[3])
	push(goldenTexts[4])
	tx.Close()
	rx.Close()
	same(t, name, "messages")
}

func TestGoldenLatestIsSeen(t *testing.T) {
	shot := must[Snapshot](t)(Stat(laid(t, "latest"), Options{}))
	if shot.Kind != Latest || shot.Size != 112 || shot.Producer.Position != 33 || shot.Producer.State != Closed {
		t.Errorf("%+v", shot)
	}
}
