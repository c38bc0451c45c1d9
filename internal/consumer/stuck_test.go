package consumer_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// endings are two of the ways in which a message ends, and how they fail.
var endings = map[string]ending{
	"letters": {
		outcome: message.DeadLettered, code: "connection", recovers: 20 * time.Minute,
		end:   func(d *consumer.Delivery) { d.DeadLetter(nil, message.Failure{Reason: message.Rejected}) },
		stuck: func(s consumer.Stats) consumer.Stuck { return s.Unstored },
		fails: func(r *rig, failing func(id string) bool) {
			r.letters.fault = unstored(failing)
		},
	},
	"deletes": {
		outcome: message.Applied, code: "AccessDenied", recovers: 5 * time.Minute,
		end:   func(d *consumer.Delivery) { d.Settle(message.Applied) },
		stuck: func(s consumer.Stats) consumer.Stuck { return s.Undeleted },
		fails: func(r *rig, failing func(id string) bool) {
			r.q.fault = func(_ context.Context, action string, _ int) error {
				if action == "DeleteMessageBatch" && failing("") {
					return apiError("AccessDenied")
				}
				return nil
			}
		},
	},
}

type ending struct {
	outcome  message.Outcome
	code     string
	recovers time.Duration // so long after it works again all is done
	end      func(*consumer.Delivery)
	stuck    func(consumer.Stats) consumer.Stuck
	fails    func(r *rig, failing func(id string) bool)
}

// run is a consumer whose handler ends every message at once, in a way that fails until
// failing is unset.
func (e ending) run(t *testing.T, o consumer.Options, body func(r *rig, failing *atomic.Bool)) {
	t.Helper()
	var failing atomic.Bool
	failing.Store(true)
	run(t, o, func(r *rig) { body(r, &failing) }, func(r *rig) {
		r.inbox.on = e.end
		e.fails(r, func(string) bool { return failing.Load() })
	})
}

func TestMessagesWhoseEndingFailsHoldATenthOfTheMessages(t *testing.T) {
	o := defaults()
	o.MaxHeld = 40
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			e.run(t, o, func(r *rig, failing *atomic.Bool) {
				ids := r.q.send(100)
				pass(20 * time.Second)
				s := r.Stats()
				stuck := e.stuck(s)
				if s.Settling > 5 || stuck.Messages != 4 || stuck.Code != e.code || stuck.Since.IsZero() {
					t.Errorf("%+v", s)
				}
				for range 60 {
					pass(time.Minute)
					if s := r.Stats(); s.Settling > 14 || e.stuck(s).Messages > 4 { // what one receive brings is there for a moment
						t.Errorf("%d settling, %+v", s.Settling, e.stuck(s))
					}
				}
				r.wantLeft(ids...)
				if name == "deletes" {
					for _, id := range ids {
						if n := r.inbox.deliveries(id); n != 1 {
							t.Errorf("%s was handed over %d times: only its delete is missing", id, n)
						}
					}
				}
				failing.Store(false)
				pass(e.recovers)
				r.wantLeft()
				if s := r.Stats(); e.stuck(s) != (consumer.Stuck{}) || s.Settling != 0 || s.Outcomes[e.outcome] != len(ids) {
					t.Errorf("after all: %+v", s)
				}
				if n := len(r.letters.ids()); name == "letters" && n != len(ids) {
					t.Errorf("%d letters, want %d", n, len(ids))
				}
			})
		})
	}
}

func TestMessagesWhoseEndingFailsHoldATenthOfTheBytes(t *testing.T) {
	const large, tenth = 300 << 10, 1 << 20
	o := defaults()
	o.MaxHeldBytes = 10 * tenth
	for name, e := range endings {
		t.Run(name, func(t *testing.T) {
			e.run(t, o, func(r *rig, _ *atomic.Bool) {
				for i := range 20 {
					r.q.add(&stored{id: string(rune('a' + i)), body: strings.Repeat("x", large)})
				}
				pass(20 * time.Second)
				if s := r.Stats(); s.HeldBytes > tenth+large || e.stuck(s).Messages != 3 {
					t.Errorf("%d bytes held, %+v", s.HeldBytes, e.stuck(s))
				}
			})
		})
	}
}

