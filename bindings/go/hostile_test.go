// Owns: regions in which somebody writes what the protocol does not allow. What is found is ErrCorrupt,
// permanently; nothing panics, hangs, or touches what is outside the mapping.
// Knows nothing of: honest peers.

package shmring

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"testing"
	"time"
)

// Planted once: a tail that is no position is taken. Then old bytes, or none, were returned as values.
func TestAWildTailIsCorruptPermanently(t *testing.T) {
	for _, tail := range []uint64{0, 9, 4*8 + 16, 5 * 8, 1 << 62, 1<<62 + 8, noFront | 1<<62, never, never - 7} {
		name, tx, rx := pair(t, 4)
		pushes(t, tx, 1)
		pops(t, rx, 1)
		forge(t, name, RoleProducer, offPosition, tail)
		wanted := ErrCorrupt
		if tail == 5*8 {
			wanted = nil // possible: four values that nobody pushed
		}
		finds(t, rx, wanted)
		if wanted != nil {
			forge(t, name, RoleProducer, offPosition, 16) // too late
		}
		finds(t, rx, wanted)
		if _, err := rx.Pop(within(t, tick)); !errors.Is(err, wanted) {
			t.Errorf("%#x: %v", tail, err)
		}
		if _, err := rx.PopSlice(within(t, tick), make([]uint64, 2)); !errors.Is(err, wanted) {
			t.Errorf("%#x: %v", tail, err)
		}
		rx.Close()
	}
}

// Planted once: a second look that may go back. Then a batch was longer than what was there.
func TestATailThatGoesBackIsCorruptPermanently(t *testing.T) {
	for _, tail := range []uint64{0, 8, 16} {
		name, tx, rx := pair(t, 4)
		pushes(t, tx, 1, 2, 3)
		pops(t, rx, 1)
		forge(t, name, RoleProducer, offPosition, tail)
		for again := 0; again < 2; again++ {
			// Fewer are known than wanted, so it looks again.
			if n, err := rx.PopSlice(within(t, tick), make([]uint64, 4)); n != 0 || !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d: %d, %v", tail, n, err)
			}
			forge(t, name, RoleProducer, offPosition, 24)
		}
	}
}

func TestAWildHeadIsCorruptPermanently(t *testing.T) {
	for _, head := range []uint64{4, 6 * 8, 1 << 62, never} {
		name, tx, _ := pair(t, 4)
		pushes(t, tx, 1, 2, 3, 4)
		forge(t, name, RoleConsumer, offPosition, head)
		for again := 0; again < 2; again++ {
			if err := tx.TryPush(5); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%#x: %v", head, err)
			}
			if err := tx.Push(within(t, tick), 5); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%#x: %v", head, err)
			}
			forge(t, name, RoleConsumer, offPosition, 8)
		}
		if _, err := tx.PushSlice(within(t, tick), []uint64{5}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%#x: %v", head, err)
		}
	}
}

func TestAWildRecordHeaderIsCorruptPermanently(t *testing.T) {
	for what, record := range map[string]uint64{
		"nothing": 0, "of another position": recordHeader(8, 4), "without its bit": 4,
		"beyond the tail": recordHeader(0, 9), "of 4 GiB": recordHeader(0, 1<<32-1),
	} {
		name, ctx := newName(t), within(t, 5*tick)
		o := Options{Bytes: 4096}
		tx := must[*MessageProducer](t)(NewMessageProducer(name, o))
		rx := must[*MessageConsumer](t)(NewMessageConsumer(name, o))
		text := []byte("four")
		for i := 0; i < 2; i++ { // two, so that the front is not that of the first
			if err := tx.Push(ctx, text); err != nil {
				t.Fatal(err)
			}
		}
		data := int64(controlPages * os.Getpagesize())
		right := recordHeader(0, 4)
		if what == "beyond the tail" {
			record = recordHeader(0, 25)
		}
		forgeAt(t, name, data, record)
		for again := 0; again < 2; again++ {
			if _, err := rx.TryPop(nil); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %v", what, err)
			}
			if _, err := rx.PopBatch(ctx, 9); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %v", what, err)
			}
			forgeAt(t, name, data, right)
		}
		tx.Close()
		rx.Close()
	}
}

// A front that is not that of the record does not count: the data decides.
func TestAForgedFrontIsDiscarded(t *testing.T) {
	name, ctx := newName(t), within(t, 5*tick)
	o := Options{Bytes: 4096}
	tx := must[*MessageProducer](t)(NewMessageProducer(name, o))
	rx := must[*MessageConsumer](t)(NewMessageConsumer(name, o))
	defer rx.Close()
	defer tx.Close()
	for i, front := range []uint64{0, recordHeader(8, 4), recordHeader(24, 48), recordHeader(24, 49), never} {
		if err := tx.Push(ctx, []byte("four")); err != nil {
			t.Fatal(err)
		}
		forge(t, name, RoleProducer, offFront, front)
		if text, err := rx.TryPop(nil); err != nil || string(text) != "four" {
			t.Errorf("%d: %q, %v", i, text, err)
		}
	}
}

