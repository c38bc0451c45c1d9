package updater

import (
	"context"
	"time"
)

// beatEvery bounds the silence of a loop that waits.
const beatEvery = 5 * time.Second

// spell is for the waits of a loop that has to beat meanwhile: none lasts longer
// than beatEvery. One context serves many waits, as each of its own would cost a
// timer a call.
type spell struct {
	of      context.Context
	current context.Context
	end     context.CancelFunc
}

// context ends with the spell's own, or less than beatEvery from now.
func (s *spell) context() context.Context {
	if s.current == nil || s.current.Err() != nil {
		s.close()
		s.current, s.end = context.WithTimeout(s.of, beatEvery)
	}
	return s.current
}

func (s *spell) close() {
	if s.end != nil {
		s.end()
	}
}
