// Owns: words of the other side that change at any moment, beside calls that take several values, records
// in place and latest values. Knows nothing of: which word does what.

package shmring

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand"
	"os"
	"testing"
	"time"
)

// beside writes words of a role's page again and again, until the returned function is called.
func beside(t *testing.T, name string, role Role, seed int64) (stop func()) {
	file := must[*os.File](t)(os.OpenFile("/dev/shm/"+name, os.O_RDWR, 0))
	over, done := make(chan bool), make(chan bool)
	random := rand.New(rand.NewSource(seed))
	go func() {
		defer close(done)
		defer file.Close()
		for {
			select {
			case <-over:
				return
			default:
			}
			// Mostly what may be, so that not all ends at once.
			value := 8 * uint64(random.Intn(600))
			if random.Intn(50) == 0 {
				value = random.Uint64()
			}
			if random.Intn(2) == 0 {
				value |= noFront * uint64(role&1)
			}
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], value)
			at := int64(role)*int64(os.Getpagesize()) + []int64{offPosition, offPosition, offWakeAt, offHint}[random.Intn(4)]
			file.WriteAt(b[:], at)
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

// goesOn reports what is no error of a peer that breaks the protocol. It is false once that was found.
func goesOn(t *testing.T, seed int64, err error) bool {
	t.Helper()
	if !errors.Is(err, ErrOptions) && !errors.Is(err, ErrOverrun) && !errors.Is(err, ErrUnread) {
		known(t, seed, err)
	}
	return !errors.Is(err, ErrCorrupt)
}

// Planted once: room counted although the consumer's position was found wild between two looks. Then
// values were written beyond it.
func TestAHeadThatTurnsWildBetweenTwoLooksGivesNoRoom(t *testing.T) {
	found := 0
	for round := 0; round < 200; round++ {
		name := newName(t)
		tx := must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 500}))
		must[int](t)(tx.TryPushSlice(make([]uint64, 400)))
		over, done := make(chan bool), make(chan bool)
		file := must[*os.File](t)(os.OpenFile("/dev/shm/"+name, os.O_RDWR, 0))
		go func() {
			defer close(done)
			var b [8]byte
			for wild := false; ; wild = !wild {
				select {
				case <-over:
					return
				default:
				}
				binary.LittleEndian.PutUint64(b[:], map[bool]uint64{false: 0, true: 401 * 8}[wild])
				file.WriteAt(b[:], 2*int64(os.Getpagesize()))
			}
		}()
		n, err := tx.PushSlice(within(t, tick), make([]uint64, 300))
		close(over)
		<-done
		file.Close()
		if tx.tail > 500*8 || n > 100 || err == nil && n != 100 {
			t.Fatalf("%d values beside 400 of 500, %v", n, err)
		}
		if errors.Is(err, ErrCorrupt) {
			found++
		}
		tx.Close()
	}
	t.Logf("found in %d rounds", found)
}

func TestWildWordsBesideAProducer(t *testing.T) {
	for seed := int64(1); seed < 100; seed++ {
		name := newName(t)
		tx := must[*Producer[uint64]](t)(NewProducer[uint64](name, Options{Items: 500}))
		stop := beside(t, name, RoleConsumer, seed)
		random, values := rand.New(rand.NewSource(seed)), make([]uint64, 600)
		var err error
		for step := 0; step < 2000 && goesOn(t, seed, err); step++ {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Microsecond)
			before := tx.tail
			switch random.Intn(4) {
			case 0:
				err = tx.TryPush(1)
			case 1:
				_, err = tx.PushSlice(ctx, values[:1+random.Intn(599)])
			case 2:
				_, err = tx.TryPushSlice(values)
			case 3:
				var room []uint64
				n := 1 + random.Intn(500)
				if room, err = tx.TryReserve(n); err == nil {
					room[n-1] = 1
					err = tx.Commit(random.Intn(n + 1))
				}
			}
			cancel()
			if tx.tail < before || tx.tail-before > 500*8 {
				t.Fatalf("seed %d: from %d to %d", seed, before, tx.tail)
			}
		}
		stop()
		tx.Close()
	}
}

func TestWildWordsBesideAConsumer(t *testing.T) {
	for seed := int64(1); seed < 100; seed++ {
		name := newName(t)
		rx := must[*Consumer[uint64]](t)(NewConsumer[uint64](name, Options{Items: 500}))
		stop := beside(t, name, RoleProducer, seed)
		random, values := rand.New(rand.NewSource(seed)), make([]uint64, 600)
		var err error
		for step := 0; step < 2000 && goesOn(t, seed, err); step++ {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Microsecond)
			before := rx.head
			switch random.Intn(4) {
			case 0:
				_, err = rx.TryPop()
			case 1:
				_, err = rx.PopSlice(ctx, values[:1+random.Intn(599)])
			case 2:
				_, err = rx.TryPopSlice(values)
			case 3:
				var seen []uint64
				if seen, err = rx.TryPeek(1 + random.Intn(600)); err == nil {
					values[0] = seen[len(seen)-1]
					err = rx.Release(random.Intn(len(seen) + 1))
				}
			}
			cancel()
			if rx.head < before || rx.head-before > 500*8 {
				t.Fatalf("seed %d: from %d to %d", seed, before, rx.head)
			}
		}
		stop()
		rx.Close()
	}
}

func TestWildWordsBesideAReader(t *testing.T) {
	for seed := int64(1); seed < 100; seed++ {
		name, w, _ := latest[uint64](t, Options{Items: 16})
		w.Close()
		r := must[*LatestReader[uint64]](t)(NewLatestReader[uint64](name, Options{}))
		stop := beside(t, name, RoleProducer, seed)
		random := rand.New(rand.NewSource(seed))
		var err error
		for step := 0; step < 2000 && goesOn(t, seed, err); step++ {
			switch random.Intn(3) {
			case 0:
				_, err = r.Read()
			case 1:
				_, _, err = r.TryNext()
			case 2:
				err = r.StartAtOldest()
			}
		}
		stop()
		r.Close()
	}
}