func TestAWildRegionIsNotOpened(t *testing.T) {
	page := int64(os.Getpagesize())
	for at, value := range map[int64]uint64{
		0: 0, 8: 1 | 256<<32, 16: 0x04030201 | 8<<32, 24: 8192 | 1<<32, 28: 9, 32: 0, 40: 3, 48: 5, 56: 4097,
		64: 0, 96: 0xff, 98: 0x41, 160: 7,
		page + offPosition: 4, 2*page + offPosition: 8,
	} {
		name, tx, rx := pair(t, 4)
		tx.Close()
		rx.Close()
		forgeAt(t, name, at, value)
		o := Options{Items: 4, Open: Existing}
		_, err := NewProducer[uint64](name, o)
		if !errors.Is(err, ErrIncompatible) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d at %d: %v", value, at, err)
		}
	}
	name, tx, rx := pair(t, 4)
	tx.Close()
	rx.Close()
	end := uint64(maxPosition - 8)
	forge(t, name, RoleProducer, offPosition, end|noFront)
	forge(t, name, RoleConsumer, offPosition, end)
	if _, err := NewProducer[uint64](name, Options{Open: Existing}); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
	// One record before that one fits, and no more.
	forge(t, name, RoleProducer, offPosition, end-8|noFront)
	forge(t, name, RoleConsumer, offPosition, end-8)
	tx = must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Open: Existing}))
	defer tx.Close()
	pushes(t, tx, 1)
	if err := tx.TryPush(2); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}

// knownErrors are all that may come of calls over bytes that somebody else writes.
var knownErrors = []error{ErrFull, ErrEmpty, ErrClosed, ErrDied, ErrCorrupt, ErrTooLong, ErrExhausted,
	ErrTaken, ErrIncompatible, context.DeadlineExceeded}

func known(t *testing.T, seed int64, err error) {
	t.Helper()
	for _, one := range knownErrors {
		if err == nil || errors.Is(err, one) {
			return
		}
	}
	t.Errorf("seed %d: %v", seed, err)
}

// Anything may be written anywhere, at any time, also to what this side alone should write.
func TestWildWritesEverywhere(t *testing.T) {
	end := time.Now().Add(3 * time.Second)
	rounds := int64(0)
	for seed := int64(1); seed < 200 && time.Now().Before(end); seed++ {
		rounds = seed
		wild(t, seed)
	}
	t.Logf("%d rounds", rounds)
}

func wild(t *testing.T, seed int64) {
	random := rand.New(rand.NewSource(seed))
	name := fmt.Sprintf("shm-ring-go-%d-wild", os.Getpid())
	defer os.Remove("/dev/shm/" + name)
	o := Options{Bytes: 4096, Patience: time.Millisecond}
	tx := must[*MessageProducer](t)(NewMessageProducer(name, o))
	rx := must[*MessageConsumer](t)(NewMessageConsumer(name, o))
	file := must[*os.File](t)(os.OpenFile("/dev/shm/"+name, os.O_RDWR, 0))
	defer file.Close()
	page := int64(os.Getpagesize())
	offsets := []int64{offPosition, offFront, offFront + 8, offWakeAt, offHint, offBell, offSession, offFenceMode,
		offLiveness, offDied, offStart, offStart + 8, offStart + 24, offTold}
	values := []uint64{0, 1, 8, 16, 40, 4096, 1 << 31, 1 << 32, 1 << 62, noFront, noFront | 24, never, never - 1}
	for step := 0; step < 60; step++ {
		at := page*(1+random.Int63n(2)) + offsets[random.Intn(len(offsets))]
		if random.Intn(3) == 0 {
			at = 3*page + 8*random.Int63n(512)
		}
		value := values[random.Intn(len(values))]
		if random.Intn(4) == 0 {
			value = random.Uint64()
		}
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], value)
		if random.Intn(2) == 0 {
			must[int](t)(file.WriteAt(b[:], at))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		var err error
		switch random.Intn(8) {
		case 0:
			err = tx.TryPush(make([]byte, random.Intn(200)))
		case 1:
			err = tx.Push(ctx, make([]byte, random.Intn(5000)))
		case 2:
			_, err = tx.PushBatch(ctx, [][]byte{make([]byte, random.Intn(60)), {}, make([]byte, 9)})
		case 3:
			_, err = rx.TryPop(nil)
		case 4:
			_, err = rx.Pop(ctx, nil)
		case 5:
			_, err = rx.PopBatch(ctx, random.Intn(9)+1)
		case 6:
			_, err = Stat(name, o)
			tx.Peer()
			rx.Peer()
		case 7:
			if random.Intn(4) == 0 {
				tx.Close()
				var again *MessageProducer
				if again, err = NewMessageProducer(name, o); err == nil {
					tx = again
				}
			}
		}
		cancel()
		if !errors.Is(err, ErrEnded) {
			known(t, seed, err)
		}
	}
	tx.Close()
	rx.Close()
}
