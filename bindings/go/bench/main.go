// Command bench measures values between two processes in Go, and beside them the same in Rust, by its
// twin, in turn, round by round.
//
//	cargo build --release --manifest-path bench/rust/Cargo.toml
//	go run ./bench [-rounds 5]
//
// Owns: the runs and the table. Knows nothing of: the layout.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"time"

	"shmring"
)

// numbered are values whose first word is their number.
type numbered interface{ [1]uint64 | [8]uint64 }

const (
	batchOf = 32
	items   = 4096
)

var background = context.Background()

func main() {
	rounds := flag.Int("rounds", 5, "how often each row is run")
	rust := flag.String("rust", "bench/rust/target/release/go-bench-twin", "the twin in Rust; empty: none")
	flag.Parse()
	if arguments := flag.Args(); len(arguments) == 3 {
		child(arguments[0], arguments[1], arguments[2])
		return
	}
	// The child is pinned to processor 1, this one to 0.
	die(exec.Command("taskset", "-apc", "0", strconv.Itoa(os.Getpid())).Run())
	fmt.Println("load average before:", load())
	type row struct{ workload, bytes string }
	var rows []row
	for _, workload := range []string{"stream", "batch", "echo"} {
		rows = append(rows, row{workload, "8"}, row{workload, "64"})
	}
	inGo, inRust := map[row][]float64{}, map[row][]float64{}
	for round := 0; round < *rounds; round++ {
		for _, r := range rows {
			inGo[r] = append(inGo[r], parent(r.workload, r.bytes))
			if *rust != "" {
				if found, ok := measured(*rust, r.workload, r.bytes); ok {
					inRust[r] = append(inRust[r], found)
				}
			}
		}
	}
	fmt.Println("load average behind:", load())
	fmt.Printf("%-8s %5s  %-10s %27s  %27s  %s\n", "", "bytes", "", "Go: median (min-max)", "Rust: median (min-max)", "Go / Rust")
	for _, r := range rows {
		unit := "million/s"
		if r.workload == "echo" {
			unit = "ns"
		}
		g, rs := inGo[r], inRust[r]
		ratio := "-"
		if len(rs) > 0 {
			ratio = fmt.Sprintf("%.2f", median(g)/median(rs))
		}
		fmt.Printf("%-8s %5s  %-10s %27s  %27s  %s\n", r.workload, r.bytes, unit, show(g), show(rs), ratio)
	}
}

func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func median(all []float64) float64 {
	sort.Float64s(all)
	return all[len(all)/2]
}

func show(all []float64) string {
	if len(all) == 0 {
		return "-"
	}
	m := median(all)
	return fmt.Sprintf("%.1f (%.1f-%.1f) of %d", m, all[0], all[len(all)-1], len(all))
}

// measured is one run of the same in Rust.
func measured(path, workload, bytes string) (float64, bool) {
	command := exec.Command("taskset", "-c", "0", path, workload, bytes)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return 0, false
	}
	found, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return found, err == nil
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// parent runs one row: millions of values a second, or nanoseconds of a round trip.
func parent(workload, bytes string) float64 {
	name := fmt.Sprintf("shm-ring-go-bench-%d", os.Getpid())
	there, back := name+"-there", name+"-back"
	for _, one := range []string{there, back} {
		defer shmring.UnlinkAndDiscard(one, shmring.Options{})
	}
	child := exec.Command("taskset", "-c", "1", os.Args[0], workload, bytes, name)
	child.Stderr = os.Stderr
	die(child.Start())
	defer child.Wait()
	if bytes == "8" {
		return receive[[1]uint64](workload, there, back)
	}
	return receive[[8]uint64](workload, there, back)
}

func child(workload, bytes, name string) {
	if bytes == "8" {
		send[[1]uint64](workload, name)
	} else {
		send[[8]uint64](workload, name)
	}
}

func count(workload string) uint64 {
	return map[string]uint64{"stream": 2e6, "batch": 1e7, "echo": 5e4}[workload]
}

func send[T numbered](workload, name string) {
	var value T
	o := shmring.Options{Items: items}
	tx, err := shmring.NewProducer[T](name+"-there", o)
	die(err)
	defer tx.Close()
	n := count(workload)
	switch workload {
	case "stream":
		for i := uint64(0); i < n; i++ {
			value[0] = i
			die(tx.Push(background, value))
		}
	case "batch":
		batch := make([]T, batchOf)
		for i := uint64(0); i < n; i += batchOf {
			for j := range batch {
				batch[j][0] = i + uint64(j)
			}
			_, err := tx.PushAll(background, batch)
			die(err)
		}
	case "echo":
		rx, err := shmring.NewConsumer[T](name+"-back", o)
		die(err)
		for i := uint64(0); i < n; i++ {
			value[0] = i
			die(tx.Push(background, value))
			_, err := rx.Pop(background)
			die(err)
		}
		rx.Close()
	}
}

func receive[T numbered](workload, there, back string) float64 {
	o := shmring.Options{Items: items}
	rx, err := shmring.NewConsumer[T](there, o)
	die(err)
	defer rx.Close()
	n := count(workload)
	check := func(found, i uint64) {
		if found != i {
			die(fmt.Errorf("%d, not %d", found, i))
		}
	}
	var tx *shmring.Producer[T]
	if workload == "echo" {
		tx, err = shmring.NewProducer[T](back, o)
		die(err)
		defer tx.Close()
	}
	buffer := make([]T, batchOf)
	var begun time.Time
	const warm = 1000
	var trips []float64
	for i := uint64(0); i < n; {
		if i == 0 || i < warm && workload != "batch" {
			begun = time.Now()
		}
		switch workload {
		case "batch":
			m, err := rx.PopSlice(background, buffer)
			die(err)
			for j := range buffer[:m] {
				check(buffer[j][0], i+uint64(j))
			}
			i += uint64(m)
		default:
			value, err := rx.Pop(background)
			die(err)
			check(value[0], i)
			i++
			if tx != nil {
				die(tx.Push(background, value))
				if i%100 == 0 {
					trips = append(trips, float64(time.Since(begun).Nanoseconds())/100)
					begun = time.Now()
				}
			}
		}
	}
	if tx != nil {
		return median(trips)
	}
	return float64(n) / time.Since(begun).Seconds() / 1e6
}
