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
	b.doneTestingLocked(turn)
}

func (b *Backlog) doneTestingLocked(turn *Turn) {
	if b.tested == turn {
		b.tested = nil
		b.signal()
	}
}

// candidateLocked is the thing of a queue that may have its turn now, or nil. A suspect
// whose turn came while another was tested goes before all other suspects, so that
// none can always be passed over.
func (b *Backlog) candidateLocked(q *readyQueue) *thing {
	if b.tested != nil {
		return q.head(false)
	}
	if s := b.passedOver; s != nil && s.state == inLine && s.suspect() {
		if s.queue == q {
			return s
		}
		return q.head(false)
	}
	return q.head(true)
}

// passOverLocked notes the suspect whose turn it is, if another one is tested and taken
// has the turn instead.
func (b *Backlog) passOverLocked(taken *thing) {
	if b.tested == nil || b.passedOver != nil && b.passedOver.state == inLine {
		return
	}
	b.passedOver = nil
	if s := b.pickLocked(b.firstCalls.head(true), b.retries.head(true)); s != taken {
		b.passedOver = s
	}
}
