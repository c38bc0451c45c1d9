package backlog

import "time"

// A suspect is a message that was received so often that it may be what kills the
// worker. One suspect at a time is tested: from its turn's beginning until its
// request is written, or the turn has ended. What kills a worker does so by then.

// suspectWait bounds the random wait of a suspect before it is in line.
const suspectWait = 5 * time.Second

// Written tells that the request of the turn's call was written. The next suspect
// need not wait for the answer. It may be called from any goroutine, at any time.
func (b *Backlog) Written(turn *Turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tested(turn)
}

func (b *Backlog) tested(turn *Turn) {
	if b.testing == turn {
		b.testing = nil
		b.signal()
	}
}

// candidate is the thing of a line that may have its turn now, or nil. A suspect
// whose turn came while another was tested goes before all other suspects, so that
// none can always be passed over.
func (b *Backlog) candidate(of *tenants) *thing {
	if b.testing != nil {
		return of.head(false)
	}
	if s := b.passedOver; s != nil && s.where == inLine && s.suspect() {
		if s.line == of {
			return s
		}
		return of.head(false)
	}
	return of.head(true)
}

// passOver notes the suspect whose turn it is, if another one is tested and taken
// has the turn instead.
func (b *Backlog) passOver(taken *thing) {
	if b.testing == nil || b.passedOver != nil && b.passedOver.where == inLine {
		return
	}
	b.passedOver = nil
	if s := b.pick(b.first.head(true), b.retry.head(true)); s != taken {
		b.passedOver = s
	}
}
