package telemetry

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Durations is a histogram of how long things took, and the prometheus.Collector of its
// metric. Safe for use by many goroutines.
type Durations struct {
	desc    *prometheus.Desc
	created time.Time
	bounds  []float64       // seconds
	counts  []atomic.Uint64 // up to each bound and above the one before; the last is above all
	sum     atomic.Int64    // nanoseconds
}

// Bucket of a histogram: how many took no longer than this. The last bucket's UpTo may
// be infinite.
type Bucket struct {
	UpTo  float64 // seconds
	Count uint64  // those of the buckets before included
}

func newDurations(r *prometheus.Registry, name, help string, bounds []float64) *Durations {
	d := &Durations{
		desc: prometheus.NewDesc(name, help, nil, nil), created: time.Now(),
		bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1),
	}
	r.MustRegister(d)
	return d
}

// Observe takes down that something took so long.
func (d *Durations) Observe(took time.Duration) {
	bucket, _ := slices.BinarySearch(d.bounds, took.Seconds())
	d.counts[bucket].Add(1)
	d.sum.Add(int64(took))
}

// Sum is how many were observed, and how long all of them took together.
func (d *Durations) Sum() (count int, took time.Duration) {
	for i := range d.counts {
		count += int(d.counts[i].Load())
	}
	return count, time.Duration(d.sum.Load())
}

// Buckets are the counts, cumulated. What took longer than the last bound is in a
// bucket of that bound: a page shows no infinity.
func (d *Durations) Buckets() []Bucket {
	buckets := make([]Bucket, len(d.counts))
	count := uint64(0)
	for i := range d.counts {
		count += d.counts[i].Load()
		buckets[i] = Bucket{d.bounds[min(i, len(d.bounds)-1)], count}
	}
	return buckets
}

// Describe implements prometheus.Collector.
func (d *Durations) Describe(to chan<- *prometheus.Desc) { to <- d.desc }

// Collect implements prometheus.Collector.
func (d *Durations) Collect(to chan<- prometheus.Metric) {
	buckets := d.Buckets()
	upTo := make(map[float64]uint64, len(d.bounds))
	for _, b := range buckets[:len(d.bounds)] {
		upTo[b.UpTo] = b.Count
	}
	_, took := d.Sum()
	to <- prometheus.MustNewConstHistogramWithCreatedTimestamp(d.desc, buckets[len(d.bounds)].Count, took.Seconds(), upTo, d.created)
}
