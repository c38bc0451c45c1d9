package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
)

func TestLookingUsesOneReceiveOfEachLetterAndGivesAllBack(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		t.Run(fmt.Sprint("fifo ", fifo), func(t *testing.T) {
			inBubble(t, fifo, func(r *rig) {
				r.fill(234)
				b := r.open()
				if n := len(r.all(b)); n != 234 || b.Held() != 234 {
					r.Errorf("%d letters seen, %d held", n, b.Held())
				}
				r.close(b)
				for _, m := range r.cloud.SQS.Messages(r.dlq) {
					if m.Receives != 1 || m.InFlight {
						r.Errorf("letter %s was received %d times, in flight: %v", m.ID, m.Receives, m.InFlight)
					}
				}
				if c := b.Cost(); c.Letters != 234 || c.Again != 0 {
					r.Errorf("%+v", c)
				}
			})
		})
	}
}

func TestLettersStayHiddenForAsLongAsTheBoxIsOpen(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(25)
		b := r.open()
		letters := r.all(b)
		for range 90 {
			time.Sleep(time.Minute)
			if n := r.inFlight(); n != 25 {
				r.Fatalf("%d letters are hidden, want 25", n)
			}
		}
		for _, l := range letters {
			if !b.Holds(l) {
				r.Errorf("letter %s is not held", l.Message.ID)
			}
		}
		r.close(b)
		if n, renewals := r.inFlight(), r.cloud.SQS.Requests()["ChangeMessageVisibilityBatch"]; n != 0 || renewals > 90 {
			r.Errorf("%d letters are hidden; %d renewals and releases", n, renewals)
		}
	})
}

func TestALetterHandedOutTwiceIsSeenOnce(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.cloud.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Duplicate: 0.5}})
		r.fill(100)
		b := r.open()
		if n := len(r.all(b)); n != 100 {
			r.Errorf("%d letters", n)
		}
		if b.Cost().Again == 0 {
			r.Error("none came twice")
		}
		r.close(b)
	})
}

func TestADeletedLetterThatComesAgainIsDeletedAgain(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(3)
		b := r.open()
		letters := r.all(b)
		if err := errors.Join(b.Delete(r.Context(), letters)...); err != nil {
			r.Fatal(err)
		}
		r.cloud.SQS.Redeliver(r.dlq, letters[1].Message.ID)
		if again := r.all(b); len(again) != 0 {
			r.Errorf("%d letters seen again", len(again))
		}
		r.close(b)
		if left := r.cloud.SQS.Messages(r.dlq); len(left) != 0 {
			r.Errorf("%d letters left", len(left))
		}
	})
}

func TestLookingEndsThoughLettersGoOnComing(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(40)
		ctx, stop := context.WithCancel(r.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				time.Sleep(300 * time.Millisecond)
				r.fill(1)
			}
		}()
		time.Sleep(2 * time.Second)
		start, b := time.Now(), r.open()
		before := 0
		for _, l := range r.all(b) {
			if !l.Later {
				before++
			}
		}
		if took := time.Since(start); before < 40 || took > time.Minute {
			r.Errorf("%d letters in %v", before, took)
		}
		stop()
		<-done
		r.close(b)
	})
}

// TestALongGroupOfAFIFOQueue: SQS hands out no more of a group while some of it
// are held.
func TestALongGroupOfAFIFOQueue(t *testing.T) {
	inBubble(t, true, func(r *rig) {
		for i := range 35 {
			r.cloud.SQS.Send(r.dlq, localcloud.Message{Body: fmt.Sprint(i), GroupID: "all"})
		}
		b := r.open()
		letters := r.all(b)
		if about, err := b.About(r.Context()); len(letters) != 10 || err != nil || about.Visible != 25 {
			r.Errorf("%d letters seen, %+v %v", len(letters), about, err)
		}
		b.Delete(r.Context(), letters)
		if next := r.all(b); len(next) != 10 || next[0].Message.Body != "10" {
			r.Errorf("%d letters behind them", len(next))
		}
		r.close(b)
		if n := r.cloud.SQS.Len(r.dlq); n != 25 || r.inFlight() != 0 {
			r.Errorf("%d left, %d in flight", n, r.inFlight())
		}
	})
}

func TestTroubleIsTriedAgain(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.cloud.Faults.SetRates(localcloud.Rates{SQS: localcloud.SQSRates{Partial: 0.3, Error: 0.2}})
		r.fill(100)
		b := r.open()
		letters := r.all(b)
		for i, err := range b.Delete(r.Context(), letters[:50]) {
			if err != nil {
				r.Errorf("letter %d: %v", i, err)
			}
		}
		r.close(b)
		if n := r.cloud.SQS.Len(r.dlq); len(letters) != 100 || n != 50 || r.inFlight() != 0 {
			r.Errorf("%d seen, %d left, %d in flight", len(letters), n, r.inFlight())
		}
	})
}

func TestWhatIsNotAllowedIsNamed(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.fill(12)
		denied := map[string]bool{}
		r.cloud.Faults.OnSQS = func(i localcloud.SQSInfo) *localcloud.Fault {
			if denied[i.Action] {
				return &localcloud.Fault{Status: 403, Code: "AccessDeniedException"}
			}
			return nil
		}
		b := r.open()
		letters := r.all(b)
		denied["ChangeMessageVisibilityBatch"], denied["DeleteMessageBatch"], denied["ReceiveMessage"] = true, true, true
		if err := b.Delete(r.Context(), letters)[11]; err == nil || !strings.Contains(err.Error(), "sqs:DeleteMessage ") {
			r.Errorf("delete: %v", err)
		}
		if _, err := b.Next(r.Context(), 0); err == nil || !strings.Contains(err.Error(), "sqs:ReceiveMessage ") {
			r.Errorf("receive: %v", err)
		}
		if err := b.Close(r.Context()); err == nil || !strings.Contains(err.Error(), "12 letters could not be given back") || !strings.Contains(err.Error(), "sqs:ChangeMessageVisibility") {
			r.Errorf("close: %v", err)
		}
		time.Sleep(time.Minute)
		if n := r.inFlight(); n != 0 {
			r.Errorf("%d letters are still hidden", n)
		}
	})
}

func TestAnOpenReceiveIsLetComeBack(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		r.cloud.SQS.StrandAbortedPolls = true
		ctx, cancel := context.WithCancel(r.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		time.AfterFunc(700*time.Millisecond, func() { r.fill(1) }) // an open poll comes back with the first letter there is
		b := r.open()
		letters, err := b.Next(ctx, time.Second)
		if err != nil || len(letters) != 1 {
			r.Errorf("%d letters, %v", len(letters), err)
		}
		r.close(b)
		if r.inFlight() != 0 {
			r.Error("letters are stranded")
		}
	})
}
