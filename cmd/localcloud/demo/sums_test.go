package main

import (
	"slices"
	"testing"

	"managed-thing-updater/internal/status"
)

func TestSums(t *testing.T) {
	good := func() status.Sums {
		return status.Sums{
			Received: 100, Applied: 60, Superseded: 10, SupersededUnsure: 2, Duplicate: 5, Unchanged: 3, DeadLettered: 4, Released: 16,
			DeadLetters: map[string]int{"rejected": 3, "not_found": 1},
		}
	}
	tests := []struct {
		name                string
		change              func(*status.Sums)
		sent, left, letters int
		want                []string
	}{
		{"all adds up", func(*status.Sums) {}, 100, 16, 4, nil},
		{"one lost", func(*status.Sums) {}, 101, 16, 4, []string{"settled (84) and left in the queue (16) should be what was sent: 100, not 101"}},
		{"one settled twice", func(s *status.Sums) { s.Applied++; s.Received++ }, 100, 16, 4, []string{"settled (85) and left in the queue (16) should be what was sent: 101, not 100"}},
		{"a letter too few", func(*status.Sums) {}, 100, 16, 3, []string{"the dead-letter queue should hold what was dead-lettered and not taken out again: 3, not 4"}},
		{"no outcome", func(s *status.Sums) { s.Received++ }, 100, 16, 4, []string{"settled and released should be what was received: 100, not 101"}},
		{"no reason", func(s *status.Sums) { s.DeadLetters = nil }, 100, 16, 4, []string{"the reasons of dead letters should sum up to them: 0, not 4"}},
		{"stranded", func(s *status.Sums) { s.Stranded = 1 }, 100, 16, 4, []string{"no message should be stranded: 1, not 0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := good()
			test.change(&s)
			if got := faults(s, test.sent, test.left, test.letters); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
