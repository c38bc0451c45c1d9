package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Counters are the counters of one metric, one for each value of its only label.
// The values are a closed set: K lists them all.
type Counters[K ~string] struct {
	*prometheus.CounterVec
	of map[K]prometheus.Counter // kept: a lookup in the vector for each message costs
}

// Inc adds one to the counter of a value of the set.
func (c Counters[K]) Inc(value K) {
	if counter := c.of[value]; counter != nil {
		counter.Inc()
		return
	}
	c.WithLabelValues(string(value)).Inc() // unreachable: the set is closed
}

func counters[K ~string](r *prometheus.Registry, name, help, label string, values []K) Counters[K] {
	c := Counters[K]{
		CounterVec: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label}),
		of:         make(map[K]prometheus.Counter, len(values)),
	}
	r.MustRegister(c.CounterVec)
	for _, value := range values {
		c.of[value] = c.WithLabelValues(string(value))
	}
	return c
}
