// Owns: one example a family of calls, run by go test.
// Knows nothing of: other processes.

package shmring_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"shmring"
)

func ownName(what string) string { return fmt.Sprintf("/shm-ring-go-doc-%s-%d", what, os.Getpid()) }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example() {
	type tick struct{ Number, Price uint64 }
	ctx, name, options := context.Background(), ownName("first"), shmring.Options{Items: 4096}

	// One process; either may start first:
	tx, err := shmring.NewProducer[tick](name, options)
	check(err)
	check(tx.Push(ctx, tick{1, 100}))
	check(tx.Push(ctx, tick{2, 101}))

	// Another:
	rx, err := shmring.NewConsumer[tick](name, options)
	check(err)
	tx.Close()
	for {
		t, err := rx.Pop(ctx)
		if errors.Is(err, shmring.ErrClosed) {
			break
		}
		check(err)
		fmt.Println(t.Number, t.Price)
	}
	rx.Close()
	check(shmring.Unlink(name, options))
	// Output:
	// 1 100
	// 2 101
}

func ExampleProducer_PushAll() {
	ctx, name := context.Background(), ownName("batches")
	tx, err := shmring.NewProducer[uint32](name, shmring.Options{Items: 100})
	check(err)
	_, err = tx.PushAll(ctx, []uint32{1, 2, 3, 4, 5})
	check(err)
	rx, err := shmring.NewConsumer[uint32](name, shmring.Options{})
	check(err)
	buffer := make([]uint32, 3)
	n, err := rx.PopSlice(ctx, buffer)
	check(err)
	fmt.Println(buffer[:n], rx.Len())
	tx.Close()
	rx.Close()
	fmt.Println(errors.Is(shmring.Unlink(name, shmring.Options{}), shmring.ErrUnread))
	check(shmring.UnlinkAndDiscard(name, shmring.Options{}))
	// Output:
	// [1 2 3] 2
	// true
}

func ExampleMessageProducer() {
	ctx, name := context.Background(), ownName("messages")
	tx, err := shmring.NewMessageProducer(name, shmring.Options{Bytes: 1 << 16})
	check(err)
	check(tx.Push(ctx, []byte("a line")))
	_, err = tx.PushBatch(ctx, [][]byte{[]byte("and"), []byte("two more")})
	check(err)
	rx, err := shmring.NewMessageConsumer(name, shmring.Options{})
	check(err)
	line, err := rx.Pop(ctx, nil) // give it the buffer again: line, err = rx.Pop(ctx, line)
	check(err)
	fmt.Printf("%s\n", line)
	rest, err := rx.PopBatch(ctx, 10)
	check(err)
	fmt.Printf("%s\n", rest)
	tx.Close()
	rx.Close()
	check(shmring.Unlink(name, shmring.Options{}))
	// Output:
	// a line
	// [and two more]
}

func ExampleNewBytesConsumer() {
	ctx, name := context.Background(), ownName("bytes")
	tx, err := shmring.NewProducer[[3]uint16](name, shmring.Options{Items: 8, Schema: 7})
	check(err)
	check(tx.Push(ctx, [3]uint16{1, 2, 3}))
	rx, err := shmring.NewBytesConsumer(name, 0, 0, shmring.Options{}) // whatever is there
	check(err)
	value := make([]byte, rx.Size())
	_, err = rx.Pop(ctx, value)
	check(err)
	fmt.Println(rx.Header().Kind, rx.Header().Schema, value)
	tx.Close()
	rx.Close()
	check(shmring.Unlink(name, shmring.Options{}))
	// Output:
	// values 7 [1 0 2 0 3 0]
}

func ExampleStat() {
	name := ownName("stat")
	tx, err := shmring.NewProducer[uint64](name, shmring.Options{Items: 4, Label: "four"})
	check(err)
	check(tx.TryPush(1))
	ring, err := shmring.Stat(name, shmring.Options{})
	check(err)
	fmt.Println(ring.Label, ring.Unread, ring.Producer.State, ring.Consumer.State)
	tx.Close()
	check(shmring.UnlinkAndDiscard(name, shmring.Options{}))
	// Output:
	// four 8 alive absent
}

func ExampleLatestWriter() {
	name := ownName("latest")
	writer, err := shmring.NewLatestWriter[float64](name, shmring.Options{})
	check(err)
	reader, err := shmring.NewLatestReader[float64](name, shmring.Options{})
	check(err)
	for _, celsius := range []float64{19.5, 20, 20.5} {
		check(writer.Write(celsius))
	}
	celsius, err := reader.Read()
	check(err)
	fmt.Println(celsius, reader.Version())
	writer.Close()
	_, err = reader.ReadNewer(context.Background())
	fmt.Println(err)
	reader.Close()
	check(shmring.UnlinkAndDiscard(name, shmring.Options{}))
	// Output:
	// 20.5 3
	// the peer closed
}

func ExampleProducer_Reserve() {
	ctx, name := context.Background(), ownName("in-place")
	tx, err := shmring.NewProducer[[2]uint64](name, shmring.Options{Items: 8})
	check(err)
	rx, err := shmring.NewConsumer[[2]uint64](name, shmring.Options{Items: 8})
	check(err)
	room, err := tx.Reserve(ctx, 4)
	check(err)
	room[0], room[1] = [2]uint64{1, 10}, [2]uint64{2, 20}
	check(tx.Commit(2))
	seen, err := rx.Peek(ctx, 8)
	check(err)
	fmt.Println(seen)
	check(rx.Release(len(seen)))
	tx.Close()
	rx.Close()
	check(shmring.Unlink(name, shmring.Options{}))
	// Output:
	// [[1 10] [2 20]]
}

func ExampleWaitAny() {
	ctx := context.Background()
	orders, err := shmring.NewConsumer[uint64](ownName("orders"), shmring.Options{})
	check(err)
	texts, err := shmring.NewMessageConsumer(ownName("texts"), shmring.Options{})
	check(err)
	tx, err := shmring.NewMessageProducer(ownName("texts"), shmring.Options{})
	check(err)
	check(tx.Push(ctx, []byte("hello")))
	which, err := shmring.WaitAny(ctx, orders, texts)
	check(err)
	text, err := texts.TryPop(nil)
	fmt.Println(which, string(text), err)
	orders.Close()
	texts.Close()
	tx.Close()
	check(shmring.Unlink(ownName("orders"), shmring.Options{}))
	check(shmring.Unlink(ownName("texts"), shmring.Options{}))
	// Output:
	// 1 hello <nil>
}
