package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// envelopes put a text into each kind of wrapping, with the keys of its own.
var envelopes = []struct {
	name string
	wrap func(text, id string) string
}{
	{"sns", func(text, id string) string {
		return fmt.Sprintf(`{"Type":"Notification","MessageId":%q,"TopicArn":"arn:aws:sns:eu-west-1:000000000000:t","Message":%s,"SignatureVersion":"1"}`, id, quoted(text))
	}},
	{"kinesis", func(text, id string) string {
		return fmt.Sprintf(`{"kinesisSchemaVersion":"1.0","partitionKey":"p","eventID":%q,"data":%q}`, id, base64.StdEncoding.EncodeToString([]byte(text)))
	}},
	{"eventbridge", func(text, id string) string {
		return fmt.Sprintf(`{"version":"0","id":%q,"detail-type":"t","source":"s","detail":%s}`, id, embedded(text))
	}},
	{"cloudevents", func(text, id string) string {
		return fmt.Sprintf(`{"specversion":"1.0","type":"t","source":"/s","id":%q,"data":%s}`, id, embedded(text))
	}},
	{"cloudevents64", func(text, id string) string {
		return fmt.Sprintf(`{"specversion":"1.0","type":"t","source":"/s","id":%q,"data_base64":%q}`, id, base64.StdEncoding.EncodeToString([]byte(text)))
	}},
	{"base64", func(text, _ string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }},
}

// embedded is text as a JSON value: itself if it is an object.
func embedded(text string) string {
	if strings.HasPrefix(text, "{") {
		return text
	}
	return quoted(text)
}

// wrappedIn is text in the envelopes of a chain, outermost first.
func wrappedIn(chain []int, text, id string) string {
	for i := len(chain) - 1; i >= 0; i-- {
		text = envelopes[chain[i]].wrap(text, id)
	}
	return text
}

// chains are all ways to nest n envelopes.
func chains(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, inner := range chains(n - 1) {
		for i := range envelopes {
			out = append(out, append([]int{i}, inner...))
		}
	}
	return out
}

func TestAMessageInEveryWrappingAndNestingIsApplied(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		sent := map[string]string{} // body by thing
		for depth := range 5 {
			all := chains(depth)
			step := max(1, len(all)/250) // of the deepest, a sample that still has every kind in every place
			for i := 0; i < len(all); i += step {
				thing := fmt.Sprintf("t%d-%d", depth, i)
				value := fmt.Sprintf(`{"k": "H\u00e4ll %d", "n" :"1"}`, i)
				r.send(wrappedIn(all[i], put(thing, "MetaData", value), thing))
				sent[thing] = value
			}
		}
		r.drained(10 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		for thing, value := range sent {
			r.wantMember(thing, "MetaData", value)
		}
		w.wantOutcomes(map[message.Outcome]int{message.Applied: len(sent)})
	})
}

func TestAMessageWrappedFiveDeepIsALetter(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		all := chains(5)
		sent := map[string]string{}
		for i := 0; i < len(all); i += 311 {
			body := wrappedIn(all[i], name("a", "new"), "e")
			sent[r.send(body)] = body
		}
		r.drained(10 * time.Minute)
		w.stopped()
		r.wantCalls("", 0)
		r.wantInvalid(sent, func(id string, f message.Failure) {
			if len(f.Faults) != 1 || f.Faults[0].Rule != "at most 4 wrappings" || f.Faults[0].Pointer != "" {
				t.Errorf("%.200s: %+v", sent[id], f.Faults)
			}
		})
	})
}

// wantInvalid checks that exactly these messages, by id, became letters for being
// invalid, each after one receive and with its body as it was.
func (r *rig) wantInvalid(sent map[string]string, check func(id string, f message.Failure)) {
	r.t.Helper()
	letters := r.letters()
	if len(letters) != len(sent) {
		r.t.Errorf("%d letters for %d messages", len(letters), len(sent))
	}
	for _, l := range letters {
		body, ok := sent[l.Failure.MessageID]
		switch {
		case !ok:
			r.t.Errorf("a letter of nobody's: %+v", l.Failure)
			continue
		case l.Body != body:
			r.t.Errorf("the letter's body is not the message's, which was %.200s", body)
		case l.Failure.Reason != message.InvalidMessage || l.Failure.Receives != 1:
			r.t.Errorf("%.200s: %+v", body, l.Failure)
		}
		check(l.Failure.MessageID, l.Failure)
	}
}

// Key and time of the event come from the innermost wrapping that has them, and a
// message attribute, inside an SNS notification too, overrides them.
func TestAWrappingGivesKeyAndTime(t *testing.T) {
	now := func() time.Time { return time.Now().UTC().Truncate(time.Second) }
	ago := func(d time.Duration) time.Time { return now().Add(-d) }
	for _, c := range []struct {
		name string
		wrap func(at time.Time, request string) string
	}{
		{"sns", func(at time.Time, request string) string {
			return fmt.Sprintf(`{"Type":"Notification","MessageId":"e","Timestamp":%q,"Message":%s}`, at.Format("2006-01-02T15:04:05.000Z"), quoted(request))
		}},
		{"kinesis", func(at time.Time, request string) string {
			return fmt.Sprintf(`{"kinesisSchemaVersion":"1.0","eventID":"e","approximateArrivalTimestamp":%d.25,"data":%q}`, at.Unix(), base64.StdEncoding.EncodeToString([]byte(request)))
		}},
		{"eventbridge", func(at time.Time, request string) string {
			return fmt.Sprintf(`{"detail-type":"t","id":"e","time":%q,"detail":%s}`, at.Format(time.RFC3339), request)
		}},
		{"cloudevents", func(at time.Time, request string) string {
			return fmt.Sprintf(`{"specversion":"1.0","source":"s","id":"e","time":%q,"data":%s}`, at.Format(time.RFC3339Nano), request)
		}},
		{"sns with a young Timestamp around eventbridge", func(at time.Time, request string) string {
			inner := fmt.Sprintf(`{"detail-type":"t","id":"e","time":%q,"detail":%s}`, at.Format(time.RFC3339), request)
			return fmt.Sprintf(`{"Type":"Notification","MessageId":"outer","Timestamp":%q,"Message":%s}`, now().Format(time.RFC3339), quoted(inner))
		}},
		{"attributes inside an SNS notification", func(at time.Time, request string) string {
			return fmt.Sprintf(`{"Type":"Notification","MessageId":"outer","Timestamp":%q,"Message":%s,"MessageAttributes":{"OccurredAt":{"Type":"String","Value":%q},"DeduplicationId":{"Type":"String","Value":"e"}}}`,
				now().Format(time.RFC3339), quoted(request), at.Format(time.RFC3339Nano))
		}},
	} {
		subtest(t, c.name, layout{}, func(t *testing.T, r *rig) {
			time.Sleep(time.Hour)
			w := r.start()
			r.sendAt(ago(20*time.Minute), name("a", "of 20 minutes ago"))
			r.drained(time.Minute)
			r.settled(localcloud.Message{Body: c.wrap(ago(30*time.Minute), name("a", "of 30 minutes ago"))})
			r.wantMember("a", "Name", `"of 20 minutes ago"`)
			body := c.wrap(ago(10*time.Minute), name("a", "of 10 minutes ago"))
			r.settled(localcloud.Message{Body: strings.Replace(body, `"e"`, `"e2"`, 1)})
			r.wantMember("a", "Name", `"of 10 minutes ago"`)
			r.settled(localcloud.Message{Body: strings.Replace(body, `"e"`, `"e2"`, 1)})
			w.stopped()
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Superseded: 1, message.Duplicate: 1})
		})
	}
}
