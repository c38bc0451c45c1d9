package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

func TestMessagesThatCannotBeDeletedDoNotKeepHealthyMessagesOut(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.MaxHeld, c.MaxReceives = 100, 5 }}, func(t *testing.T, r *rig) {
		heal := r.sqsFails("DeleteMessageBatch", denied)
		w := r.start()
		r.sendNames("first", 200)
		r.until("the first are applied", 20*time.Second, func() bool { return r.once("first", 200) == 200 })
		r.sendNames("later", 50)
		r.until("the later ones are applied", 20*time.Second, func() bool { return r.once("later", 50) == 50 })
		time.Sleep(5 * time.Second)
		s := w.Status()
		if n := s.Messages.Held + s.Messages.Settling; n > 11 || s.Deletes.Undeleted > 10 { // one is tried for the first time
			t.Errorf("%d messages held, %d undeleted, want a tenth of 100 at most", n, s.Deletes.Undeleted)
		}
		if s.Deletes.Undeleted == 0 || s.Deletes.LetGo == 0 || s.Deletes.FailingSince == nil || s.Deletes.Code != "AccessDenied" {
			t.Errorf("status: %+v", s.Deletes)
		}
		if ok, text := w.Ready(); !ok || !strings.Contains(text, "settled messages cannot be deleted") || !strings.Contains(text, "AccessDenied") {
			t.Errorf("ready: %v %q", ok, text)
		}
		if ok, stale := w.Health(); !ok {
			t.Errorf("not healthy: %v", stale)
		}
		w.wantLines("sqs:DeleteMessage", 1)

		time.Sleep(time.Hour) // they come again and again
		if receives, _ := r.cloud.SQS.Receives(r.queue); receives < 250*(r.cfg.MaxReceives+2) {
			t.Errorf("%d receives: the test shows nothing", receives)
		}
		if n := r.once("first", 200) + r.once("later", 50); n != 250 {
			t.Errorf("%d applied, want 250", n)
		}
		r.wantNoLetters()
		r.wantLeft(250)
		heal()
		r.drained(20 * time.Minute)
		w.stopped()
		if s := w.Status(); s.Deletes.Undeleted != 0 || s.Deletes.FailingSince != nil {
			t.Errorf("after all: %+v", s.Deletes)
		}
	})
}

// The messages of a group are handed out in order, so a group stands still while one of it
// cannot be deleted. The others go on.
func TestAGroupStandsStillWhileItsMessageCannotBeDeletedAndOthersGoOn(t *testing.T) {
	inBubble(t, layout{fifo: true, settings: func(c *config.Config) { c.MaxHeld = 20 }}, func(t *testing.T, r *rig) {
		heal := r.sqsFails("DeleteMessageBatch", denied)
		w := r.start()
		const groups = 100
		for i := range groups {
			thing := fmt.Sprintf("thing-%d", i)
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(thing, "new"), GroupID: thing})
		}
		r.until("all are applied", 30*time.Second, func() bool { return r.once("thing", groups) == groups })
		heal()
		r.drained(5 * time.Minute) // let go to the end of their lease
		w.stopped()
		r.wantAppliedOnce("thing", groups)
	})
}

// What was let go a moment ago is neither deleted nor visible when the worker ends: the
// last line says so.
func TestAStopCountsWhatWasLetGoAndIsNotVisibleYet(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.MaxHeld = 100 }}, func(t *testing.T, r *rig) {
		r.sqsFails("DeleteMessageBatch", denied)
		w := r.start()
		r.sendNames("thing", 60)
		r.until("all are applied", 20*time.Second, func() bool { return r.once("thing", 60) == 60 })
		time.Sleep(5 * time.Second)
		if err := w.stop(); !errors.Is(err, app.ErrStranded) {
			t.Errorf("ended with %v", err)
		}
		w.wantLastLine("stranded", 60)
		r.wantLeft(60)
	})
}

// Messages that are to be given back, and cannot, are let go as well.
func TestMessagesThatCannotBeGivenBackDoNotKeepHealthyMessagesOut(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.MaxHeld = 100 }}, func(t *testing.T, r *rig) {
		healSend := r.sqsFails("SendMessageBatch", denied)
		healChange := r.sqsFails("ChangeMessageVisibilityBatch", denied)
		for i := range 200 {
			r.send(fmt.Sprintf(`{"Identifier":"broken","Nmae":"%d"}`, i))
		}
		r.sendNames("good", 50)
		w := r.start()
		r.until("the good ones are applied", 30*time.Second, func() bool { return r.once("good", 50) == 50 })
		healSend()
		healChange()
		r.drained(time.Hour)
		w.stopped()
		r.wantOnlyLetters(200)
	})
}

// Leases that cannot be renewed end after the first one. What is not called by then comes
// again, is a receive nearer to WORKER_MAX_RECEIVES, and never was any use to hold.
func TestWithoutRenewalsNoMoreIsHeldThanIsCalledWithinALease(t *testing.T) {
	l := layout{cloud: localcloud.Options{Quota: 5}, settings: func(c *config.Config) {
		c.RateStart, c.RateMax, c.VisibilityTimeout, c.MaxReceives = 5, 5, 30*time.Second, 10
	}}
	inBubble(t, l, func(t *testing.T, r *rig) {
		r.sqsFails("ChangeMessageVisibilityBatch", denied)
		const n = 800
		for i := range n { // with tenants the look-ahead is as deep as it can be
			r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name(fmt.Sprintf("thing-%d", i), "new"), GroupID: fmt.Sprint("tenant-", i%5)})
		}
		w := r.start()
		r.drained(15 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		if receives, _ := r.cloud.SQS.Receives(r.queue); receives > 3*n {
			t.Errorf("%d receives of %d messages", receives, n)
		}
		r.wantAppliedOnce("thing", n)
	})
}
