package consumer_test

import (
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/message"
)

// gate lets in up to so many messages at once, and remembers what it was asked.
type gate struct {
	mu           sync.Mutex
	most         int
	wait         time.Duration
	back         *consumer.Consumer // called back, if set
	held, coming int                // of the last question
}

func (g *gate) Admit(held, coming, most int) (int, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held, g.coming = held, coming
	if g.back != nil {
		g.back.Stats()
		g.back.NotReceiving()
	}
	if n := min(g.most, most); n > 0 {
		return n, 0
	}
	return 0, g.wait
}

func (g *gate) set(most int, back *consumer.Consumer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most, g.back = most, back
}

func TestNoMoreIsReceivedThanIsAdmitted(t *testing.T) {
	g := &gate{wait: 2 * time.Second}
	o := defaults()
	o.Admission = g
	run(t, o, func(r *rig) {
		ids := r.q.sendAnd(30)
		pass(time.Minute)
		if n := r.q.count("ReceiveMessage"); n > 0 {
			t.Errorf("%d receives while nothing is admitted", n)
		}
		g.set(3, r.Consumer) // no lock is held while it decides: it may call back
		pass(2 * time.Second)
		for _, d := range r.inbox.all()[:3] {
			d.Settle(message.Applied)
		}
		if n, receives := len(r.inbox.all()), r.q.count("ReceiveMessage"); n != len(ids) || receives < 10 {
			t.Errorf("%d messages in %d receives of 3 at most, want all %d", n, receives, len(ids))
		}
		g.set(0, nil)
		pass(30 * time.Second) // the open poll comes back
		if g.mu.Lock(); g.held != len(ids)-3 || g.coming != 0 {
			t.Errorf("asked beside %d held and %d coming, want %d and 0", g.held, g.coming, len(ids)-3)
		}
		g.mu.Unlock()
		receives := r.q.count("ReceiveMessage")
		r.q.send(1)
		pass(time.Minute)
		if n := r.q.count("ReceiveMessage") - receives; n > 0 {
			t.Errorf("%d receives after nothing is admitted any more", n)
		}
	})
}

func TestWakeAsksAtOnceWhetherMoreMayComeIn(t *testing.T) {
	g := &gate{wait: time.Hour}
	o := defaults()
	o.Admission = g
	run(t, o, func(r *rig) {
		r.q.send(1)
		pass(4 * time.Second)
		g.set(10, nil)
		r.Wake()
		pass(0)
		if r.inbox.deliveries("m1") != 1 {
			t.Error("nothing comes in when the admission says so")
		}
	})
}

func TestNothingFailsIfNothingIsAdmitted(t *testing.T) {
	g := &gate{most: 10, wait: time.Second}
	o := defaults()
	o.Admission = g
	run(t, o, func(r *rig) {
		pass(2 * time.Minute)
		if _, failing := r.NotReceiving(); !failing {
			t.Error("every receive has failed for 2 minutes, and that is not said")
		}
		g.set(0, nil)
		pass(30 * time.Second)
		if f, failing := r.NotReceiving(); failing {
			t.Errorf("nothing is to come in, and yet it fails: %+v", f)
		}
	}, func(r *rig) {
		r.q.fault = fails("ReceiveMessage", apiError("AccessDenied"))
	})
}
