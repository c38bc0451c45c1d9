package e2e

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestQuota plays the courses that are cheap, once, and holds the worker against
// their bounds. With BENCH_QUOTA=5, as make bench-quota sets it, it plays all of
// them, with five seeds and beside the baselines, prints the table, and fails where
// the median of the worker's seeds is out of a bound.
func TestQuota(t *testing.T) {
	text := os.Getenv("BENCH_QUOTA")
	if text == "" {
		inVirtualTime(t)
		for _, c := range allCourses() {
			if c.quick {
				t.Run(c.name, c.holds)
			}
		}
		return
	}
	seeds, err := strconv.Atoi(text)
	if err != nil || seeds < 1 {
		t.Fatalf("BENCH_QUOTA: %q is no number of seeds", text)
	}
	all := table{seeds: seeds, cells: map[cell][]float64{}}
	t.Run("runs", func(t *testing.T) {
		for _, c := range allCourses() {
			for _, v := range quotaVariants {
				for seed := range seeds {
					t.Run(fmt.Sprintf("%s/%s/%d", c.name, v.name, seed+1), func(t *testing.T) {
						t.Parallel()
						all.play(t, c, v, uint64(seed+1))
					})
				}
			}
		}
	})
	for _, broken := range all.print(os.Stdout) {
		t.Error(broken)
	}
}

// holds plays a course with one seed and holds the worker against its bounds.
func (c course) holds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := c.play(newQuotaRun(t, ourOwn, 1, c.quota))
		for _, b := range c.bounds {
			if !b.holds(got[b.figure]) {
				t.Errorf("%s: %s, want %s", b.figure, b.format(got[b.figure]), b)
			}
		}
	})
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
		got := c.play(newQuotaRun(t, v, seed, c.quota))
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, b := range c.bounds {
			at := cell{c.name, v.name, b.figure}
			a.cells[at] = append(a.cells[at], got[b.figure])
		}
	})
	fmt.Fprintf(os.Stderr, "%6.1fs  %s, %s, seed %d\n", time.Since(began).Seconds(), c.name, v.name, seed)
}
