package backlog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/timeline"
)

// claim is a lease that never ends.
type claim struct{ name string }

func (*claim) Until() time.Time                            { return time.Now().Add(time.Hour) }
func (*claim) Live() bool                                  { return true }
func (*claim) Settle(message.Outcome)                      {}
func (*claim) DeadLetter(*message.Update, message.Failure) {}
func (*claim) Release(time.Duration)                       {}

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// item is an update of thing whose event happened, and was sent, n seconds after
// the epoch.
func item(thing string, n int, members ...message.Member) *backlog.Item {
	at := epoch.Add(time.Duration(n) * time.Second)
	id := fmt.Sprintf("%s-%d", thing, n)
	return &backlog.Item{
		Claim: &claim{id}, Message: &timeline.Message{Incoming: message.Incoming{SentAt: at}},
		Waiting: merge.Waiting{Update: &message.Update{
			Thing: thing, Members: members, Key: "sqs:" + id,
			Order: message.Order{EventTime: at, SentAt: at, MessageID: id},
		}},
	}
}

func take(t *testing.T, b *backlog.Backlog, thing string, items int) *backlog.Turn {
	t.Helper()
	turn := b.Take()
	if turn == nil {
		t.Fatalf("nobody's turn, want %s's", thing)
	}
	if turn.Thing != thing || len(turn.Items) != items {
		t.Fatalf("turn of %s with %d items, want %s with %d", turn.Thing, len(turn.Items), thing, items)
	}
	return turn
}

func none(t *testing.T, b *backlog.Backlog) {
	t.Helper()
	if turn := b.Take(); turn != nil {
		t.Fatalf("turn of %s, want nobody's", turn.Thing)
	}
}

func TestThingsTakeTurnsByTheirLongestWaitingMessage(t *testing.T) {
	b := backlog.New()
	b.Add(item("b", 2))
	b.Add(item("a", 3))
	b.Add(item("c", 4))
	b.Add(item("c", 1)) // arrives last, waited longest
	take(t, b, "c", 2)
	take(t, b, "b", 1)
	take(t, b, "a", 1)
	none(t, b)
}

func TestAThingHasOneTurnAtATime(t *testing.T) {
	b := backlog.New()
	first := item("a", 1)
	b.Add(first)
	turn := take(t, b, "a", 1)
	b.Add(item("a", 2))
	b.Add(item("a", 3))
	none(t, b)
	b.Done(turn, []*backlog.Item{first}, backlog.Next{})
	take(t, b, "a", 2)
}

func TestItemsAreInTheirOrderWhateverTheOrderOfArrival(t *testing.T) {
	b := backlog.New()
	for _, n := range []int{5, 1, 4, 2, 3} {
		b.Add(item("a", n))
	}
	for i, it := range take(t, b, "a", 5).Items {
		if want := fmt.Sprintf("a-%d", i+1); it.Update.Order.MessageID != want {
			t.Errorf("item %d is %s, want %s", i, it.Update.Order.MessageID, want)
		}
	}
}

func TestWhatIsNotSettledComesBackAtItsPlace(t *testing.T) {
	b := backlog.New()
	old, young := item("a", 1), item("a", 9)
	b.Add(old)
	b.Add(young)
	b.Add(item("b", 5))
	turn := take(t, b, "a", 2)
	b.Done(turn, []*backlog.Item{old}, backlog.Next{})
	take(t, b, "b", 1)
	take(t, b, "a", 1)
}

func TestAFailedThingWaitsAndOthersOvertakeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		b.Add(item("a", 1))
		turn := take(t, b, "a", 1)
		b.Done(turn, nil, backlog.Next{Delay: time.Minute, Failed: true})
		b.Add(item("a", 2)) // joins the wait, does not end it
		b.Add(item("b", 3))
		take(t, b, "b", 1)
		none(t, b)
		start := time.Now()
		if err := b.Ready(t.Context(), never); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("ready after %v, want 1m", waited)
		}
		if turn := take(t, b, "a", 2); turn.Failures != 1 {
			t.Errorf("failures = %d, want 1", turn.Failures)
		}
	})
}

