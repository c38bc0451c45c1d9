package admission

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

const lease = 2 * time.Minute // a horizon of 40 s

func TestDistinctThingsAreHeldUpToTheHorizon(t *testing.T) {
	w := newWindow(1000, lease)
	for n := range 5000 {
		w.saw(fmt.Sprint(n), "")
		if got, bounded := w.worth(10); got != 400 || !bounded {
			t.Fatalf("after %d messages: %d %v, want 400", n+1, got, bounded)
		}
	}
	if got, _ := w.worth(0.1); got != 100 {
		t.Errorf("at 0.1/s: %d, want 100", got)
	}
}

func TestARateThatHasJustRisenCountsInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(1000, lease)
		for _, c := range []struct {
			after time.Duration
			rate  float64
			want  int
		}{{0, 10, 400}, {0, 50, 400}, {10 * time.Second, 50, 800}, {0, 1000, 5000}, {0, 12, 480}, {time.Hour, 1000, 40_000}, {0, 20, 800}} {
			time.Sleep(c.after)
			w.noteRate(c.rate)
			if got, _ := w.worth(c.rate); got != c.want {
				t.Errorf("%v later, at %v/s: %d, want %d", c.after, c.rate, got, c.want)
			}
		}
	})
}

func TestDepthPaysFromOneRepeatInFifty(t *testing.T) {
	for every, pays := range map[int]bool{10: true, 50: true, 60: false} {
		w := newWindow(1000, lease)
		for n := range 5000 {
			thing := fmt.Sprint(n)
			if n%every == every-1 {
				thing = fmt.Sprint(n - every/2)
			}
			w.saw(thing, "")
		}
		if _, bounded := w.worth(10); bounded == pays {
			t.Errorf("one repeat in %d: bounded %v", every, bounded)
		}
	}
}

func TestARotationPaysWhereARoundMayBeHeld(t *testing.T) {
	for things, pays := range map[int]bool{900: true, 1100: false} {
		w := newWindow(1000, lease)
		for n := range 5000 {
			w.saw(fmt.Sprint(n%things), "")
		}
		if _, bounded := w.worth(10); bounded == pays {
			t.Errorf("a rotation of %d things with room for 1000: bounded %v", things, bounded)
		}
	}
}

func TestWhatWasSeenIsForgotten(t *testing.T) {
	w := newWindow(1000, lease)
	for range 1000 {
		w.saw("hot", "tenant")
	}
	for n := range 1000 {
		if _, bounded := w.worth(10); bounded {
			t.Fatalf("bounded, with %d tenants' messages in the window", 1000-n)
		}
		w.saw(fmt.Sprint(n), "")
	}
	if _, bounded := w.worth(10); !bounded {
		t.Error("not bounded, with 1000 distinct things in the window")
	}
	if len(w.last) != 1000 || len(w.things) != 1000 {
		t.Errorf("%d messages of %d things remembered, want 1000", len(w.last), len(w.things))
	}
}

func TestARateOfNothingIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(5000, lease)
		for _, rate := range []float64{0, 0.1} {
			w.noteRate(rate)
			if n, bounded := w.worth(rate); n != 100 || !bounded {
				t.Errorf("at %v calls a second %d things are worth having, %v", rate, n, bounded)
			}
			time.Sleep(24 * time.Hour)
		}
		if n, _ := w.worth(100); n != 4000 {
			t.Errorf("at 100 calls a second, a day later: %d things are worth having, want 4000", n)
		}
	})
}

func TestWithoutRenewalsAThirdOfALeaseIsHeldThoughMergingPays(t *testing.T) {
	w := newWindow(1000, 2*time.Minute)
	for range 1000 {
		w.saw("thing", "tenant")
	}
	if _, bounded := w.worth(10); bounded {
		t.Error("merging pays: the test shows nothing")
	}
	for rate, want := range map[float64]int{0: 10, 0.1: 10, 10: 400, 1000: 40_000} {
		if got := w.withoutRenewals(rate); got != want {
			t.Errorf("at %v calls a second %d, want %d", rate, got, want)
		}
	}
}
