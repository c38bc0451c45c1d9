// Package consumer alone talks to the source queue. It receives messages while there is
// room for them, keeps the lease of each until the message is settled, and settles:
// deletes, stores a letter and then deletes, or makes visible again.
//
// Each message is in one state, which changes under the consumer's mutex only:
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
// A message of which only the delete is missing (finished.go) starts as DELETING. One that
// comes in when receiving has ended starts as RELEASING. Neither reaches the handler. A
// delete or release is given up if SQS refuses its receipt handle, or if it still fails
// when the lease ends: GONE.
//
// A letter that cannot be stored, or a message that cannot be deleted or made visible,
// stays to be tried again. Each of the three kinds may take up a tenth of what may be held
// (stuck.go). Beyond that, messages with letters are given back for a while, and the others
// are left to the end of their lease: GONE.
//
// A message's outcome is counted once: on Settle and Release, when its letter is stored, or
// when its lease is lost. So at any moment the messages received are those counted by
// outcome plus those held. A message takes up its room until it is gone.
//
// For each message at most one operation on the source queue (renew, delete, release) is
// under way; what is decided meanwhile waits for its end. So a late renewal never hides a
// message that was released. Storing a letter is no such operation: leases are renewed
// beside it.
//
// A message received again while it is held keeps its place, and its newest receipt handle
// replaces the older one: SQS may ignore a delete with any other (SQS Developer Guide,
// "Standard queue at-least-once delivery"). The newest is the one with the highest
// ApproximateReceiveCount, since polls may come back in another order than SQS served them.
//
// If the answer of a FIFO receive is lost, the next receive asks for it again, with the same
// ReceiveRequestAttemptId (attempt.go). So the groups of its messages do not stand still
// until their lease ends.
//
// When the worker stops, SQS has said of every message that it is deleted or visible again,
// or the message is counted as stranded: what could not be finished, what was given up
// without an answer, and what is held when Keep ends.
//
// A crash at any point leaves the message in the queue: it is visible again when its lease
// ends, and nothing is lost.
package consumer
