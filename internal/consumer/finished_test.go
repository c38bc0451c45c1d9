package consumer

import (
	"strconv"
	"testing"
	"time"
)

// Nothing grows with the number of messages seen.
func TestFinishedIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	f := newFinished(100, time.Hour)
	for i := range 10_000 {
		f.add(strconv.Itoa(i), now)
		f.add(strconv.Itoa(i), now)
		now = now.Add(time.Second)
	}
	if len(f.at) != 100 || len(f.order) != 100 || cap(f.order) > 1000 {
		t.Errorf("%d ids, %d in order, capacity %d", len(f.at), len(f.order), cap(f.order))
	}
	if f.has("9899", now) || !f.has("9900", now) || !f.has("9999", now) {
		t.Error("not the newest are kept")
	}
	if now = now.Add(time.Hour - 51*time.Second); f.has("9949", now) || !f.has("9950", now) || len(f.at) != 50 {
		t.Errorf("%d ids left after their time", len(f.at))
	}
}

// A message that comes again and again is remembered for as long as it does.
func TestFinishedCountsFromTheLastTime(t *testing.T) {
	now := time.Unix(0, 0)
	f := newFinished(3, time.Hour)
	f.add("once", now)
	for range 10 {
		f.add("again", now)
		now = now.Add(50 * time.Minute)
	}
	if f.has("once", now) || !f.has("again", now) || len(f.order) > 3 {
		t.Errorf("once %v, again %v, %d in order", f.has("once", now), f.has("again", now), len(f.order))
	}
}
