package backlog_test

import (
	"fmt"
	"testing"

	"managed-thing-updater/internal/backlog"
)

func TestTheHottestThingsAreThoseThatMostMessagesWaitFor(t *testing.T) {
	b := backlog.New()
	for at, thing := range []string{"c", "a", "b", "d", "e", "f"} {
		for n := range map[string]int{"a": 3, "b": 7, "c": 7, "d": 1, "e": 5, "f": 2}[thing] {
			b.Add(item(thing, 10*(at+1)+n))
		}
	}
	want := func(when string, want ...string) {
		t.Helper()
		var got []string
		for _, h := range b.Hottest(3) {
			got = append(got, fmt.Sprintf("%s %d %s", h.Thing, h.Waiting, h.State))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	want("at first", "b 7 in line", "c 7 in line", "e 5 in line")

	b.Add(item("b", 1))
	turn := take(t, b, "b", 8)
	want("during a turn", "b 8 in its turn", "c 7 in line", "e 5 in line")
	b.Add(item("b", 90))
	want("while one more waits", "b 9 in its turn", "c 7 in line", "e 5 in line")
	b.Done(turn, turn.Items, backlog.Next{})
	want("after it", "c 7 in line", "e 5 in line", "a 3 in line")

	c := take(t, b, "c", 7)
	b.Done(c, nil, backlog.Next{Failed: true, Delay: 1 << 40})
	hot := b.Hottest(1)
	if len(hot) != 1 || hot[0].State != "backing off" || hot[0].Failures != 1 || !hot[0].Oldest.Equal(c.Items[0].SentAt) {
		t.Errorf("after a failure: %+v", hot)
	}
	if n := len(b.Hottest(10)); n != 4 {
		t.Errorf("%d things, want the 4 that more than one message waits for", n)
	}
}
