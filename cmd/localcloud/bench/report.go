package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// The bounds that a run must keep.
const (
	mostRatio              = 2.5 // the worker's CPU a message to the floor's
	leastRequests          = 0.2 // SQS requests a message: receives and deletes in full batches
	mostRequests           = 0.25
	mostPeak         int64 = 400 << 20 // bytes, of the load bodies
	bytesPerMebibyte       = 1 << 20
)

// round is a floor and a worker, one after the other.
type round struct {
	Floor  run `json:"floor"`
	Worker run `json:"worker"`
}

func (r round) ratio() float64 { return float64(r.Worker.CPU) / float64(r.Floor.CPU) }

// report is what was measured.
type report struct {
	Messages int     `json:"messages"`
	Rounds   []round `json:"rounds"`
	Bodies   int     `json:"bodies"`
	Large    run     `json:"bodies_run"`

	// The medians of the rounds, but for Ratio, the ratio of two of them.

	PerSecond     float64       `json:"messages_per_second"`
	WorkerCPU     time.Duration `json:"worker_cpu_per_message_ns"`
	FloorCPU      time.Duration `json:"floor_cpu_per_message_ns"`
	Ratio         float64       `json:"ratio"`
	PairRatios    []float64     `json:"pair_ratios"`
	Allocations   float64       `json:"allocations_per_message"`
	Requests      float64       `json:"sqs_requests_per_message"`
	Calls         int           `json:"most_calls"` // of all rounds
	Peak          int64         `json:"peak_bytes"` // the highest of all rounds
	LargePeak     int64         `json:"bodies_peak_bytes"`
	LargeCalls    int           `json:"bodies_calls"`
	LargeDuration time.Duration `json:"bodies_elapsed_ns"`

	Within bool     `json:"within"` // every bound is kept
	Broken []string `json:"broken"`
}

// judge sums up and holds the sums against the bounds.
func (r *report) judge() {
	n := float64(r.Messages)
	over := func(read func(round) float64) float64 {
		values := make([]float64, len(r.Rounds))
		for i, rd := range r.Rounds {
			values[i] = read(rd)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	r.PerSecond = over(func(rd round) float64 { return n / rd.Worker.Elapsed.Seconds() })
	r.WorkerCPU = time.Duration(over(func(rd round) float64 { return float64(rd.Worker.CPU) / n }))
	r.FloorCPU = time.Duration(over(func(rd round) float64 { return float64(rd.Floor.CPU) / n }))
	r.Ratio = float64(r.WorkerCPU) / float64(r.FloorCPU)
	r.Allocations = over(func(rd round) float64 { return float64(rd.Worker.Mallocs) / n })
	r.Requests = over(func(rd round) float64 { return float64(rd.Worker.Requests) / n })
	for _, rd := range r.Rounds {
		r.PairRatios = append(r.PairRatios, rd.ratio())
		r.Calls = max(r.Calls, rd.Worker.Calls)
		r.Peak = max(r.Peak, rd.Worker.Peak)
	}
	r.LargePeak, r.LargeCalls, r.LargeDuration = r.Large.Peak, r.Large.Calls, r.Large.Elapsed

	r.Broken = []string{}
	bound := func(kept bool, format string, args ...any) {
		if !kept {
			r.Broken = append(r.Broken, fmt.Sprintf(format, args...))
		}
	}
	bound(r.Ratio <= mostRatio, "the worker's CPU a message is %.2f times the floor's; at most %.1f", r.Ratio, mostRatio)
	bound(leastRequests <= r.Requests && r.Requests <= mostRequests, "%.3f SQS requests a message; %.2f to %.2f", r.Requests, leastRequests, mostRequests)
	bound(r.Calls == r.Messages, "%d calls for %d messages for distinct things; one each", r.Calls, r.Messages)
	bound(r.LargeCalls == r.Bodies, "%d calls for %d messages of 900 KiB; one each", r.LargeCalls, r.Bodies)
	bound(r.LargePeak < mostPeak, "peak memory of %d MiB with messages of 900 KiB; less than %d MiB", r.LargePeak/bytesPerMebibyte, mostPeak/bytesPerMebibyte)
	r.Within = len(r.Broken) == 0
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) writeTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value, bound string) { fmt.Fprintf(w, "%s\t%s\t%s\n", name, value, bound) }
	line("", "measured", "bound")
	line("messages a second", fmt.Sprintf("%.0f", r.PerSecond), "")
	line("CPU a message", micros(r.WorkerCPU), "")
	line("  of the floor", micros(r.FloorCPU), "")
	line("  ratio", fmt.Sprintf("%.2f", r.Ratio), fmt.Sprintf("at most %.1f", mostRatio))
	line("  ratio, round by round", fmt.Sprintf("%.2f", r.PairRatios), "")
	line("allocations a message", fmt.Sprintf("%.0f", r.Allocations), "")
	line("SQS requests a message", fmt.Sprintf("%.4f", r.Requests), fmt.Sprintf("%.2f to %.2f", leastRequests, mostRequests))
	line("API calls a message", fmt.Sprintf("%.4f", float64(r.Calls)/float64(r.Messages)), "1")
	line("peak memory", mebibytes(r.Peak), "")
	line(fmt.Sprintf("  with %d messages of 900 KiB", r.Bodies), mebibytes(r.LargePeak), "less than "+mebibytes(mostPeak))
	line("  how long they take", r.LargeDuration.Round(time.Millisecond).String(), "")
	if err := w.Flush(); err != nil {
		return err
	}
	for _, broken := range r.Broken {
		fmt.Fprintln(out, "BROKEN:", broken)
	}
	return nil
}

func micros(d time.Duration) string {
	return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond))
}

func mebibytes(n int64) string {
	if n == 0 {
		return "not known here"
	}
	return fmt.Sprintf("%d MiB", n/bytesPerMebibyte)
}
