package main

import (
	"os"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// debugOnHangup switches the log to debug when SIGHUP comes, and back to the level
// of the settings on the next one. Where that is debug already it switches to info
// and back. release ends it and waits for the goroutine.
func debugOnHangup(hangups <-chan os.Signal, level zap.AtomicLevel, log *zap.Logger) (release func()) {
	usual, other := level.Level(), zapcore.DebugLevel
	if usual == other {
		other = zapcore.InfoLevel
	}
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-hangups:
			case <-done:
				return
			}
			before, after := level.Level(), other
			if before == other {
				after = usual
			}
			level.SetLevel(min(before, after)) // so that the line is seen whichever is the louder
			log.Info("SIGHUP: the log's level is changed", zap.Stringer("from", before), zap.Stringer("to", after))
			level.SetLevel(after)
		}
	})
	return func() {
		close(done)
		watcher.Wait()
	}
}
