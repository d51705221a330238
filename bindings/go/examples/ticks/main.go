// Command ticks is a producer and a consumer in two terminals. Kill either with kill -9 and start it
// again: the other goes on where they stopped, and no number is missing.
//
//	go run ./examples/ticks consume
//	go run ./examples/ticks produce
//
// The consumer removes the ring when the producer closes, which it does on Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"shmring"
)

type tick struct{ Number, Price uint64 }

var options = shmring.Options{Items: 4096, Label: "ticks"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	job, name := "", "/shm-ring-go-ticks"
	if len(os.Args) > 1 {
		job = os.Args[1]
	}
	if len(os.Args) > 2 {
		name = os.Args[2]
	}
	var err error
	switch job {
	case "produce":
		err = produce(ctx, name)
	case "consume":
		err = consume(ctx, name)
	default:
		err = errors.New("say what to do: produce or consume")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func produce(ctx context.Context, name string) error {
	tx, err := shmring.NewProducer[tick](name, options)
	if err != nil {
		return err
	}
	defer tx.Close()
	clock := time.NewTicker(50 * time.Millisecond)
	defer clock.Stop()
	// Position survives every restart: 16 bytes a tick.
	for n := tx.Position() / 16; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
		err := tx.Push(ctx, tick{n, 100 + n%7})
		for errors.Is(err, shmring.ErrDied) || errors.Is(err, shmring.ErrClosed) {
			fmt.Println("nobody reads and the ring is full: waiting for a consumer")
			if err = tx.AwaitPeer(ctx); err == nil {
				err = tx.Push(ctx, tick{n, 100 + n%7})
			}
		}
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func consume(ctx context.Context, name string) error {
	rx, err := shmring.NewConsumer[tick](name, options)
	if err != nil {
		return err
	}
	defer rx.Close()
	for {
		t, err := rx.Pop(ctx)
		switch {
		case err == nil:
			fmt.Println(t.Number, t.Price)
		case errors.Is(err, shmring.ErrDied):
			fmt.Println("the producer died: waiting for the next one")
			if err := rx.AwaitPeer(ctx); err != nil {
				return nil
			}
		case errors.Is(err, shmring.ErrClosed):
			rx.Close()
			return shmring.Unlink(name, options)
		case errors.Is(err, context.Canceled):
			return nil
		default:
			return err
		}
	}
}