func TestRetriesTakeAFifthWhileFirstCallsWait(t *testing.T) {
	b := backlog.New()
	var failing []*backlog.Turn
	for n := range 20 {
		thing := fmt.Sprintf("retry-%d", n)
		b.Add(item(thing, n))
		failing = append(failing, take(t, b, thing, 1))
	}
	for _, turn := range failing {
		b.Done(turn, nil, backlog.Next{Failed: true})
	}
	for n := range 40 {
		b.Add(item(fmt.Sprintf("first-%d", n), 100+n))
	}
	retries := 0
	for range 25 {
		if turn := b.Take(); turn.Failures > 0 {
			retries++
		}
	}
	if retries != 5 {
		t.Errorf("%d of 25 calls were retries, want 5", retries)
	}
	b = backlog.New()
	b.Add(item("only", 1))
	for range 10 {
		b.Done(take(t, b, "only", 1), nil, backlog.Next{Failed: true})
	}
}

func TestReadyWakesForWhatIsAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		go func() {
			time.Sleep(time.Hour)
			b.Add(item("a", 1))
		}()
		if err := b.Ready(t.Context(), never); err != nil {
			t.Fatal(err)
		}
		take(t, b, "a", 1)
	})
}

func TestReadyEndsWithTheContextsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("the worker stops")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		if err := backlog.New().Ready(ctx, never); !errors.Is(err, why) {
			t.Errorf("Ready = %v, want %v", err, why)
		}
	})
}

func TestALostClaimLeavesTheLine(t *testing.T) {
	b := backlog.New()
	lost, kept, only := item("a", 1), item("a", 2), item("b", 3)
	b.Add(lost)
	b.Add(kept)
	b.Add(only)
	b.Remove(lost.Claim)
	b.Remove(only.Claim)
	b.Remove(only.Claim)
	take(t, b, "a", 1)
	none(t, b)
}

func TestAClaimLostDuringItsTurnDoesNotComeBack(t *testing.T) {
	b := backlog.New()
	lost, kept := item("a", 1), item("a", 2)
	b.Add(lost)
	b.Add(kept)
	turn := take(t, b, "a", 2)
	b.Remove(lost.Claim)
	b.Done(turn, nil, backlog.Next{})
	take(t, b, "a", 1)
}

func TestSuspectsGoOneAtATimeAndOthersPassThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		for n, thing := range []string{"s1", "s2"} {
			it := item(thing, n)
			it.Suspect = true
			b.Add(it)
		}
		second := item("s1", 5)
		second.Suspect = true
		b.Add(second)
		b.Add(item("healthy", 9))
		take(t, b, "healthy", 1)
		none(t, b)
		time.Sleep(5 * time.Second) // each waits for a random part of it
		turn := take(t, b, "s1", 1) // the second suspect of the same thing waits as well
		none(t, b)
		b.Done(turn, turn.Items, backlog.Next{})
		turn = take(t, b, "s2", 1)
		none(t, b)
		b.Done(turn, turn.Items, backlog.Next{})
		take(t, b, "s1", 1)
	})
}

// Were they called in the order of their arrival, the one that kills the worker
// could be first in each of its lives.
func TestSuspectsComeInAnotherOrderInEachLife(t *testing.T) {
	firsts := map[string]bool{}
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			b := backlog.New()
			for n, thing := range []string{"s1", "s2", "s3"} {
				it := item(thing, n)
				it.Suspect = true
				b.Add(it)
			}
			if err := b.Ready(t.Context(), never); err != nil {
				t.Fatal(err)
			}
			firsts[b.Take().Thing] = true
		})
	}
	if len(firsts) != 3 {
		t.Errorf("only %v are ever first", firsts)
	}
}

func TestCloseReturnsEverythingThatWaitsAndDoneTheRest(t *testing.T) {
	b := backlog.New()
	done, left := item("a", 1), item("a", 2)
	b.Add(done)
	b.Add(left)
	turn := take(t, b, "a", 2)
	b.Add(item("a", 3))
	b.Add(item("b", 4))
	if n := len(b.Close()); n != 2 {
		t.Errorf("Close returned %d items, want 2", n)
	}
	if b.Add(item("c", 5)) {
		t.Error("an item was added to a closed backlog")
	}
	if rest := b.Done(turn, []*backlog.Item{done}, backlog.Next{}); len(rest) != 1 || rest[0] != left {
		t.Errorf("Done returned %v, want the one that was not settled", rest)
	}
	none(t, b)
	if s := b.Stats(); s.Things != 0 || s.Items != 0 {
		t.Errorf("after Close: %+v", s)
	}
}

