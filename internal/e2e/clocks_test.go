package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// millis is the event's time as a number, as devices write it.
func millis(ms string) map[string]localcloud.Attribute {
	return map[string]localcloud.Attribute{"OccurredAt": {DataType: "Number", StringValue: ms}}
}

func TestOrderAmongEqualAndBrokenClocks(t *testing.T) {
	noon := func() time.Time { return time.Now().Truncate(24 * time.Hour).Add(-12 * time.Hour) }
	// Two updates that happened at once: what decides is the same whichever comes
	// first, and whether they meet or not.
	for _, meet := range []bool{true, false} {
		how := map[bool]string{true: "waiting together", false: "one after the other"}[meet]
		pair := func(r *rig, first, second localcloud.Message) (string, string, *worker) {
			if !meet {
				w := r.start()
				return r.settled(first), r.settled(second), w
			}
			w, open := r.gate("a")
			x, y := r.cloud.SQS.Send(r.queue, first), r.cloud.SQS.Send(r.queue, second)
			open()
			r.drained(time.Minute)
			return x, y, w
		}
		for i := range 4 { // ids are random: either one may be the greater
			subtest(t, fmt.Sprintf("equal times and sent times: the MessageId decides, %s, %d", how, i), layout{cloud: localcloud.Options{Seed: uint64(i)}}, func(t *testing.T, r *rig) {
				at, sent := noon(), time.Now()
				x, y, w := pair(r,
					localcloud.Message{Body: name("a", "x"), Attributes: occurredAt(at), SentAt: sent},
					localcloud.Message{Body: name("a", "y"), Attributes: occurredAt(at), SentAt: sent})
				w.stopped()
				want := `"x"`
				if y > x {
					want = `"y"`
				}
				r.wantMember("a", "Name", want)
			})
		}
		subtest(t, "equal times: the SentTimestamp decides, "+how, layout{}, func(t *testing.T, r *rig) {
			at := noon()
			_, _, w := pair(r,
				localcloud.Message{Body: name("a", "sent later"), Attributes: occurredAt(at), SentAt: at.Add(2 * time.Minute)},
				localcloud.Message{Body: name("a", "sent earlier"), Attributes: occurredAt(at), SentAt: at.Add(time.Minute)})
			w.stopped()
			r.wantMember("a", "Name", `"sent later"`)
		})
		subtest(t, "nanoseconds decide, "+how, layout{}, func(t *testing.T, r *rig) {
			at := noon()
			_, _, w := pair(r,
				localcloud.Message{Body: name("a", "later"), Attributes: occurredAt(at.Add(2))},
				localcloud.Message{Body: name("a", "earlier"), Attributes: occurredAt(at.Add(1))})
			w.stopped()
			r.wantMember("a", "Name", `"later"`)
		})
	}
	subtest(t, "equal times: the SequenceNumber decides before the SentTimestamp", layout{fifo: true}, func(t *testing.T, r *rig) {
		at := noon()
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "first"), GroupID: "g1", Attributes: occurredAt(at), SentAt: at.Add(2 * time.Minute)})
		r.settled(localcloud.Message{Body: name("a", "second"), GroupID: "g2", Attributes: occurredAt(at), SentAt: at.Add(time.Minute)})
		w.stopped()
		r.wantMember("a", "Name", `"second"`)
	})
	for _, ms := range []string{"0", "86400000", "-1", "3786912000000", "9e15"} {
		subtest(t, "a clock at "+ms+" counts as the SentTimestamp", layout{}, func(t *testing.T, r *rig) {
			w := r.start()
			r.settled(localcloud.Message{Body: name("a", "n1")})
			time.Sleep(time.Minute)
			r.settled(localcloud.Message{Body: name("a", "n2"), Attributes: millis(ms)})
			r.wantMember("a", "Name", `"n2"`) // not lost in the past
			time.Sleep(time.Minute)
			r.settled(localcloud.Message{Body: name("a", "n3")})
			r.wantMember("a", "Name", `"n3"`) // nor frozen by the future
			w.stopped()
			w.wantOutcomes(map[message.Outcome]int{message.Applied: 3})
		})
	}
	for _, year := range []string{"1970-01-01T00:00:00Z", "2090-01-01T00:00:00Z", "soon"} {
		subtest(t, "a clock at "+year+" counts as the SentTimestamp", layout{}, func(t *testing.T, r *rig) {
			w := r.start()
			for n := range 3 {
				m := localcloud.Message{Body: name("a", fmt.Sprintf("n%d", n))}
				if n == 1 {
					m.Attributes = map[string]localcloud.Attribute{"OccurredAt": text(year)}
				}
				r.settled(m)
				r.wantMember("a", "Name", fmt.Sprintf(`"n%d"`, n))
				time.Sleep(time.Minute)
			}
			w.stopped()
		})
	}
	subtest(t, "a clock at 1970 is believed where that is switched off", layout{settings: func(c *config.Config) { c.MaxEventAge = 0 }}, func(t *testing.T, r *rig) {
		w := r.start()
		r.settled(localcloud.Message{Body: name("a", "n1")})
		r.settled(localcloud.Message{Body: name("a", "n2"), Attributes: millis("0")})
		w.stopped()
		r.wantMember("a", "Name", `"n1"`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 1, message.Superseded: 1})
	})
}

