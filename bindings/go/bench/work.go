// Owns: the workloads: streams, batches and round trips, each message verified, as in src/run/workload.
// Knows nothing of: how runs are judged.

package main

import (
	"context"
	"fmt"
	"sort"

	"shmring"
)

var background = context.Background()

func play(s *spec, c *control) error {
	switch s.Bytes {
	case 8:
		return playOf[[1]uint64](s, c)
	case 16:
		return playOf[[2]uint64](s, c)
	case 24:
		return playOf[[3]uint64](s, c)
	case 40:
		return playOf[[5]uint64](s, c)
	case 48:
		return playOf[[6]uint64](s, c)
	case 64:
		return playOf[[8]uint64](s, c)
	case 104:
		return playOf[[13]uint64](s, c)
	case 200:
		return playOf[[25]uint64](s, c)
	case 256:
		return playOf[[32]uint64](s, c)
	case 1024:
		return playOf[[128]uint64](s, c)
	case 4096:
		return playOf[[512]uint64](s, c)
	}
	return fmt.Errorf("no messages of %d bytes here", s.Bytes)
}

// playOf attaches and plays. The first channel leads from B to A, the second, of round trips, back.
func playOf[T any](s *spec, c *control) error {
	isA, isEcho := s.Side == "A", s.Workload == "echo"
	var tx *shmring.Producer[T]
	var rx *shmring.Consumer[T]
	var err error
	o := shmring.Options{Open: shmring.Existing}
	for i, channel := range s.Channels {
		if isA == (i == 0) {
			rx, err = shmring.NewConsumer[T](channel.Prefix, o)
		} else {
			tx, err = shmring.NewProducer[T](channel.Prefix, o)
		}
		if err != nil {
			return err
		}
	}
	c.meet(attachedStage)
	switch {
	case isEcho && isA:
		err = ask(s, c, tx, rx)
	case isEcho:
		err = answer(s, c, tx, rx)
	case s.Workload == "stream" && isA:
		err = receive(s, c, rx)
	case s.Workload == "stream":
		err = send(s, c, tx)
	case s.Workload == "batch" && isA:
		err = receiveBatches(s, c, rx)
	case s.Workload == "batch":
		err = sendBatches(s, c, tx)
	default:
		err = fmt.Errorf("no workload %s here", s.Workload)
	}
	if err != nil {
		return err
	}
	c.record("Done", 1)
	c.meet(lastStage)
	if tx != nil {
		tx.Close()
	}
	if rx != nil {
		rx.Close()
	}
	return nil
}

func send[T any](s *spec, c *control, tx *shmring.Producer[T]) error {
	var m T
	words := wordsOf(&m)
	for number := uint64(0); number < s.WarmUp; number++ {
		stampWhole(words, s.Code.first(number))
		if err := tx.PushFrom(background, &m); err != nil {
			return err
		}
	}
	watch := start()
	for number := s.WarmUp; number < s.WarmUp+s.Messages; number++ {
		stamp(words, s.Code.first(number))
		if err := tx.PushFrom(background, &m); err != nil {
			return err
		}
	}
	watch.stop(c, 0)
	return nil
}

func receive[T any](s *spec, c *control, rx *shmring.Consumer[T]) error {
	var m T
	words := wordsOf(&m)
	for number := uint64(0); number < s.WarmUp; number++ {
		if err := rx.PopInto(background, &m); err != nil {
			return err
		}
		if first := s.Code.first(number); !isWhole(words, first, first) {
			return wrong(number, words[0], first)
		}
	}
	watch := start()
	for number := s.WarmUp; number < s.WarmUp+s.Messages; number++ {
		if err := rx.PopInto(background, &m); err != nil {
			return err
		}
		if first := s.Code.first(number); !isSealed(words, first, first) {
			return wrong(number, words[0], first)
		}
	}
	watch.stop(c, s.Messages)
	return nil
}

