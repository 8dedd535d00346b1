package cases

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// soak makes so many calls one after the other, then as many at once, each but once, and gives how
// many of the two it found wanting.
func soak(t *target, prefix string, calls int) int {
	failed := 0
	for _, run := range []struct {
		name    string
		callers int
	}{{"soak_in_turn", 1}, {"soak_at_once", 32}} {
		begun := time.Now()
		seen := t.soak(calls, run.callers)
		text := fmt.Sprintf("%d calls by %d callers in %.0f s, %d lost, %d of them by a 408",
			calls, run.callers, time.Since(begun).Seconds(), seen.lost.Load(), seen.timeouts.Load())
		if seen.lost.Load() > 0 {
			failed++
			fmt.Printf("FAIL %s%s: %s; the first: %v\n", prefix, run.name, text, seen.first)
		} else {
			fmt.Printf("ok %s%s: %s\n", prefix, run.name, text)
		}
	}
	return failed
}

type tally struct {
	lost, timeouts atomic.Int64
	once           sync.Once
	first          error
}

func (t *target) soak(calls, callers int) *tally {
	seen := new(tally)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(calls) {
					return
				}
				if n%10_000 == 0 {
					fmt.Printf("%d calls\n", n)
				}
				t.count(int32(n%97), seen)
			}
		})
	}
	wait.Wait()
	return seen
}

func (t *target) count(n int32, seen *tally) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := t.unary(ctx, n, 3*n)
	if err == nil {
		return
	}
	seen.lost.Add(1)
	if t.peer.Parse(err).Code == 408 {
		seen.timeouts.Add(1)
	}
	seen.once.Do(func() { seen.first = err })
	log.New(os.Stderr, "", log.LstdFlags).Print(err)
}