// One message whose ending fails for a reason of its own is held alone, also if that looks
// like the queue's.
func TestOneMessageWhoseEndingFailsIsLeftAlone(t *testing.T) {
	const id = "m3"
	deletes, letters := endings["deletes"], endings["letters"]
	for name, c := range map[string]struct {
		ending
		fails func(r *rig)
	}{
		"a delete": {deletes, func(r *rig) {
			r.q.entry = func(action, of string) string {
				if action == "DeleteMessageBatch" && of == id {
					return "InternalError"
				}
				return ""
			}
		}},
		"a letter, for its content": {letters, func(r *rig) {
			r.letters.fault = func(l deadletter.Letter) error {
				if l.Message.ID == id {
					return &sqswire.EntryError{Code: "InvalidParameterValue", SenderFault: true}
				}
				return nil
			}
		}},
		"a letter, as if the queue were away": {letters, func(r *rig) {
			letters.fails(r, func(of string) bool { return of == id })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := defaults()
			o.MaxHeld = 10
			run(t, o, func(r *rig) {
				for range 10 {
					r.q.send(10)
					pass(30 * time.Second)
				}
				if name != "a letter, for its content" {
					pass(2 * time.Hour)
				}
				r.wantLeft(id)
				if n := r.Stats().Outcomes[c.outcome]; n < 99 {
					t.Errorf("%d %s, want all others", n, c.outcome)
				}
			}, func(r *rig) {
				r.inbox.on = c.end
				c.fails(r)
			})
		})
	}
}

func TestWhatIsPutOffComesAgainLaterEachTime(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	endings["letters"].run(t, o, func(r *rig, _ *atomic.Bool) {
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

func TestAStopWaitsForNoDeadLetterQueue(t *testing.T) {
	endings["letters"].run(t, defaults(), func(r *rig, _ *atomic.Bool) {
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

// What is done is never made visible again.
func TestWhatIsLetGoKeepsItsLease(t *testing.T) {
	o := defaults()
	o.MaxHeld = 10
	endings["deletes"].run(t, o, func(r *rig, _ *atomic.Bool) {
		ids := r.q.sendAnd(10)
		pass(90 * time.Second)
		r.wantVisible()
		renewed := 0
		for _, id := range ids {
			if r.q.visibleIn(id) > 30*time.Second {
				renewed++ // it is held
			}
		}
		if renewed > 2 {
			t.Errorf("%d of 10 messages were renewed, want the one that is kept, and one on trial", renewed)
		}
	})
}

// A delete that does not come back holds no more than one that is refused.
func TestDeletesThatHangKeepNoMessageOut(t *testing.T) {
	o := defaults()
	o.MaxHeld = 100
	run(t, o, func(r *rig) {
		for range 60 {
			r.q.send(20)
			pass(time.Second)
		}
		pass(30 * time.Second)
		if n := r.Stats().Outcomes[message.Applied]; n != 1200 {
			t.Errorf("%d applied, want 1200", n)
		}
	}, func(r *rig) {
		r.inbox.on = endings["deletes"].end
		r.q.fault = hangs("DeleteMessageBatch", 0)
	})
}

func TestAStopCountsWhatWasLetGoUntilItIsVisible(t *testing.T) {
	for _, c := range []struct {
		wait     time.Duration // before the stop, with deletes that work again
		stranded int
	}{{time.Second, 1}, {3 * time.Minute, 0}} {
		o := defaults()
		o.MaxHeld = 10
		endings["deletes"].run(t, o, func(r *rig, failing *atomic.Bool) {
			r.q.sendAnd(1) // takes the only place
			pass(5 * time.Second)
			r.q.sendAnd(1) // on trial, then let go
			pass(5 * time.Second)
			failing.Store(false)
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
