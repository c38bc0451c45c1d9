package quota

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestQuota plays the courses that are cheap, once, and holds the worker against
// their bounds. With BENCH_QUOTA=5, as make bench-quota sets it, it plays all of
// them, with five seeds and beside the baselines, and prints the table. It fails if the
// median of the worker's seeds is out of a bound.
func TestQuota(t *testing.T) {
	all := table{seeds: 1, cells: map[cell][]float64{}}
	players, text := []variant{ourOwn}, os.Getenv("BENCH_QUOTA")
	if text != "" {
		var err error
		if all.seeds, err = strconv.Atoi(text); err != nil || all.seeds < 1 {
			t.Fatalf("BENCH_QUOTA: %q is no number of seeds", text)
		}
		players = variants
	}
	t.Run("runs", func(t *testing.T) {
		for _, c := range allCourses() {
			if text == "" && !c.quick {
				continue
			}
			for _, v := range players {
				for seed := range all.seeds {
					t.Run(fmt.Sprintf("%s/%s/%d", c.name, v.name, seed+1), func(t *testing.T) {
						t.Parallel()
						all.play(t, c, v, uint64(seed+1))
					})
				}
			}
		}
	})
	out := io.Discard
	if text != "" {
		out = os.Stdout
	}
	for _, broken := range all.print(out) {
		t.Error(broken)
	}
}

// cell is a place in the table.
type cell struct{ course, variant, figure string }

// table gathers the figures of all runs.
type table struct {
	seeds int

	mu    sync.Mutex
	cells map[cell][]float64
}

func (a *table) play(t *testing.T, c course, v variant, seed uint64) {
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		got := c.play(newRun(t, v, seed, c.quota))
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, b := range c.bounds {
			at := cell{c.name, v.name, b.figure}
			a.cells[at] = append(a.cells[at], got[b.figure])
		}
	})
	fmt.Fprintf(os.Stderr, "%6.1fs  %s, %s, seed %d\n", time.Since(began).Seconds(), c.name, v.name, seed)
}
