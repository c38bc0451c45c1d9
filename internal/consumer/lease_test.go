package consumer_test

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
)

// Every message that waits keeps its lease, and the
// renewals end with the message.
func TestEveryWaitingMessageIsRenewed(t *testing.T) {
	for _, visibility := range []time.Duration{2 * time.Second, 30 * time.Second, 2 * time.Minute, time.Hour} {
		t.Run(visibility.String(), func(t *testing.T) {
			o := defaults()
			o.Visibility = visibility
			run(t, o, func(r *rig) {
				ids := r.q.sendAnd(95)
				for range 60 {
					pass(visibility / 10)
					r.wantVisible()
				}
				for _, id := range ids {
					if !r.inbox.last(id).Live() {
						t.Errorf("%s is not live", id)
					}
					if n := r.q.receives(id); n != 1 {
						t.Errorf("%s was received %d times", id, n)
					}
				}
				r.settle(message.Applied, ids...)
				r.flush()
				before := r.q.count("ChangeMessageVisibilityBatch")
				pass(3 * visibility)
				if n := r.q.count("ChangeMessageVisibilityBatch") - before; n != 0 {
					t.Errorf("%d renewals after everything was settled", n)
				}
				r.wantLeft()
			})
		})
	}
}

// The delete waits for a renewal under way, and no renewal
// starts beside a delete; the queue fails the test on two operations at once.
func TestDeleteWaitsForARenewalUnderWay(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		pass(62 * time.Second) // the renewal, due after a minute, is under way
		r.settle(message.Applied, id)
		pass(2 * time.Second)
		r.wantLeft(id)
		pass(2 * time.Second)
		r.wantLeft()
	}, func(r *rig) { r.q.fault = slow("ChangeMessageVisibilityBatch", 1, 5*time.Second) })
}

// A renewal that comes late never hides a released message.
func TestLateRenewalHidesNoReleasedMessage(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		r.stopReceiving()
		pass(62 * time.Second)
		r.inbox.last(id).Release(0)
		pass(10 * time.Second)
		r.wantVisible(id)
	}, func(r *rig) { r.q.fault = slow("ChangeMessageVisibilityBatch", 1, 5*time.Second) })
}

func TestRenewalsCostAtMostAFifthOfARequestAMessage(t *testing.T) {
	o := defaults()
	var held atomic.Int64
	o.ExpectedWait = func() time.Duration { return time.Duration(held.Load()) * time.Second / 10 }
	run(t, o, func(r *rig) {
		r.q.send(7000) // 5000 are held, more wait in the queue
		pass(time.Second)
		settled := 0
		for settled < 6000 {
			all := r.inbox.all()
			held.Store(int64(len(all) - settled))
			all[settled].Settle(message.Applied)
			settled++
			pass(time.Second / 10)
		}
		if lost := r.metrics.LeasesLost.Count(); lost != 0 {
			t.Errorf("%v leases lost", lost)
		}
		each := float64(r.q.count("ChangeMessageVisibilityBatch")) / float64(settled)
		t.Logf("%.3f renewal requests a message", each)
		if each > 0.2 {
			t.Errorf("%.3f renewal requests a message, want at most 0.2", each)
		}
	})
}

func TestLostLeaseEndsTheWaiting(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(3)
		r.q.takeAway(ids[1])
		pass(time.Minute)
		if n := r.inbox.losses(ids[1]); n != 1 {
			t.Errorf("lost %d times", n)
		}
		d := r.inbox.last(ids[1])
		if d.Live() {
			t.Error("live though its lease is lost")
		}
		d.Settle(message.Applied) // no effect: it is another's now
		pass(10 * time.Second)
		r.wantLeft(ids...)
		r.wantOutcomes(map[message.Outcome]int{message.Released: 1})
		if s := r.Stats(); s.Held != 2 {
			t.Errorf("%+v", s)
		}
		if r.inbox.losses(ids[0]) != 0 || r.inbox.losses(ids[2]) != 0 {
			t.Error("others of its batch are lost as well")
		}
	})
}

// Renewals that fail are tried again until the lease has run out by our clock.
func TestLeaseRunsOutByOurClock(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		d := r.inbox.last(id)
		pass(2*time.Minute - 2*time.Second)
		if !d.Live() || r.inbox.losses(id) != 0 {
			t.Error("not live two seconds before the lease's end")
		}
		if n := r.q.count("ChangeMessageVisibilityBatch"); n < 3 || n > 60 {
			t.Errorf("%d renewals tried", n)
		}
		pass(time.Second)
		if d.Live() {
			t.Error("live in the lease's last second")
		}
		if n := r.inbox.losses(id); n != 1 {
			t.Errorf("lost %d times", n)
		}
		broken.Store(false)
		pass(time.Minute) // it comes again
		if n := r.inbox.deliveries(id); n != 2 {
			t.Errorf("delivered %d times", n)
		}
	}, func(r *rig) {
		r.q.fault = fails("ChangeMessageVisibilityBatch", errBroken, &broken)
	})
}

func TestRenewalThatHangsIsBounded(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		pass(5 * time.Minute)
		if r.inbox.losses(id) != 0 || !r.inbox.last(id).Live() {
			t.Error("lease lost though only the first renewal hung")
		}
	}, func(r *rig) {
		r.q.fault = hangs("ChangeMessageVisibilityBatch", 1)
	})
}

