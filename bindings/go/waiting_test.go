// Owns: thresholds, and waiting for any of several rings. What decides is what was found, never how long
// it took. Knows nothing of: what is carried.

package shmring

import (
	"context"
	"errors"
	"testing"
	"time"
)

// asleep waits until a side has gone to sleep once more.
func asleep(t *testing.T, sleeps *uint64, before uint64) {
	t.Helper()
	for tries := 0; loadWord(sleeps) == before; tries++ {
		if tries > 5000 {
			t.Fatal("nobody sleeps")
		}
		time.Sleep(time.Millisecond)
	}
}

// Planted once: wake_at without the threshold. Then one record woke the consumer.
func TestAConsumerSleepsUntilThereIsEnough(t *testing.T) {
	name, tx, rx := pair(t, 16)
	ctx := within(t, 20*tick)
	rx.SetThreshold(4*8, 10*tick)
	for round := 0; round < 3; round++ {
		got := make(chan int, 1)
		before := loadWord(rx.mine.sleeps)
		go func() {
			n, err := rx.PopSlice(ctx, make([]uint64, 16))
			if err != nil {
				t.Error(err)
			}
			got <- n
		}()
		asleep(t, rx.mine.sleeps, before)
		if at, head := word(t, name, RoleConsumer, offWakeAt), word(t, name, RoleConsumer, offPosition); at != head+4*8 {
			t.Fatalf("wake_at %d, head %d", at, head)
		}
		rung := loadWord(tx.mine.wakesSent)
		pushes(t, tx, 1, 2, 3)
		if loadWord(tx.mine.wakesSent) != rung {
			t.Error("rung before there was enough")
		}
		pushes(t, tx, 4)
		if loadWord(tx.mine.wakesSent) == rung {
			t.Error("not rung when there was enough")
		}
		if n := <-got; n != 4 {
			t.Errorf("%d of 4", n)
		}
	}
}

