package thingstate_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/statetest"
)

const modelTTL = time.Hour // of versions; half of it of keys

// step is one thing done to the store; which fields count depends on do.
type step struct {
	do      string // acquire, finish, wait
	thing   string
	seconds int      // of the lease, or to wait
	members []string // intents, or members applied
	n       int      // digest and order of the values
	lease   int      // which of the leases given out so far is finished
	call    thingstate.Call
	keep    bool // no older call had landed
	keys    []string
}

func (s step) landed(now time.Time) time.Time {
	if s.keep {
		return time.Time{}
	}
	return now
}

var steps = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
	return step{
		do:      rapid.SampledFrom([]string{"acquire", "acquire", "finish", "finish", "wait"}).Draw(t, "do"),
		thing:   rapid.SampledFrom([]string{"a", "b"}).Draw(t, "thing"),
		seconds: rapid.SampledFrom([]int{0, 1, 60, 1799, 1800, 3600}).Draw(t, "seconds"),
		members: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Name", "Model", "MetaData"}), 0, 3, rapid.ID).Draw(t, "members"),
		n:       rapid.IntRange(1, 9).Draw(t, "n"),
		lease:   rapid.IntRange(0, 3).Draw(t, "lease"),
		call:    rapid.SampledFrom([]thingstate.Call{thingstate.NotSent, thingstate.Succeeded, thingstate.OutcomeUnknown}).Draw(t, "call"),
		keep:    rapid.Bool().Draw(t, "keep"),
		keys:    rapid.SliceOfN(rapid.SampledFrom([]string{"k1", "k2", "k3"}), 0, 2).Draw(t, "keys"),
	}
}), 1, 40)

// model is the store as a person would write it down: no bounds but those of marks.
type model struct {
	versions map[string]int       // order by member
	marks    map[string][]mark    // by member
	keys     map[string]time.Time // when settled
	written  time.Time
	owner    int // the last lease's number
	until    time.Time
}

type mark struct{ n, owner int }

func (m *model) forget(now time.Time) {
	if now.Sub(m.written) >= modelTTL {
		clear(m.versions)
		clear(m.marks)
	}
	maps.DeleteFunc(m.keys, func(_ string, at time.Time) bool { return now.Sub(at) >= modelTTL/2 })
	m.written = now
}

func (m *model) begin(owner int, s step, now time.Time) {
	m.owner, m.until = owner, now.Add(time.Duration(s.seconds)*time.Second)
	for _, member := range s.members {
		m.marks[member] = append(m.marks[member], mark{s.n, owner})
		if len(m.marks[member]) > thingstate.MaxMarks {
			m.marks[member] = m.marks[member][1:]
		}
	}
}

func (m *model) end(owner int, s step, now time.Time) {
	m.until = time.Time{}
	for member := range m.marks {
		switch {
		case s.call == thingstate.OutcomeUnknown:
		case s.call == thingstate.Succeeded && !s.keep && slices.Contains(s.members, member):
			delete(m.marks, member)
		default:
			m.marks[member] = slices.DeleteFunc(m.marks[member], func(k mark) bool { return k.owner == owner })
		}
	}
	for _, member := range s.members {
		m.versions[member] = max(m.versions[member], s.n)
	}
	for _, key := range s.keys {
		m.keys[key] = now
	}
}

// empty reports whether nothing is known.
func (m *model) empty() bool {
	for _, marks := range m.marks {
		if len(marks) > 0 {
			return false
		}
	}
	return len(m.versions) == 0 && len(m.keys) == 0
}