// A delivery may lose its lease before Deliver has returned: Lost comes after it.
func TestLostComesAfterDeliver(t *testing.T) {
	o := defaults()
	o.Visibility = 2 * time.Second
	o.Pollers = 1
	run(t, o, func(r *rig) {
		returned := false
		r.inbox.on = func(d *consumer.Delivery) {
			if returned {
				return
			}
			time.Sleep(5 * time.Second)
			if n := r.inbox.losses("m1"); n != 0 {
				t.Error("Lost came before Deliver returned")
			}
			returned = true
		}
		r.q.send(1)
		pass(time.Second / 2)
		r.q.takeAway("m1")
		d := r.inbox.last("m1")
		pass(5 * time.Second)
		if n := r.inbox.lost[d]; n != 1 {
			t.Errorf("lost %d times", n)
		}
	})
}

func TestRenewalsGoOnWhileDraining(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(20)
		r.stopReceiving()
		<-r.received
		for range 20 {
			pass(time.Minute)
			r.wantVisible()
		}
		r.settle(message.Applied, ids...)
		r.flush()
		r.wantLeft()
	})
}

func TestHeldTooLongIsReleased(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		d := r.inbox.last(id)
		pass(11*time.Hour + 29*time.Minute)
		if !d.Live() || r.inbox.losses(id) != 0 {
			t.Fatal("not held any more")
		}
		pass(time.Minute + time.Second)
		if r.inbox.lost[d] != 1 {
			t.Errorf("lost %d times", r.inbox.lost[d])
		}
		if r.inbox.deliveries(id) != 2 { // released, so it came again
			t.Errorf("delivered %d times", r.inbox.deliveries(id))
		}
		r.wantOutcomes(map[message.Outcome]int{message.Released: 1})
		if n := r.metrics.LeasesLost.Count(); n != 0 {
			t.Errorf("%v leases lost: none was", n)
		}
	}, func(r *rig) {})
}

func TestRenewalsReachAsFarAsTheWait(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{
		0:                2 * time.Minute,
		5 * time.Minute:  7 * time.Minute,
		10 * time.Hour:   15 * time.Minute,
		math.MaxInt64:    15 * time.Minute,
		-5 * time.Minute: 2 * time.Minute,
	} {
		o := defaults()
		o.ExpectedWait = func() time.Duration { return wait }
		run(t, o, func(r *rig) {
			id := r.q.sendAnd(1)[0]
			pass(time.Minute)
			if got := r.q.visibleIn(id); got != want {
				t.Errorf("expected to wait %s: renewed for %s, want %s", wait, got, want)
			}
		})
	}
}

// Renewals of messages that came one by one go out together.
func TestRenewalsFillTheirBatches(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		for range 50 {
			r.q.send(1)
			pass(2 * time.Second)
		}
		pass(50 * time.Second) // each was renewed once
		if n, entries := r.q.count("ChangeMessageVisibilityBatch"), r.q.entries["ChangeMessageVisibilityBatch"]; n > entries/9+1 {
			t.Errorf("%d requests for %d renewals", n, entries)
		}
	})
}

// The answer to a renewal with an old handle says nothing of the newest one.
func TestReceivedAgainDuringItsRenewal(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		pass(61 * time.Second)
		r.q.redeliver(id)
		pass(10 * time.Second) // the old handle's renewal was refused
		if r.inbox.losses(id) != 0 || !r.inbox.last(id).Live() {
			t.Error("lost, though its newest handle is good")
		}
		for range 20 {
			pass(30 * time.Second)
			r.wantVisible()
		}
		r.settle(message.Applied, id)
		r.flush()
		r.wantLeft()
		if n := r.inbox.deliveries(id); n != 1 {
			t.Errorf("delivered %d times", n)
		}
	}, func(r *rig) { r.q.fault = slow("ChangeMessageVisibilityBatch", 1, 5*time.Second) })
}

// The lease is lost while the letter is under way: the letter's result decides.
func TestLeaseLostWhileItsLetterIsUnderWay(t *testing.T) {
	for stored, want := range map[bool]message.Outcome{true: message.DeadLettered, false: message.Released} {
		o := defaults()
		o.Visibility = 10 * time.Second
		run(t, o, func(r *rig) {
			id := r.q.sendAnd(1)[0]
			d := r.inbox.last(id)
			d.DeadLetter(nil, message.Failure{Reason: message.Rejected})
			pass(time.Second)
			r.q.takeAway(id)
			pass(25 * time.Second)
			r.wantOutcomes(map[message.Outcome]int{want: 1})
			if s := r.Stats(); s.Held != 0 || s.Settling != 0 {
				t.Errorf("%+v", s)
			}
			if r.inbox.lost[d] != 0 {
				t.Error("Lost after DeadLetter took effect")
			}
			r.wantLeft(id) // another has it
		}, func(r *rig) {
			r.letters.delay = 20 * time.Second
			r.letters.fault = func(deadletter.Letter) error {
				if stored {
					return nil
				}
				return errNoLetters
			}
		})
	}
}