func TestTheCallsOfOthersLeaveOutTheThingsOwn(t *testing.T) {
	b := backlog.New()
	b.Add(item("a", 1))
	b.Add(item("b", 2))
	a, other := take(t, b, "a", 1), take(t, b, "b", 1)
	b.Count(a, evidence.CallCounts{Ended: 1, Answered: 1})
	b.Count(other, evidence.CallCounts{Ended: 1, Answered: 1, Succeeded: 1})
	if got, want := b.OtherCalls(a), (evidence.CallCounts{Ended: 1, Answered: 1, Succeeded: 1}); got != want {
		t.Errorf("others of a: %+v, want %+v", got, want)
	}
	late := item("a", 3)
	b.Add(late)
	if since := b.OtherCalls(a).Sub(late.Evidence.OtherCalls); since != (evidence.CallCounts{}) {
		t.Errorf("an update that has just joined has seen %+v", since)
	}
}

func TestTenantsTakeTurns(t *testing.T) {
	b := backlog.New()
	for n := range 50 {
		it := item(fmt.Sprintf("flood-%d", n), n)
		it.Tenant = "flood"
		b.Add(it)
	}
	for n := range 2 {
		it := item(fmt.Sprintf("quiet-%d", n), 100+n)
		it.Tenant = "quiet"
		b.Add(it)
	}
	b.Add(item("nobody's", 200))
	for _, want := range []string{"flood-0", "quiet-0", "nobody's", "flood-1", "quiet-1", "flood-2", "flood-3"} {
		take(t, b, want, 1)
	}
	it := item("quiet-9", 300)
	it.Tenant = "quiet"
	b.Add(it)
	take(t, b, "flood-4", 1)
	take(t, b, "quiet-9", 1)
}

func never() bool { return false }

func suspect(thing string, n int) *backlog.Item {
	it := item(thing, n)
	it.Suspect = true
	return it
}

func TestTheNextSuspectNeedNotWaitForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		b.Add(suspect("s1", 1), suspect("s2", 2), suspect("s3", 3))
		time.Sleep(5 * time.Second) // each waits for a random part of it
		first := take(t, b, "s1", 1)
		none(t, b)
		b.Written(first)
		second := take(t, b, "s2", 1)
		b.Written(first) // it says so twice
		b.Done(first, first.Items, backlog.Next{})
		none(t, b) // the second is still tested
		b.Done(second, nil, backlog.Next{Failed: true})
		take(t, b, "s3", 1)
	})
}

func TestASuspectThatFailedOnceIsARetryLikeAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		b.Add(suspect("suspect", 1))
		time.Sleep(5 * time.Second)
		b.Done(take(t, b, "suspect", 1), nil, backlog.Next{Failed: true})
		for n := range 10_000 {
			b.Add(item(fmt.Sprint("younger-", n), 2+n))
		}
		for turns := 1; turns <= backlog.RetryShare+1; turns++ {
			if b.Take().Thing == "suspect" {
				return
			}
		}
		t.Errorf("not called again in %d turns of younger things", backlog.RetryShare+1)
	})
}

// Whenever it is noisy's turn no suspect is tested, and whenever it is quiet's turn one
// of noisy's is.
func TestASuspectIsNotPassedOverForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backlog.New()
		add := func(it *backlog.Item, tenant string) {
			it.Tenant = tenant
			b.Add(it)
		}
		const rounds = 20
		for n := range rounds {
			add(suspect(fmt.Sprint("noisy-", n), 1+n), "noisy")
		}
		time.Sleep(5 * time.Second)
		tested := b.Take()
		add(suspect("quiet-suspect", 0), "quiet")
		for n := range rounds {
			add(item(fmt.Sprint("quiet-", n), 1+n), "quiet")
		}
		time.Sleep(5 * time.Second)
		for range rounds / 2 {
			plain := b.Take()
			b.Done(plain, plain.Items, backlog.Next{})
			b.Done(tested, tested.Items, backlog.Next{})
			if tested = b.Take(); tested.Thing == "quiet-suspect" {
				return
			}
		}
		t.Errorf("passed over in %d rounds", rounds/2)
	})
}
