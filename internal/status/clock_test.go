package status

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestAClockThatGoesWrongIsSaidOnceAndOnceThatItIsRight(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	var c stateClock
	for _, ahead := range []time.Duration{0, 4, -4, 6, 400, 4, 6, 1, 0, 4, -7, -3, -7} {
		c.note(ahead*time.Second, zap.New(core), "dynamodb://things")
	}
	want := []string{
		"this machine's clock is 6s ahead of DynamoDB's. Leases of things go by DynamoDB's clock, so they hold. Set this one by NTP",
		"this machine's clock agrees with DynamoDB's again",
		"this machine's clock is 7s behind DynamoDB's. Leases of things go by DynamoDB's clock, so they hold. Set this one by NTP",
	}
	if logs.Len() != len(want) {
		t.Errorf("%d lines: %v", logs.Len(), logs.All())
	}
	for i, line := range logs.All() {
		if line.Message != want[i] {
			t.Errorf("line %d: %s", i, line.Message)
		}
	}
	if got := c.seconds(); got != -7 {
		t.Errorf("the metric says %v", got)
	}
}
