package redrive_test

import (
	"testing"
	"time"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/deadletter/redrive"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

func TestDryRunSaysWhatWouldBecomeOfEachLetter(t *testing.T) {
	inBubble(t, false, func(r *rig) {
		send := func(n int, body string, attributes map[string]localcloud.Attribute) {
			for range n {
				r.cloud.SQS.Send(r.dlq, localcloud.Message{Body: body, Attributes: attributes})
			}
		}
		ours := map[string]localcloud.Attribute{"Failure": failure(nil)}
		send(7, `{"Identifier":"a","Name":"x"}`, ours)
		send(6, `{"Identifier":"a"}`, ours)
		send(5, `{"Identifier":"a","Nam":"x","Owner":7}`, ours)
		send(4, `{"Type":"Notification","Message":"{}"}`, ours)
		send(3, `{"Identifier":"a","Name":"x"}`, map[string]localcloud.Attribute{"Failure": failure(func(f *message.Failure) {
			f.Reason, f.Receives, f.DedupKey, f.OccurredAt = message.ReceivedTooOften, 101, "", ""
		})})
		send(2, `{"Identifier":"b","Name":"x"}`, nil)
		box := mailbox.Open(r.client(), r.dlq, policy)
		got, looked, err := redrive.DryRun(r.Context(), box, redrive.Options{Rules: redrive.Rules{MaxEventAge: 24 * time.Hour, MaxReceives: 100}})
		if err := box.Close(r.Context()); err != nil {
			r.Error(err)
		}
		want := []redrive.Outlook{
			{Verdict: redrive.WouldBeCalled, Count: 7},
			{Verdict: redrive.WouldChangeNothing, Count: 6},
			{Verdict: redrive.StillInvalid, Pointer: "/Nam", Count: 5},
			{Verdict: redrive.StillInvalid, In: "sns", Pointer: "/Identifier", Count: 4},
			{Verdict: redrive.StillReceivedTooOften, Count: 3},
			{Verdict: redrive.WithoutTime, Count: 2},
		}
		if len(got) != len(want) || looked != 27 || err != nil {
			r.Fatalf("%+v, %d, %v", got, looked, err)
		}
		for i, g := range got {
			if g.Sample.ID == "" {
				r.Errorf("no sample: %+v", g)
			}
			if g.Sample = (mailbox.Sample{}); g != want[i] {
				r.Errorf("%+v, want %+v", g, want[i])
			}
		}
		if r.left() != [2]int{27, 0} {
			r.Errorf("left %v", r.left())
		}
	})
}
