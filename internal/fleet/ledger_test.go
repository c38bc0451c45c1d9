package fleet_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/message"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// named is a message that gives the thing a name, at this time by its producer.
func named(thing, name string, at time.Time) fleet.Message {
	return fleet.Message{Event: fleet.Event{
		Thing: thing, Time: at, Members: []message.Member{{Name: "Name", Value: []byte(`"` + name + `"`)}},
	}}
}

func TestLedger(t *testing.T) {
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	tests := []struct {
		name string
		do   func(l *fleet.Ledger)
		is   string // the lamp's name at the API; empty: not set
		want []string
	}{
		{"newest by event time", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "new", at(9)))
			l.Sent("2", at(11), named("lamp", "old", at(8)))
		}, "new", nil},
		{"the old one won", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "new", at(9)))
			l.Sent("2", at(11), named("lamp", "old", at(8)))
		}, "old", []string{"Name of lamp is not that of the newest event"}},
		{"a clock ahead counts as sent", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "ahead", at(1e8)))
			l.Sent("2", at(12), named("lamp", "right", at(11)))
		}, "right", nil},
		{"a clock never set counts as sent", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "right", at(9)))
			l.Sent("2", at(12), named("lamp", "1970", time.Unix(60, 0)))
		}, "1970", nil},
		{"no time: as sent", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "none", time.Time{}))
			l.Sent("2", at(12), named("lamp", "before", at(9)))
		}, "none", nil},
		{"the same time: as sent, then by id", func(l *fleet.Ledger) {
			l.Sent("2", at(10), named("lamp", "b", at(5)))
			l.Sent("1", at(10), named("lamp", "a", at(5)))
			l.Sent("3", at(9), named("lamp", "c", at(5)))
		}, "b", nil},
		{"FIFO: the same time, as sent", func(l *fleet.Ledger) {
			l.FIFO = true
			l.Sent("2", at(10), named("lamp", "b", at(5)))
			l.Sent("1", at(10), named("lamp", "a", at(5)))
		}, "a", nil},
		{"a dead letter sets nothing", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "right", at(9)))
			l.Sent("2", at(12), named("lamp", "refused", at(11)))
			l.DeadLettered("2")
		}, "right", nil},
		{"nothing but a dead letter", func(l *fleet.Ledger) {
			l.Sent("2", at(12), named("lamp", "refused", at(11)))
			l.DeadLettered("2")
		}, "", nil},
		{"not settled: not known", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "old", at(9)))
			l.Sent("2", at(12), named("lamp", "new", at(11)))
			l.Left("2")
		}, "old", nil},
		{"written by somebody else", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "old", at(9)))
			l.Touched("lamp")
		}, "theirs", nil},
		{"lost", func(l *fleet.Ledger) {
			l.Sent("1", at(10), named("lamp", "new", at(9)))
		}, "", []string{"Name of lamp is not set"}},
		{"set by nobody", func(l *fleet.Ledger) {
			l.Sent("1", at(10), fleet.Message{Event: fleet.Event{Thing: "lamp"}})
		}, "ghost", []string{"Name of lamp was set by no message"}},
		{"broken", func(l *fleet.Ledger) {
			l.Sent("1", at(10), fleet.Message{Broken: true})
		}, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l fleet.Ledger
			test.do(&l)
			_, got := l.Check(func(string) (map[string]json.RawMessage, bool) {
				if test.is == "" {
					return nil, false
				}
				return map[string]json.RawMessage{"Name": json.RawMessage(`"` + test.is + `"`)}, true
			})
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