func TestOnOffOnInFIFOWithContentBasedDeduplicationEndsOn(t *testing.T) {
	inBubble(t, layout{fifo: true, dedup: true}, func(t *testing.T, r *rig) {
		w := r.start()
		for _, state := range []string{"on", "off", "on", "off", "on"} {
			r.settled(localcloud.Message{Body: name("a", state), GroupID: "a"})
			r.wantMember("a", "Name", `"`+state+`"`)
			time.Sleep(3 * time.Minute) // the same body is an event of its own after 5 minutes
		}
		w.stopped()
		r.wantCalls("a", 5)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 5})
	})
}

// A letter comes back days after newer values were applied.
func TestALetterMovedBack(t *testing.T) {
	remember := func(c *config.Config) { c.VersionTTL = 35 * 24 * time.Hour }
	const wrapped = `{"version":"0","id":"eb-1","detail-type":"t","source":"s","time":%q,"detail":%s}`
	// moved makes a letter of body, applies newer values, lets days pass and gives
	// the letter back as back says: the thing then has the value.
	moved := func(body func(now time.Time) string, newer string, back func(r *rig, l letter), value string) func(*testing.T, *rig) {
		return func(_ *testing.T, r *rig) {
			store := thingstate.NewMemory(thingstate.MemoryOptions{VersionTTL: r.cfg.VersionTTL})
			r.onCall("a", first(1, status(400, "ValidationException")))
			w := r.start(on(store))
			r.settled(localcloud.Message{Body: body(time.Now()), Attributes: map[string]localcloud.Attribute{"producer": text("p")}, GroupID: groupOn(r)})
			l := r.oneLetter(message.Rejected)
			time.Sleep(time.Minute)
			if newer != "" {
				r.settled(localcloud.Message{Body: newer, GroupID: groupOn(r)})
			}
			w.stopped()
			time.Sleep(10 * 24 * time.Hour)
			w = r.start(on(store))
			back(r, l)
			r.drained(time.Minute)
			w.stopped()
			r.wantOnlyLetters(1)
			r.wantMember("a", "Name", value)
		}
	}
	newer := name("a", "new")
	plain := func(time.Time) string { return name("a", "old") }
	inEnvelope := func(now time.Time) string {
		return fmt.Sprintf(wrapped, now.UTC().Format(time.RFC3339), name("a", "old"))
	}
	withAttributes := func(r *rig, l letter) { r.moveBack(l) }
	bodyOnly := func(r *rig, l letter) {
		r.cloud.SQS.Send(r.queue, localcloud.Message{Body: l.Body, GroupID: groupOn(r)})
	}
	for _, fifo := range []bool{false, true} {
		kind := map[bool]string{false: "standard", true: "FIFO"}[fifo]
		l := layout{fifo: fifo, settings: remember}
		only := func(attribute string) func(r *rig, l letter) {
			return func(r *rig, l letter) {
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: l.Body, GroupID: groupOn(r), Attributes: map[string]localcloud.Attribute{attribute: l.Attributes[attribute]}})
			}
		}
		twice := func(r *rig, l letter) {
			r.moveBack(l)
			r.drained(time.Minute)
			r.moveBack(l)
			r.drained(time.Minute)
			r.wantCalls("a", 2) // the refused one and one more
		}
		subtest(t, kind+": with its attributes, it is superseded", l, moved(plain, newer, withAttributes, `"new"`))
		subtest(t, kind+": only OccurredAt left, it is superseded", l, moved(plain, newer, only("OccurredAt"), `"new"`))
		subtest(t, kind+": only Failure left, it is superseded", l, moved(plain, newer, only("Failure"), `"new"`))
		subtest(t, kind+": with its attributes and nothing newer, it is applied", l, moved(plain, "", withAttributes, `"old"`))
		subtest(t, kind+": body only, its wrapping has the time, it is superseded", l, moved(inEnvelope, newer, bodyOnly, `"new"`))
		subtest(t, kind+": body only and no time anywhere, it is a new event", l, moved(plain, newer, bodyOnly, `"old"`))
		subtest(t, kind+": twice, it is applied once", l, moved(plain, "", twice, `"old"`))
	}
}

// groupOn is a message group if the rig's queue needs one.
func groupOn(r *rig) string {
	if strings.HasSuffix(r.queue, ".fifo") {
		return "g"
	}
	return ""
}
