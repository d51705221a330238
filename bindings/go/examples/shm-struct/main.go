// Command shm-struct hands a struct of three numbers over by name, in place of shm_open, ftruncate to
// four gigabytes and mmap. It is the twin of the example of the same name in Rust: one may write and
// the other read.
//
//	go run ./examples/shm-struct write   # creates the region, stores the struct, ends
//	go run ./examples/shm-struct read    # prints it and removes the region
//
// The region outlives its writer. The reader cannot come too early, cannot take another struct for
// this one (item size, alignment and label are checked), and nobody else may open it. Four gigabytes
// are reserved, and cost the few pages that were touched.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"shmring"
)

type numbers struct{ First, Second, Third int32 }

const label = "three numbers"

func main() {
	job, name := "", "/shm-ring-shm-struct"
	if len(os.Args) > 1 {
		job = os.Args[1]
	}
	if len(os.Args) > 2 {
		name = os.Args[2]
	}
	var err error
	switch job {
	case "write":
		err = write(name)
	case "read":
		err = read(name)
	default:
		err = fmt.Errorf("say what to do: write or read")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(name string) error {
	o := shmring.Options{Open: shmring.New, Bytes: 4_000_000_000, Sparse: true, Label: label}
	tx, err := shmring.NewProducer[numbers](name, o)
	if err != nil {
		return err
	}
	defer tx.Close()
	fmt.Printf("%s has room for %d bytes\n", name, tx.Limit())
	return tx.TryPush(numbers{100, 876, 8021})
}

func read(name string) error {
	o := shmring.Options{Open: shmring.Existing, Label: label}
	rx, err := shmring.NewConsumer[numbers](name, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	n, err := rx.Pop(ctx)
	rx.Close()
	if err != nil {
		return err
	}
	fmt.Printf("first %d, second %d, third %d\n", n.First, n.Second, n.Third)
	return shmring.Unlink(name, o)
}
