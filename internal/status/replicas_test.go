package status

import (
	"math"
	"testing"
)

func TestUsefulReplicas(t *testing.T) {
	for _, test := range []struct {
		name        string
		rate, call  float64
		concurrency int
		want        float64
	}{
		{"before the first call", 10, 0, 64, 1},
		{"a hundredth of one replica does for the documented quota", 10, 0.05, 64, 10 * 0.05 / 0.7 / 64},
		{"all calls under way: one more", 1280, 0.05, 64, 1 / 0.7},
		{"each of two has half of what keeps one busy", 448, 0.05, 64, 0.5},
		{"however slow the API is", 100, 10, 64, 2},
	} {
		if got := useful(test.rate, test.call, test.concurrency); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// Who scales by the sum, rounded up, comes to rest: at the replicas that the quota
// keeps busy, neither more nor fewer.
func TestScalingByUsefulReplicasComesToRest(t *testing.T) {
	const call, concurrency = 0.1, 20 // 200 calls a second for a replica
	for _, test := range []struct {
		quota float64
		want  int
	}{{10, 1}, {100, 1}, {300, 3}, {1000, 8}} {
		replicas := 1
		for range 20 {
			each := min(test.quota/float64(replicas), concurrency/call)
			replicas = int(math.Ceil(float64(replicas) * useful(each, call, concurrency)))
		}
		if replicas != test.want {
			t.Errorf("a quota of %v a second: %d replicas, want %d", test.quota, replicas, test.want)
		}
	}
}
