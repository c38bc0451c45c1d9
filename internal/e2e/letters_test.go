package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

const trace = "Root=1-5e1b4151-5ac6c58f5b6d0d2d1f7a0f3e;Sampled=1"

// producers are n attributes of a producer's own, beside those given.
func producers(n int, more map[string]localcloud.Attribute) map[string]localcloud.Attribute {
	all := maps.Clone(more)
	if all == nil {
		all = map[string]localcloud.Attribute{}
	}
	kinds := []localcloud.Attribute{text("value"), {DataType: "Number.int", StringValue: "7"}, {DataType: "Binary.png", BinaryValue: []byte{0, 1, 0xff}}, {DataType: "String.label", StringValue: "é\t灯"}}
	for i := range n {
		all[fmt.Sprintf("own.%d", i)] = kinds[i%len(kinds)]
	}
	return all
}

// wantKept checks that the letter has all attributes of the message, but for the
// names given.
func (r *rig) wantKept(l letter, m localcloud.Message, but ...string) {
	r.t.Helper()
	if l.Body != m.Body {
		r.t.Errorf("the body is %q, was %q", l.Body, m.Body)
	}
	if l.TraceHeader != m.TraceHeader || l.GroupID != m.GroupID {
		r.t.Errorf("trace header %q and group %q, were %q and %q", l.TraceHeader, l.GroupID, m.TraceHeader, m.GroupID)
	}
	for name, was := range m.Attributes {
		is := l.Attributes[name]
		if !slices.Contains(but, name) && (is.DataType != was.DataType || is.StringValue != was.StringValue || string(is.BinaryValue) != string(was.BinaryValue)) {
			r.t.Errorf("attribute %s is %+v, was %+v", name, is, was)
		}
	}
}

const broken = `{"Identifier":"a","Nmae":"x"}`