// differs tells how a record is not what the model says; empty if it is.
func (m *model) differs(r thingstate.Record) string {
	if len(r.Versions) != len(m.versions) {
		return fmt.Sprintf("versions %+v, want %v", r.Versions, m.versions)
	}
	for member, n := range m.versions {
		if v, ok := r.Version(member); !ok || v.Order.Compare(*orderOf(n)) != 0 || v.Digest[0] != byte(n) {
			return fmt.Sprintf("version of %s %+v, want that of %d", member, v, n)
		}
	}
	for _, member := range []string{"Name", "Model", "MetaData"} {
		same := func(a thingstate.Mark, b mark) bool {
			return a.Digest[0] == byte(b.n) && a.Order.Compare(*orderOf(b.n)) == 0
		}
		if got := slices.Collect(r.MarksOf(member)); !slices.EqualFunc(got, m.marks[member], same) {
			return fmt.Sprintf("marks of %s %+v, want %v", member, got, m.marks[member])
		}
	}
	for _, key := range []string{"k1", "k2", "k3"} {
		if _, want := m.keys[key]; r.Seen(key) != want {
			return fmt.Sprintf("key %s seen: %v, want %v", key, !want, want)
		}
	}
	return ""
}

func orderOf(n int) *message.Order {
	return &message.Order{EventTime: time.Unix(int64(n), 0), MessageID: fmt.Sprint(n)}
}

// play does the steps with both and returns the first difference.
func play(t *testing.T, store thingstate.Store, todo []step) string {
	models := map[string]*model{}
	for _, thing := range []string{"a", "b"} {
		models[thing] = &model{versions: map[string]int{}, marks: map[string][]mark{}, keys: map[string]time.Time{}, written: time.Now()}
	}
	var leases []thingstate.Lease
	finished := map[int]bool{} // a Finish that is repeated is the suite's affair
	for i, s := range todo {
		now := time.Now()
		switch s.do {
		case "wait":
			time.Sleep(time.Duration(s.seconds) * time.Second)
		case "acquire":
			m := models[s.thing]
			var intents []thingstate.Intent
			for _, member := range s.members {
				intents = append(intents, thingstate.Intent{Member: member, Digest: thingstate.Digest{byte(s.n)}, Order: orderOf(s.n)})
			}
			r, l, err := store.Acquire(t.Context(), s.thing, time.Duration(s.seconds)*time.Second, intents)
			if _, held := errors.AsType[*thingstate.HeldError](err); held != m.until.After(now) {
				return fmt.Sprintf("step %d %+v: %v, want held: %v", i, s, err, !held)
			}
			if err != nil {
				continue
			}
			m.forget(now)
			if d := m.differs(r); d != "" {
				return fmt.Sprintf("step %d %+v: %s", i, s, d)
			}
			leases = append(leases, l)
			m.begin(len(leases), s, now)
		case "finish":
			if s.lease >= len(leases) {
				continue
			}
			owner := len(leases) - s.lease // mostly the latest
			if finished[owner] {
				continue
			}
			l := leases[owner-1]
			m := models[l.Thing]
			var applied []thingstate.Version
			for _, member := range s.members {
				applied = append(applied, thingstate.Version{Member: member, Digest: thingstate.Digest{byte(s.n)}, Order: orderOf(s.n)})
			}
			err := store.Finish(t.Context(), l, thingstate.Result{Call: s.call, Applied: applied, Keys: s.keys, Landed: s.landed(now)})
			lost := errors.Is(err, thingstate.ErrLeaseLost)
			if lost && now.Sub(m.written) >= modelTTL {
				continue // the record had run out; it may or may not have been freed
			}
			if lost && m.owner == owner && m.until.IsZero() && m.empty() {
				continue // it was finished before, and a record that says nothing need not be kept
			}
			if lost != (m.owner != owner) {
				return fmt.Sprintf("step %d %+v: %v, want lost: %v", i, s, err, !lost)
			}
			if err == nil {
				finished[owner] = true
				m.forget(now)
				m.end(owner, s, now)
			}
		}
	}
	return ""
}

func TestStoresDoWhatTheModelDoes(t *testing.T) {
	for name, open := range map[string]func() thingstate.Store{
		"memory": func() thingstate.Store {
			return thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: modelTTL / 2, VersionTTL: modelTTL})
		},
		"shared": func() thingstate.Store {
			return thingstate.NewShared(&statetest.Table{}, thingstate.SharedOptions{DedupTTL: modelTTL / 2, VersionTTL: modelTTL})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				todo := steps.Draw(rt, "steps")
				var difference string
				synctest.Test(t, func(t *testing.T) { difference = play(t, open(), todo) })
				if difference != "" {
					rt.Fatal(difference)
				}
			})
		})
	}
}
