package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestTheLastPollIsNotCancelledAndItsMessagesAreReleased(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.cloud.SQS.StrandAbortedPolls = true
		w := r.start()
		time.Sleep(25 * time.Second) // five seconds into a long poll
		stopped := make(chan error)
		go func() { stopped <- w.stop() }()
		time.Sleep(5 * time.Second)
		r.sendNames("thing", 7)
		time.Sleep(time.Second)
		visible, received := 0, 0
		for _, m := range r.cloud.SQS.Messages(r.queue) {
			if !m.InFlight {
				visible++
			}
			received += m.Receives
		}
		if visible != 7 || received == 0 {
			t.Errorf("a second after the last poll brought messages %d of 7 are visible, after %d receives", visible, received)
		}
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
		w.addsUp()
		w.wantLastLine("stranded", 0)
		w.wantLastLine("polls_cut", 0)
		r.wantLeft(7)
		r.wantNothingInFlight()
		r.wantCalls("", 0)
		next := r.start()
		r.drained(time.Minute)
		next.stopped()
		r.wantAppliedOnce("thing", 7)
	})
}

func TestAPollThatNeverReturnsIsCutAndReported(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		r.send(name("thing-0", "new"))
		time.Sleep(5 * time.Second)
		r.sqsFails("ReceiveMessage", hangs())
		time.Sleep(18 * time.Second) // the next poll has begun
		began := time.Now()
		if err := w.stop(); !errors.Is(err, app.ErrStranded) {
			t.Errorf("stop: %v, want ErrStranded", err)
		}
		if took, want := time.Since(began), r.cfg.ShutdownTimeout-2*time.Second; took != want {
			t.Errorf("the stop took %v, want %v", took, want)
		}
		w.wantLastLine("polls_cut", 1)
		w.wantLastLine("stranded", 0)
		r.wantLeft(0)
		r.wantAppliedOnce("thing", 1)
	})
}

func TestAStopLetsTheCallsUnderWayFinish(t *testing.T) {
	l := layout{cloud: localcloud.Options{Latency: 2 * time.Second}, settings: func(c *config.Config) { c.Concurrency = 8 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.sendNames("thing", 60)
		w := r.start()
		time.Sleep(3 * time.Second) // calls are under way, and most messages wait
		if n := w.Status().Calls.InFlight; n != 8 {
			t.Fatalf("%d calls under way, want 8", n)
		}
		w.stopped()
		w.wantLastLine("stranded", 0)
		r.wantNothingInFlight()
		applied := w.outcomes()[string(message.Applied)]
		if released := w.outcomes()[string(message.Released)]; applied != 16 || released < 40 {
			t.Errorf("%d applied, %d released", applied, released)
		}
		r.wantLeft(60 - applied)

		next := r.start()
		r.drained(2 * time.Minute)
		next.stopped()
		r.wantAppliedOnce("thing", 60)
	})
}

func TestCallsThatHangAreCutAndTheirMessagesReleased(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.CallTimeout = time.Minute }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.onCall("*", first(3, hangs()))
		w := r.start()
		r.sendNames("hangs", 3)
		time.Sleep(2 * time.Second)
		r.sendNames("thing", 5)
		time.Sleep(5 * time.Second)
		began := time.Now()
		if err := w.stop(); !errors.Is(err, app.ErrStranded) {
			t.Errorf("stop: %v, want ErrStranded", err)
		}
		if took := time.Since(began); took < r.cfg.ShutdownTimeout-2*time.Second || took > r.cfg.ShutdownTimeout {
			t.Errorf("the stop took %v", took)
		}
		w.addsUp()
		w.wantLastLine("stranded", 3)
		w.wantLastLine("polls_cut", 0)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 5, message.Released: 3})
		r.wantLeft(3)
		r.wantNothingInFlight()
		next := r.start()
		r.drained(time.Minute)
		next.stopped()
		r.wantAppliedOnce("thing", 5)
		for n := range 3 {
			r.wantMember(fmt.Sprintf("hangs-%d", n), "Name", `"new"`)
		}
	})
}

func TestACallThatTheStopCutsIsNoFailureOfItsUpdate(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.CallTimeout, c.RetryAttempts = 5*time.Minute, 1 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		// The first failure counts: other things fare well meanwhile.
		r.onCall("bad", first(1, &localcloud.Fault{Delay: 5 * time.Second, Status: 500, Code: "InternalServerException"}))
		r.callsFail("bad", hangs())
		w := r.start()
		r.send(name("bad", "new"))
		time.Sleep(time.Second)
		r.sendNames("first", 20)
		time.Sleep(10 * time.Second)
		r.sendNames("second", 20)
		time.Sleep(3 * time.Minute) // a failure now would be the last one
		r.wantCalls("bad", 2)
		if err := w.stop(); !errors.Is(err, app.ErrStranded) {
			t.Errorf("stop: %v, want ErrStranded", err)
		}
		r.wantNoLetters()
		w.wantLastLine("stranded", 1)
		r.wantNothingInFlight()
	})
}

func TestAStopGivesBackWhatSQSTakesOnlyAtTheSecondTry(t *testing.T) {
	l := layout{settings: func(c *config.Config) { c.RateStart = 0.1 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		w := r.start()
		r.sendNames("thing", 30)
		time.Sleep(2 * time.Second)
		heal := r.sqsFails("ChangeMessageVisibilityBatch", &localcloud.Fault{Entries: map[string]string{"0": "InternalError", "1": "InternalError"}})
		ended := make(chan error)
		go func() { ended <- w.stop() }()
		time.Sleep(5 * time.Second)
		heal()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
		w.addsUp()
		r.wantLeft(29)
		r.wantNothingInFlight()
	})
}

func TestAStopIsQuickWhileReceivingFails(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.sqsFails("ReceiveMessage", internalError)
		w := r.start()
		time.Sleep(10 * time.Minute)
		began := time.Now()
		w.stopped()
		if took := time.Since(began); took > 0 {
			t.Errorf("the stop took %v", took)
		}
	})
}

func TestAStopKeepsAFIFOGroupsOrder(t *testing.T) {
	l := layout{fifo: true, cloud: localcloud.Options{Latency: 700 * time.Millisecond}, settings: func(c *config.Config) { c.RateStart = 2 }}
	inBubble(t, l, func(t *testing.T, r *rig) {
		const groups, each = 4, 20
		for n := range each {
			for g := range groups {
				thing := fmt.Sprintf("thing-%d", g)
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(thing, fmt.Sprintf("n%d", n)), GroupID: thing})
			}
			time.Sleep(time.Millisecond)
		}
		for n := 0; r.cloud.SQS.Len(r.queue) > 0; n++ {
			if n > 100 {
				t.Fatalf("%d messages left after 100 deployments", r.cloud.SQS.Len(r.queue))
			}
			w := r.start()
			time.Sleep(2300 * time.Millisecond)
			w.stopped()
			w.wantLastLine("stranded", 0)
			r.wantNothingInFlight()
		}
		last := map[string]string{}
		for _, c := range r.calls("") {
			if len(c.Body) < len(last[c.Thing]) || len(c.Body) == len(last[c.Thing]) && c.Body <= last[c.Thing] {
				t.Errorf("%s: %s was sent after %s", c.Thing, c.Body, last[c.Thing])
			}
			last[c.Thing] = c.Body
		}
		for g := range groups {
			r.wantMember(fmt.Sprintf("thing-%d", g), "Name", fmt.Sprintf(`"n%d"`, each-1))
		}
	})
}
