package consumer_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/message"
)

// withoutDeletes is a consumer whose handler settles every message at once, on a queue
// that deletes none until denied is unset.
func withoutDeletes(t *testing.T, o consumer.Options, body func(r *rig, denied *atomic.Bool)) {
	t.Helper()
	var denied atomic.Bool
	denied.Store(true)
	run(t, o, func(r *rig) { body(r, &denied) }, func(r *rig) {
		r.inbox.on = func(d *consumer.Delivery) { d.Settle(message.Applied) }
		r.q.fault = func(_ context.Context, action string, _ int) error {
			if action == "DeleteMessageBatch" && denied.Load() {
				return apiError("AccessDenied")
			}
			return nil
		}
	})
}

func TestUndeletedMessagesHoldATenthOfTheMessages(t *testing.T) {
	o := defaults()
	o.MaxHeld = 40
	withoutDeletes(t, o, func(r *rig, denied *atomic.Bool) {
		ids := r.q.send(100)
		pass(20 * time.Second)
		if s := r.Stats(); s.Settling > 5 || s.Undeleted.Messages != 4 || s.Undeleted.Code != "AccessDenied" || s.Undeleted.Since.IsZero() {
			t.Errorf("%d settling, %+v", s.Settling, s.Undeleted)
		}
		for range 60 {
			pass(time.Minute)
			if s := r.Stats(); s.Held != 0 || s.Settling > 14 || s.Undeleted.Messages > 4 { // what one receive brings is there for a moment
				t.Errorf("%d held, %d settling, %d undeleted", s.Held, s.Settling, s.Undeleted.Messages)
			}
		}
		r.wantLeft(ids...)
		for _, id := range ids {
			if n := r.inbox.deliveries(id); n != 1 {
				t.Errorf("%s was handed over %d times: only its delete is missing", id, n)
			}
		}
		if n := r.Stats().Outcomes[message.Applied]; n != 100 {
			t.Errorf("%d applied, want 100", n)
		}
		denied.Store(false)
		pass(5 * time.Minute)
		r.wantLeft()
		if s := r.Stats(); s.Undeleted != (consumer.Stuck{}) || s.Settling != 0 {
			t.Errorf("after all: %+v", s)
		}
	})
}

func TestUndeletedMessagesHoldATenthOfTheBytes(t *testing.T) {
	o := defaults()
	o.MaxHeldBytes = 10 << 20
	withoutDeletes(t, o, func(r *rig, _ *atomic.Bool) {
		large := make([]byte, 300<<10)
		for i := range large {
			large[i] = 'x'
		}
		for i := range 20 {
			r.q.add(&stored{id: string(rune('a' + i)), body: string(large)})
		}
		pass(20 * time.Second)
		if s := r.Stats(); s.HeldBytes > 1<<20+300<<10 || s.Undeleted.Messages != 3 {
			t.Errorf("%d bytes held, %d undeleted", s.HeldBytes, s.Undeleted.Messages)
		}
	})
}

// Field lesson 17.
func TestWhatIsLetGoKeepsItsLease(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	withoutDeletes(t, o, func(r *rig, _ *atomic.Bool) {
		ids := r.q.sendAnd(10)
		pass(90 * time.Second)
		r.wantVisible()
		changed := 0
		for _, id := range ids {
			if r.q.visibleIn(id) > 30*time.Second {
				changed++ // renewed: it is held
			}
		}
		if changed > 2 {
			t.Errorf("%d of 10 messages were renewed, want the one that is kept, and one on trial", changed)
		}
	})
}

// A delete that does not come back holds no more than one that is refused.
func TestDeletesThatHangKeepNoMessageOut(t *testing.T) {
	o := defaults()
	o.MaxHeld = 100
	run(t, o, func(r *rig) {
		for range 30 {
			r.q.send(20)
			pass(2 * time.Second)
		}
		pass(30 * time.Second)
		if n := r.Stats().Outcomes[message.Applied]; n != 600 {
			t.Errorf("%d applied, want 600", n)
		}
	}, func(r *rig) {
		r.inbox.on = func(d *consumer.Delivery) { d.Settle(message.Applied) }
		r.q.fault = func(ctx context.Context, action string, _ int) error {
			if action == "DeleteMessageBatch" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
	})
}

// One message whose delete fails for a reason of its own is held alone.
func TestOneUndeletedMessageLetsNoOtherGo(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	run(t, o, func(r *rig) {
		for range 20 {
			r.q.send(10)
			pass(20 * time.Second)
		}
		r.wantLeft("m3")
	}, func(r *rig) {
		r.inbox.on = func(d *consumer.Delivery) { d.Settle(message.Applied) }
		r.q.entry = func(action, id string) string {
			if action == "DeleteMessageBatch" && id == "m3" {
				return "InternalError"
			}
			return ""
		}
	})
}

func TestAStopCountsWhatWasLetGoUntilItIsVisible(t *testing.T) {
	for _, c := range []struct {
		wait     time.Duration // before the stop, with deletes that work again
		stranded int
	}{{time.Second, 1}, {3 * time.Minute, 0}} {
		o := defaults()
		o.MaxHeld = 10
		withoutDeletes(t, o, func(r *rig, denied *atomic.Bool) {
			r.q.sendAnd(1) // takes the only place
			pass(5 * time.Second)
			r.q.sendAnd(1) // on trial, then let go
			pass(5 * time.Second)
			denied.Store(false)
			pass(c.wait)
			r.stopReceiving()
			<-r.received
			r.flush()
			r.stopKeeping()
			<-r.kept
			if n := r.Stats().Stranded; n != c.stranded {
				t.Errorf("%s after deletes work again: %d stranded, want %d", c.wait, n, c.stranded)
			}
		})
	}
}
