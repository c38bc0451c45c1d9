package fleet_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/message"
)

// run makes n messages, some milliseconds apart, and hands each over with the
// SentTimestamp that it gets. The clock is virtual.
func run(t *testing.T, seed uint64, o fleet.Options, n int, each func(i int, sentAt time.Time, m fleet.Message)) {
	synctest.Test(t, func(t *testing.T) {
		f := fleet.New(seed, o)
		for i := range n {
			time.Sleep(time.Duration(i%7) * 10300 * time.Microsecond)
			m := f.Next()
			each(i, time.Now().Truncate(time.Millisecond), m)
		}
	})
}

func incoming(m fleet.Message, sentAt time.Time) message.Incoming {
	return message.Incoming{
		ID: "11111111-2222-4333-8444-555555555555", Body: m.Body, SentAt: sentAt, Receives: 1,
		GroupID: m.GroupID, Attributes: m.Attributes, TraceHeader: m.TraceHeader,
	}
}

func TestSameSeedSameMessages(t *testing.T) {
	collect := func(seed uint64) (all []fleet.Message) {
		run(t, seed, fleet.Options{}, 300, func(_ int, _ time.Time, m fleet.Message) { all = append(all, m) })
		return all
	}
	if !reflect.DeepEqual(collect(7), collect(7)) {
		t.Error("the same seed made other messages")
	}
	if reflect.DeepEqual(collect(7), collect(8)) {
		t.Error("another seed made the same messages")
	}
}

func TestMessagesAreWhatTheySay(t *testing.T) {
	o := message.Options{MaxEventAge: fleet.MaxEventAge}
	for _, fifo := range []bool{false, true} {
		run(t, 1, fleet.Options{FIFO: fifo}, 3000, func(i int, sentAt time.Time, m fleet.Message) {
			u, faults := message.Decode(incoming(m, sentAt), o)
			if m.Broken {
				if len(faults) == 0 {
					t.Errorf("%d, %s: no fault found in %s", i, m.Kind, m.Body)
				}
				return
			}
			if len(faults) > 0 {
				t.Fatalf("%d, %s, %v: %v in %s", i, m.Kind, m.Wrappings, faults, m.Body)
			}
			if u.Thing != m.Event.Thing || !sameMembers(u.Members, m.Event.Members) {
				t.Errorf("%d, %s, %v: %s and its members are not those of %s", i, m.Kind, m.Wrappings, u.Thing, m.Event.Thing)
			}
			if want := m.Event.EffectiveTime(sentAt); !u.Order.EventTime.Equal(want) {
				t.Errorf("%d, %s %s, %v: event time %v, want %v; %s", i, m.Kind, m.Twist, m.Wrappings, u.Order.EventTime, want, m.Body)
			}
			if m.Event.Key != "" && u.Key != m.Event.Key {
				t.Errorf("%d, %s, %v: key %q, want %q", i, m.Kind, m.Wrappings, u.Key, m.Event.Key)
			}
			if m.Event.Key == "" && !strings.HasPrefix(u.Key, "sqs:") {
				t.Errorf("%d, %s, %v: key %q, and the message is said to have none", i, m.Kind, m.Wrappings, u.Key)
			}
			if !slices.Equal(u.Wrappings, m.Wrappings) {
				t.Errorf("%d, %s: wrapped in %v, want %v", i, m.Kind, u.Wrappings, m.Wrappings)
			}
		})
	}
}

func sameMembers(a, b []message.Member) bool {
	return slices.EqualFunc(a, b, func(a, b message.Member) bool {
		return a.Name == b.Name && string(a.Value) == string(b.Value)
	})
}

func TestEverythingComesWithin500(t *testing.T) {
	for seed := range uint64(20) {
		missing := make(map[string]bool)
		for _, name := range slices.Concat(fleet.Kinds(), fleet.Twists, fleet.Wrappings) {
			missing[name] = true
		}
		missing["unwrapped"], missing["four deep"], missing["traced"], missing["stamped"] = true, true, true, true
		run(t, seed, fleet.Options{}, 500, func(_ int, _ time.Time, m fleet.Message) {
			delete(missing, m.Kind)
			delete(missing, m.Twist)
			for _, w := range m.Wrappings {
				delete(missing, w)
			}
			switch {
			case len(m.Wrappings) == 0:
				delete(missing, "unwrapped")
			case len(m.Wrappings) == 4:
				delete(missing, "four deep")
			}
			if m.TraceHeader != "" {
				delete(missing, "traced")
			}
			if m.Attributes["OccurredAt"].StringValue != "" {
				delete(missing, "stamped")
			}
		})
		if len(missing) > 0 {
			t.Errorf("seed %d: never came: %v", seed, slices.Sorted(maps.Keys(missing)))
		}
	}
}

func TestMessagesFitIntoSQS(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		dedupIDs := make(map[string]bool)
		run(t, 3, fleet.Options{FIFO: fifo}, 2000, func(i int, _ time.Time, m fleet.Message) {
			if len(m.Body) == 0 || len(m.Body) > 256<<10 || len(m.Attributes) > 10 || m.GroupID == "" {
				t.Errorf("%d: %d bytes, %d attributes, group %q", i, len(m.Body), len(m.Attributes), m.GroupID)
			}
			if fifo != (m.DedupID != "") || fifo && (m.Delay > 0 || dedupIDs[m.DedupID]) {
				t.Errorf("%d: deduplication id %q, delay %v on a queue with FIFO %v", i, m.DedupID, m.Delay, fifo)
			}
			dedupIDs[m.DedupID] = true
		})
	}
}
