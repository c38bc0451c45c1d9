package updater

import (
	"context"
	"time"
)

// tickEvery bounds the silence of a loop that waits.
const tickEvery = 5 * time.Second

// boundedWait bounds the waits of a loop that has to tick its heartbeat meanwhile: none
// lasts longer than tickEvery. One context serves many waits: one for each would cost a
// timer a call.
type boundedWait struct {
	of      context.Context
	current context.Context
	end     context.CancelFunc
}

// context ends with of, or less than tickEvery from now.
func (w *boundedWait) context() context.Context {
	if w.current == nil || w.current.Err() != nil {
		w.close()
		w.current, w.end = context.WithTimeout(w.of, tickEvery)
	}
	return w.current
}

func (w *boundedWait) close() {
	if w.end != nil {
		w.end()
	}
}
