package quota

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
)

// legend says what the table's figures are.
const legend = `
Medians of %d seeds, in virtual time, from the local cloud's own records. Calls take 30 ms, requests
to SQS 10 ms; a burst is one second's quota. The bounds hold for the worker; beside it the same worker
  a: with pacing off, and backoff alone;  b: so too, with the SDK's adaptive retry mode around its client.
utilisation is applied / granted, granted = min(quota x time + one burst, concurrency / latency x time).

`

// print writes the table of the courses that were played and returns what is out of
// bounds.
func (a *table) print(to io.Writer) (broken []string) {
	fmt.Fprintf(to, legend, a.seeds)
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "scenario\tfigure")
	for _, v := range variants {
		fmt.Fprint(out, "\t", v.name)
	}
	fmt.Fprintln(out, "\tbound\t")
	for _, c := range allCourses() {
		scenario := c.name
		for _, b := range c.bounds {
			of := a.cells[cell{c.name, ourOwn.name, b.figure}]
			if len(of) == 0 {
				continue // left out by -run
			}
			fmt.Fprint(out, scenario, "\t", b.figure)
			scenario = ""
			for _, v := range variants {
				text := "-"
				if of := a.cells[cell{c.name, v.name, b.figure}]; len(of) > 0 {
					text = b.format(middle(of))
				}
				fmt.Fprint(out, "\t", text)
			}
			verdict := ""
			switch {
			case !b.holds(middle(of)):
				verdict = "BROKEN"
				broken = append(broken, fmt.Sprintf("%s: %s is %s, want %s", c.name, b.figure, b.format(middle(of)), b))
			case b.bounded():
				verdict = "ok"
			}
			fmt.Fprintf(out, "\t%s\t%s\n", b, verdict)
		}
	}
	_ = out.Flush() // to a terminal or a pipe: nobody is left to tell
	return broken
}

// bound says what a figure of the worker's must be, from low to high. One without
// any limit is there to be looked at.
type bound struct {
	figure    string
	low, high float64
	percent   bool
}

// never is no upper limit; as a figure, what did not come about.
const never = 1e9

func (b bound) bounded() bool { return b.low > 0 || b.high < never }

func (b bound) holds(x float64) bool { return !b.bounded() || x >= b.low && x <= b.high }

func (b bound) format(x float64) string {
	switch {
	case x >= never:
		return "never"
	case b.percent:
		return fmt.Sprintf("%.1f%%", 100*x)
	case x == float64(int(x)):
		return strconv.Itoa(int(x))
	}
	return fmt.Sprintf("%.2f", x)
}

func (b bound) String() string {
	switch {
	case !b.bounded():
		return ""
	case b.low == b.high:
		return b.format(b.low)
	case b.high >= never, b.percent && b.low >= 0.9 && b.high <= 1.01:
		return "at least " + b.format(b.low)
	case b.low == 0:
		return "at most " + b.format(b.high)
	}
	return b.format(b.low) + " to " + b.format(b.high)
}

// middle is the median.
func middle[T cmp.Ordered](of []T) T {
	slices.Sort(of)
	return of[len(of)/2]
}
