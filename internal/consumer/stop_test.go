package consumer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"managed-thing-updater/internal/consumer"
	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
)

func TestLastPollIsNotCancelledAndItsMessagesAreReleased(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		pass(5 * time.Second)
		r.stopReceiving()
		ids := r.q.sendAnd(3) // the open poll brings them
		<-r.received
		r.flush()
		if len(r.inbox.all()) != 0 {
			t.Error("delivered after receiving had ended")
		}
		r.wantVisible(ids...)
		r.wantOutcomes(map[message.Outcome]int{message.Released: 3})
		if n := r.Stats().PollsCut; n != 0 {
			t.Errorf("%d polls cut", n)
		}
	})
}

// Stopping really stops.
func TestReceiveReturnsWithItsOpenPolls(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		pass(5 * time.Second)
		start := time.Now()
		r.stopReceiving()
		<-r.received
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("took %s, want what was left of the long poll", took)
		}
		before := r.q.count("ReceiveMessage")
		pass(time.Hour)
		if n := r.q.count("ReceiveMessage"); n != before {
			t.Errorf("%d receives after the end", n-before)
		}
	})
}

func TestOpenPollIsCutAndCounted(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		pass(5 * time.Second)
		r.stopReceiving()
		pass(time.Second)
		start := time.Now()
		r.cutPolls()
		<-r.received
		if took := time.Since(start); took != 0 {
			t.Errorf("took %s", took)
		}
		if n := r.Stats().PollsCut; n != 1 {
			t.Errorf("%d polls cut", n)
		}
		if n := r.metrics.PollsCut.Count(); n != 1 {
			t.Errorf("%v polls cut by the metric", n)
		}
	})
}

// TestAStopDoesNotWaitForLongBackoffs: deletes that failed for minutes are tried
// again within a second of the stop, and each second from then on.
func TestAStopDoesNotWaitForLongBackoffs(t *testing.T) {
	var failing atomic.Bool
	failing.Store(true)
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(10)
		r.settle(message.Applied, ids...)
		pass(90 * time.Second)
		r.stopReceiving()
		pass(5 * time.Second)
		failing.Store(false)
		start := time.Now()
		r.flush()
		if took := time.Since(start); took > time.Second {
			t.Errorf("the deletes took %s", took)
		}
		r.wantLeft()
	}, func(r *rig) {
		r.q.fault = fails("DeleteMessageBatch", errors.New("no such luck"), &failing)
	})
}

func TestAbandonReleasesWhatIsHeld(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(300)
		r.stopReceiving()
		<-r.received
		r.settle(message.Applied, ids[:20]...)
		start := time.Now()
		if n := r.Abandon(r.t.Context()); n != 280 {
			t.Errorf("%d stranded, want 280", n)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %s: releases are not in parallel", took)
		}
		r.wantVisible(ids[20:]...)
		r.wantLeft(ids[20:]...)
		r.settle(message.Applied, ids...) // too late
		r.flush()
		r.wantLeft(ids[20:]...)
		r.wantOutcomes(map[message.Outcome]int{message.Applied: 20, message.Released: 280})
		if n := r.metrics.Stranded.Count(); n != 280 {
			t.Errorf("%v stranded by the metric", n)
		}
	}, func(r *rig) {
		r.q.fault = slow("ChangeMessageVisibilityBatch", 0, 100*time.Millisecond)
	})
}

func TestFinishedWorkIsNeverMadeVisibleAgain(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(10)
		r.settle(message.Applied, ids...)
		pass(5 * time.Second)
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		if err := r.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush: %v", err)
		}
		abandon, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		if n := r.Abandon(abandon); n != 0 {
			t.Errorf("%d stranded", n)
		}
		r.wantVisible()
		if n := r.q.count("ChangeMessageVisibilityBatch"); n != 0 {
			t.Errorf("%d changes of visibility", n)
		}
	}, func(r *rig) {
		r.q.fault = fails("DeleteMessageBatch", apiError("ServiceUnavailable"))
	})
}

