package telemetry_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/telemetry"
)

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		check := func(when string, want ...string) {
			t.Helper()
			if ok, stale := h.Check(); ok != (len(want) == 0) || !slices.Equal(stale, want) {
				t.Errorf("%s: %v, stale %v; want %v", when, ok, stale, want)
			}
		}
		check("nothing expected")
		h.Beat("nobody")
		check("a beat that nobody expects")

		h.Expect("pollers", time.Minute)
		h.Expect("leases", 10*time.Second)
		time.Sleep(10 * time.Second)
		check("just in time")
		time.Sleep(time.Nanosecond)
		check("the one with less patience", "leases")
		time.Sleep(time.Minute)
		check("both", "leases", "pollers")
		h.Beat("leases")
		check("one is back", "pollers")
		h.Forget("pollers")
		h.Beat("pollers")
		check("the other has ended on purpose")
		h.Expect("leases", time.Hour)
		time.Sleep(time.Hour)
		check("more patience")
	})
}

func TestHealthIsSafeForManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := telemetry.NewHealth()
		for range 8 {
			go func() {
				for range 100 {
					h.Expect("loop", time.Second)
					h.Beat("loop")
					h.Check()
					h.Forget("loop")
				}
			}()
		}
		synctest.Wait()
		if ok, stale := h.Check(); !ok {
			t.Errorf("stale: %v", stale)
		}
	})
}
