package e2e

import (
	"os"
	"strconv"
	"testing"
	"testing/synctest"
)

// seeds runs a property once for each of n seeds. E2E_SEED=N runs that one
// alone; E2E_SEEDS=N runs as many, where somebody has the time.
func seeds(t *testing.T, n int, property func(t *testing.T, seed uint64)) {
	t.Helper()
	if one, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64); err == nil {
		property(t, one)
		return
	}
	if many, err := strconv.Atoi(os.Getenv("E2E_SEEDS")); err == nil {
		n = many
	}
	for seed := range uint64(n) {
		if t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { property(t, seed) }); t.Failed() {
			t.Fatalf("to see it again: E2E_SEED=%d go test -race -run '^%s$' ./internal/e2e", seed, t.Name())
		}
	}
}

func TestInvariantsHoldThroughRandomFaultsAndRestarts(t *testing.T) {
	inVirtualTime(t)
	complete := 0
	seeds(t, 30, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			p := newProperty(t, seed, false)
			p.live()
			if p.check() {
				complete++
			}
		})
	})
	if !t.Failed() && os.Getenv("E2E_SEED") == "" && complete == 0 {
		t.Error("no run compared the members that the API may merge")
	}
}