func TestLettersThatCannotBeStoredAreReleasedAtTheEnd(t *testing.T) {
	var away atomic.Bool
	away.Store(true)
	run(t, defaults(), func(r *rig) {
		ids := r.q.sendAnd(3)
		r.stopReceiving()
		<-r.received
		for _, id := range ids {
			r.inbox.last(id).DeadLetter(nil, message.Failure{Reason: message.Rejected})
		}
		pass(time.Second / 2) // under way
		if n := r.Abandon(r.t.Context()); n != 2 {
			t.Errorf("%d stranded, want the two that could not be stored", n)
		}
		r.wantVisible(ids[1:]...)
		r.wantLeft(ids[1:]...)
		r.wantOutcomes(map[message.Outcome]int{message.DeadLettered: 1, message.Released: 2})
	}, func(r *rig) {
		r.letters.delay = time.Second
		r.letters.fault = unstored(func(id string) bool { return id != "m1" })
	})
}

func TestKeepEndsWithItsContext(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		r.settle(message.Applied, r.q.sendAnd(10)...)
		pass(time.Second)
		start := time.Now()
		r.stopKeeping()
		<-r.kept
		if took := time.Since(start); took != 0 {
			t.Errorf("took %s", took)
		}
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		if err := r.Flush(ctx); err == nil {
			t.Error("Flush without Keep found nothing left")
		}
	}, func(r *rig) {
		r.q.fault = hangs("DeleteMessageBatch", 0)
	})
}

// Everything at once: faults before and after each request takes effect, entries
// that fail, messages delivered twice and taken away. At the end the queue holds
// nothing that was settled, nothing was lost, and the counts add up.
func TestChaos(t *testing.T) {
	for seed := range uint64(8) {
		o := defaults()
		o.Visibility = 10 * time.Second
		o.MaxHeld = 60
		var calm atomic.Bool
		run(t, o, func(r *rig) {
			ids := r.q.send(400)
			rng := rand.New(rand.NewPCG(seed, 2))
			for range 120 {
				pass(time.Second)
				switch id := ids[rng.IntN(len(ids))]; {
				case !slices.Contains(r.q.left(), id):
				case rng.IntN(3) == 0:
					r.q.takeAway(id)
				default:
					r.q.redeliver(id)
				}
				r.checkCounts()
			}
			calm.Store(true)
			pass(2 * time.Hour) // what was taken away comes back
			r.wantLeft()
			s := r.Stats()
			if s.Held != 0 || s.HeldBytes != 0 || s.Settling != 0 {
				t.Errorf("seed %d: %+v", seed, s)
			}
		}, func(r *rig) {
			dice := &dice{rng: rand.New(rand.NewPCG(seed, 1))}
			trouble := func(ctx context.Context, _ string, _ int) error {
				if calm.Load() {
					return nil
				}
				switch dice.roll(20) {
				case 0:
					return errBroken
				case 1:
					return apiError("ServiceUnavailable")
				case 2:
					time.Sleep(time.Duration(dice.roll(4000)) * time.Millisecond)
				case 3:
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}
			r.q.fault, r.q.late = trouble, trouble
			r.q.entry = func(string, string) string {
				if !calm.Load() && dice.roll(10) == 0 {
					return "InternalError"
				}
				return ""
			}
			r.letters.fault = func(deadletter.Letter) error {
				if !calm.Load() && dice.roll(2) == 0 {
					return errNoLetters
				}
				return nil
			}
			var applied sync.Map
			r.q.settled = func(id string) bool {
				_, ok := applied.Load(id)
				return ok || slices.Contains(r.letters.ids(), id)
			}
			r.inbox.on = func(d *consumer.Delivery) {
				time.AfterFunc(time.Duration(dice.roll(40_000))*time.Millisecond, func() {
					switch dice.roll(6) {
					case 0:
						d.Release(time.Duration(dice.roll(5000)) * time.Millisecond)
					case 1:
						d.DeadLetter(nil, message.Failure{Reason: message.Exhausted})
					default:
						applied.Store(d.Message().ID, true)
						d.Settle(message.Applied)
					}
				})
			}
		})
	}
}

func TestAbandonWaitsForNoLetterThatIsToBeTriedAgain(t *testing.T) {
	run(t, defaults(), func(r *rig) {
		id := r.q.sendAnd(1)[0]
		r.stopReceiving()
		<-r.received
		r.inbox.last(id).DeadLetter(nil, message.Failure{Reason: message.Rejected})
		pass(0) // it failed, and waits for its next try
		start := time.Now()
		if n := r.Abandon(r.t.Context()); n != 1 || time.Since(start) != 0 {
			t.Errorf("%d stranded after %s", n, time.Since(start))
		}
		r.wantVisible(id)
	}, func(r *rig) {
		r.letters.fault = func(deadletter.Letter) error { return errNoLetters }
	})
}
