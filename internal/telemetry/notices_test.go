package telemetry_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/telemetry"
)

// noticed runs a test of notices in virtual time.
func noticed(t *testing.T, test func(n *telemetry.Notices, counts func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		test(telemetry.NewNotices(zap.New(core)), func() string {
			var text strings.Builder
			for _, e := range logs.TakeAll() {
				text.WriteString(fmt.Sprintf("%s %s%v;", e.Message, e.ContextMap()["code"], e.ContextMap()["count"]))
			}
			return text.String()
		})
	})
}

func TestABurstIsOneLineWithACount(t *testing.T) {
	noticed(t, func(n *telemetry.Notices, said func() string) {
		for range 30 {
			n.Say(zapcore.WarnLevel, "lost", "a", 10)
			n.Say(zapcore.WarnLevel, "lost", "b", 1)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		if got := said(); got != "lost a300;lost b30;" && got != "lost b30;lost a300;" {
			t.Errorf("said %q", got)
		}
		n.Close()
	})
}

func TestWhatGoesOnHasALineAMinute(t *testing.T) {
	noticed(t, func(n *telemetry.Notices, said func() string) {
		for range 180 {
			n.Say(zapcore.WarnLevel, "lost", "a", 1)
			time.Sleep(time.Second)
		}
		n.Close()
		lines, sum := strings.Split(strings.TrimSuffix(said(), ";"), ";"), 0
		for _, line := range lines {
			count, _ := strconv.Atoi(strings.TrimPrefix(line, "lost a"))
			sum += count
		}
		if len(lines) != 4 || sum != 180 {
			t.Errorf("said %q, want 4 lines for 180", lines)
		}
	})
}

func TestNothingStaysUnsaidAtTheEnd(t *testing.T) {
	noticed(t, func(n *telemetry.Notices, said func() string) {
		n.Say(zapcore.WarnLevel, "lost", "a", 7)
		n.Close()
		n.Say(zapcore.WarnLevel, "lost", "a", 2)
		if got := said(); got != "lost a7;lost a2;" {
			t.Errorf("said %q", got)
		}
	})
}

func TestKindsAreBounded(t *testing.T) {
	noticed(t, func(n *telemetry.Notices, said func() string) {
		for i := range 1000 {
			n.Say(zapcore.WarnLevel, "lost", fmt.Sprint(i), 1)
		}
		n.Close()
		if lines := strings.Count(said(), ";"); lines != 65 {
			t.Errorf("%d lines", lines)
		}
	})
}
