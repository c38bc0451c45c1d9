package timeline

import (
	"time"
)

type kind uint8

const (
	received kind = iota
	receivedAgain
	leaseRenewed
	leaseLost
	heldTooLong
	stranded
	stopping
	called
	waits
	superseded
	ended
	letterFailed
	letterPutOff
	letGo
	deleted
	visible
	unsettled
)

type event struct {
	at     int64 // Unix nanoseconds
	since  int64 // time of the first event folded into this one
	kind   kind
	why    Why
	counts Counting
	end    uint8 // index in message.Outcomes
	n      int32 // receives; other messages in the call
	times  int32 // further events folded into this one
	tries  int32 // counted attempts
	took   time.Duration
	wait   time.Duration

	code, text, request string
}

// Why a message waits.
type Why uint8

const (
	ForItsTurn     Why = iota
	ForAnother         // another worker has the thing
	ForTheStore        // the store of the things' records does not answer
	ToBeSure           // an earlier call may land on top of what was applied
	Apart              // a call with others was refused: it goes out alone
	LetterHeldBack     // no letters are written while the service is in trouble
)

// Counting is what a failed call counts for.
type Counting uint8

const (
	NotSaid Counting = iota
	CountsAgainst
	TroubleOfTheService
	NothingToCompareWith
	WhileTheCircuitIsOpen
	ThingMayCome // it was not found, so soon after the message was sent
)

// same reports whether f repeats e, and needs no place of its own.
func (e *event) same(f event) bool {
	switch e.kind {
	case leaseRenewed, letterFailed, unsettled:
		return e.kind == f.kind && e.code == f.code
	case waits:
		return f.kind == waits && e.why == f.why
	case called:
		return f.kind == called && f.code != "" && e.code == f.code && e.n == f.n
	}
	return false
}

// size is how many bytes it takes beside its place among the events.
func (e *event) size() int { return len(e.code) + len(e.text) + len(e.request) }

// mostText is how many bytes of a text are kept.
const mostText = 256