func TestATimeOrAnEndIsEnoughForAConsumer(t *testing.T) {
	_, tx, rx := pair(t, 16)
	ctx := within(t, 20*tick)
	rx.SetThreshold(1<<20, 20*time.Millisecond) // counts as half the ring
	if rx.threshold != 8*8 {
		t.Error(rx.threshold)
	}
	wait := func() <-chan uint64 {
		got, before := make(chan uint64, 1), loadWord(rx.mine.sleeps)
		go func() {
			n, err := rx.Pop(ctx)
			if err != nil {
				t.Error(err)
			}
			got <- n
		}()
		asleep(t, rx.mine.sleeps, before)
		return got
	}
	got := wait()
	pushes(t, tx, 1)
	if n := <-got; n != 1 {
		t.Error(n)
	}
	// The time alone would be too long.
	rx.SetThreshold(1<<20, 100*tick)
	got = wait()
	pushes(t, tx, 2)
	tx.Close()
	if n := <-got; n != 2 || ctx.Err() != nil {
		t.Errorf("%d, %v", n, ctx.Err())
	}
	if _, err := rx.Pop(ctx); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// A producer that waits for room is not left to a consumer that waits for more.
func TestAConsumerTakesWhatIsThereBesideAProducerThatWaits(t *testing.T) {
	_, tx, rx := pair(t, 16)
	ctx := within(t, 20*tick)
	rx.SetThreshold(8*8, 100*tick)
	got, before := make(chan uint64, 1), loadWord(rx.mine.sleeps)
	go func() {
		n, _ := rx.Pop(ctx)
		got <- n
	}()
	asleep(t, rx.mine.sleeps, before)
	pushes(t, tx, 1, 2, 3)
	// Room for 14 values, where 13 are free.
	if room := must[[]uint64](t)(tx.Reserve(ctx, 14)); len(room) != 14 {
		t.Error(len(room))
	}
	if n := <-got; n != 1 || ctx.Err() != nil {
		t.Errorf("%d, %v", n, ctx.Err())
	}
}

// Planted once: half the limit whatever was said.
func TestAProducerIsWokenAtItsThreshold(t *testing.T) {
	name, tx, rx := pair(t, 16)
	ctx := within(t, 20*tick)
	for n := uint64(0); n < 16; n++ {
		pushes(t, tx, n)
	}
	tx.SetThreshold(3 * 8)
	pushed, before := make(chan error, 1), loadWord(tx.mine.sleeps)
	go func() { pushed <- tx.Push(ctx, 16) }()
	asleep(t, tx.mine.sleeps, before)
	if at := word(t, name, RoleProducer, offWakeAt); at != 3*8 && at != 8 { // 8: after 100 ms
		t.Errorf("wake_at %d", at)
	}
	pops(t, rx, 0, 1, 2)
	if err := <-pushed; err != nil {
		t.Error(err)
	}
	tx.SetThreshold(1 << 40)
	if tx.threshold != 16*8 {
		t.Error(tx.threshold)
	}
}

func TestAnyOfSeveralRingsWakes(t *testing.T) {
	ctx := within(t, 20*tick)
	var txs []*Producer[uint64]
	var rxs []AnyConsumer
	for i := 0; i < 5; i++ {
		_, tx, rx := pair(t, 4)
		txs, rxs = append(txs, tx), append(rxs, rx)
	}
	name := newName(t)
	messages := must[*MessageProducer](t)(NewMessageProducer(name, Options{Bytes: 4096}))
	rxs = append(rxs, must[*MessageConsumer](t)(NewMessageConsumer(name, Options{Bytes: 4096})))
	for i := range rxs {
		found, before := make(chan int, 1), loadWord(rxs[i].base().mine.sleeps)
		go func() {
			n, err := WaitAny(ctx, rxs...)
			if err != nil {
				t.Error(err)
			}
			found <- n
		}()
		asleep(t, rxs[i].base().mine.sleeps, before)
		for j := range rxs {
			if words := rxs[j].base().mine; loadWord(words.wakeAt) != loadWord(words.position)+8 {
				t.Errorf("ring %d is not asked to wake", j)
			}
		}
		if i < len(txs) {
			pushes(t, txs[i], uint64(i))
		} else if err := messages.Push(ctx, []byte("text")); err != nil {
			t.Error(err)
		}
		if n := <-found; n != i {
			t.Fatalf("ring %d, not %d", n, i)
		}
		if i < len(txs) {
			pops(t, rxs[i].(*Consumer[uint64]), uint64(i))
		}
		for j := range rxs {
			if at := loadWord(rxs[j].base().mine.wakeAt); at != never {
				t.Errorf("ring %d still asks to be woken, at %d", j, at)
			}
		}
	}
	must[[]byte](t)(rxs[5].(*MessageConsumer).Pop(ctx, nil))
	// An end is reported once.
	txs[3].Abandon()
	if n := must[int](t)(WaitAny(ctx, rxs...)); n != 3 {
		t.Error(n)
	}
	finds(t, rxs[3].(*Consumer[uint64]), ErrDied)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if n, err := WaitAny(short, rxs...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := WaitAny(ctx); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
}

// Planted once: no look behind wake_at. Then a record was slept through.
func TestALastLookAtEachRingComesBeforeSleep(t *testing.T) {
	var all []*consumer
	for i := 0; i < 3; i++ {
		_, tx, rx := pair(t, 4)
		all = append(all, rx.base())
		if i == 2 {
			pushes(t, tx, 1)
		}
	}
	// A context that is over ends what would sleep.
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if ready, err := sleepAny(over, all); ready != 2 || err != nil {
		t.Errorf("%d, %v", ready, err)
	}
	if sleeps := loadWord(all[2].mine.sleeps); sleeps != 0 {
		t.Error("slept beside a record")
	}
}

func TestAnObserverSeesARingChange(t *testing.T) {
	name, tx, rx := pair(t, 4)
	o := must[*Observer](t)(NewObserver(name, Options{}))
	pushes(t, tx, 1, 2)
	pops(t, rx, 1)
	if shot := must[Snapshot](t)(o.Look()); shot.Unread != 8 || shot.Producer.State != Alive {
		t.Errorf("%+v", shot)
	}
	tx.Close()
	if shot := must[Snapshot](t)(o.Look()); shot.Producer.State != Closed || shot.Consumer.State != Alive {
		t.Errorf("%+v", shot)
	}
	o.Close()
	o.Close()
	if _, err := o.Look(); err != ErrEnded {
		t.Error(err)
	}
}
