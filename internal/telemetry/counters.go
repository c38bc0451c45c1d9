package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Counter counts up from 0. Safe for use by many goroutines.
type Counter struct{ prometheus.Counter }

// Add adds n, which is not negative.
func (c *Counter) Add(n int) { c.Counter.Add(float64(n)) }

// Count is how many there are.
func (c *Counter) Count() int { return int(read(c).GetCounter().GetValue()) }

func read(m prometheus.Metric) *dto.Metric {
	var is dto.Metric
	_ = m.Write(&is) // no metric of ours can fail
	return &is
}

// Series are the counters of one metric, one for each combination of label values.
// Safe for use by many goroutines.
type Series struct{ *prometheus.CounterVec }

func newSeries(r *prometheus.Registry, name, help string, labels ...string) *Series {
	s := &Series{prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)}
	r.MustRegister(s)
	return s
}

// With is the counter with these label values, made when it is first asked for. Keep it
// if it is needed for each message.
func (s *Series) With(labels ...string) *Counter { return &Counter{s.WithLabelValues(labels...)} }

// Sums are the counts, added up by the value of the label whose name sorts first.
func (s *Series) Sums() map[string]int {
	all := make(chan prometheus.Metric)
	go func() {
		defer close(all)
		s.Collect(all)
	}()
	sums := make(map[string]int)
	for m := range all {
		is := read(m)
		sums[is.GetLabel()[0].GetValue()] += int(is.GetCounter().GetValue())
	}
	return sums
}

// Sum is all counts added up.
func (s *Series) Sum() (n int) {
	for _, count := range s.Sums() {
		n += count
	}
	return n
}

// Counters are the counters of a metric with one label, whose values are a closed set.
type Counters[K ~string] struct{ *Series }

// NewCounters makes the counters of a metric, one for each of the values.
func NewCounters[K ~string](r *prometheus.Registry, name, help, label string, values []K) Counters[K] {
	c := Counters[K]{newSeries(r, name, help, label)}
	for _, value := range values {
		c.Of(value)
	}
	return c
}

// Of is the counter of a value of the set.
func (c Counters[K]) Of(value K) *Counter { return c.With(string(value)) }

// Inc adds one to the counter of a value of the set.
func (c Counters[K]) Inc(value K) { c.Of(value).Inc() }
