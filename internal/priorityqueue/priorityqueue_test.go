package priorityqueue_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/priorityqueue"
)

type value struct{ rank, place int }

func TestTheFirstValueIsAlwaysTheSmallestOneThatIsIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := priorityqueue.New(func(a, b *value) bool { return a.rank < b.rank }, func(v *value) *int { return &v.place })
		values := make([]value, 12)
		var in []*value
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			v := &values[rapid.IntRange(0, len(values)-1).Draw(t, "value")]
			in = slices.DeleteFunc(in, func(u *value) bool { return u == v })
			if rapid.Bool().Draw(t, "set") {
				v.rank = rapid.IntRange(0, 20).Draw(t, "rank")
				q.Set(v)
				in = append(in, v)
			} else {
				q.Remove(v)
			}
			if q.Len() != len(in) || len(q.All()) != len(in) {
				t.Fatalf("%d values, want %d", q.Len(), len(in))
			}
			first := q.First()
			if (first == nil) != (len(in) == 0) {
				t.Fatalf("first of %d: %v", len(in), first)
			}
			for _, u := range in {
				if u.rank < first.rank || u.place == 0 {
					t.Fatalf("%+v is in, and the first is %+v", u, first)
				}
			}
			if v.place > 0 != slices.Contains(in, v) {
				t.Fatalf("%+v: its place is not what was done last", v)
			}
		}
	})
}
