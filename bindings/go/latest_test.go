// Owns: latest values: whole, in order, across deaths, and between Go and Rust.
// Knows nothing of: rings.

package shmring

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"
	"time"
)

func latest[T any](t *testing.T, o Options) (string, *LatestWriter[T], *LatestReader[T]) {
	name := newName(t)
	w := must[*LatestWriter[T]](t)(NewLatestWriter[T](name, o))
	r := must[*LatestReader[T]](t)(NewLatestReader[T](name, o))
	t.Cleanup(func() { w.Close(); r.Close() })
	return name, w, r
}

func writes(t *testing.T, w *LatestWriter[uint64], from, to uint64) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := w.Write(n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoldenLatestIsReadAndWritten(t *testing.T) {
	type wide [112]byte
	value := func(n int) (v wide) {
		copy(v[:], goldenValue(n, len(v)))
		return v
	}
	name := laid(t, "latest")
	r := must[*LatestReader[wide]](t)(NewLatestReader[wide](name, goldenOptions))
	if v := must[wide](t)(r.Read()); v != value(3) || r.Version() != 33 || r.Writer() != Closed {
		t.Errorf("%q, version %d, writer %v", v, r.Version(), r.Writer())
	}
	r.Close()
	w := must[*LatestWriter[wide]](t)(NewLatestWriter[wide](name, goldenOptions))
	if w.Version() != 33 || w.Session() != 3 {
		t.Errorf("version %d, session %d", w.Version(), w.Session())
	}
	w.Close()

	// The same again, written by Go.
	o := goldenOptions
	o.Items = 32
	name = newName(t)
	w = must[*LatestWriter[wide]](t)(NewLatestWriter[wide](name, o))
	for n := 1; n <= 33; n++ {
		var v wide
		if n < 3 || n == 33 {
			v = value(n % 10)
		}
		if err := w.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	same(t, name, "latest")
}

// Planted once: a copy accepted whose slot was written meanwhile, by one version.
func TestACopyIsWholeUntilItsSlotIsWrittenAgain(t *testing.T) {
	_, w, r := latest[uint64](t, Options{Items: 32})
	if _, err := r.Read(); err != ErrEmpty {
		t.Error(err)
	}
	writes(t, w, 1, 1)
	var value uint64
	writes(t, w, 2, 31)
	if !r.copy(1, &value) || value != 1 {
		t.Errorf("%d of 30 later, in 32 slots", value)
	}
	// The writer may be writing version 33 now, in the slot of the first.
	writes(t, w, 32, 32)
	if r.copy(1, &value) {
		t.Errorf("taken beside the writer: %d", value)
	}
	if value = must[uint64](t)(r.Read()); value != 32 || r.Version() != 32 {
		t.Error(value)
	}
}

// Planted once: versions that were lost not counted.
func TestEachVersionComesInOrderOrIsCountedAsLost(t *testing.T) {
	_, w, r := latest[uint64](t, Options{Items: 32})
	if _, _, err := r.TryNext(); err != ErrEmpty {
		t.Error(err)
	}
	writes(t, w, 1, 31)
	for n := uint64(1); n <= 31; n++ {
		if v, lost, err := r.TryNext(); v != n || lost != 0 || err != nil {
			t.Fatalf("%d: %d, %d lost, %v", n, v, lost, err)
		}
	}
	writes(t, w, 32, 131)
	next := uint64(32)
	for next <= 131 {
		v, lost, err := r.TryNext()
		if err != nil || v != next+lost || lost == 0 && next == 32 {
			t.Fatalf("%d, %d lost, %v: not %d", v, lost, err, next)
		}
		next = v + 1
	}
	if _, lost, err := r.TryNext(); err != ErrEmpty || lost != 0 {
		t.Errorf("%d lost, %v", lost, err)
	}
	if err := r.StartAtOldest(); err != nil {
		t.Error(err)
	}
	if v, lost, err := r.TryNext(); v != 131-30 || lost != 0 || err != nil {
		t.Errorf("the oldest: %d, %d lost, %v", v, lost, err)
	}
}

// Planted once: what was behind a value left there.
func TestZerosStandBehindAValueUpToAWord(t *testing.T) {
	name, w, r := latest[[13]byte](t, Options{})
	at := int64(controlPages*os.Getpagesize()) + 128
	forgeAt(t, name, at+8, never)
	value := [13]byte{12: 7}
	if err := w.Write(value); err != nil {
		t.Fatal(err)
	}
	b := must[[]byte](t)(os.ReadFile("/dev/shm/" + name))[at : at+16]
	if !bytes.Equal(b, append(value[:], 0, 0, 0)) {
		t.Errorf("% x", b)
	}
	if v := must[[13]byte](t)(r.Read()); v != value {
		t.Error(v)
	}
}

func TestAReaderWaitsAndLearnsHowTheWriterEnded(t *testing.T) {
	name, w, r := latest[uint64](t, Options{})
	ctx := within(t, 10*tick)
	written := make(chan bool)
	go func() {
		time.Sleep(20 * time.Millisecond)
		w.Write(7)
		w.Notify()
		close(written)
	}()
	if v := must[uint64](t)(r.ReadNewer(ctx)); v != 7 {
		t.Error(v)
	}
	<-written
	short := within(t, 30*time.Millisecond)
	if _, err := r.ReadNewer(short); !errors.Is(err, short.Err()) || err == nil {
		t.Error(err)
	}
	w.Write(8)
	w.Close()
	if v := must[uint64](t)(r.ReadNewer(ctx)); v != 8 {
		t.Error(v)
	}
	if _, err := r.ReadNewer(ctx); err != ErrClosed {
		t.Error(err)
	}
	if err := w.Write(9); err != ErrEnded {
		t.Error(err)
	}
	w = must[*LatestWriter[uint64]](t)(NewLatestWriter[uint64](name, Options{}))
	if w.Version() != 2 {
		t.Errorf("goes on at %d", w.Version())
	}
	if _, err := NewLatestWriter[uint64](name, Options{}); !errors.Is(err, ErrTaken) {
		t.Error(err)
	}
	w.Abandon()
	if _, _, err := r.Next(ctx); err != ErrDied {
		t.Error(err)
	}
	if err := Unlink(name, Options{}); !errors.Is(err, ErrUnread) {
		t.Error(err)
	}
}

// Planted once: a version that goes back is read.
func TestAWildVersionIsCorruptPermanently(t *testing.T) {
	for _, version := range []uint64{0, 2, 1 << 62, never} {
		name, w, r := latest[uint64](t, Options{})
		writes(t, w, 1, 3)
		must[uint64](t)(r.Read())
		forge(t, name, RoleProducer, offPosition, version)
		for again := 0; again < 2; again++ {
			if _, err := r.Read(); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%#x: %v", version, err)
			}
			if _, _, err := r.TryNext(); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%#x: %v", version, err)
			}
			forge(t, name, RoleProducer, offPosition, 3)
		}
	}
	name, w, _ := latest[uint64](t, Options{})
	w.Close()
	forge(t, name, RoleProducer, offPosition, 1<<61)
	if _, err := NewLatestWriter[uint64](name, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

// picture is a value that shows whether it is whole.
type picture [64]uint64

func init() {
	jobs["paint"] = func(arguments []string) {
		w, err := NewLatestWriter[picture](arguments[0], Options{})
		if err != nil {
			panic(err)
		}
		for {
			var p picture
			for i := range p {
				p[i] = w.Version() + 1
			}
			w.WriteFrom(&p)
		}
	}
}

func isWholePicture(t *testing.T, p *picture, version uint64) {
	t.Helper()
	for i, word := range p {
		if word != version {
			t.Fatalf("word %d of version %d is %d", i, version, word)
		}
	}
}

// Planted once: the version stored before the value. Then a torn picture was read.
func TestPicturesAreWholeAcrossKillsOfTheirWriter(t *testing.T) {
	name, w, r := latest[picture](t, Options{})
	w.Close()
	random := rand.New(rand.NewSource(1))
	var last, read uint64
	for kills := 0; kills < 10; kills++ {
		paint := self("paint", name)
		start(t, paint)
		until := time.Now().Add(time.Duration(20+random.Intn(60)) * time.Millisecond)
		for time.Now().Before(until) {
			switch p, err := r.Read(); {
			case errors.Is(err, ErrEmpty) || errors.Is(err, ErrOverrun):
			case err != nil:
				t.Fatal(err)
			default:
				isWholePicture(t, &p, r.Version())
				if r.Version() < last {
					t.Fatalf("%d behind %d", r.Version(), last)
				}
				last = r.Version()
				read++
			}
		}
		paint.Process.Kill()
		paint.Wait()
		if _, err := r.ReadNewer(within(t, 10*tick)); err == nil {
			last = r.Version()
		}
		if _, err := r.ReadNewer(within(t, 10*tick)); err != ErrDied {
			t.Fatal(err)
		}
	}
	if read == 0 {
		t.Error("nothing was read")
	}
}

func TestVersionsOfGoAreReadByRust(t *testing.T) {
	name := newName(t)
	w := must[*LatestWriter[uint64]](t)(NewLatestWriter[uint64](name, Options{Items: 1001}))
	read := example(t, "broadcast", "quick", name)
	out := must[interface{ Read([]byte) (int, error) }](t)(read.StdoutPipe())
	start(t, read)
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatal(lines.Text())
	}
	for n := uint64(1); n <= 10000; n++ {
		w.Write(n)
		if n%100 == 0 {
			w.Notify()
			time.Sleep(time.Millisecond)
		}
	}
	w.Close()
	lines.Scan()
	if said := lines.Text(); !strings.HasSuffix(said, " 10000 in all") {
		t.Error(said)
	}
	if code := exitCode(t, read); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

func TestVersionsOfRustAreReadByGo(t *testing.T) {
	write := example(t, "broadcast")
	var out bytes.Buffer
	write.Stdout = &out
	start(t, write)
	name := fmt.Sprint("/shm-ring-broadcast-", write.Process.Pid)
	var r *LatestReader[uint64]
	for tries := 0; ; tries++ {
		var err error
		if r, err = NewLatestReader[uint64](name, Options{Open: Existing}); err == nil {
			break
		}
		if tries > 2000 {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	defer r.Close()
	if err := r.StartAtOldest(); err != nil {
		t.Error(err)
	}
	ctx, last := within(t, 20*tick), uint64(0)
	for {
		v, lost, err := r.Next(ctx)
		if err == ErrClosed {
			break
		}
		if err != nil || v != last+lost+1 {
			t.Fatalf("%d, %d lost, %v: behind %d", v, lost, err, last)
		}
		last = v
	}
	if last != 10000 {
		t.Errorf("the last was %d", last)
	}
	exitCode(t, write)
}
