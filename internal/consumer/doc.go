// Package consumer is the only one that talks to the source queue. It receives
// messages while there is room for them, keeps the lease of each until the
// message is settled, and settles: deletes, stores a letter and then deletes, or
// makes visible again.
//
// Each message is in one state, and each change of state happens under the
// consumer's mutex:
//
//	                receive
//	                   │
//	                   ▼
//	        ┌────── WAITING ──────┬─────────────┐
//	 Settle │          │          │ Release     │ lease lost
//	        │          │DeadLetter│ Abandon     │
//	        │          ▼          │ 11 h 30 min │
//	        │   ┌─► LETTERING ──► │ ──────────► │
//	        │   │   │  │ stored   │ Abandon,    │ lease lost
//	        │   └───┘  │          │ 11 h 30 min,│
//	        │   fails  │          │ no room     │
//	        ▼          │          ▼             │
//	┌─► DELETING ◄─────┘  ┌─► RELEASING         │
//	│   │  │              │   │  │              │
//	└───┘  │              └───┘  │              │
//	fails  │ deleted      fails  │ visible      │
//	       ▼                     ▼              ▼
//	     GONE ◄──────────────────┴──────────────┘
//
// A message of which only the delete is missing (finished.go) starts as DELETING, one
// that comes in when receiving has ended as RELEASING; neither reaches the handler. A
// delete or release whose receipt handle is no good, or that still fails when
// the lease ends, is given up: GONE.
//
// Messages whose letters cannot be stored, that cannot be deleted, or that cannot be made
// visible, have room for a tenth of what may be held each (stuck.go). Beyond that, letters
// are given back for a while (unstored.go), and the others are left to the end of their
// lease: GONE (letgo.go).
//
// A message's outcome is counted once: on Settle and Release, when its letter is
// stored, or when its lease is lost. So at any moment the messages received are
// those counted by outcome plus those held. It takes up its room until it is
// gone.
//
// Of the operations on the source queue (renew, delete, release) at most one is
// under way for a message at any time: what is decided meanwhile waits for it.
// So a late renewal never hides a message that was released. Storing a letter is
// no such operation; leases are renewed beside it.
//
// A message received again while it is held keeps its place: the newest receipt
// handle replaces the older one, because SQS may ignore a delete with any other
// (SQS Developer Guide, "Standard queue at-least-once delivery"). The newest is
// the one with the highest ApproximateReceiveCount: polls may come back in
// another order than they were served in.
//
// An answer of a FIFO receive that was lost is asked for again: the next receive has the
// same ReceiveRequestAttemptId (attempt.go), so the groups of its messages do not stand
// still until their lease ends.
//
// When the worker stops, every message is deleted or visible again by SQS's own word,
// or it is counted as stranded: what could not be finished, what was given up without
// an answer, and what is held when Keep ends.
//
// A crash at any point leaves the message in the queue: it is visible again when
// its lease ends, with nothing lost.
package consumer
