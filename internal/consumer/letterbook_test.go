package consumer

import (
	"strconv"
	"testing"
	"time"
)

// Field lesson 19: nothing grows with the number of messages seen.
func TestLetterbookIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	b := newLetterbook(100, time.Hour)
	for i := range 10_000 {
		b.add(strconv.Itoa(i), now)
		b.add(strconv.Itoa(i), now)
		now = now.Add(time.Second)
	}
	if len(b.at) != 100 || len(b.order) != 100 || cap(b.order) > 1000 {
		t.Errorf("%d ids, %d in order, capacity %d", len(b.at), len(b.order), cap(b.order))
	}
	if b.has("9899", now) || !b.has("9900", now) || !b.has("9999", now) {
		t.Error("not the newest are kept")
	}
	if now = now.Add(time.Hour - 51*time.Second); b.has("9949", now) || !b.has("9950", now) || len(b.at) != 50 {
		t.Errorf("%d ids left after their time", len(b.at))
	}
}