func sendBatches[T any](s *spec, c *control, tx *shmring.Producer[T]) error {
	batch := make([]T, s.Batch)
	for first := uint64(0); first < s.WarmUp; first += uint64(s.Batch) {
		for i := range batch {
			stampWhole(wordsOf(&batch[i]), s.Code.first(first+uint64(i)))
		}
		if _, err := tx.PushAll(background, batch); err != nil {
			return err
		}
	}
	watch := start()
	for first := s.WarmUp; first < s.WarmUp+s.Messages; first += uint64(s.Batch) {
		for i := range batch {
			stamp(wordsOf(&batch[i]), s.Code.first(first+uint64(i)))
		}
		if _, err := tx.PushAll(background, batch); err != nil {
			return err
		}
	}
	watch.stop(c, 0)
	return nil
}

func receiveBatches[T any](s *spec, c *control, rx *shmring.Consumer[T]) error {
	batch := make([]T, s.Batch)
	take := func(number, end uint64, whole bool) (uint64, error) {
		most := uint64(len(batch))
		if end-number < most {
			most = end - number
		}
		n, err := rx.PopSlice(background, batch[:most])
		if err != nil {
			return 0, err
		}
		for i := range batch[:n] {
			first := s.Code.first(number)
			if m := wordsOf(&batch[i]); !isSealed(m, first, first) || whole && !isWhole(m, first, first) {
				return 0, wrong(number, m[0], first)
			}
			number++
		}
		return number, nil
	}
	var err error
	number := uint64(0)
	for number < s.WarmUp && err == nil {
		number, err = take(number, s.WarmUp, true)
	}
	watch := start()
	for end := s.WarmUp + s.Messages; number < end && err == nil; {
		number, err = take(number, end, false)
	}
	watch.stop(c, s.Messages)
	return err
}

func ask[T any](s *spec, c *control, tx *shmring.Producer[T], rx *shmring.Consumer[T]) error {
	var m T
	words := wordsOf(&m)
	trip := func(number uint64) error {
		if err := tx.PushFrom(background, &m); err != nil {
			return err
		}
		return rx.PopInto(background, &m)
	}
	for number := uint64(0); number < s.WarmUp; number++ {
		first := s.Code.first(number)
		stampWhole(words, first)
		if err := trip(number); err != nil {
			return err
		}
		if answered := first ^ s.Code.other().first(number); !isWhole(words, answered, first) {
			return wrong(number, words[0], answered)
		}
	}
	took := make([]uint64, 0, s.Messages)
	watch := start()
	for number := s.WarmUp; number < s.WarmUp+s.Messages; number++ {
		first := s.Code.first(number)
		stamp(words, first)
		from := ticks()
		if err := trip(number); err != nil {
			return err
		}
		took = append(took, ticks()-from)
		if answered := first ^ s.Code.other().first(number); !isSealed(words, answered, first) {
			return wrong(number, words[0], answered)
		}
	}
	watch.stop(c, s.Messages)
	report(s, c, took)
	return nil
}

// report records percentiles, in picoseconds.
func report(s *spec, c *control, took []uint64) {
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	for measure, part := range map[string]float64{
		"P50": 0.5, "P75": 0.75, "P90": 0.9, "P99": 0.99, "P999": 0.999, "P9999": 0.9999, "Max": 1,
	} {
		at := int(part*float64(len(took)) + 0.5)
		if at > 0 {
			at--
		}
		c.record(measure, uint64(float64(took[at])*s.Clock.NsPerTick*1000))
	}
}

func answer[T any](s *spec, c *control, tx *shmring.Producer[T], rx *shmring.Consumer[T]) error {
	var m T
	words := wordsOf(&m)
	trip := func(number uint64) error {
		mixedIn := s.Code.other().first(number)
		if err := rx.PopInto(background, &m); err != nil {
			return err
		}
		words[0] ^= mixedIn
		return tx.PushFrom(background, &m)
	}
	for number := uint64(0); number < s.WarmUp; number++ {
		if err := trip(number); err != nil {
			return err
		}
	}
	watch := start()
	for number := s.WarmUp; number < s.WarmUp+s.Messages; number++ {
		if err := trip(number); err != nil {
			return err
		}
	}
	watch.stop(c, 0)
	return nil
}