func TestALettersAttributes(t *testing.T) {
	// letterFor sends a broken message and returns its letter.
	letterFor := func(r *rig, m localcloud.Message) letter {
		w := r.start()
		id := r.settled(m)
		w.stopped()
		l := r.oneLetterOfAnyKind()
		if got := l.Failure.MessageID; got != "" && got != id {
			r.t.Errorf("messageId %s, want %s", got, id)
		}
		r.wantKept(l, m, "OccurredAt", "Failure", "DeduplicationId")
		return l
	}
	has := func(r *rig, l letter, want ...string) {
		r.t.Helper()
		for _, name := range []string{"OccurredAt", "Failure", "DeduplicationId"} {
			if _, ok := l.Attributes[name]; ok != slices.Contains(want, name) {
				r.t.Errorf("%s there: %v; there are %v", name, ok, slices.Sorted(maps.Keys(l.Attributes)))
			}
		}
		if len(l.Attributes) > 10 {
			r.t.Errorf("%d attributes", len(l.Attributes))
		}
	}
	for _, c := range []struct {
		own  int
		want []string
	}{
		{0, []string{"OccurredAt", "Failure", "DeduplicationId"}},
		{7, []string{"OccurredAt", "Failure", "DeduplicationId"}},
		{8, []string{"OccurredAt", "Failure"}},
		{9, []string{"OccurredAt"}},
		{10, nil},
	} {
		subtest(t, fmt.Sprintf("%d of the producer's own", c.own), layout{}, func(t *testing.T, r *rig) {
			at := time.Now()
			l := letterFor(r, localcloud.Message{Body: broken, Attributes: producers(c.own, nil), TraceHeader: trace, GroupID: "tenant-1"})
			has(r, l, c.want...)
			if slices.Contains(c.want, "OccurredAt") && l.Attributes["OccurredAt"].StringValue != at.UTC().Format(time.RFC3339Nano) {
				r.t.Errorf("OccurredAt is %q", l.Attributes["OccurredAt"].StringValue)
			}
			if slices.Contains(c.want, "DeduplicationId") && l.Attributes["DeduplicationId"].StringValue != "sqs:"+l.Failure.MessageID {
				r.t.Errorf("DeduplicationId is %q", l.Attributes["DeduplicationId"].StringValue)
			}
			for _, w := range r.workers {
				if timeless := strings.Contains(w.lines(), "without the time"); timeless != (c.own == 10) {
					r.t.Errorf("said to be without a time: %v", timeless)
				}
			}
		})
	}
	subtest(t, "ten of the producer's own, three of them by the letter's names", layout{}, func(t *testing.T, r *rig) {
		at := time.Now().Add(-time.Hour).UTC()
		own := map[string]localcloud.Attribute{
			"OccurredAt": {DataType: "Number", StringValue: fmt.Sprint(at.UnixMilli())}, "Failure": text("none so far"), "DeduplicationId": text("event-1"),
		}
		l := letterFor(r, localcloud.Message{Body: broken, Attributes: producers(7, own)})
		has(r, l, "OccurredAt", "Failure", "DeduplicationId")
		if got := l.Attributes["OccurredAt"].StringValue; got != at.Format(time.RFC3339Nano) {
			r.t.Errorf("OccurredAt is %q, want %q", got, at.Format(time.RFC3339Nano))
		}
		if got := l.Attributes["DeduplicationId"].StringValue; got != "attribute:event-1" || l.Failure.DedupKey != got {
			r.t.Errorf("DeduplicationId is %q, dedupKey %q", got, l.Failure.DedupKey)
		}
		for name, a := range own {
			if kept := l.Failure.Original[name]; kept.DataType != a.DataType || kept.StringValue != a.StringValue {
				r.t.Errorf("original %s is %+v", name, kept)
			}
		}
	})
	subtest(t, "a producer's own Failure that is binary", layout{}, func(t *testing.T, r *rig) {
		l := letterFor(r, localcloud.Message{Body: broken, Attributes: map[string]localcloud.Attribute{"Failure": {DataType: "Binary", BinaryValue: []byte{0, 0xff}}}})
		has(r, l, "OccurredAt", "Failure", "DeduplicationId")
		if kept := l.Failure.Original["Failure"]; kept.DataType != "Binary" || string(kept.BinaryValue) != "\x00\xff" {
			r.t.Errorf("original Failure is %+v", kept)
		}
	})
	subtest(t, "a body that leaves room for OccurredAt only", layout{}, func(t *testing.T, r *rig) {
		room := len("OccurredAtString2000-01-01T00:00:00Z")
		body := broken + strings.Repeat(" ", 1<<20-len(broken)-room)
		l := letterFor(r, localcloud.Message{Body: body})
		has(r, l, "OccurredAt")
	})
	subtest(t, "a body that leaves room for a short Failure", layout{}, func(t *testing.T, r *rig) {
		body := broken + strings.Repeat(" ", 1<<20-len(broken)-500)
		l := letterFor(r, localcloud.Message{Body: body})
		has(r, l, "OccurredAt", "Failure")
		if l.Failure.Reason != message.InvalidMessage || len(l.Failure.Faults) > 1 {
			r.t.Errorf("%+v", l.Failure)
		}
	})
	subtest(t, "a body that leaves no room", layout{}, func(t *testing.T, r *rig) {
		body := broken + strings.Repeat(" ", 1<<20-len(broken))
		l := letterFor(r, localcloud.Message{Body: body, TraceHeader: trace})
		has(r, l)
	})
	subtest(t, "FIFO: group, and the source's MessageId as deduplication id", layout{fifo: true}, func(t *testing.T, r *rig) {
		l := letterFor(r, localcloud.Message{Body: broken, GroupID: "group-1", DedupID: "producers-own", TraceHeader: trace})
		if l.DedupID != l.Failure.MessageID || l.Failure.SequenceNumber == "" {
			r.t.Errorf("deduplication id %q, %+v", l.DedupID, l.Failure)
		}
	})
	subtest(t, "what Failure says", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("a", status(400, "ValidationException"))
		m := localcloud.Message{Body: name("a", "x"), Attributes: map[string]localcloud.Attribute{"OccurredAt": text("1999-12-31T23:00:00.123456789Z")}}
		w := r.start()
		sent := time.Now().UTC()
		id := r.settled(m)
		w.stopped()
		f := r.oneLetter(message.Rejected).Failure
		want := message.Failure{
			Reason: message.Rejected, Code: "ValidationException", Detail: f.Detail, Receives: 1, MessageID: id,
			SentAt: sent.Format("2006-01-02T15:04:05.000Z"), DedupKey: "sqs:" + id, OccurredAt: "1999-12-31T23:00:00.123456789Z",
			FailedAt: f.FailedAt, RequestID: r.calls("a")[0].RequestID, Worker: "worker-1",
			Original: map[string]message.Attribute{"OccurredAt": {DataType: "String", StringValue: "1999-12-31T23:00:00.123456789Z"}},
		}
		if fmt.Sprintf("%+v", f) != fmt.Sprintf("%+v", want) || f.Detail == "" || f.FailedAt == "" {
			r.t.Errorf("got\n%+v\nwant\n%+v", f, want)
		}
	})
	subtest(t, "a letter that fails again keeps its first life", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("a", status(400, "ValidationException"))
		w := r.start()
		id := r.settled(localcloud.Message{Body: name("a", "x"), Attributes: map[string]localcloud.Attribute{"Failure": text("producer's")}, TraceHeader: trace})
		first := r.oneLetter(message.Rejected)
		time.Sleep(time.Hour)
		r.moveBack(first)
		r.drained(time.Minute)
		w.stopped()
		letters := r.letters()
		if len(letters) != 2 {
			r.t.Fatalf("%d letters, want 2", len(letters))
		}
		again := letters[1]
		if f, g := first.Failure, again.Failure; g.MessageID != id || g.SentAt != f.SentAt || g.OccurredAt != f.OccurredAt || g.DedupKey != f.DedupKey || g.Original["Failure"].StringValue != "producer's" {
			r.t.Errorf("first %+v\nthen %+v", f, g)
		}
		if again.Attributes["OccurredAt"].StringValue != first.Attributes["OccurredAt"].StringValue || again.TraceHeader != trace {
			r.t.Errorf("first %+v\nthen %+v", first.Attributes, again.Attributes)
		}
	})
}

// oneLetterOfAnyKind is the only letter, with or without a Failure of ours.
func (r *rig) oneLetterOfAnyKind() letter {
	r.t.Helper()
	stored := r.cloud.SQS.Messages(r.dlq)
	if len(stored) != 1 {
		r.t.Fatalf("%d dead letters, want 1", len(stored))
	}
	if _, ours := stored[0].Attributes["Failure"]; !ours {
		return letter{Stored: stored[0]}
	}
	return r.letters()[0]
}

func TestAProducersOwnFailureOnAMessageThatIsRightMeansNothing(t *testing.T) {
	subtest(t, "text", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		for i, failure := range []string{"x", `{"reason":"rejected"}`, `{"reason":"rejected","sentAt":"1999-01-01T00:00:00.000Z","messageId":""}`, `{}`, `null`} {
			r.settled(localcloud.Message{Body: name("a", fmt.Sprint(i)), Attributes: map[string]localcloud.Attribute{"Failure": text(failure)}})
			r.wantMember("a", "Name", fmt.Sprintf(`"%d"`, i))
		}
		w.stopped()
		r.wantNoLetters()
	})
}
