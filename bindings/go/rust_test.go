// Owns: Go and Rust as the two sides of a ring, both ways, in two processes.
// Knows nothing of: kills at random; ledger_test.go does.

package shmring

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

const tick = time.Second

func numbers(from, to uint64) []byte {
	b := make([]byte, 0, 8*(to-from))
	for n := from; n < to; n++ {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func TestValuesOfRustAreReadByGo(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	rx := must[*Consumer[uint64]](t)(NewConsumer[uint64](name, Options{Items: 100}))
	send := rust(t, "send", name)
	send.Stdin = bytes.NewReader(numbers(0, 100000))
	start(t, send)
	for n := uint64(0); n < 100000; n++ {
		if found := must[uint64](t)(rx.Pop(ctx)); found != n {
			t.Fatalf("%d, not %d", found, n)
		}
	}
	if _, err := rx.Pop(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if code := exitCode(t, send); code != 0 {
		t.Errorf("send ended with %d", code)
	}
	if err := rx.Close(); err != nil {
		t.Error(err)
	}
	if err := Unlink(name, Options{}); err != nil {
		t.Error(err)
	}
}

func TestValuesOfGoAreReadByRust(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	tx := must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 100}))
	recv := rust(t, "recv", name)
	var out bytes.Buffer
	recv.Stdout = &out
	start(t, recv)
	for n := uint64(0); n < 1000; n++ { // one at a time: by the front
		if err := tx.Push(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	var all []uint64
	for n := uint64(1000); n < 100000; n++ {
		all = append(all, n)
	}
	must[int](t)(tx.PushAll(ctx, all))
	tx.Close()
	if code := exitCode(t, recv); code != 0 || !bytes.Equal(out.Bytes(), numbers(0, 100000)) {
		t.Errorf("recv ended with %d after %d bytes", code, out.Len())
	}
}

func lines(n int) []string {
	var all []string
	for i := 0; i < n; i++ {
		all = append(all, fmt.Sprint(i, strings.Repeat("x", i%200)))
	}
	return all
}

func TestMessagesOfRustAreReadByGo(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	label := Options{Bytes: 4096, Label: "shm-ring stream"}
	rx := must[*MessageConsumer](t)(NewMessageConsumer(name, label))
	send := rust(t, "send", "--lines", name)
	all := lines(5000)
	send.Stdin = strings.NewReader(strings.Join(all, "\n") + "\n")
	start(t, send)
	var buffer []byte
	for i := 0; i < len(all); {
		if i%2 == 0 {
			buffer = must[[]byte](t)(rx.Pop(ctx, buffer))
			if string(buffer) != all[i] {
				t.Fatalf("line %d: %q", i, buffer)
			}
			i++
			continue
		}
		for _, one := range must[[][]byte](t)(rx.PopBatch(ctx, 7)) {
			if string(one) != all[i] {
				t.Fatalf("line %d: %q", i, one)
			}
			i++
		}
	}
	if _, err := rx.Pop(ctx, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestMessagesOfGoAreReadByRust(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	label := Options{Bytes: 4096, Label: "shm-ring stream"}
	tx := must[*MessageProducer](t)(NewMessageProducer(name, label))
	recv := rust(t, "recv", "--lines", name)
	var out bytes.Buffer
	recv.Stdout = &out
	start(t, recv)
	all := lines(5000)
	for i := 0; i < len(all); {
		if i%3 != 0 {
			if err := tx.Push(ctx, []byte(all[i])); err != nil {
				t.Fatal(err)
			}
			i++
			continue
		}
		batch := [][]byte{}
		for _, one := range all[i:min(i+5, len(all))] {
			batch = append(batch, []byte(one))
		}
		i += must[int](t)(tx.PushBatch(ctx, batch))
	}
	tx.Close()
	if code := exitCode(t, recv); code != 0 || out.String() != strings.Join(all, "\n")+"\n" {
		t.Errorf("recv ended with %d after %d bytes", code, out.Len())
	}
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// What Rust says of a ring in which Go holds both sides is what Go says.
func TestBothSaySameOfARing(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	o := Options{Items: 9, Schema: 7, Label: "of Go"}
	tx := must[*Producer[uint64]](t)(NewProducer[uint64](name, o))
	rx := must[*Consumer[uint64]](t)(NewConsumer[uint64](name, o))
	must[int](t)(tx.PushSlice(ctx, []uint64{1, 2, 3}))
	must[uint64](t)(rx.Pop(ctx))
	stat := rust(t, "stat", "--json", name)
	text := must[[]byte](t)(stat.Output())
	var said struct {
		Label, Kind, ID string
		Tail, Head      uint64
		Schema          uint64 `json:"schema_id"`
		Producer        struct{ State string }
		Consumer        struct{ State string }
	}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	if said.Label != "of Go" || said.Kind != "values" || said.Tail != 24 || said.Head != 8 || said.Schema != 7 ||
		said.Producer.State != "alive" || said.Consumer.State != "alive" || said.ID != rx.Header().ID {
		t.Errorf("%+v of %s, %+v", said, text, rx.Header())
	}
	shot := must[Snapshot](t)(Stat(name, Options{}))
	if shot.Unread != 16 || shot.Producer.State != Alive || shot.Consumer.State != Alive || shot.Label != "of Go" {
		t.Errorf("%+v", shot)
	}
	isListed := false
	for _, one := range must[[]Snapshot](t)(List(Options{})) {
		isListed = isListed || one.Path == "/dev/shm/"+name
	}
	if !isListed {
		t.Error("not in the list")
	}
	tx.Close()
	rx.Close()
}

func init() {
	// Publishes one number after the other and waits to be killed.
	jobs["publish"] = func(arguments []string) {
		tx, err := NewProducer[uint64](arguments[0], Options{Items: 100})
		if err != nil {
			panic(err)
		}
		for n := uint64(0); n < 3; n++ {
			if err := tx.TryPush(n); err != nil {
				panic(err)
			}
		}
		fmt.Println("ready")
		time.Sleep(time.Hour)
	}
}

// The kernel reports the death of Go to Rust, and that of Rust to Go, behind the last record.
func TestADeathIsReportedBothWays(t *testing.T) {
	name, ctx := newName(t), within(t, 20*tick)
	tx := self("publish", name)
	out := must[io.ReadCloser](t)(tx.StdoutPipe())
	start(t, tx)
	out.Read(make([]byte, 1))
	recv := rust(t, "recv", name)
	recv.Stderr = nil
	pipe := must[io.ReadCloser](t)(recv.StdoutPipe())
	start(t, recv)
	got := make([]byte, 24)
	must[int](t)(io.ReadFull(pipe, got))
	if word(t, name, RoleProducer, offLiveness)&threadMark == 0 {
		t.Error("Go named no thread")
	}
	tx.Process.Kill()
	if code := exitCode(t, recv); code != 5 || !bytes.Equal(got, numbers(0, 3)) {
		t.Errorf("recv ended with %d after %v", code, got)
	}
	tx.Wait()
	if liveness := uint32(word(t, name, RoleProducer, offLiveness)); liveness != threadMark|deathMark {
		t.Errorf("the kernel left %#x", liveness)
	}

	rx := must[*Consumer[uint64]](t)(NewConsumer[uint64](name, Options{Items: 100}))
	send := rust(t, "send", name)
	in := must[io.WriteCloser](t)(send.StdinPipe())
	start(t, send)
	must[int](t)(in.Write(numbers(3, 5)))
	for n := uint64(3); n < 5; n++ {
		if found := must[uint64](t)(rx.Pop(ctx)); found != n {
			t.Fatalf("%d, not %d", found, n)
		}
	}
	send.Process.Kill()
	if _, err := rx.Pop(ctx); !errors.Is(err, ErrDied) {
		t.Error(err)
	}
	if rx.Peer() != Dead {
		t.Error(rx.Peer())
	}
	rx.Close()
}
