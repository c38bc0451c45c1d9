package main

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
)

func TestHangupSwitchesTheLogToDebugAndBack(t *testing.T) {
	for usual, other := range map[string]zapcore.Level{
		"error": zapcore.DebugLevel, "info": zapcore.DebugLevel, "debug": zapcore.InfoLevel,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(queueVar, "WORKER_LOG_LEVEL="+usual)
			hangups := make(chan os.Signal, 1)
			f.hangups = hangups
			f.runApp = func(_ context.Context, _ config.Config, o app.Options) error {
				for _, want := range []string{other.String(), usual, other.String()} {
					hangups <- syscall.SIGHUP
					synctest.Wait()
					if got := o.Level.String(); got != want {
						t.Errorf("from %s: the level is %s, want %s", usual, got, want)
					}
				}
				return nil
			}
			if code := f.run(t, "run"); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if n := strings.Count(f.err.String(), "SIGHUP"); n != 3 {
				t.Errorf("from %s: said %d times, want 3:\n%s", usual, n, f.err.String())
			}
		})
	}
}
