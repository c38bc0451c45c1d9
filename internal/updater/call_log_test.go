package updater

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/telemetry"
)

// A process that stood still makes none of the calls that it was about to make.
func TestCallsThatAreNotMadeAreOneLineWithACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, lines := observer.New(zap.WarnLevel)
		n := callLog{telemetry.NewNotices(zap.New(core))}
		defer n.Close()
		for range 64 {
			n.notMade("a-thing")
		}
		time.Sleep(time.Minute)
		if got := lines.FilterMessageSnippet("not made").All(); len(got) != 1 || got[0].ContextMap()["count"] != int64(64) {
			t.Errorf("%d lines: %v", len(got), got)
		}
	})
}
