package consumer_test

import (
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// withoutLetters is a consumer whose handler makes a dead letter of every message, and
// whose dead-letter queue takes none until away is unset.
func withoutLetters(t *testing.T, o consumer.Options, body func(r *rig, away *atomic.Bool)) {
	t.Helper()
	var away atomic.Bool
	away.Store(true)
	run(t, o, func(r *rig) { body(r, &away) }, func(r *rig) {
		r.inbox.on = func(d *consumer.Delivery) { d.DeadLetter(nil, message.Failure{Reason: message.Rejected}) }
		r.letters.fault = func(deadletter.Letter) error {
			if away.Load() {
				return errNoLetters
			}
			return nil
		}
	})
}

func TestUnstoredLettersHoldATenthOfTheMessages(t *testing.T) {
	o := defaults()
	o.MaxHeld = 40
	withoutLetters(t, o, func(r *rig, away *atomic.Bool) {
		ids := r.q.send(100)
		pass(20 * time.Second)
		if s := r.Stats(); s.Held != 4 && s.Held != 5 || s.Unstored.Messages != 4 || s.Unstored.Code != "connection" || s.Unstored.Since.IsZero() {
			t.Errorf("%d held, %+v", s.Held, s)
		}
		for range 60 {
			pass(time.Minute)
			if s := r.Stats(); s.Held > 14 || s.Unstored.Messages > 4 { // what one receive brings is there for a moment
				t.Errorf("%d held, %d unstored", s.Held, s.Unstored.Messages)
			}
		}
		away.Store(false)
		pass(20 * time.Minute)
		r.wantLeft()
		if n := len(r.letters.ids()); n != len(ids) {
			t.Errorf("%d letters, want %d", n, len(ids))
		}
		if s := r.Stats(); s.Unstored != (consumer.Stuck{}) {
			t.Errorf("after all: %+v", s)
		}
	})
}

func TestUnstoredLettersHoldATenthOfTheBytes(t *testing.T) {
	o := defaults()
	o.MaxHeldBytes = 10 << 20
	withoutLetters(t, o, func(r *rig, _ *atomic.Bool) {
		large := make([]byte, 300<<10)
		for i := range large {
			large[i] = 'x'
		}
		for i := range 20 {
			r.q.add(&stored{id: string(rune('a' + i)), body: string(large)})
		}
		pass(20 * time.Second)
		if s := r.Stats(); s.HeldBytes > 1<<20 || s.Unstored.Messages != 3 {
			t.Errorf("%d bytes held by %d", s.HeldBytes, s.Unstored.Messages)
		}
	})
}

func TestWhatIsPutOffComesAgainLaterEachTime(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	withoutLetters(t, o, func(r *rig, _ *atomic.Bool) {
		r.q.sendAnd(1) // takes the only place
		id := r.q.sendAnd(1)[0]
		for _, want := range []time.Duration{30, 60, 120, 240, 480, 900, 900} {
			pass(time.Second)
			wait := r.q.visibleIn(id).Round(5 * time.Second)
			if wait != want*time.Second {
				t.Fatalf("hidden for %s, want %s", wait, want*time.Second)
			}
			pass(r.q.visibleIn(id))
		}
	})
}

// One letter that is refused for what is in it holds its own place, and no other letter
// waits for it.
func TestOneUnstoredLetterPutsOffNoOther(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	run(t, o, func(r *rig) {
		for range 5 {
			r.q.send(10)
			pass(30 * time.Second)
		}
		r.wantLeft("m3")
		r.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 49})
	}, func(r *rig) {
		r.inbox.on = func(d *consumer.Delivery) { d.DeadLetter(nil, message.Failure{Reason: message.Rejected}) }
		r.letters.fault = func(l deadletter.Letter) error {
			if l.Message.ID == "m3" {
				return &sqswire.EntryError{Code: "InvalidParameterValue", SenderFault: true}
			}
			return nil
		}
	})
}

// Should the letter that is kept fail for a reason of its own that looks like the queue's,
// the others are stored all the same.
func TestOneUnstoredLetterNeverEndsTheOthers(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	run(t, o, func(r *rig) {
		for range 5 {
			r.q.send(10)
			pass(30 * time.Second)
		}
		pass(2 * time.Hour)
		r.wantLeft("m3")
	}, func(r *rig) {
		r.inbox.on = func(d *consumer.Delivery) { d.DeadLetter(nil, message.Failure{Reason: message.Rejected}) }
		r.letters.fault = func(l deadletter.Letter) error {
			if l.Message.ID == "m3" {
				return errNoLetters
			}
			return nil
		}
	})
}

func TestAStopWaitsForNoDeadLetterQueue(t *testing.T) {
	withoutLetters(t, defaults(), func(r *rig, _ *atomic.Bool) {
		ids := r.q.sendAnd(3)
		pass(2 * time.Minute) // the waits between tries are long by now
		r.stopReceiving()
		<-r.received
		start := time.Now()
		r.flush()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
		r.wantVisible(ids...)
		if s := r.Stats(); s.Stranded != 0 || s.Held+s.Settling != 0 {
			t.Errorf("%+v", s)
		}
	})
}
