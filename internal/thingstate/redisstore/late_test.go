package redisstore_test

import (
	"testing"

	"managed-thing-updater/internal/thingstate/statetest"
)

func TestLateRequestsToATable(t *testing.T) {
	for _, kind := range servers() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			statetest.Late(t, statetest.LateHarness{Table: newTable(t, kind.ForTest(t))})
		})
	}
}
