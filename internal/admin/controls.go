package admin

import (
	"encoding/json"
	"net/http"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Control is what an operator may do to the worker. Safe for use by many goroutines.
type Control interface {
	// Pause lets no receive and no call start until Resume.
	Pause()
	// Resume ends a pause, and closes a circuit that is open because everything was
	// refused.
	Resume()
}

// controls adds what changes something. A browser's request is taken from the page
// itself only (https://pkg.go.dev/net/http#CrossOriginProtection).
func controls(mux *http.ServeMux, a tokenAuth, o Options) {
	change := func(path string, do http.HandlerFunc) {
		mux.Handle("POST /control/"+path, http.NewCrossOriginProtection().Handler(a.guard(do)))
	}
	change("pause", func(w http.ResponseWriter, _ *http.Request) {
		o.Control.Pause()
		text(w, http.StatusOK, "paused")
	})
	change("resume", func(w http.ResponseWriter, _ *http.Request) {
		o.Control.Resume()
		text(w, http.StatusOK, "resumed")
	})
	change("log-level", func(w http.ResponseWriter, r *http.Request) {
		var to struct{ Level string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm)).Decode(&to); err != nil {
			text(w, http.StatusBadRequest, `log-level takes {"level":"debug"}: `+err.Error())
			return
		}
		level, ok := levels[to.Level]
		if !ok {
			text(w, http.StatusBadRequest, "level: must be debug, info, warn or error")
			return
		}
		if was := o.Level.Level(); was != level {
			// Said at the higher of the two, or it would not be seen on the way down.
			o.Level.SetLevel(min(was, level))
			o.Log.Log(max(zapcore.InfoLevel, min(was, level)), "log level changed by an operator", zap.Stringer("from", was), zap.Stringer("to", level))
			o.Level.SetLevel(level)
		}
		text(w, http.StatusOK, "level "+level.String())
	})
}

var levels = map[string]zapcore.Level{
	"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "warn": zapcore.WarnLevel, "error": zapcore.ErrorLevel,
}
