package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Durations is a histogram of how long things took. Safe for use by many goroutines.
type Durations struct{ prometheus.Histogram }

// Bucket of a histogram: how many took no longer than this. The last bucket's UpTo may
// be infinite.
type Bucket struct {
	UpTo  float64 // seconds
	Count uint64  // those of the buckets before included
}

func newDurations(r *prometheus.Registry, name, help string, bounds []float64) *Durations {
	d := &Durations{prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds})}
	r.MustRegister(d)
	return d
}

// Observe takes down that something took so long.
func (d *Durations) Observe(took time.Duration) { d.Histogram.Observe(took.Seconds()) }

// Sum is how many were observed, and how many seconds all of them took together.
func (d *Durations) Sum() (count int, seconds float64) {
	h := read(d).GetHistogram()
	return int(h.GetSampleCount()), h.GetSampleSum()
}

// Buckets are the counts, cumulated. What took longer than the last bound is in a
// bucket of that bound: a page shows no infinity.
func (d *Durations) Buckets() []Bucket {
	h := read(d).GetHistogram()
	var buckets []Bucket
	for _, b := range h.GetBucket() {
		buckets = append(buckets, Bucket{b.GetUpperBound(), b.GetCumulativeCount()})
	}
	return append(buckets, Bucket{buckets[len(buckets)-1].UpTo, h.GetSampleCount()})
}
