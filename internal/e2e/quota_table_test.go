package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"
)

// TestQuota plays the courses that are cheap, once, and holds the worker against
// their bounds. With BENCH_QUOTA=5, as make bench-quota sets it, it plays all of
// them, with five seeds and beside the baselines, and prints the table.
func TestQuota(t *testing.T) {
	if text := os.Getenv("BENCH_QUOTA"); text != "" {
		seeds, err := strconv.Atoi(text)
		if err != nil || seeds < 1 {
			t.Fatalf("BENCH_QUOTA: %q is no number of seeds", text)
		}
		quotaTable(t, uint64(seeds))
		return
	}
	for _, c := range courses {
		if !c.quick {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := c.run(t, ourOwn, 1)
				for _, b := range c.bounds {
					if !b.holds(got[b.figure]) {
						t.Errorf("%s: %s, want %s", b.figure, b.format(got[b.figure]), b)
					}
				}
			})
		})
	}
}

func quotaTable(t *testing.T, seeds uint64) {
	courses := slices.Concat(courses, troubleCourses())
	type cell struct{ course, variant, figure string }
	var mu sync.Mutex
	all := map[cell][]float64{}
	t.Run("runs", func(t *testing.T) {
		for _, c := range courses {
			for _, v := range quotaPaces {
				for seed := range seeds {
					t.Run(fmt.Sprintf("%s/%s/%d", strings.ReplaceAll(c.name, "/s", " a second"), v.name, seed+1), func(t *testing.T) {
						t.Parallel()
						began := time.Now()
						defer func() {
							fmt.Fprintf(os.Stderr, "%6.1fs  %s, %s, seed %d\n", time.Since(began).Seconds(), c.name, v.name, seed+1)
						}()
						synctest.Test(t, func(t *testing.T) {
							got := c.run(t, v, seed+1)
							mu.Lock()
							defer mu.Unlock()
							for _, b := range c.bounds {
								at := cell{c.name, v.name, b.figure}
								all[at] = append(all[at], got[b.figure])
							}
						})
					})
				}
			}
		}
	})
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "scenario\tfigure")
	for _, v := range quotaPaces {
		fmt.Fprint(out, "\t", v.name)
	}
	fmt.Fprintln(out, "\tbound\tok")
	for _, c := range courses {
		for i, b := range c.bounds {
			scenario := ""
			if i == 0 {
				scenario = c.name
			}
			fmt.Fprint(out, scenario, "\t", b.figure)
			for _, v := range quotaPaces {
				text := "-"
				if of := all[cell{c.name, v.name, b.figure}]; len(of) > 0 {
					text = b.format(middle(of))
				}
				fmt.Fprint(out, "\t", text)
			}
			ok := "ok"
			if of := all[cell{c.name, ourOwn.name, b.figure}]; len(of) < int(seeds) || !b.holds(middle(of)) {
				ok = "BROKEN"
				t.Errorf("%s: %s is out of bounds", c.name, b.figure)
			}
			fmt.Fprintf(out, "\t%s\t%s\n", b, ok)
		}
	}
	_ = out.Flush()
}

func (b bound) holds(x float64) bool { return x >= b.low && x <= b.high }

func (b bound) format(x float64) string {
	switch {
	case x == unbounded:
		return "never"
	case b.percent:
		return fmt.Sprintf("%.1f%%", 100*x)
	case x == float64(int(x)):
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func (b bound) String() string {
	switch {
	case b.low == b.high:
		return b.format(b.low)
	case b.high == unbounded && b.low == 0:
		return ""
	case b.high == unbounded, b.percent && b.low > 0.9 && b.high < 1.01:
		return "at least " + b.format(b.low)
	case b.low == 0:
		return "at most " + b.format(b.high)
	}
	return b.format(b.low) + " to " + b.format(b.high)
}
