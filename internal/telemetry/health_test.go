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
		check("nothing is watched")

		pollers, leases := time.Now(), time.Now()
		h.Watch("pollers", time.Minute, func() time.Time { return pollers })
		h.Watch("leases", 10*time.Second, func() time.Time { return leases })
		time.Sleep(10 * time.Second)
		check("just in time")
		time.Sleep(time.Nanosecond)
		check("the one with less patience", "leases")
		time.Sleep(time.Minute)
		check("both", "leases", "pollers")
		leases = time.Now()
		check("one is back", "pollers")
		h.Forget("pollers")
		check("the other has ended on purpose")
		h.Watch("leases", time.Hour, func() time.Time { return leases })
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
					h.Watch("loop", time.Second, time.Now)
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
