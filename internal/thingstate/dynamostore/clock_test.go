package dynamostore

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// However far the machine's clock is off, and however long answers take, the time is
// DynamoDB's, to within a second and half of what an answer took.
func TestTheTimeIsThatOfTheAnswers(t *testing.T) {
	for _, off := range []time.Duration{0, 3 * time.Second, -3 * time.Second, 10 * time.Minute, -10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(off)))
			c := &clock{process: func() time.Time { return time.Now().Add(off) }}
			if got := time.Until(c.now(c.process())); got != off {
				t.Errorf("before an answer: %v off, want the machine's own %v", got, off)
			}
			for range 500 {
				time.Sleep(time.Duration(rng.Int64N(int64(time.Minute))))
				before := c.process()
				there := time.Duration(rng.Int64N(int64(time.Second)))
				back := time.Duration(rng.Int64N(int64(time.Second)))
				time.Sleep(there)
				date := time.Now().Truncate(time.Second)
				time.Sleep(back)
				c.note(before, c.process(), date)
				time.Sleep(time.Duration(rng.Int64N(int64(time.Minute))))
				if got := time.Until(c.now(c.process())).Abs(); got > time.Second/2+(there+back)/2 {
					t.Fatalf("a machine %v off, an answer that took %v: %v off", off, there+back, got)
				}
			}
		})
	}
}

// A clock that drifts is followed, and never loses the time.
func TestAClockThatDriftsIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := &clock{process: func() time.Time { return time.Now().Add(time.Since(start) / 7000) }}
		for range 5000 {
			c.note(c.process(), c.process(), time.Now().Truncate(time.Second))
			time.Sleep(1234 * time.Millisecond)
			if got := time.Until(c.now(c.process())).Abs(); got > time.Second {
				t.Fatalf("after %v: %v off", time.Since(start), got)
			}
		}
	})
}

// A machine whose clock is set tells DynamoDB's time again from the next answer on: what
// was known of the difference is over.
func TestAClockThatIsSetIsPutRightByTheNextAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := -10 * time.Minute
		var heard time.Duration
		c := &clock{process: func() time.Time { return time.Now().Add(off) }, ahead: func(d time.Duration) { heard = d }}
		answer := func() { c.note(c.process(), c.process(), time.Now().Truncate(time.Second)) }
		for range 3 {
			time.Sleep(1300 * time.Millisecond)
			answer()
		}
		off = 0 // by NTP
		time.Sleep(time.Minute)
		answer()
		if got := time.Until(c.now(c.process())).Abs(); got > time.Second || heard.Abs() > time.Second {
			t.Errorf("%v off, and it says %v", got, heard)
		}
	})
}
