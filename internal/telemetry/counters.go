package telemetry

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Counter counts up from 0. Safe for use by many goroutines.
type Counter struct {
	count   atomic.Int64
	labels  []string // the values of its metric's labels
	created time.Time
}

// Inc adds one.
func (c *Counter) Inc() { c.count.Add(1) }

// Add adds n, which is not negative.
func (c *Counter) Add(n int) { c.count.Add(int64(n)) }

// Count is how many there are.
func (c *Counter) Count() int { return int(c.count.Load()) }

// Series are the counters of one metric, one for each combination of label values.
// They are the prometheus.Collector of that metric. Safe for use by many goroutines.
type Series struct {
	desc *prometheus.Desc

	mu       sync.Mutex
	counters []*Counter // a few dozen at most
}

func newSeries(r *prometheus.Registry, name, help string, labels ...string) *Series {
	s := &Series{desc: prometheus.NewDesc(name, help, labels, nil)}
	r.MustRegister(s)
	return s
}

// With is the counter with these label values, made when it is first asked for. Keep it
// if it is needed for each message.
func (s *Series) With(labels ...string) *Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.counters {
		if slices.Equal(c.labels, labels) {
			return c
		}
	}
	c := &Counter{labels: slices.Clone(labels), created: time.Now()}
	s.counters = append(s.counters, c)
	return c
}

// Sums are the counts, added up by the value of the first label.
func (s *Series) Sums() map[string]int {
	sums := make(map[string]int)
	for _, c := range s.all() {
		sums[c.labels[0]] += c.Count()
	}
	return sums
}

// Sum is all counts added up.
func (s *Series) Sum() (n int) {
	for _, c := range s.all() {
		n += c.Count()
	}
	return n
}

func (s *Series) all() []*Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters // what is appended later lies behind its end
}

// Describe implements prometheus.Collector.
func (s *Series) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect implements prometheus.Collector.
func (s *Series) Collect(to chan<- prometheus.Metric) {
	for _, c := range s.all() {
		to <- prometheus.MustNewConstMetricWithCreatedTimestamp(s.desc, prometheus.CounterValue, float64(c.Count()), c.created, c.labels...)
	}
}

// Counters are the counters of a metric with one label, whose values are a closed set:
// K lists them all.
type Counters[K ~string] struct {
	*Series
	of map[K]*Counter
}

// NewCounters makes the counters of a metric, one for each of the values.
func NewCounters[K ~string](r *prometheus.Registry, name, help, label string, values []K) Counters[K] {
	c := Counters[K]{newSeries(r, name, help, label), make(map[K]*Counter, len(values))}
	for _, value := range values {
		c.of[value] = c.With(string(value))
	}
	return c
}

// Of is the counter of a value of the set.
func (c Counters[K]) Of(value K) *Counter {
	if counter := c.of[value]; counter != nil {
		return counter
	}
	return c.With(string(value)) // unreachable: the set is closed
}

// Inc adds one to the counter of a value of the set.
func (c Counters[K]) Inc(value K) { c.Of(value).Inc() }
