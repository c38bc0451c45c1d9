package pace

import (
	"fmt"
	"os"
	"testing"
	"text/tabwriter"
	"time"
)

// BenchmarkQuota prints what each candidate makes of each situation, the median of
// five seeds: utilisation, the throttled share of the calls, and Jain's fairness
// index where there are replicas. A time of the benchmark is that of the table.
func BenchmarkQuota(b *testing.B) {
	for b.Loop() {
		table(b)
	}
}

func table(b *testing.B) {
	b.Helper()
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "\nsituation")
	for _, c := range candidates {
		fmt.Fprint(out, "\t", c.name)
	}
	fmt.Fprintln(out)
	row := func(name string, figures func(candidate) string) {
		fmt.Fprint(out, name)
		for _, c := range candidates {
			fmt.Fprint(out, "\t", figures(c))
		}
		fmt.Fprintln(out)
	}
	percent := func(x float64) string { return fmt.Sprintf("%.1f%%", 100*x) }
	for _, rate := range []float64{10, 100, 1000} {
		for _, latency := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
			granted := min(rate, concurrency/latency.Seconds())
			if granted < rate {
				continue
			}
			row(fmt.Sprintf("%v/s, calls of %v", rate, latency), func(c candidate) string {
				s := minuteOf(rate, latency)
				s.replicas, s.length = busy(1), time.Minute
				o := runs(s, c)
				return percent(median(o, func(o outcome) float64 { return o.mean(0, 60) * 60 / 61 / rate })) + " " + percent(median(o, func(o outcome) float64 { return o.share(0) }))
			})
		}
	}
	row("100 to 30/s: seconds 10 to 20", func(c candidate) string {
		o := runs(changing, c)
		return percent(median(o, func(o outcome) float64 { return o.mean(70, 80) / 30 }))
	})
	row("30 to 300/s: seconds 10 to 20", func(c candidate) string {
		o := runs(changing, c)
		return percent(median(o, func(o outcome) float64 { return o.mean(130, 140) / 300 })) + " " + percent(median(o, func(o outcome) float64 { return o.share(0) }))
	})
	for _, n := range []int{2, 3, 8} {
		for _, rate := range []float64{10, 30, 200} {
			row(fmt.Sprintf("%d replicas at %v/s", n, rate), func(c candidate) string {
				o := runs(scenario{quota: []step{{0, rate}}, latency: 20 * time.Millisecond, replicas: busy(n), length: 4 * time.Minute}, c)
				return percent(median(o, func(o outcome) float64 { return o.mean(60, 240) / rate })) + " " + percent(median(o, func(o outcome) float64 { return o.share(60) })) +
					fmt.Sprintf(" %.2f", median(o, func(o outcome) float64 { return o.jain(60, 240) }))
			})
		}
	}
	for _, rate := range []float64{10, 100} {
		row(fmt.Sprintf("half of %v/s is another's", rate), func(c candidate) string {
			o := runs(scenario{quota: []step{{0, rate}}, others: rate / 2, latency: 20 * time.Millisecond, replicas: busy(1), length: 2 * time.Minute}, c)
			return percent(median(o, func(o outcome) float64 { return o.mean(0, 120) * 2 / rate })) + " " + percent(median(o, func(o outcome) float64 { return o.share(0) }))
		})
	}
	for _, burst := range []float64{0.1, 5} {
		row(fmt.Sprintf("100/s, burst of %v s", burst), func(c candidate) string {
			o := runs(scenario{quota: []step{{0, 100}}, burst: burst, latency: 20 * time.Millisecond, replicas: busy(1), length: time.Minute}, c)
			return percent(median(o, func(o outcome) float64 { return o.mean(0, 60) * 60 / (60 + burst) / 100 })) + " " + percent(median(o, func(o outcome) float64 { return o.share(0) }))
		})
	}
	row("20 a second to send of 100/s: peak rate", func(c candidate) string {
		o := runs(scenario{quota: []step{{0, 100}}, latency: 20 * time.Millisecond, replicas: []plan{{feed: []step{{0, 20}}}}, length: 2 * time.Minute}, c)
		return fmt.Sprintf("%.0f/s", median(o, func(o outcome) float64 { return o.peak }))
	})
	out.Flush()
}

// changing is a quota that is lowered and raised.
var changing = scenario{
	quota:   []step{{0, 100}, {time.Minute, 30}, {2 * time.Minute, 300}},
	latency: 20 * time.Millisecond, replicas: busy(1), length: 3 * time.Minute,
}
